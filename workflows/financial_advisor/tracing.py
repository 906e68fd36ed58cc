"""Every figure of an answer traced to what a tool returned in this run, or to what the client said.

A figure is found when its value, as written, equals a known one within its own rounding: 8.4 % is any fraction from
0.0835 to 0.0845, 12.3万 any number from 122,500 to 123,500. Numbers in digits of any script, Chinese numerals and
English number words with a unit, and dates are figures; class codes (C3, R4), names of funds and list numbers are not.
"""

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

_CURVES: Final = frozenset({"growth", "drawdown", "benchmark_growth", "points", "covariance", "notices", "units"})
"""Fields that hold curves and remarks, not figures: a number must not count as found because a curve passes it."""
_TEXTS: Final = frozenset(
    {"description", "message", "objective_is", "name_en", "name_zh", "source", "sources", "title"}
)
"""Fields of free text, which may come from outside: a number in a fund's description proves nothing."""


@dataclass(frozen=True, slots=True)
class Known:
    """A number (or, without a value, a date) that was returned or said. call: the tool call's id, or "client" for the
    client. path: where in it."""

    value: float | None
    call: str
    path: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure in a text: [start, end), as written, and the known number that it is; None when there is none."""

    start: int
    end: int
    text: str
    source: Known | None


@dataclass(frozen=True, slots=True)
class Ground:
    """All that an answer may rest on. dates: ISO 8601, with the call that gave each. names: texts that hold digits.

    last: calls that are taken as a source only where no other fits, such as a catalogue.
    """

    numbers: tuple[Known, ...]
    dates: Mapping[str, Known]
    names: tuple[str, ...] = ()
    last: frozenset[str] = frozenset()


def ground(
    results: Mapping[str, Any],
    statements: Iterable[Any] = (),
    names: Iterable[str] = (),
    last: Iterable[str] = (),
) -> Ground:
    """What may be quoted: results by call id, statements of the client (texts or JSON), names that hold digits."""
    numbers: list[Known] = []
    dates: dict[str, Known] = {}
    for call, result in results.items():
        for path, value in _leaves(result, ""):
            _keep(numbers, dates, value, call, path)
    for statement in statements:
        if isinstance(statement, str):
            numbers += [Known(each.value, "client", statement[each.start : each.end]) for each in written(statement)]
            for each in _dates(statement):
                dates.setdefault(each[2], Known(None, "client", each[2]))
        else:
            for path, value in _leaves(statement, ""):
                _keep(numbers, dates, value, "client", path)
    ordered = sorted({name for name in names if name}, key=len, reverse=True)
    return Ground(tuple(numbers), dates, tuple(ordered), frozenset(last))


def _keep(numbers: list[Known], dates: dict[str, Known], value: Any, call: str, path: str) -> None:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        numbers.append(Known(float(value), call, path))
    elif isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}([T ].*)?", value):
        dates.setdefault(value[:10], Known(None, call, path))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for key, each in cast(dict[str, Any], value).items():
                if key in _TEXTS or (key in _CURVES and isinstance(each, dict | list)):
                    continue
                if key == "bands" and isinstance(each, list) and each:
                    yield from _leaves(each[-1], f"{path}.bands[-1]")
                else:
                    yield from _leaves(each, f"{path}.{key}" if path else str(key))
        case list():
            items = cast(list[Any], value)
            yield f"{path}.count", len(items)
            for index, each in enumerate(items):
                yield from _leaves(each, f"{path}[{index}]")
        case _:
            yield path, value


@dataclass(frozen=True, slots=True)
class Written:
    """A number as written: its value in the unit that it means, half its last digit, and whether it is a share."""

    start: int
    end: int
    value: float
    slack: float
    percent: bool
    sign: str


_SCALES: Final = {
    "万亿": 1e12, "千亿": 1e11, "百亿": 1e10, "亿": 1e8, "千万": 1e7, "百万": 1e6, "十万": 1e5, "万": 1e4, "千": 1e3,
    "trillion": 1e12, "billion": 1e9, "bn": 1e9, "million": 1e6, "mn": 1e6, "m": 1e6, "thousand": 1e3, "k": 1e3,
}  # fmt: skip
_UNIT = (
    r"(?P<percent>\s?(?:%|‰|percent(?:age points?)?|per\s?cent|pp\b|个?百分点))"
    r"|(?P<basis>\s?(?:bps?\b|basis points?|个?基点))|(?P<tenth>\s?成(?![本功长交熟立分为员果就]))"
    r"|(?P<scale>\s?(?:万亿|千亿|百亿|亿|千万|百万|十万|万|千|trillion|billion|bn|million|mn|m\b|thousand|k\b))"
)
_DIGITS = re.compile(
    rf"(?P<sign>(?<![\w)])[-+\u2212])?(?P<number>\d{{1,3}}(?:[,\u202f\u00a0'’]\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:{_UNIT})?",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"百分之(?P<hundredth>[零〇一二三四五六七八九十百两点]+)"
    r"|(?P<tenths>[一二三四五六七八九两])成(?:(?P<five>[一二三四五六七八九半])|(?![本功长交熟立分为员果就]))"
    r"|(?P<plain>[零〇一二三四五六七八九十百千万亿两点]+)(?=(?:元|美元|欧元|倍|年|岁|个月|只|个百分点|块钱|港元))"
    r"|(?P<half>一半|半数|减半)|(?P<third>三分之一)|(?P<quarter>四分之一)|(?P<two>翻倍|翻一番)"
)
_ENGLISH_NUMBERS: Final = {
    word: float(value)
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
} | {
    w: float(v)
    for v, w in zip(
        range(20, 100, 10), ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], strict=True
    )
}
_WORD = "|".join([*_ENGLISH_NUMBERS, "hundred", "thousand", "million", "billion"])
_WORDS = re.compile(
    rf"\b(?P<words>(?:{_WORD})(?:(?:[\s-]+(?:and\s+)?)(?:{_WORD}))*)\b(?P<percent>\s+per\s?cent(?:age points?)?|\s?%)?"
    r"|\b(?P<fraction>half|halve[ds]?|a third|one third|two thirds|a quarter|double[ds]?|twice|triple[ds]?)\b",
    re.IGNORECASE,
)
_FRACTIONS: Final = {
    "half": 0.5, "halve": 0.5, "a third": 1 / 3, "one third": 1 / 3, "two thirds": 2 / 3, "a quarter": 0.25,
    "double": 2.0, "twice": 2.0, "triple": 3.0,
}  # fmt: skip


def written(text: str) -> list[Written]:
    """Every number in a text, in its order; dates, list numbers and class codes are left out."""
    plain = _plain(text)
    found = [_digits(match) for match in _DIGITS.finditer(plain) if _is_number(plain, match)]
    found += [each for match in _CHINESE.finditer(plain) if (each := _chinese(match)) is not None]
    found += [each for match in _WORDS.finditer(plain) if (each := _english(match)) is not None]
    taken = [(start, end) for start, end, _ in _dates(plain)]
    kept: list[Written] = []
    for each in sorted(found, key=lambda one: (one.start, -one.end)):
        if any(start < each.end and each.start < end for start, end in taken):
            continue
        taken.append((each.start, each.end))
        kept.append(each)
    return kept


def _plain(text: str) -> str:
    """Digits of every script as ASCII, one character each, so that offsets stay."""
    return "".join(
        str(unicodedata.decimal(each)) if each.isdecimal() else {"％": "%", "．": ".", "，": "，"}.get(each, each)
        for each in text
    )


def _is_number(text: str, match: re.Match[str]) -> bool:
    start = match.start("number")
    before = text[start - 1] if start else ""
    unit = match["percent"] or match["basis"] or match["scale"]
    if before and (before.isascii() and (before.isalpha() or before == "_")) and not unit:
        return False
    line = text[text.rfind("\n", 0, start) + 1 : start]
    return not (line.strip(" #*-") == "" and re.match(r"\d+[.)、]\s", text[start:]))


def _digits(match: re.Match[str]) -> Written:
    raw = re.sub(r"[,\u202f\u00a0'’]", "", match["number"])
    value, decimals = float(raw), len(raw.partition(".")[2])
    slack = 0.5 * 10.0**-decimals
    factor, percent = 1.0, False
    if match["percent"]:
        factor, percent = (1e-3 if "‰" in match["percent"] else 1e-2), True
    elif match["basis"]:
        factor, percent = 1e-4, True
    elif match["tenth"]:
        factor, percent = 0.1, True
    elif match["scale"]:
        factor = _SCALES[match["scale"].strip().lower()]
    sign = "-" if match["sign"] in ("-", "\u2212") else (match["sign"] or "")
    return Written(match.start(), match.end(), value * factor, slack * factor, percent, sign)


_CHINESE_DIGITS: Final = {char: index for index, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}


def _chinese_number(text: str) -> float | None:
    """A Chinese numeral such as 十二点五 or 三百万; None for what is none."""
    whole, _, part = text.partition("点")
    total, section, digit = 0.0, 0.0, 0.0
    for char in whole:
        if char in _CHINESE_DIGITS:
            digit = float(_CHINESE_DIGITS[char])
        elif char in "十百千":
            section += (digit or 1.0) * {"十": 10, "百": 100, "千": 1000}[char]
            digit = 0.0
        else:
            total = (total + section + digit or 1.0) * {"万": 1e4, "亿": 1e8}[char]
            section = digit = 0.0
    value = total + section + digit
    if part:
        if any(char not in _CHINESE_DIGITS for char in part):
            return None
        value += float("0." + "".join(str(_CHINESE_DIGITS[char]) for char in part))
    return value


def _chinese(match: re.Match[str]) -> Written | None:
    start, end = match.span()
    if match["hundredth"]:
        value = _chinese_number(match["hundredth"])
        slack = 0.005 if "点" not in match["hundredth"] else 0.0005
        return None if value is None else Written(start, end, value / 100, slack, True, "")
    if match["tenths"]:
        more = {"半": 5}.get(match["five"] or "", _CHINESE_DIGITS.get(match["five"] or "", 0))
        return Written(
            start, end, _CHINESE_DIGITS[match["tenths"]] / 10 + more / 100, 0.005 if more else 0.05, True, ""
        )
    if match["plain"]:
        value = _chinese_number(match["plain"])
        if value is None or value <= 3:
            return None
        return Written(start, end, value, 0.5 if value < 1e4 else value * 0.005, False, "")
    value = 0.5 if match["half"] else 1 / 3 if match["third"] else 0.25 if match["quarter"] else 2.0
    return Written(start, end, value, 0.05, True, "")


def _english(match: re.Match[str]) -> Written | None:
    start, end = match.span()
    if match["fraction"]:
        word = match["fraction"].lower()
        value = next(value for name, value in _FRACTIONS.items() if word.startswith(name))
        return Written(start, end, value, 0.05, True, "")
    total, section = 0.0, 0.0
    for word in re.split(r"[\s-]+", match["words"].lower()):
        if word in _ENGLISH_NUMBERS:
            section += _ENGLISH_NUMBERS[word]
        elif word == "hundred":
            section = (section or 1.0) * 100
        elif word in _SCALES:
            total += (section or 1.0) * _SCALES[word]
            section = 0.0
    value = total + section
    if match["percent"]:
        return Written(start, end, value / 100, 0.005, True, "")
    return None if value <= 3 else Written(start, end, value, 0.5 if value < 1e3 else value * 0.005, False, "")


_DATE = re.compile(r"(?<!\d)(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?|年(?:(\d{1,2})月(?:(\d{1,2})日)?)?)(?![\d])")
_YEAR = re.compile(r"(?<![\d.,])(?:in|of|since|until|from|to|by)\s+((?:19|20)\d{2})(?![\d.,]*\d|\s?%)", re.IGNORECASE)


def _dates(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, ISO date or its beginning) of each date."""
    for match in _DATE.finditer(text):
        month, day = match[2] or match[4], match[3] or match[5]
        parts = [match[1], *(f"{int(each):02}" for each in (month, day) if each)]
        yield match.start(), match.end(), "-".join(parts)
    for match in _YEAR.finditer(text):
        yield match.start(1), match.end(1), match[1]


