"""A file of daily values, read whole: its format, its series, and what is wrong with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from tools.finance.importing import checks, layout, tables
from tools.finance.importing.cells import DateOrder, Decimal, decimal_sign, is_missing, read_date, read_number
from tools.finance.importing.findings import Finding, Format, UnreadableTable
from tools.finance.importing.layout import Layout, Row
from tools.finance.series import Series, floats


@dataclass(frozen=True, slots=True)
class Reading:
    """series: the good values of each. rows: lines with values in the file."""

    format: Format
    series: Mapping[str, Series]
    findings: tuple[Finding, ...]
    rows: int

    @property
    def errors(self) -> int:
        return sum(each.severity == "error" for each in self.findings)


def quoted(name: str, values: Sequence[tuple[date, float]], today: date) -> tuple[Series, tuple[Finding, ...]]:
    """A series from days and values that a source gave, held to the same rules as a file's. May be empty."""
    findings: list[Finding] = []
    good: list[tuple[int, date, float]] = []
    for line, (when, value) in enumerate(values, 1):
        fault = _fault(value, when, today)
        if fault is None:
            good.append((line, when, value))
        else:
            findings.append(_error(fault[0], fault[1], name, line, when))
    series = _series(name, good, findings)
    findings.extend(checks.check(name, series))
    return series, tuple(findings)


def _fault(value: float | None, when: date, today: date) -> tuple[str, str] | None:
    """(code, message) of what is wrong with a value, None when nothing is."""
    if value is None or not np.isfinite(value):
        return "bad_number", f"{value} is no number"
    if value <= 0:
        return "not_positive", f"{value:g} is not above zero"
    if when > today:
        return "future_date", f"{when} is after today, {today}"
    return None


@dataclass(frozen=True, slots=True)
class Options:
    """series_id: of a file with one series that does not name it. today: values after it are errors."""

    today: date
    series_id: str | None = None
    dates: DateOrder = "auto"
    decimal: Decimal = "auto"


def read(content: bytes, options: Options) -> Reading:
    """Read a CSV of daily values. What cannot be kept is left out, each with an error finding; nothing is filled.

    Raises UnreadableTable when the file as a whole makes no sense.
    """
    text, encoding = tables.decode(content)
    rows, delimiter = tables.split(text)
    found = layout.find(rows, options.dates, options.series_id)
    body = rows[0 if found.header is None else found.header + 1 :]
    places = [place for place, _ in found.values]
    cells = [row[place] for _, row in body for place in places if place < len(row)]
    sign = decimal_sign(cells, options.decimal)
    findings = [
        Finding(code="ignored_column", severity="warning", message=f"column {name!r} is not read")
        for name in found.ignored
    ]
    points = _points(body, found, sign, options.today, findings)
    series = {name: _series(name, values, findings) for name, values in points.items() if values}
    for name, each in series.items():
        findings.extend(checks.check(name, each))
    if not series:
        raise UnreadableTable(f"no value could be read: {findings[0].message if findings else 'there is none'}")
    form = Format(encoding, delimiter, sign, found.notation, found.kind)
    return Reading(form, series, tuple(findings), len(body))


_Points = dict[str, list[tuple[int, date, float]]]


def _points(body: list[Row], found: Layout, sign: str, today: date, findings: list[Finding]) -> _Points:
    """(line, day, value) of each series, in the order of the file."""
    points: _Points = {}
    for line, cells in body:
        told = _cell(cells, found.date)
        when = read_date(told, found.notation)
        if when is None:
            if any(place < len(cells) and not is_missing(cells[place]) for place, _ in found.values):
                findings.append(_error("bad_date", f"{told[:40]!r} is no date as {found.notation}", None, line))
            continue
        for place, column in found.values:
            name = column if column is not None else _cell(cells, found.id)
            if not name:
                findings.append(_error("short_row", "the row names no series", None, line, when))
                continue
            points.setdefault(name, [])
            cell = _cell(cells, place)
            if is_missing(cell):
                message = f"no value on {when} ({cell[:20]!r})" if cell else f"no value on {when}"
                findings.append(
                    Finding(
                        code="missing_value", severity="warning", message=message, series_id=name, line=line, day=when
                    )
                )
                continue
            value = read_number(cell, sign)
            fault = _fault(value, when, today)
            if value is not None and fault is None:
                points[name].append((line, when, value))
            elif fault is not None:
                message = f"{cell[:40]!r} is no number" if fault[0] == "bad_number" else fault[1]
                findings.append(_error(fault[0], message, name, line, when))
    return points


def _cell(cells: list[str], place: int | None) -> str:
    """The cell, empty where the row is too short."""
    return cells[place] if place is not None and place < len(cells) else ""


def _error(code: str, message: str, name: str | None, line: int, day: date | None = None) -> Finding:
    return Finding.model_validate(
        {"code": code, "severity": "error", "message": message, "series_id": name, "line": line, "day": day}
    )


def _series(name: str, values: list[tuple[int, date, float]], findings: list[Finding]) -> Series:
    """The values by day; a day told twice is kept when both agree, and left out when they do not."""
    if any(first[1] > second[1] for first, second in pairwise(values)):
        rising = all(first[1] >= second[1] for first, second in pairwise(values))
        if not rising:
            message = "the days are in no order; they were sorted"
            findings.append(Finding(code="unsorted", severity="warning", message=message, series_id=name))
    by_day: dict[date, tuple[int, float]] = {}
    dropped: set[date] = set()
    for line, when, value in values:
        if when not in by_day:
            by_day[when] = (line, value)
        elif by_day[when][1] == value:
            message = f"{when} is told twice, with the same value (line {by_day[when][0]})"
            findings.append(
                Finding(code="duplicate", severity="warning", message=message, series_id=name, line=line, day=when)
            )
        else:
            message = f"{when} is told twice: {by_day[when][1]:g} (line {by_day[when][0]}) and {value:g}"
            findings.append(_error("conflicting_duplicate", message, name, line, when))
            dropped.add(when)
    days = sorted(each for each in by_day if each not in dropped)
    return Series(np.array(days, dtype="datetime64[D]"), floats([by_day[each][1] for each in days]))
