"""What a cell says: a day or a number, in the notation that the whole column is written in."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Final, Literal

from tools.finance.importing.findings import UnreadableTable

DateOrder = Literal["auto", "dmy", "mdy"]
Decimal = Literal["auto", ".", ","]

_MISSING: Final = frozenset(
    (
        "",
        "-",
        "--",
        "—",
        "–",
        "n/a",
        "na",
        "#n/a",
        "#n/a n/a",
        "nan",
        "null",
        "none",
        "nil",
        ".",
        "暂无",
        "无",
        "停牌",
        "未公布",
    )
)
_MONTHS: Final = {
    name: number + 1
    for number, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
}  # fmt: skip
_YEAR_FIRST = re.compile(
    r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})$")
_CHINESE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})[日号]$")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?: \d{1,2}:\d{2}(?::\d{2})?)?$")
_NAMED_DAY_FIRST = re.compile(r"(\d{1,2})[-/. ]([A-Za-z]{3})[a-z]*\.?[-/., ]+(\d{4})$")
_NAMED_MONTH_FIRST = re.compile(r"([A-Za-z]{3})[a-z]*\.? (\d{1,2}),? (\d{4})$")
_SERIAL = re.compile(r"[2-6]\d{4}$")


def clean(cell: str) -> str:
    """Full-width signs made plain (NFKC), spaces and quotes at the ends off."""
    return unicodedata.normalize("NFKC", cell).strip().strip("'\"").strip()


def is_missing(cell: str) -> bool:
    return cell.casefold() in _MISSING


def _ymd(year: str, month: str, day: str) -> date | None:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if 1900 <= found.year <= 2100 else None


def _year_first(cell: str) -> date | None:
    found = _YEAR_FIRST.match(cell)
    return _ymd(found[1], found[3], found[4]) if found else None


def _compact(cell: str) -> date | None:
    found = _COMPACT.match(cell)
    return _ymd(found[1], found[2], found[3]) if found else None


def _chinese(cell: str) -> date | None:
    found = _CHINESE.match(cell.replace(" ", ""))
    return _ymd(found[1], found[2], found[3]) if found else None


def _day_first(cell: str) -> date | None:
    found = _YEAR_LAST.match(cell)
    return _ymd(found[4], found[3], found[1]) if found else None


def _month_first(cell: str) -> date | None:
    found = _YEAR_LAST.match(cell)
    return _ymd(found[4], found[1], found[3]) if found else None


def _named(cell: str) -> date | None:
    if found := _NAMED_DAY_FIRST.match(cell):
        day, month, year = found[1], found[2], found[3]
    elif found := _NAMED_MONTH_FIRST.match(cell):
        month, day, year = found[1], found[2], found[3]
    else:
        return None
    number = _MONTHS.get(month.casefold())
    return _ymd(year, str(number), day) if number else None


def _serial(cell: str) -> date | None:
    """A spreadsheet's day number: 1 is 1900-01-01, with the day in 1900 that never was (ECMA-376, 18.17.4.1)."""
    return date(1899, 12, 30) + timedelta(days=int(cell)) if _SERIAL.match(cell) else None


_READERS: Final[dict[str, Callable[[str], date | None]]] = {
    "YYYY-MM-DD": _year_first,
    "YYYYMMDD": _compact,
    "YYYY年M月D日": _chinese,
    "D Mon YYYY": _named,
    "DD/MM/YYYY": _day_first,
    "MM/DD/YYYY": _month_first,
    "day number": _serial,
}


def date_format(cells: Iterable[str], order: DateOrder = "auto") -> str | None:
    """The notation that reads most of a column's cells, at least four fifths of those that are not empty.

    Raises UnreadableTable when day and month cannot be told apart (01/02/2024 all along) and no order is given.
    """
    told = [cell for cell in cells if not is_missing(cell)]
    if not told:
        return None
    read = {name: sum(reader(cell) is not None for cell in told) for name, reader in _READERS.items()}
    day_first, month_first = read["DD/MM/YYYY"], read["MM/DD/YYYY"]
    if order == "dmy":
        read["MM/DD/YYYY"] = 0
    elif order == "mdy":
        read["DD/MM/YYYY"] = 0
    best = max(read, key=lambda name: read[name])
    if read[best] < 0.8 * len(told):
        return None
    if order == "auto" and best in ("DD/MM/YYYY", "MM/DD/YYYY") and day_first == month_first:
        if all("." in cell for cell in told):
            return "DD/MM/YYYY"  # 02.01.2024 is written with the day first wherever points are used
        raise UnreadableTable(
            f"dates such as {told[0]!r} may have the day or the month first; say which: --dates dmy or --dates mdy"
        )
    return best


def read_date(cell: str, notation: str) -> date | None:
    """The day that a cell says in this notation, None when it says none."""
    return _READERS[notation](cell)


_POINT = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:[, '’]\d{3})+)?(?:\.\d*)?(?:[eE][+-]?\d+)?$")
_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:[. '’]\d{3})+)?(?:,\d*)?$")
_SIGNS = re.compile(r"^(?:[¥$€£]|CNY|RMB|USD|EUR|HKD|GBP|JPY)\s*|\s*(?:元|[¥$€£]|CNY|RMB|USD|EUR|HKD|GBP|JPY)$")
_THOUSAND_OR_THREE = re.compile(r"[+-]?\d{1,3},\d{3}$")


def bare(cell: str) -> str:
    """The cell without a currency's sign."""
    return _SIGNS.sub("", cell)


def decimal_sign(cells: Iterable[str], given: Decimal = "auto") -> str:
    """The decimal sign that a table's numbers are written with, "." unless they show otherwise.

    Raises UnreadableTable when all say something like 1,234, which may be 1234 or 1.234.
    """
    if given != "auto":
        return given
    told = [bare(cell) for cell in cells if not is_missing(cell)]
    point = sum(_reads(_POINT, cell) for cell in told)
    comma = sum(_reads(_COMMA, cell) for cell in told)
    with_comma = [cell for cell in told if "," in cell]
    if with_comma and point == comma and all(_THOUSAND_OR_THREE.match(cell) for cell in with_comma):
        raise UnreadableTable(
            f"numbers such as {with_comma[0]!r} can be read in two ways; say which sign is the decimal one: --decimal ,"
            " or --decimal ."
        )
    return "," if comma > point else "."


def _reads(pattern: re.Pattern[str], cell: str) -> bool:
    mantissa = cell.partition("e")[0].partition("E")[0]
    return bool(pattern.match(cell)) and any(sign.isdecimal() for sign in mantissa)


def read_number(cell: str, decimal: str) -> float | None:
    """The number that a cell says, None when it says none."""
    told = bare(cell)
    if not _reads(_POINT if decimal == "." else _COMMA, told):
        return None
    for sign in (" ", "'", "’", "," if decimal == "." else "."):
        told = told.replace(sign, "")
    return float(told.replace(",", "."))