def trace(text: str, known: Ground, today: date | None = None, prefer: Container[str] = ()) -> list[Figure]:
    """Every figure of the text with its source, in order. today: may be named. prefer: calls to look in first."""
    bare = text
    for name in known.names:
        bare = bare.replace(name, "\u0000" * len(name))
    bare = re.sub(r"\[t\d+\]", lambda match: "\u0000" * len(match.group()), bare)
    found = [
        Figure(each.start, each.end, text[each.start : each.end], _source(each, known, prefer))
        for each in written(bare)
    ]
    for start, end, said in _dates(_plain(bare)):
        source = next((where for day, where in known.dates.items() if day.startswith(said)), None)
        if source is None and today is not None and today.isoformat().startswith(said):
            source = Known(None, "today", said)
        found.append(Figure(start, end, text[start:end], source))
    return sorted(found, key=lambda one: one.start)


def _source(number: Written, known: Ground, prefer: Container[str]) -> Known | None:
    """The known number that fits: of the preferred calls first, then the closest."""
    best: Known | None = None
    closest = (3, float("inf"))
    for each in known.numbers:
        if each.value is None or (number.sign == "+" and each.value < 0):
            continue
        if number.percent and each.path.endswith(".count"):
            continue
        gap = abs(abs(each.value) - number.value)
        rank = (0 if each.call in prefer else 2 if each.call in known.last else 1, gap)
        if gap <= number.slack * (1 + 1e-9) + abs(number.value) * 1e-9 and rank < closest:
            best, closest = each, rank
    return best


def untraceable(text: str, known: Ground, today: date | None = None) -> list[Figure]:
    """The figures of a text that no tool returned and the client did not say."""
    return [each for each in trace(text, known, today) if each.source is None]


_SENTENCE = re.compile(r"[^。！？!?\n]+?(?:[。！？]|[.!?](?=\s|$)|\n|$)\s*")


def sentences(text: str) -> list[tuple[int, int]]:
    """The spans of the sentences of a text, in English or Chinese; lines end sentences."""
    return [match.span() for match in _SENTENCE.finditer(text)]


def without(text: str, faults: Sequence[Figure]) -> str:
    """The text without the sentences that hold these figures."""
    kept = [text[start:end] for start, end in sentences(text) if not any(start <= each.start < end for each in faults)]
    return "".join(kept).strip()
