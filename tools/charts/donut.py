"""A whole and its parts as a ring, each part named beside it with its share."""

import math
from collections.abc import Sequence

from tools.charts.chart import Chart, Table
from tools.charts.frame import Format, colour, label, n, percent
from tools.charts.scales import finite
from tools.charts.text import fitted, width

_WIDTH, _RADIUS, _RING, _MOST = 780, 104.0, 34.0, 8


def donut(
    title: str,
    parts: Sequence[tuple[str, float]],
    *,
    description: str = "",
    value: Format = percent,
    centre: tuple[str, str] | None = None,
    rest: str = "Other",
    columns: tuple[str, str] = ("", "Share"),
) -> Chart:
    """Parts of a whole, largest first. Beyond eight, the smallest are joined as `rest`; the table keeps them all.

    parts: (name, weight ≥ 0); shares are of their sum. centre: a large and a small line inside the ring.
    """
    finite([weight for _, weight in parts])
    whole = sum(max(0.0, weight) for _, weight in parts) or 1.0
    ordered = sorted(((name, max(0.0, weight) / whole) for name, weight in parts), key=lambda part: -part[1])
    shown = ordered
    if len(ordered) > _MOST:
        shown = [*ordered[: _MOST - 1], (rest, sum(share for _, share in ordered[_MOST - 1 :]))]
    height = max(2 * _RADIUS + 24, 27 * len(shown) + 24)
    middle_x, middle_y = _RADIUS + 12, height / 2
    elements: list[str] = []
    turned = 0.0
    for index, (_, share) in enumerate(shown):
        if share > 0:
            elements.append(_slice(index, turned, share, middle_x, middle_y))
        turned += share
    if centre:
        elements.append(
            label(
                middle_x,
                middle_y + 4,
                centre[0],
                anchor="middle",
                kind="big" if width(centre[0], 22) < 130 else "strong",
            )
        )
        elements.append(label(middle_x, middle_y + 24, centre[1], anchor="middle"))
    left, top = 2 * _RADIUS + 60, height / 2 - 27 * len(shown) / 2
    for index, (name, share) in enumerate(shown):
        y = top + index * 27 + 17
        elements.append(f'<rect class="f{colour(index)}" x="{n(left)}" y="{n(y - 10)}" width="12" height="12" rx="2"/>')
        elements.append(label(left + 22, y, fitted(name, _WIDTH - left - 100), kind="name"))
        elements.append(label(_WIDTH - 8, y, value(share), anchor="end", kind="strong"))
    said = description or ", ".join(f"{name} {value(share)}" for name, share in shown) + "."
    table = Table(columns, tuple((name, value(share)) for name, share in ordered))
    return Chart(title, said, _WIDTH, round(height), "".join(elements), table)


def _slice(index: int, turned: float, share: float, x: float, y: float) -> str:
    """One arc of the ring, starting `turned` of a full turn after twelve o'clock."""
    inner, outer = _RADIUS - _RING, _RADIUS
    if share > 0.9999:
        middle = (inner + outer) / 2
        return f'<circle class="s{colour(index)}" cx="{n(x)}" cy="{n(y)}" r="{n(middle)}" stroke-width="{n(_RING)}"/>'
    start, end = turned * 2 * math.pi, (turned + share) * 2 * math.pi
    large = 1 if share > 0.5 else 0

    def at(radius: float, angle: float) -> str:
        return f"{n(x + radius * math.sin(angle))} {n(y - radius * math.cos(angle))}"

    return (
        f'<path class="f{colour(index)} gap" d="M{at(outer, start)}A{n(outer)} {n(outer)} 0 {large} 1 {at(outer, end)}'
        f'L{at(inner, end)}A{n(inner)} {n(inner)} 0 {large} 0 {at(inner, start)}Z"/>'
    )
