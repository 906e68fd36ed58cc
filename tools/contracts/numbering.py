"""Clause numbers as they are printed: what styles there are, and what a printed number may mean.

A `Marker` is a place where a clause may begin. Whether one does is decided by its neighbours, in `outline`.
"""

import re
from dataclasses import dataclass

ROMANS = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_CHINESE_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_CHINESE_UNITS = {"十": 10, "百": 100, "千": 1000}
CN = "零〇一二三四五六七八九十百千两"
_CARDINALS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth"
_WORDS = {word: value for words in (_CARDINALS, _ORDINALS) for value, word in enumerate(words.split(), 1)}

ATTACHMENT_WORDS = "Schedule|Exhibit|Annex|Annexure|Appendix|Attachment|Addendum"
_ATTACHMENT = re.compile(
    rf"(?P<word>{ATTACHMENT_WORDS}|{ATTACHMENT_WORDS.upper()})"
    r"(?:\s{1,4}(?:No\.?\s{0,2})?[\"“']?(?P<key>[A-Z]{1,2}(?:[-–.]?\d{1,2})?|\d{1,2}(?:[.-]\d{1,2})?(?:-?[A-Z])?"
    r"|[IVX]{1,5}"
    r"|(?:One|Two|Three|Four|Five|Six|ONE|TWO|THREE|FOUR))[\"”']?)?(?=[\s:.,–—\-(]|$)"
)
_CHINESE_ATTACHMENT = re.compile(
    rf"(?P<word>附件|附表|附录)\s{{0,2}}(?P<key>[{CN}]{{1,3}}|\d{{1,2}}|[A-Z])?(?=[\s:：、.．《（(]|$|[一-鿿])"
)
_WORDED = re.compile(
    r"(?P<word>ARTICLE|Article|SECTION|Section|CLAUSE|Clause|PART|Part|CHAPTER|Chapter|§)\s{0,4}"
    r"(?P<number>\d{1,3}(?:\.\d{1,3}){0,3}|[IVXL]{1,7}|[A-Z](?![A-Za-z])|(?:ONE|TWO|THREE|FOUR|FIVE|SIX|SEVEN|EIGHT"
    r"|NINE|"
    r"TEN|ELEVEN|TWELVE|One|Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten|First|Second|Third))"
    r"(?P<parens>(?:\([a-z]{1,3}\))?)(?=[\s.:,;–—\-(\[]|$)[.:]?"
)
_DECIMAL = re.compile(r"(?P<number>\d{1,2}(?:[.．]\d{1,3}){1,4})(?![\d%])[.．)]?(?=[\s　A-Z\"“(\[一-鿿]|$)")
_SINGLE = re.compile(
    r"(?P<open>[(（]?)(?P<number>\d{1,2}|[A-Za-z]|[ivxl]{2,6}"
    r"|[IVXL]{2,6})(?P<close>[.)）、．]\)?)(?=[\s　\"“(\[（A-Z一-鿿【《“‘①-⑳]|$)"
)
_BARE = re.compile(r"(?P<number>\d{1,2})(?=\s{1,8}[A-Z])")
_CHINESE_WORDED = re.compile(
    rf"第\s{{0,2}}(?P<number>[{CN}]{{1,6}}|\d{{1,3}}(?:\.\d{{1,2}})*)\s{{0,2}}(?P<word>[编章节条款])"
)
_CHINESE_SINGLE = re.compile(rf"(?P<open>[(（]?)(?P<number>[{CN}]{{1,4}})(?P<close>[)）、.．])")
_CIRCLED = re.compile(r"[①-⑳]")

FIXED_RANK = {"attachment": 0, "part": 1, "chapter": 2, "zh_section": 3, "article": 4}
"""Kinds whose place in the hierarchy is known whatever stands around them; all others nest by their neighbours."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a printed number may mean. kind: its style. values: (14, 3) for "14.3", one value for all else."""

    kind: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Marker:
    """A printed number that may begin a clause. body: offset where its title or text begins."""

    start: int
    body: int
    printed: str
    readings: tuple[Reading, ...]
    key: str = ""


def roman(numeral: str) -> int | None:
    """The value of a roman numeral up to 89 in canonical form, or None."""
    total = 0
    lower = numeral.lower()
    for here, following in zip(lower, [*lower[1:], ""], strict=True):
        if here not in ROMANS:
            return None
        total += -ROMANS[here] if following in ROMANS and ROMANS[following] > ROMANS[here] else ROMANS[here]
    return total if 0 < total < 90 and _to_roman(total) == lower else None


