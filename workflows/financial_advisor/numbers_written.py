"""Numbers and dates as people write them: digits of any script, Chinese numerals, English number words, with units."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


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
    plain = in_ascii(text)
    found = [_digits(match) for match in _DIGITS.finditer(plain) if _is_number(plain, match)]
    found += [each for match in _CHINESE.finditer(plain) if (each := _chinese(match)) is not None]
    found += [each for match in _WORDS.finditer(plain) if (each := _english(match)) is not None]
    taken = [(start, end) for start, end, _ in dates(plain)]
    kept: list[Written] = []
    for each in sorted(found, key=lambda one: (one.start, -one.end)):
        if any(start < each.end and each.start < end for start, end in taken):
            continue
        taken.append((each.start, each.end))
        kept.append(each)
    return kept


def in_ascii(text: str) -> str:
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


def dates(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, ISO date or its beginning) of each date."""
    for match in _DATE.finditer(text):
        month, day = match[2] or match[4], match[3] or match[5]
        parts = [match[1], *(f"{int(each):02}" for each in (month, day) if each)]
        yield match.start(), match.end(), "-".join(parts)
    for match in _YEAR.finditer(text):
        yield match.start(1), match.end(1), match[1]
