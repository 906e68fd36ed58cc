"""Where the nodes of a graph stand: in layers from start to end, edges kept short and seldom crossing.

The steps of Sugiyama, Tagawa and Toda (Methods for visual understanding of hierarchical system structures, IEEE Trans.
SMC 11(2), 1981): turn the edges of cycles, put each node a layer below its lowest predecessor, give edges over several
layers a place in each, and order each layer by the mean place of its neighbours.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_SWEEPS: Final = 6
GAP_X: Final = 28.0
GAP_Y: Final = 46.0
HEIGHT: Final = 46.0
_THREAD: Final = 12.0
"""Room for an edge that passes a layer."""


@dataclass(frozen=True, slots=True)
class Placed:
    """x, y: of the middle."""

    x: float
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class Layout:
    """points: of each edge from its source's edge to its target's. back: edges that lead upwards, drawn at the side."""

    nodes: dict[str, Placed]
    points: dict[tuple[str, str], list[tuple[float, float]]]
    back: frozenset[tuple[str, str]]
    width: float
    height: float


def layout(widths: Mapping[str, float], edges: Sequence[tuple[str, str]]) -> Layout:
    """widths: of the nodes, in their order of preference; the first one is where the graph starts."""
    unique = list(dict.fromkeys(edge for edge in edges if edge[0] in widths and edge[1] in widths))
    back = _back_edges(list(widths), unique)
    forward = [edge for edge in unique if edge not in back]
    layer = _layers(list(widths), forward)
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for node in widths:
        rows[layer[node]].append(node)
    room: dict[str, float] = dict(widths)
    chains: dict[tuple[str, str], list[str]] = {}
    for source, target in forward:
        chain = [source]
        for level in range(layer[source] + 1, layer[target]):
            name = f"\0{source}\0{target}\0{level}"
            room[name] = _THREAD
            rows[level].append(name)
            chain.append(name)
        chains[source, target] = [*chain, target]
    _order(rows, chains)
    return _placed(rows, room, chains, widths, back)


def _back_edges(nodes: list[str], edges: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Edges that close a cycle, by a depth-first walk from the first node."""
    following: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        following[source].append(target)
    state: dict[str, int] = {}
    back: set[tuple[str, str]] = set()
    for first in nodes:
        if first in state:
            continue
        stack = [(first, iter(following[first]))]
        state[first] = 1
        while stack:
            node, rest = stack[-1]
            target = next(rest, None)
            if target is None:
                state[node] = 2
                stack.pop()
            elif state.get(target) == 1:
                back.add((node, target))
            elif target not in state:
                state[target] = 1
                stack.append((target, iter(following[target])))
    return frozenset(back)


def _layers(nodes: list[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest way to each node; the edges have no cycle."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        before[target].append(source)
        after[source].append(target)
    missing = {node: len(before[node]) for node in nodes}
    ready = [node for node in nodes if not missing[node]]
    layer = dict.fromkeys(nodes, 0)
    while ready:
        node = ready.pop(0)
        for target in after[node]:
            layer[target] = max(layer[target], layer[node] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    return layer


def _order(rows: list[list[str]], chains: Mapping[tuple[str, str], list[str]]) -> None:
    """Order each row by the mean place of its neighbours, downwards and upwards in turn."""
    above: dict[str, list[str]] = defaultdict(list)
    below: dict[str, list[str]] = defaultdict(list)
    for chain in chains.values():
        for upper, lower in pairwise(chain):
            above[lower].append(upper)
            below[upper].append(lower)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        for index in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            beside = rows[index - 1] if down else rows[index + 1]
            place = {node: (at + 0.5) / len(beside) for at, node in enumerate(beside)}
            own = {node: (at + 0.5) / len(rows[index]) for at, node in enumerate(rows[index])}
            rows[index].sort(key=lambda node: _mean([place[each] for each in neighbours[node]], own[node]))


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _placed(
    rows: list[list[str]],
    room: Mapping[str, float],
    chains: Mapping[tuple[str, str], list[str]],
    widths: Mapping[str, float],
    back: frozenset[tuple[str, str]],
) -> Layout:
    total = [sum(room[node] for node in row) + GAP_X * (len(row) - 1) for row in rows]
    widest = max(total, default=0.0)
    places: dict[str, Placed] = {}
    for level, row in enumerate(rows):
        x = (widest - total[level]) / 2
        for node in row:
            places[node] = Placed(x + room[node] / 2, level * (HEIGHT + GAP_Y) + HEIGHT / 2, room[node])
            x += room[node] + GAP_X
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for edge, chain in chains.items():
        first, last = places[chain[0]], places[chain[-1]]
        middle = [(places[each].x, places[each].y) for each in chain[1:-1]]
        points[edge] = [(first.x, first.y + HEIGHT / 2), *middle, (last.x, last.y - HEIGHT / 2)]
    side = widest + 18.0
    for number, edge in enumerate(sorted(back)):
        source, target = places[edge[0]], places[edge[1]]
        x = side + number * 16
        points[edge] = [
            (source.x + source.width / 2, source.y),
            (x, source.y),
            (x, target.y),
            (target.x + target.width / 2, target.y),
        ]
    width = widest + (18.0 + 16.0 * len(back) if back else 0.0)
    height = len(rows) * (HEIGHT + GAP_Y) - GAP_Y
    return Layout({node: places[node] for node in widths}, points, back, width, height)
