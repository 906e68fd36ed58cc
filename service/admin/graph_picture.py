"""The picture of a graph with the path that a run took: SVG with classes only, so that no style is inline."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, Literal

from pydantic import BaseModel

from service.admin.graph_layout import HEIGHT, Layout, Placed, layout
from service.admin.masking import Sight
from service.admin.showing import shown_text
from service.admin.steps import Visit, taken
from service.admin.web import milliseconds
from tools.charts.chart import text
from tools.charts.frame import n
from tools.charts.text import fitted, width
from workflows.registry import Graph

State = Literal["done", "failed", "running", "waiting", "not-taken"]
_WIDEST: Final = 240.0
_MARGIN: Final = 14.0
_ROUND: Final = ("__start__", "__end__")


class GraphNode(BaseModel):
    """A node and what became of it in the run. visits: how often it was run. total_ms: in all."""

    name: str
    state: State
    visits: int
    total_ms: float
    error: str = ""


class GraphEdge(BaseModel):
    """conditional: whether the graph decides at run time to take it. taken: how often it was."""

    source: str
    target: str
    conditional: bool
    taken: int


class RunGraph(BaseModel):
    nodes: list[GraphNode]
    edges: list[GraphEdge]


def run_graph(graph: Graph, visited: Sequence[Visit], status: str, sight: Sight) -> RunGraph:
    """The graph of a run and the path taken in it. status: the run's. sight: of what its nodes raised."""
    drawn = graph.get_graph()
    edges = list({(edge.source, edge.target): edge for edge in drawn.edges}.values())
    counts = taken(visited, [(edge.source, edge.target) for edge in edges], status == "success")
    by_node: dict[str, list[Visit]] = defaultdict(list)
    for visit in visited:
        if visit.inside is None:
            by_node[visit.node].append(visit)
    return RunGraph(
        nodes=[_node(name, by_node[name], status, sight) for name in drawn.nodes],
        edges=[
            GraphEdge(
                source=edge.source,
                target=edge.target,
                conditional=bool(edge.conditional),
                taken=counts.get((edge.source, edge.target), 0),
            )
            for edge in edges
        ],
    )


def _node(name: str, visited: list[Visit], status: str, sight: Sight) -> GraphNode:
    state: State = "done" if visited else "not-taken"
    if (name == "__start__" and status != "pending") or (name == "__end__" and status == "success"):
        state = "done"
    elif any(each.error for each in visited):
        state = "failed"
    elif visited and visited[-1].finished is None:
        endings: dict[str, State] = {"running": "running", "error": "failed", "timeout": "failed"}
        state = endings.get(status, "waiting")
    total = sum((each.finished - each.started).total_seconds() * 1000 for each in visited if each.finished)
    error = shown_text(next((each.error for each in visited if each.error), ""), sight)
    return GraphNode(name=name, state=state, visits=len(visited), total_ms=total, error=error)


def marked_waiting(graph: RunGraph, nodes: Sequence[str]) -> RunGraph:
    """The graph with these nodes waiting for a person."""
    changed = [each.model_copy(update={"state": "waiting"}) if each.name in nodes else each for each in graph.nodes]
    return graph.model_copy(update={"nodes": changed})


