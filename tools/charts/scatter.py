"""Points in a plane with an optional curve: risk against return, with the efficient frontier."""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.charts.chart import Chart, Table
from tools.charts.frame import Format, label, n, path, percent, plot
from tools.charts.scales import finite, ticks
from tools.charts.text import fitted, width

_WIDTH, _HEIGHT = 780, 360


@dataclass(frozen=True, slots=True)
class Point:
    """A named point. strong: drawn larger and in another colour and shape, such as the client's own portfolio."""

    name: str
    x: float
    y: float
    strong: bool = False


def scatter(
    title: str,
    points: Sequence[Point],
    *,
    curve: Sequence[tuple[float, float]] = (),
    axes: tuple[str, str] = ("Risk", "Return"),
    description: str = "",
    value: Format = percent,
    curve_name: str = "Frontier",
    name: str = "",
) -> Chart:
    """Points by (x, y), and a curve through given points, in order. axes: what x and y are, with their units."""
    xs, ys = (
        finite([*(p.x for p in points), *(x for x, _ in curve)]),
        finite([*(p.y for p in points), *(y for _, y in curve)]),
    )
    across = ticks(min(0.0, *xs), max(0.0, *xs), 7)
    frame = plot(
        _WIDTH, _HEIGHT, (across[0], across[-1]), (min(0.0, *ys), max(0.0, *ys)), value, top=30, bottom=48, zero=True
    )
    elements = frame.elements
    for mark in across:
        elements.append(label(frame.x(mark), _HEIGHT - 28, value(mark), anchor="middle"))
    elements.append(label(frame.right, _HEIGHT - 8, f"{axes[0]} →", anchor="end"))
    elements.append(label(0, 14, f"↑ {axes[1]}"))
    if curve:
        elements.append(f'<path class="line s1" d="{path([(frame.x(x), frame.y(y)) for x, y in curve])}"/>')
        x, y = curve[-1]
        elements.append(label(frame.x(x) - 6, frame.y(y) - 10, curve_name, anchor="end", kind="name"))
    taken: list[tuple[float, float, float]] = []
    for point in sorted(points, key=lambda each: not each.strong):
        x, y = frame.x(point.x), frame.y(point.y)
        if point.strong:
            d = path([(x, y - 8), (x + 8, y), (x, y + 8), (x - 8, y)], close=True)
            elements.append(f'<path class="f2" d="{d}"/>')
        else:
            elements.append(f'<circle class="f3" cx="{n(x)}" cy="{n(y)}" r="4.5"/>')
        said = fitted(point.name, 170)
        wide = width(said)
        free = _free_place(x, y, wide, taken, (frame.left, frame.right))
        if free is not None:
            taken.append((free[0], free[1], wide))
            elements.append(label(free[0], free[1], said, kind="strong" if point.strong else ""))
    said = (
        description or "; ".join(f"{p.name}: {axes[0]} {value(p.x)}, {axes[1]} {value(p.y)}" for p in points[:12]) + "."
    )
    rows = [(p.name, value(p.x), value(p.y)) for p in points]
    rows += [(curve_name, value(x), value(y)) for x, y in curve]
    return Chart(title, said, _WIDTH, _HEIGHT, "".join(elements), Table((name, *axes), tuple(rows)))


def _free_place(
    x: float, y: float, wide: float, taken: Sequence[tuple[float, float, float]], room: tuple[float, float]
) -> tuple[float, float] | None:
    """Where a label beside the point covers no other: right, left, above or below; None when nowhere."""
    for left, base in ((x + 11, y + 4), (x - 11 - wide, y + 4), (x - wide / 2, y - 11), (x - wide / 2, y + 20)):
        inside = left >= room[0] + 2 and left + wide <= room[1] + 12
        if inside and not any(abs(base - b) < 14 and left < a + w + 4 and a < left + wide + 4 for a, b, w in taken):
            return left, base
    return None
