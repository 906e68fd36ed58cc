"""Two runs side by side."""

from collections import defaultdict
from typing import Any

from pydantic import BaseModel

from service.admin.masking import masked
from service.admin.showing import cut
from service.admin.state_diff import Diff, diff
from service.admin.steps import visits
from service.database import calls
from service.database.engine import Database


class Side(BaseModel):
    """One of the two. models: that answered. nodes: ms of each, in all."""

    run_id: str
    graph_id: str
    status: str
    engine: str | None
    models: list[str]
    questions: int
    tool_calls: int
    tokens: int
    cost: float
    duration_ms: float | None
    error: str | None
    nodes: dict[str, float]
    answers: dict[str, list[str]]


class Comparison(BaseModel):
    """input, output: what changes from the left one's to the right one's."""

    left: Side
    right: Side
    input: Diff
    output: Diff


async def compare(database: Database, left: dict[str, Any], right: dict[str, Any], reveal: bool) -> Comparison:
    """left, right: rows of runs."""

    def shown(value: Any) -> Any:
        short = cut(value if value is not None else {})
        return short if reveal else masked(short)

    return Comparison(
        left=await _side(database, left),
        right=await _side(database, right),
        input=diff(shown(left["input"]), shown(right["input"])),
        output=diff(shown(left["output"]), shown(right["output"])),
    )


async def _side(database: Database, row: dict[str, Any]) -> Side:
    asked = await calls.model_calls(database, row["run_id"])
    called = await calls.tool_calls(database, row["run_id"])
    nodes: dict[str, float] = defaultdict(float)
    for visit in await visits(database, row["run_id"]):
        if visit.finished and visit.inside is None:
            nodes[visit.node] += (visit.finished - visit.started).total_seconds() * 1000
    answers: dict[str, list[str]] = defaultdict(list)
    for each in asked:
        answers[each["question"]].append(each["model"])
    plain = {name: row[name] for name in Side.model_fields if name in row and name != "error"}
    return Side.model_validate(
        {
            **plain,
            "models": sorted({each["model"] for each in asked}),
            "questions": len(asked),
            "tool_calls": len(called),
            "error": str(row["error"].get("message"))[:500] if row["error"] else None,
            "nodes": dict(nodes),
            "answers": dict(answers),
        }
    )
