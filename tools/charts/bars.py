"""Bars: horizontal, one or several to a row, and shares of a whole stacked in a row."""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.charts.chart import Chart, Table
from tools.charts.frame import Format, colour, label, legend, n, percent, plain
from tools.charts.scales import Scale, finite, ticks
from tools.charts.text import fitted, width

_WIDTH, _NAMES = 780, 270


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its name and a value for each series."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Reference:
    """A value to compare with, drawn as a dashed vertical line and named beneath."""

    name: str
    value: float


def bars(
    title: str,
    rows: Sequence[Row],
    series: Sequence[str],
    *,
    description: str = "",
    value: Format = plain,
    references: Sequence[Reference] = (),
    highest: float | None = None,
    name: str = "",
) -> Chart:
    """Horizontal bars, the series of a row beneath each other; negative values reach left of zero.

    highest: the axis' end, where it is known (1 for a score). name: heading of the table's first column.
    """
    flat = finite([each for row in rows for each in row.values])
    marks = ticks(min(0.0, *flat) * 1.08, max(0.0, *flat) if highest is None else highest)
    names = min(_NAMES, max(width(row.name) for row in rows) + 14)
    thick = 16 if len(series) == 1 else 14  # a value stands beside each bar, in letters of 13
    pitch = thick * len(series) + (12 if len(series) == 1 else 10)
    elements, used = legend(series, 0, 14, _WIDTH) if len(series) > 1 else ([], 0.0)
    top = 8 + used
    floor = top + pitch * len(rows)
    x = Scale(marks[0], marks[-1] if highest is None else highest, names, _WIDTH - 60)
    for mark in marks:
        if mark <= x.high:
            kind = "axis" if mark == 0 else "grid"
            elements.append(f'<path class="{kind}" d="M{n(x(mark))} {n(top)}V{n(floor)}"/>')
            elements.append(label(x(mark), floor + 18, value(mark), anchor="middle"))
    for index, row in enumerate(rows):
        y = top + index * pitch + pitch / 2 - thick * len(series) / 2
        elements.append(
            label(
                names - 10, top + index * pitch + pitch / 2 + 4, fitted(row.name, names - 14), anchor="end", kind="name"
            )
        )
        for number, each in enumerate(row.values):
            if each != each:
                continue
            left, right = sorted((x(0), x(each)))
            at = y + number * thick
            elements.append(
                f'<rect class="f{colour(number)}" x="{n(left)}" y="{n(at)}" width="{n(max(right - left, 0.5))}" '
                f'height="{thick - 2}" rx="2"/>'
            )
            base = at + thick / 2 + 3
            below = each < 0
            elements.append(
                label(left - 6 if below else right + 6, base, value(each), anchor="end" if below else "start")
            )
    height = floor + 28
    for number, reference in enumerate(references):
        elements.append(f'<path class="mark" d="M{n(x(reference.value))} {n(top)}V{n(floor)}"/>')
        said = f"┆ {reference.name}: {value(reference.value)}"
        elements.append(label(names, floor + 40 + number * 18, said))
        height = floor + 50 + number * 18
    said = description or "; ".join(
        f"{row.name}: {', '.join(value(each) for each in row.values)}" for row in rows[:12]
    ) + ("." if len(rows) <= 12 else "; …")
    table = Table((name, *series), tuple((row.name, *(value(each) for each in row.values)) for row in rows))
    return Chart(title, said, _WIDTH, round(height), "".join(elements), table)


def stacked(
    title: str,
    rows: Sequence[Row],
    parts: Sequence[str],
    *,
    description: str = "",
    value: Format = percent,
    name: str = "",
) -> Chart:
    """Rows of parts that make up a whole, such as an allocation before and after. Values ≥ 0; a row is drawn to 1."""
    finite([each for row in rows for each in row.values])
    names = min(_NAMES, max(width(row.name) for row in rows) + 14)
    elements, used = legend(parts, 0, 14, _WIDTH)
    top = 8 + used
    for index, row in enumerate(rows):
        y, total = top + index * 44, sum(max(0.0, each) for each in row.values) or 1.0
        elements.append(label(0, y + 21, fitted(row.name, names - 14), kind="name"))
        at = float(names)
        for number, each in enumerate(row.values):
            wide = max(0.0, each) / total * (_WIDTH - names)
            if wide <= 0:
                continue
            elements.append(
                f'<rect class="f{colour(number)} gap" x="{n(at)}" y="{n(y)}" width="{n(wide)}" height="32" rx="3"/>'
            )
            at += wide
    said = (
        description
        or "; ".join(
            f"{row.name}: {', '.join(f'{part} {value(each)}' for part, each in zip(parts, row.values, strict=True))}"
            for row in rows
        )
        + "."
    )
    table = Table((name, *parts), tuple((row.name, *(value(each) for each in row.values)) for row in rows))
    return Chart(title, said, _WIDTH, round(top + len(rows) * 44), "".join(elements), table)