def _to_roman(value: int) -> str:
    out = ""
    for size, sign in ((50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")):
        out += sign * (value // size)
        value %= size
    return out


def chinese_number(numeral: str) -> int | None:
    """The value of 十二, 一百零三 or 12, or None."""
    if numeral.isdecimal():
        return int(numeral)
    total = digit = 0
    for sign in numeral:
        if sign in _CHINESE_UNITS:
            total += (digit or 1) * _CHINESE_UNITS[sign]
            digit = 0
        elif sign in _CHINESE_DIGITS:
            digit = digit * 10 + _CHINESE_DIGITS[sign] if digit else _CHINESE_DIGITS[sign]
        else:
            return None
    return total + digit or None


def number_value(numeral: str) -> int | None:
    """The value of 5, V or FIVE, or of a single letter by its place in the alphabet."""
    if numeral.isdecimal():
        return int(numeral)
    value = roman(numeral) or _WORDS.get(numeral.lower())
    if value is None and len(numeral) == 1 and numeral.isalpha():
        return ord(numeral.lower()) - 96
    return value


def read_marker(text: str, start: int, end: int) -> Marker | None:
    """The marker printed at `start`, if one is; looks at no more than the first 40 characters."""
    window = text[start : min(end, start + 40)]
    if not window:
        return None
    first = window[0]
    for pattern, reader in _BY_FIRST.get(first, _ANY):
        match = pattern.match(window)
        if match:
            marker = reader(match, start)
            if marker is not None:
                return _with_body(text, marker, end)
    return None


def _with_body(text: str, marker: Marker, end: int) -> Marker:
    body = marker.body
    while body < end and text[body] in " \t　.:：)":
        body += 1
    return Marker(marker.start, body, marker.printed, marker.readings, marker.key)


def _attachment(match: re.Match[str], start: int) -> Marker:
    key = (match.group("key") or "").upper().replace("–", "-")
    return Marker(
        start,
        start + match.end(),
        match.group().strip(),
        (Reading("attachment", (0,)),),
        f"{match.group('word').lower()} {key}".strip(),
    )


def _worded(match: re.Match[str], start: int) -> Marker | None:
    word, number = match.group("word").lower(), match.group("number")
    kind = {"article": "article", "part": "part", "chapter": "chapter"}.get(word, "section")
    printed = match.group().rstrip(".:")
    if "." in number:
        values = tuple(int(value) for value in number.split("."))
        return Marker(start, start + match.end(), printed, (Reading("decimal", values),))
    value = number_value(number)
    return None if value is None else Marker(start, start + match.end(), printed, (Reading(kind, (value,)),))


def _decimal(match: re.Match[str], start: int) -> Marker | None:
    values = tuple(int(value) for value in re.split(r"[.．]", match.group("number")))
    if 0 in values[:-1] or any(value > 99 for value in values):
        return None
    return Marker(start, start + match.end(), match.group().rstrip(".．)"), (Reading("decimal", values),))


def _single(match: re.Match[str], start: int) -> Marker | None:
    opened, number, close = match.group("open"), match.group("number"), match.group("close")
    if opened and close[0] not in ")）":
        return None
    shape = ("(" if opened else "") + (")" if close[0] in ")）" else ".")
    readings: list[Reading] = []
    case = "upper" if number.isupper() else "lower"
    if number.isdecimal():
        readings.append(Reading(f"number{shape}", (int(number),)))
    else:
        if len(number) == 1:
            readings.append(Reading(f"{case}{shape}", (ord(number.lower()) - 96,)))
        elif len(number) == 2 and number[0] == number[1] and number.isalpha():
            readings.append(Reading(f"{case}{shape}", (26 + ord(number[0].lower()) - 96,)))
        value = roman(number)
        if value:
            readings.append(Reading(f"{case}_roman{shape}", (value,)))
    if not readings or readings[0].values == (0,):
        return None
    printed = match.group() if opened else match.group().rstrip(".、．")
    return Marker(start, start + match.end(), printed, tuple(readings))


def _bare(match: re.Match[str], start: int) -> Marker | None:
    value = int(match.group("number"))
    return (
        Marker(start, start + match.end(), match.group("number"), (Reading("number_bare", (value,)),))
        if value
        else None
    )


def _chinese_worded(match: re.Match[str], start: int) -> Marker | None:
    kind = {"编": "part", "章": "chapter", "节": "zh_section", "条": "article", "款": "zh_paragraph"}[
        match.group("word")
    ]
    number = match.group("number")
    if "." in number:
        values = tuple(int(value) for value in number.split("."))
        return Marker(start, start + match.end(), match.group(), (Reading("decimal", values),))
    value = chinese_number(number)
    return None if value is None else Marker(start, start + match.end(), match.group(), (Reading(kind, (value,)),))


def _chinese_single(match: re.Match[str], start: int) -> Marker | None:
    opened, close = match.group("open"), match.group("close")
    value = chinese_number(match.group("number"))
    if value is None or bool(opened) != (close in ")）"):
        return None
    printed = match.group() if opened else match.group("number")
    return Marker(start, start + match.end(), printed, (Reading("zh()" if opened else "zh、", (value,)),))


def _circled(match: re.Match[str], start: int) -> Marker:
    return Marker(start, start + 1, match.group(), (Reading("circled", (ord(match.group()) - 0x245F,)),))


_ENGLISH_WORDS = ((_ATTACHMENT, _attachment), (_WORDED, _worded), (_SINGLE, _single))
_DIGITS = ((_DECIMAL, _decimal), (_SINGLE, _single), (_BARE, _bare))
_CHINESE = ((_CHINESE_ATTACHMENT, _attachment), (_CHINESE_WORDED, _chinese_worded), (_CHINESE_SINGLE, _chinese_single))
_ANY = ((_CIRCLED, _circled),)
_BY_FIRST = (
    dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz§", _ENGLISH_WORDS)
    | dict.fromkeys("123456789", _DIGITS)
    | dict.fromkeys(f"第附{CN}", _CHINESE)
    | dict.fromkeys("(（", ((_SINGLE, _single), (_CHINESE_SINGLE, _chinese_single)))
)