def picture(graph: RunGraph) -> str:
    """The graph as SVG, with a description for readers who see no picture."""
    names = {each.name: _said(each.name) for each in graph.nodes}
    ordered = sorted(graph.nodes, key=lambda each: (each.name != "__start__", each.name == "__end__"))
    widths = {each.name: min(_WIDEST, max(70.0, width(names[each.name], 13) + 30)) for each in ordered}
    plan = layout(widths, [(edge.source, edge.target) for edge in graph.edges])
    elements = [_edge(plan, each) for each in sorted(graph.edges, key=lambda each: each.taken)]
    elements += [_box(plan.nodes[each.name], each, names[each.name]) for each in graph.nodes]
    wide, high = plan.width + 2 * _MARGIN, plan.height + 2 * _MARGIN
    went = "; ".join(
        f"{names[each.name]}: {each.state.replace('-', ' ')}" + (f", {each.visits} times" if each.visits > 1 else "")
        for each in graph.nodes
    )
    box = f"{n(-_MARGIN)} {n(-_MARGIN)} {n(wide)} {n(high)}"
    return (
        f'<svg class="path" xmlns="http://www.w3.org/2000/svg" viewBox="{box}" '
        f'width="{n(wide)}" height="{n(high)}" role="img" aria-labelledby="graph-title graph-told">'
        f'<title id="graph-title">The graph, and the path taken</title><desc id="graph-told">{text(went[:2000])}</desc>'
        '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" '
        'markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path class="arrow" d="M0 0L8 4L0 8z"/></marker>'
        '<marker id="took" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="10" markerHeight="10" '
        'markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path class="arrow taken" d="M0 0L8 4L0 8z"/>'
        f"</marker></defs>{''.join(elements)}</svg>"
    )


def _said(name: str) -> str:
    return {"__start__": "start", "__end__": "end"}.get(name, name)


def _box(at: Placed, node: GraphNode, name: str) -> str:
    kind = node.state
    round_ = node.name in _ROUND
    high = 30.0 if round_ else HEIGHT
    told = ""
    if node.visits:
        times = f"{node.visits} × · " if node.visits > 1 else ""
        told = times + (milliseconds(node.total_ms) if node.state != "running" else "runs…")
    elif node.state == "waiting":
        told = "waits"
    title = f"{name}: {kind.replace('-', ' ')}" + (f". {node.error[:300]}" if node.error else "")
    line = at.y + (4.5 if round_ or not told else -3)
    sub = f'<text class="sub" x="{n(at.x)}" y="{n(at.y + 14)}" text-anchor="middle">{text(told)}</text>' if told else ""
    shown = text(fitted(name, at.width - 16, 13))
    return (
        f'<g class="{kind}"><title>{text(title)}</title><rect x="{n(at.x - at.width / 2)}" y="{n(at.y - high / 2)}" '
        f'width="{n(at.width)}" height="{n(high)}" rx="{15 if round_ else 9}"/>'
        f'<text x="{n(at.x)}" y="{n(line)}" text-anchor="middle">{shown}</text>{sub}</g>'
    )


def _edge(plan: Layout, edge: GraphEdge) -> str:
    points = plan.points.get((edge.source, edge.target))
    if points is None:
        return ""
    kinds = "edge" + (" may" if edge.conditional else "") + (" taken" if edge.taken else "")
    marker = "took" if edge.taken else "to"
    data = _side(points) if (edge.source, edge.target) in plan.back else _curve(_to_border(plan, edge, points))
    return f'<path class="{kinds}" d="{data}" marker-end="url(#{marker})"/>'


def _to_border(plan: Layout, edge: GraphEdge, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Start and end are drawn lower than other nodes, so the edge's ends move to their border."""
    shifted = list(points)
    off = (HEIGHT - 30.0) / 2
    if edge.source in _ROUND:
        shifted[0] = (shifted[0][0], shifted[0][1] - off)
    if edge.target in _ROUND:
        shifted[-1] = (shifted[-1][0], shifted[-1][1] + off)
    return shifted


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Through the points, leaving and arriving vertically."""
    parts = [f"M{n(points[0][0])} {n(points[0][1])}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        bend = (y2 - y1) / 2
        parts.append(f"C{n(x1)} {n(y1 + bend)} {n(x2)} {n(y2 - bend)} {n(x2)} {n(y2)}")
    return "".join(parts)


def _side(points: Sequence[Any]) -> str:
    """Along the right side, with rounded corners."""
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = points
    r, turn = 10.0, -1.0 if y3 < y2 else 1.0
    return (
        f"M{n(x1)} {n(y1)}L{n(x2 - r)} {n(y2)}Q{n(x2)} {n(y2)} {n(x2)} {n(y2 + turn * r)}"
        f"L{n(x3)} {n(y3 - turn * r)}Q{n(x3)} {n(y3)} {n(x3 - r)} {n(y3)}L{n(x4)} {n(y4)}"
    )
