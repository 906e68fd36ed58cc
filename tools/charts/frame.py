"""The frame of a chart with axes: its plot area, grid, tick labels and legend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tools.charts.chart import text
from tools.charts.palette import DASHES, LIGHT
from tools.charts.scales import Scale, ticks
from tools.charts.text import width

Format = Callable[[float], str]
"""How a value is written: on the axis, in a label, in the table."""


def percent(value: float) -> str:
    """A fraction as per cent: 0.125 → 12.5%."""
    return f"{value:.1%}".replace(".0%", "%").replace("-", "\u2212")


def plain(value: float) -> str:
    """A number with thousands separators and as few decimals as tell it."""
    return (f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.4g}").replace("-", "\u2212")


def colour(index: int) -> int:
    """The palette's number for the index-th series."""
    return index % len(LIGHT) + 1


@dataclass(frozen=True, slots=True)
class Plot:
    """The plot area with its scales, and the elements of its grid."""

    x: Scale
    y: Scale
    elements: list[str]

    @property
    def left(self) -> float:
        return self.x.start

    @property
    def right(self) -> float:
        return self.x.end


def n(value: float) -> str:
    """A coordinate, to a tenth of a unit."""
    return f"{value:.1f}".removesuffix(".0")


def path(points: Sequence[tuple[float, float]], *, close: bool = False) -> str:
    """Path data through the points."""
    return "M" + "L".join(f"{n(x)} {n(y)}" for x, y in points) + ("Z" if close else "")


def label(x: float, y: float, said: str, *, anchor: str = "start", kind: str = "") -> str:
    """A text element."""
    marked = f' class="{kind}"' if kind else ""
    placed = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{n(x)}" y="{n(y)}"{marked}{placed}>{text(said)}</text>'


def plot(
    width_: int,
    height: int,
    xs: tuple[float, float],
    ys: tuple[float, float],
    y_format: Format,
    *,
    top: float = 14,
    right: float = 16,
    bottom: float = 30,
    zero: bool = False,
) -> Plot:
    """A plot area with horizontal grid lines and their labels. zero: the line at 0 is drawn as an axis."""
    marks = ticks(*ys)
    names = [y_format(mark) for mark in marks]
    left = max(width(name) for name in names) + 14
    x = Scale(xs[0], xs[1], left, width_ - right)
    y = Scale(marks[0], marks[-1], height - bottom, top)
    elements: list[str] = []
    for mark, name in zip(marks, names, strict=True):
        kind = "axis" if zero and mark == 0 else "grid"
        elements.append(f'<path class="{kind}" d="M{n(left)} {n(y(mark))}H{n(width_ - right)}"/>')
        elements.append(label(left - 8, y(mark) + 4, name, anchor="end"))
    return Plot(x, y, elements)


def legend(names: Sequence[str], x: float, y: float, room: float, *, lines: bool = False) -> tuple[list[str], float]:
    """A legend in rows, starting at (x, y); its elements, and the height that it takes."""
    elements: list[str] = []
    across, down = x, y
    for index, name in enumerate(names):
        step = 24 + width(name) + 18
        if across > x and across + step > x + room:
            across, down = x, down + 20
        if lines:
            dash = DASHES[index % len(DASHES)]
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            elements.append(f'<path class="line s{colour(index)}"{dashed} d="M{n(across)} {n(down - 4)}h18"/>')
        else:
            elements.append(
                f'<rect class="f{colour(index)}" x="{n(across)}" y="{n(down - 10)}" width="12" height="12" rx="2"/>'
            )
        elements.append(label(across + (24 if lines else 18), down, name, kind="name"))
        across += step
    return elements, down - y + 20
