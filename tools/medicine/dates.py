"""Dates and times of day, as people write them in each language, compared field by field."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MONTHS = [
    "jan",
    "feb|fevr|febr|fev",
    "mar|mars|marz",
    "apr|avr|abr",
    "may|mai|mayo",
    "jun|juin",
    "jul|juil",
    "aug|aout|ago",
    "sep|sept",
    "oct|okt",
    "nov",
    "dec|dez|dic",
]
_FULL = [
    "january|janvier|enero|januar|ene",
    "february|fevrier|febrero|februar",
    "march|mars|marzo|marz",
    "april|avril|abril",
    "may|mai|mayo",
    "june|juin|junio|juni",
    "july|juillet|julio|juli",
    "august|aout|agosto",
    "september|septembre|septiembre",
    "october|octobre|octubre|oktober",
    "november|novembre|noviembre",
    "december|decembre|diciembre|dezember",
]
_NUMBER_OF = {
    name: n for n, row in enumerate(zip(_MONTHS, _FULL, strict=True), 1) for part in row for name in part.split("|")
}
_MONTH = rf"(?P<m>{'|'.join(sorted(_NUMBER_OF, key=len, reverse=True))})\b\.?"
_PATTERNS = [
    re.compile(r"(?P<y>(?:19|20)\d\d)\s*年\s*(?P<m>\d{1,2})\s*月(?:\s*(?P<d>\d{1,2})\s*[日号])?"),
    re.compile(r"(?<!\d)(?P<m>1[0-2]|[1-9])\s*月\s*(?P<d>\d{1,2})\s*[日号]"),
    re.compile(r"(?P<y>(?:19|20)\d\d)\s*年"),
    re.compile(
        rf"\b(?P<d>\d{{1,2}})(?:\.|st|nd|rd|th|er|o|º)?\s*(?:of\s+|de\s+)?{_MONTH}(?:,?\s*(?:de\s+|del\s+)?(?P<y>(?:19|20)\d\d))?"
    ),
    re.compile(rf"\b{_MONTH}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|[.,:]\d)(?:,?\s*(?P<y>(?:19|20)\d\d))?"),
    re.compile(rf"\b{_MONTH}\s*(?:,|of|de|del)?\s*(?P<y>(?:19|20)\d\d)"),
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)[-/.](?P<m>0?[1-9]|1[0-2])(?:[-/.](?P<d>\d{1,2}))?(?!\d)"),
    re.compile(r"(?<![\d/.])(?P<a>\d{1,2})([/.-])(?P<b>\d{1,2})\2(?P<y>(?:19|20)?\d\d)(?!\d)"),
]
_TIME = re.compile(
    r"(?P<pm0>下午|晚上|傍晚|夜间)?\s*(?<![\d.])(?P<h>[01]?\d|2[0-4])\s*(?::|h(?=\d\d)|点)\s*(?P<min>[0-5]\d)?\s*分?"
    r"(?:uhr|h)?(?:\s*(?P<pm>p\.?m|a\.?m|de la tarde))?(?!\d)"
    r"|(?<![\d.])(?P<h2>1[0-2]|[1-9])\s*(?P<pm2>p\.?m|a\.?m)(?![a-z])"
    r"|(?<![\d.])(?P<h3>[01]?\d|2[0-4])\s*uhr(?:\s*(?P<min3>[0-5]\d))?"
)


_ALONE = re.compile(
    r"\b(?:in|since|until|by|from|last|early|late|mid-?|en|de|desde|depuis|debut|fin|im|seit|bis|ende|anfang|mitte)"
    rf" {_MONTH}"
)


@dataclass(frozen=True, slots=True)
class Date:
    """A date; a field is empty where it is not written, and has two values where the order is a matter of habit."""

    year: frozenset[int]
    month: frozenset[int]
    day: frozenset[int]
    start: int
    end: int


def find_months(folded: str) -> list[tuple[int, int, int]]:
    """Months told by name, with or without a day: (number, start, end)."""
    return [(_NUMBER_OF[match["m"]], *match.span("m")) for match in _ALONE.finditer(folded)]


def find_dates(folded: str) -> list[Date]:
    """Every date of folded text, in order."""
    found: list[Date] = []
    for pattern in _PATTERNS:
        for match in pattern.finditer(folded):
            if not any(match.start() < other.end and other.start < match.end() for other in found):
                found.extend(_dates(match))
    return sorted(found, key=lambda date: date.start)


def _dates(match: re.Match[str]) -> Iterator[Date]:
    fields = match.groupdict()
    year = frozenset({int(y) if len(y) == 4 else 2000 + int(y)}) if (y := fields.get("y")) else frozenset[int]()
    if "a" in fields:
        a, b = int(match["a"]), int(match["b"])
        orders = [(m, d) for m, d in ((a, b), (b, a)) if 1 <= m <= 12 and 1 <= d <= 31]
        if orders:
            yield Date(year, frozenset(m for m, _ in orders), frozenset(d for _, d in orders), *match.span())
        return
    month = fields.get("m")
    number = _NUMBER_OF.get(month or "") or (int(month) if month else 0)
    if fields.get("d") and not 1 <= int(match["d"]) <= 31:
        return
    day = frozenset({int(match["d"])}) if fields.get("d") else frozenset[int]()
    yield Date(year, frozenset({number}) if number else frozenset(), day, *match.span())


def agree(one: Date, other: Date) -> bool:
    """Whether two dates may be the same: no field that both have differs."""
    pairs = ((one.year, other.year), (one.month, other.month), (one.day, other.day))
    return all(a & b for a, b in pairs if a and b) and any(a and b for a, b in pairs)


def find_times(folded: str) -> list[tuple[int, int, int]]:
    """Every time of day: (minutes after midnight on a twelve-hour dial, start, end)."""
    found: list[tuple[int, int, int]] = []
    for match in _TIME.finditer(folded):
        hour = int(match["h"] or match["h2"] or match["h3"]) % 12
        found.append((hour * 60 + int(match["min"] or match["min3"] or 0), *match.span()))
    return found
