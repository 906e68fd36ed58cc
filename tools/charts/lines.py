"""Charts over time: lines with an area, drawdown, and the fan of possible futures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tools.charts.chart import Chart, Table
from tools.charts.frame import Format, Plot, colour, label, legend, n, path, percent, plain, plot
from tools.charts.palette import DASHES
from tools.charts.scales import date_ticks, finite, thinned
from tools.charts.text import width

_WIDTH, _HEIGHT, _MOST_POINTS, _MOST_ROWS = 780, 300, 640, 24


@dataclass(frozen=True, slots=True)
class Series:
    """A named series: a value a day, dates rising. A value that is not finite leaves a gap."""

    name: str
    days: Sequence[date]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Band:
    """A named range over the same steps: [low, high] at each."""

    name: str
    low: Sequence[float]
    high: Sequence[float]


def line(
    title: str,
    series: Sequence[Series],
    *,
    description: str = "",
    value: Format = plain,
    area: bool = True,
    day: str = "Date",
) -> Chart:
    """Lines over time; the first has a washed area beneath. Raises NothingToDraw without a finite value.

    value: how values are written. day: heading of the table's first column.
    """
    flat = finite([each for one in series for each in one.values])
    days = [each for one in series for each in one.days]
    first, last = min(days), max(days)
    elements, used = legend([one.name for one in series], 0, 14, _WIDTH, lines=True) if len(series) > 1 else ([], 0.0)
    frame = _over_time(first, last, (min(flat), max(flat)), value, top=14 + used)
    for index, one in reversed(list(enumerate(series))):
        for points in _runs(frame, one):
            if index == 0 and area:
                floor = frame.y.start
                shape = [(points[0][0], floor), *points, (points[-1][0], floor)]
                frame.elements.append(f'<path class="wash f1" d="{path(shape, close=True)}"/>')
            frame.elements.append(_stroke(index, points))
    said = description or _described(series, value)
    return Chart(title, said, _WIDTH, _HEIGHT, "".join([*elements, *frame.elements]), _table(series, value, day))


def drawdown(title: str, series: Series, *, description: str = "", day: str = "Date") -> Chart:
    """Loss since the highest value so far, as fractions ≤ 0, filled from zero down, its lowest point marked."""
    low = min(finite(series.values))
    frame = _over_time(series.days[0], series.days[-1], (min(low, -0.01), 0.0), percent, zero=True)
    for points in _runs(frame, series):
        zero = frame.y(0)
        shape = [(points[0][0], zero), *points, (points[-1][0], zero)]
        frame.elements.append(f'<path class="band f2" d="{path(shape, close=True)}"/>')
        frame.elements.append(f'<path class="thin s2" d="{path(points)}"/>')
    when = series.days[list(series.values).index(low)]
    x, y = frame.x(when.toordinal()), frame.y(low)
    said = f"{percent(low)}, {when.isoformat()}"
    end = x + width(said) + 10 > frame.right
    frame.elements.append(f'<circle class="f2" cx="{n(x)}" cy="{n(y)}" r="3.5"/>')
    frame.elements.append(label(x + (-8 if end else 8), y + 4, said, anchor="end" if end else "start", kind="strong"))
    table = _table([series], percent, day)
    return Chart(title, description or f"Deepest: {said}.", _WIDTH, _HEIGHT, "".join(frame.elements), table)


def fan(
    title: str,
    steps: Sequence[float],
    median: Sequence[float],
    bands: Sequence[Band],
    *,
    description: str = "",
    value: Format = plain,
    step: str = "Year",
    middle: str = "Median",
    goal: tuple[str, float] | None = None,
) -> Chart:
    """Possible futures: the median as a line, ranges as bands, widest first. goal: a named level to reach."""
    flat = finite(
        [*median, *(each for band in bands for each in (*band.low, *band.high)), *([goal[1]] if goal else [])]
    )
    frame = plot(_WIDTH, _HEIGHT, (steps[0], steps[-1]), (min(0.0, *flat), max(flat)), value, zero=True)
    for mark in _whole(steps[0], steps[-1]):
        frame.elements.append(label(frame.x(mark), _HEIGHT - 10, plain(mark), anchor="middle"))
    for band in bands:
        upper = [(frame.x(at), frame.y(each)) for at, each in zip(steps, band.high, strict=True)]
        lower = [(frame.x(at), frame.y(each)) for at, each in zip(steps, band.low, strict=True)]
        frame.elements.append(f'<path class="band f1" d="{path([*upper, *reversed(lower)], close=True)}"/>')
    points = [(frame.x(at), frame.y(each)) for at, each in zip(steps, median, strict=True)]
    frame.elements.append(f'<path class="line s1" d="{path(points)}"/>')
    if goal:
        at = frame.y(goal[1])
        frame.elements.append(f'<path class="mark" d="M{n(frame.left)} {n(at)}H{n(frame.right)}"/>')
        frame.elements.append(label(frame.left + 8, at - 6, f"{goal[0]}: {value(goal[1])}", kind="name"))
    ends = [
        f"{middle} {value(median[-1])}",
        *(f"{each.name} {value(each.low[-1])} – {value(each.high[-1])}" for each in bands),
    ]
    said = description or f"{step} {plain(steps[-1])}: {'; '.join(ends)}."
    columns = (step, middle, *(f"{band.name} {side}" for band in bands for side in ("↓", "↑")))
    rows = tuple(
        (plain(steps[i]), value(median[i]), *(value(each[i]) for band in bands for each in (band.low, band.high)))
        for i in thinned(len(steps), _MOST_ROWS)
    )
    return Chart(title, said, _WIDTH, _HEIGHT, "".join(frame.elements), Table(columns, rows))


def _over_time(
    first: date, last: date, ys: tuple[float, float], value: Format, *, top: float = 14, zero: bool = False
) -> Plot:
    frame = plot(_WIDTH, _HEIGHT, (first.toordinal(), last.toordinal()), ys, value, top=top, zero=zero)
    for day, said in date_ticks(first, last):
        x = frame.x(day.toordinal())
        frame.elements.append(f'<path class="grid" d="M{n(x)} {n(frame.y.start)}v5"/>')
        anchor = "start" if x - width(said) / 2 < 0 else "end" if x + width(said) / 2 > _WIDTH else "middle"
        frame.elements.append(label(x, _HEIGHT - 10, said, anchor=anchor))
    return frame


def _whole(low: float, high: float, about: int = 10) -> list[float]:
    every = max(1, round((high - low) / about))
    return [float(mark) for mark in range(int(low), int(high) + 1, every)]


def _runs(frame: Plot, series: Series) -> list[list[tuple[float, float]]]:
    """The series as connected stretches of points, thinned to what the picture can show."""
    found: list[list[tuple[float, float]]] = [[]]
    for index in thinned(len(series.days), _MOST_POINTS):
        value = series.values[index]
        if value == value and abs(value) != float("inf"):
            found[-1].append((frame.x(series.days[index].toordinal()), frame.y(value)))
        elif found[-1]:
            found.append([])
    return [each for each in found if each]


def _stroke(index: int, points: list[tuple[float, float]]) -> str:
    if len(points) == 1:
        return f'<circle class="f{colour(index)}" cx="{n(points[0][0])}" cy="{n(points[0][1])}" r="3.5"/>'
    dash = DASHES[index % len(DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path class="line s{colour(index)}"{dashed} d="{path(points)}"/>'


def _described(series: Sequence[Series], value: Format) -> str:
    spans = [
        f"{one.name}: {value(one.values[0])} ({one.days[0].isoformat()}) → {value(one.values[-1])} "
        f"({one.days[-1].isoformat()})"
        for one in series
    ]
    return "; ".join(spans) + "."


def _table(series: Sequence[Series], value: Format, day: str) -> Table:
    longest = max(series, key=lambda one: len(one.days))
    known = [dict(zip(one.days, one.values, strict=True)) for one in series]
    rows = [
        (when.isoformat(), *(value(each[when]) if when in each and each[when] == each[when] else "–" for each in known))
        for when in (longest.days[index] for index in thinned(len(longest.days), _MOST_ROWS))
    ]
    return Table((day, *(one.name for one in series)), tuple(rows))
