"""The timeline of a run: the wait for a place, its nodes, and within them the questions and tool calls."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel

from service.admin.masking import Sight
from service.admin.showing import shown_text
from service.admin.steps import Visit


class Span(BaseModel):
    """start_ms: after the run was accepted. depth: how deep it is nested. key: where its details are on the page."""

    kind: Literal["wait", "node", "model", "tool"]
    name: str
    told: str = ""
    depth: int = 0
    start_ms: float
    duration_ms: float
    failed: bool = False
    unfinished: bool = False
    key: str = ""


class Timeline(BaseModel):
    """whole_ms: from acceptance to the end, or to now."""

    whole_ms: float
    spans: list[Span]


def timeline(
    row: dict[str, Any], visits: Sequence[Visit], questions: Sequence[Any], tool_calls: Sequence[Any], sight: Sight
) -> Timeline:
    """row: the run's. sight: of what nodes raised.

    questions, tool_calls: rows of these, each with node, started_at and duration_ms."""
    begun: datetime = row["created_at"]
    over: datetime = row["finished_at"] or datetime.now(UTC)

    def at(moment: datetime) -> float:
        return max(0.0, (moment - begun).total_seconds() * 1000)

    whole = max(at(over), *(at(each.finished) for each in visits if each.finished), 1.0)
    spans: list[Span] = []
    waited = at(row["started_at"] or over)
    spans.append(Span(kind="wait", name="waiting for a place", start_ms=0, duration_ms=waited))
    calls: dict[str | None, list[Span]] = defaultdict(list)
    tasks = {each.task_id: each for each in visits}
    for each in questions:
        span = Span(
            kind="model",
            name=each["question"],
            told=each["model"],
            start_ms=at(each["started_at"]),
            duration_ms=each["duration_ms"],
            failed=each["error"] is not None,
            key=f"q-{each['call_id']}",
        )
        calls[each["task_id"] if each["task_id"] in tasks else _within(visits, each)].append(span)
    for each in tool_calls:
        span = Span(
            kind="tool",
            name=each["tool"],
            told=each["server"],
            start_ms=at(each["started_at"]),
            duration_ms=each["duration_ms"],
            failed=each["error"] is not None,
            key=f"t-{each['key']}",
        )
        calls[_within(visits, each)].append(span)
    inside: dict[str | None, list[Visit]] = defaultdict(list)
    for visit in visits:
        inside[visit.inside if visit.inside in tasks else None].append(visit)

    def add(visit: Visit, depth: int) -> None:
        ended = visit.finished or over
        spans.append(
            Span(
                kind="node",
                name=visit.node,
                told=shown_text(visit.error, sight, 200),
                depth=depth,
                start_ms=at(visit.started),
                duration_ms=max(0.0, at(ended) - at(visit.started)),
                failed=bool(visit.error),
                unfinished=visit.finished is None,
            )
        )
        below: list[tuple[float, Span | Visit]] = [(span.start_ms, span) for span in calls[visit.task_id]]
        below += [(at(each.started), each) for each in inside[visit.task_id]]
        for _, each in sorted(below, key=lambda pair: pair[0]):
            if isinstance(each, Span):
                spans.append(each.model_copy(update={"depth": depth + 1}))
            else:
                add(each, min(depth + 1, 20))

    for visit in inside[None]:
        add(visit, 0)
    spans += sorted(calls[None], key=lambda span: span.start_ms)
    return Timeline(whole_ms=whole, spans=spans)


def _within(visits: Sequence[Visit], call: Any) -> str | None:
    """The visit in which a call was made: the last of its node that had begun."""
    mine = [each for each in visits if each.node == call["node"] and each.started <= call["started_at"]]
    return mine[-1].task_id if mine else None
