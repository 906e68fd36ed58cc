"""Numbers as people write them: digits by the habits of a language, Chinese numerals, number words, Roman numerals."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from tools.medicine.lexicon import IDEOGRAPHIC, vocabulary, words
from tools.medicine.worded_fractions import worded_fractions

Strength = Literal["digit", "word", "hint"]
"""digit: must come back in a translation; word: may be worded otherwise; hint: only serves to match another."""

_POWER = r"(?:\s*[x×*·]\s*10\s*(?:\^|\*\*)?\s*(?P<power>[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2}|\d{1,2}(?=\s*(?:/|个|cells|$|[^\d.,]))))?"
_SCALE = r"(?:\s*(?P<scale>[万萬亿億千]|millions?\b|millones\b|millionen\b|thousand\b|mille?\b(?=\s*[/a-z])|mil\b))?"
_DIGITS = re.compile(
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d{1,3}(?:\.\d{3})+(?:,\d+)?(?!\d)"
    r"|\d{1,3}(?:[ ']\d{3})+(?:[.,]\d+)?(?!\d)|\d+[.,·]\d+|\d+)" + _POWER + _SCALE
)
_SCALES = {"万": 1e4, "萬": 1e4, "亿": 1e8, "億": 1e8, "千": 1e3, "mil": 1e3, "mill": 1e6, "thou": 1e3, "mille": 1e3}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_FRACTION = re.compile(r"(?<![\d/.,])(?:1/2|1/3|1/4|2/3|3/4)(?![\d/]|[.,]\d)|[½¼¾⅓⅔]")
_PLUSES = re.compile(r"(?<![\w+])\+{2,4}(?![\w+])")
_FRACTIONS = {"½": 0.5, "¼": 0.25, "¾": 0.75, "⅓": 1 / 3, "⅔": 2 / 3}
_HAN = re.compile(r"[零〇一二两三四五六七八九十百千万半]+")
_HAN_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000}
_ROMAN = re.compile(r"(?<![\w])(?:viii|vii|vi|iv|iii|ii|ix|xii|xi|v|i|x)[ab]?(?![\w'])|[ⅰ-ⅻⅠ-Ⅻ]", re.ASCII)
_ROMANS = {
    text: n
    for n, text in enumerate(["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"], start=1)
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text. values: every reading that the notation allows ("2,500" in Spanish: 2.5 or 2500)."""

    values: tuple[float, ...]
    start: int
    end: int
    strength: Strength


def numbers(folded: str, lang: str) -> list[Number]:
    """Every number of folded text, in order, none overlapping."""
    found: list[Number] = []
    taken = bytearray(len(folded))
    worded = [Number((value,), start, end, "word") for value, start, end in worded_fractions(folded, lang)]
    for number in (
        *_fractions(folded), *_pluses(folded), *worded, *_digits(folded, lang), *_written(folded, lang),
        *_romans(folded),
    ):  # fmt: skip
        if not any(taken[number.start : number.end]):
            taken[number.start : number.end] = b"\1" * (number.end - number.start)
            found.append(number)
    return sorted(found, key=lambda number: number.start)


def _fractions(folded: str) -> Iterator[Number]:
    for match in _FRACTION.finditer(folded):
        text = match.group()
        value = _FRACTIONS.get(text) or int(text[0]) / int(text[2])
        yield Number((value,), *match.span(), "digit")


def _pluses(folded: str) -> Iterator[Number]:
    """Grades of a test as plus signs: (+++) is 3+."""
    for match in _PLUSES.finditer(folded):
        yield Number((float(len(match.group())),), *match.span(), "hint")


def _digits(folded: str, lang: str) -> Iterator[Number]:
    for match in _DIGITS.finditer(folded):
        before = folded[match.start() - 1 : match.start()]
        code = (before.isascii() and before.isalpha()) or bool(re.search(r"[a-z]-$", folded[: match.start()]))
        values = _readings(match["digits"], lang)
        factor = 10 ** int(match["power"].translate(_SUPERSCRIPTS)) if match["power"] else 1
        if scale := match["scale"]:
            factor *= _SCALES.get(scale, _SCALES.get(scale[:4], 1))
        yield Number(tuple(v * factor for v in values), *match.span(), "hint" if code else "digit")


