"""How often a drug is given, as times a day: qd, bid, q8h, 每日两次, deux fois par jour, cada 8 horas."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tools.medicine.lexicon import vocabulary
from tools.medicine.numerals import numbers

_FIXED = {"once": 1.0, "twice": 2.0, "thrice": 3.0, "four": 4.0, "alternate": 0.5, "week": 1 / 7}
_SCHEME = re.compile(r"(?<![\d.,/-])([0-2])\s*-\s*([0-2])\s*-\s*([0-2])(?:\s*-\s*([0-2]))?(?![\d/-]|[.,]\d)")
_TIMES_DOSE = re.compile(r"(?<![\d.,×x])([1-6])\s*[x×]\s*(?=\d+(?:[.,]\d+)?\s*(?:mg|g|[µμ]g|mcg|i\.?e|tabl|tbl|ml)\b)")
"""3x500 mg: three times a day."""
_NUMBER = (
    r"(?:\d{1,2}|[一二两三四五六七八九十]|once|twice|thrice|one|two|three|four|five|six|eight|twelve"
    r"|une?|deux|trois|quatre|cinq|six|huit|douze|una?|dos|tres|cuatro|seis|ocho|doce"
    r"|einmal|zweimal|dreimal|viermal|ein|zwei|drei|vier|sechs|acht|zwolf)"
)
_ADVERBS = {
    "once": 1,
    "twice": 2,
    "thrice": 3,
    "einmal": 1,
    "zweimal": 2,
    "dreimal": 3,
    "viermal": 4,
    "un": 1,
    "une": 1,
    "una": 1,
}


@dataclass(frozen=True, slots=True)
class Frequency:
    """times: a day. exact: False for words such as daily, which also go with a dose of a day. numbers: those in it."""

    times: float
    start: int
    end: int
    exact: bool
    numbers: tuple[float, ...]


@cache
def _patterns(lang: str) -> list[tuple[str, re.Pattern[str]]]:
    rows = vocabulary("frequencies")
    found: list[tuple[str, re.Pattern[str]]] = []
    for kind, text in rows["latin"].items():
        found.append((kind, re.compile(rf"(?<![a-z])(?:{text})(?![a-z])")))
    for kind, text in rows.get(lang, {}).items():
        left = r"(?<![a-z\d])" if lang not in {"zh", "ja"} else r""
        found.append(
            (
                kind if kind != "once" else "daily",
                re.compile(left + "(?:" + text.replace("{n}", f"(?P<n>{_NUMBER})", 1).replace("{n}", _NUMBER) + ")"),
            )
        )
    return found


def frequencies(folded: str, lang: str) -> list[Frequency]:
    """Every frequency of folded text, in order, the longer where two overlap."""
    found = sorted(_all(folded, lang), key=lambda each: (each.start, not each.exact, -each.end))
    kept: list[Frequency] = []
    for each in found:
        if not any(each.start < other.end and other.start < each.end for other in kept):
            kept.append(each)
    return kept


def _all(folded: str, lang: str) -> Iterator[Frequency]:
    for match in _SCHEME.finditer(folded):
        parts = [int(part) for part in match.groups() if part is not None]
        if sum(parts) and lang == "de":
            yield Frequency(float(sum(map(bool, parts))), *match.span(), True, tuple(map(float, parts)))
    for match in _TIMES_DOSE.finditer(folded):
        yield Frequency(float(match[1]), *match.span(), True, (float(match[1]),))
    for kind, found in _patterns(lang):
        for match in found.finditer(folded):
            if kind == "daily" or kind in _FIXED:
                times = 1.0 if kind == "daily" else _FIXED[kind]
                digits = tuple(number.values[0] for number in numbers(match.group(), lang))
                yield Frequency(times, *match.span(), kind != "daily", digits)
                continue
            count = _count(match.group(), lang)
            if count:
                times = _a_day(kind, count)
                yield Frequency(times, *match.span(), True, (count,))


def _a_day(kind: str, count: float) -> float:
    every = {"every_hours": 1 / 24, "every_weeks": 7.0, "every_months": 30.4}
    if kind in every:
        return 1 / (every[kind] * count)
    return count / 7 if kind == "per_week" else count


def _count(text: str, lang: str) -> float | None:
    if digits := re.search(
        r"\d{1,2}", text.replace("1日", "", 1) if lang in {"zh", "ja"} and re.match(r"1\s*[日天]", text) else text
    ):
        return float(digits.group())
    body = re.sub(r"^一[日天周]", "", text)
    if word := re.search(_NUMBER, body):
        if word.group() in _ADVERBS:
            return float(_ADVERBS[word.group()])
        values = [number.values[0] for number in numbers(word.group() + ("次" if lang == "zh" else ""), lang)]
        return values[0] if values else None
    return None
