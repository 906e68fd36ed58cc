"""Two runs side by side."""

import asyncio
from collections import defaultdict
from typing import Any

from pydantic import BaseModel

from service.admin.masking import Sight
from service.admin.showing import cut, shown_diff, shown_text
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


async def compare(database: Database, left: dict[str, Any], right: dict[str, Any], sight: Sight) -> Comparison:
    """left, right: rows of runs. sight: of the one of which less may be seen."""

    def changes(name: str) -> Diff:
        return shown_diff(diff(_short(left[name]), _short(right[name])), sight)

    return Comparison(
        left=await _side(database, left, sight),
        right=await _side(database, right, sight),
        input=await asyncio.to_thread(changes, "input"),
        output=await asyncio.to_thread(changes, "output"),
    )


def _short(value: Any) -> Any:
    return cut({} if value is None else value)


async def _side(database: Database, row: dict[str, Any], sight: Sight) -> Side:
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
            "error": _told(row["error"], sight) if row["error"] else None,
            "nodes": dict(nodes),
            "answers": dict(answers),
        }
    )


def _told(error: dict[str, Any], sight: Sight) -> str:
    return f"{error.get('code')}: {shown_text(str(error.get('message')), sight, 500)}"