def _readings(text: str, lang: str) -> tuple[float, ...]:
    text = text.replace("·", ".").replace(" ", "").replace("'", "")
    marks = [c for c in text if c in ".,"]
    if not marks:
        return (float(text),)
    if len(set(marks)) == 2 or len(marks) > 1:
        decimal = marks[-1] if len(set(marks)) == 2 else ""
        thousands = "," if decimal == "." else "." if decimal == "," else marks[0]
        return (float(text.replace(thousands, "").replace(",", ".")),)
    mark, (whole, rest) = marks[0], text.split(marks[0])
    as_decimal, as_thousands = float(f"{whole}.{rest}"), float(whole + rest)
    if len(rest) != 3 or whole == "0":
        return (as_decimal,)
    if lang == "es":
        return (as_decimal, as_thousands)
    return (as_thousands if (mark == ",") == (lang not in {"fr", "de", "it", "pt", "nl"}) else as_decimal,)


def _romans(folded: str) -> Iterator[Number]:
    for match in _ROMAN.finditer(folded):
        text = match.group()
        value = _ROMANS.get(text.rstrip("ab")) or (ord(text[0]) - 0x2160) % 16 + 1
        yield Number((float(value),), *match.span(), "hint")


def _written(folded: str, lang: str) -> Iterator[Number]:
    if lang in IDEOGRAPHIC:
        yield from _han(folded)
        return
    for kind, strength in (("words", "word"), ("ordinals", "hint")):
        found, values = _vocabulary(lang, kind)
        for match in found.finditer(folded):
            value = _sum([values[word] for word in re.findall(found.pattern, match.group()) if word in values])
            single = value == 1 or match.group() in {"a dozen", "both", "beide", "beiden", "par", "pair", "couple"}
            vague = strength == "hint" or single or match.group() in {"second", "media", "medio", "half"}
            yield Number((value,), *match.span(), "hint" if vague else "word")


@cache
def _vocabulary(lang: str, kind: str) -> tuple[re.Pattern[str], dict[str, float]]:
    rows = (row.split("=") for row in words(vocabulary("numerals").get(lang, {}).get(kind)))
    values = {word: float(value) for word, value in rows}
    if lang == "de" and kind == "words":  # fünfundzwanzig
        values |= {
            f"{unit}und{ten}": one + tens
            for ten, tens in list(values.items())
            if (20 <= tens <= 90 and tens % 10 == 0 and ten.endswith("ig")) or ten in {"dreissig", "dreißig"}
            for unit, one in list(values.items())
            if 1 <= one <= 9 and unit not in {"eine", "einen", "einem", "einer", "eins", "beide", "beiden"}
        }
    one = rf"(?:{'|'.join(sorted(values, key=len, reverse=True)) or '(?!)'})"
    joined = rf"\b{one}(?:(?:[\s-]|\s+and\s+|\s+y\s+|\s+et\s+)+{one})*\b" if kind == "words" else rf"\b{one}\b"
    if lang == "de":  # dreijährig, achtundvierzigstündig
        joined = joined.removesuffix(r"\b") + r"(?:\b|(?=jahrig|tagig|wochig|monatig|stundig|minutig|zeitig))"
    return re.compile(joined), values


def _sum(parts: list[float]) -> float:
    total = current = 0.0
    for part in parts:
        if part >= 100 and current:
            current *= part
        else:
            current += part
        if part == 1000:
            total, current = total + current, 0.0
    return total + current


@cache
def _not_numbers() -> re.Pattern[str]:
    return re.compile("|".join(sorted(words(vocabulary("numerals")["zh"]["not"]), key=len, reverse=True)))


def _han(folded: str) -> Iterator[Number]:
    ignored = [match.span() for match in _not_numbers().finditer(folded) if match.group() not in {"二十"}]
    for match in _HAN.finditer(folded):
        if any(start < match.end() and match.start() < end for start, end in ignored):
            continue
        text = match.group()
        run = re.fullmatch(r"[一二两三四五六七八九]{2}", text)
        if run:  # 三四天: three or four days
            for offset in (0, 1):
                value = float(_HAN_DIGITS[text[offset]])
                yield Number((value,), match.start() + offset, match.start() + offset + 1, "hint")
            continue
        value = _han_value(text)
        ordinal = folded[match.start() - 1 : match.start()] == "第"
        vague = ordinal or (value in {0.5, 1} and folded[match.end() : match.end() + 1] not in {"片", "粒"})
        yield Number((value,), *match.span(), "hint" if vague else "word")


def _han_value(text: str) -> float:
    if all(c in _HAN_DIGITS for c in text):
        return float("".join(str(_HAN_DIGITS[c]) for c in text))
    total = section = digit = 0.0
    for character in text:
        if character in _HAN_DIGITS:
            digit = _HAN_DIGITS[character]
        elif character in _HAN_SCALES:
            section += (digit or 1) * _HAN_SCALES[character]
            digit = 0
        elif character == "万":
            total, section, digit = (section + digit or 1) * 1e4, 0.0, 0.0
        else:
            digit += 0.5
    return total + section + digit
