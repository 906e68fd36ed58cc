"""One run as it is told: what came in and out, who answered and why, what was called, what it left."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any, Final, Literal, cast

from pydantic import BaseModel
from sqlalchemy import RowMapping, func, select

from service.admin.masking import MASK, Sight, hidden
from service.admin.showing import shown, shown_error, shown_events, shown_text
from service.database import calls, files
from service.database.engine import Database
from service.database.tables import Decision, ModelCallRow, Run, RunEvent, Thread, ToolCallRow

_STOPPED: Final = ("error", "timeout", "interrupted")
_TRACE: Final = 20_000
_OPEN_OF_ATTEMPT: Final = frozenset(
    {"step", "model", "adapter", "thinking", "endpoint", "finish", "fault", "tokens_in", "tokens_out"}
    | {"tokens_thinking", "tokens_cached", "cost", "passes", "duration_ms", "ttft_ms"}
)
"""What is shown of an attempt even where its content is hidden."""


class RunFile(BaseModel):
    """A file that the run made."""

    file_id: str
    name: str
    media_type: str
    size: int


class Decided(BaseModel):
    """Who answered an interrupt of the run, and how. resumed_by: the run that went on with it."""

    interrupt_id: str
    decided_by: str
    key_id: str
    decided_at: datetime
    answer: Any
    resumed_by: str


class WholeRun(BaseModel):
    """A run. sight: how much of its content is shown. waits_for: its open interrupts. resumable: it stopped before its
    end, at a fault, a cancel or a breakpoint, and nothing has gone on with its thread since.

    events: the number of the last one. questions, tool_calls: how many.
    """

    run_id: str
    thread_id: str
    tenant_id: str
    assistant_id: str
    graph_id: str
    status: str
    cancelling: str | None
    engine: str | None
    degraded: bool
    attempt: int
    executor: str | None
    tokens: int
    cost: float
    duration_ms: float | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    multitask_strategy: str
    input: Any
    output: Any
    kwargs: Any
    metadata: Any
    error: Any
    waits_for: list[Any]
    decisions: list[Decided]
    files: list[RunFile]
    events: int
    questions: int
    tool_calls: int
    older_on_thread: str | None
    newer_on_thread: str | None
    resumable: bool
    sight: Literal["seen", "masked", "hidden"]


async def whole(database: Database, row: dict[str, Any], sight: Sight) -> WholeRun:
    """row: the run's."""
    run_id, thread_id = row["run_id"], row["thread_id"]
    async with database.reading() as connection:
        events = await connection.scalar(select(func.max(RunEvent.seq)).where(RunEvent.run_id == run_id)) or 0
        questions = await connection.scalar(select(func.count()).where(ModelCallRow.run_id == run_id)) or 0
        tool_calls = await connection.scalar(select(func.count()).where(ToolCallRow.run_id == run_id)) or 0
        thread = (
            await connection.execute(select(Thread.status, Thread.interrupts).where(Thread.thread_id == thread_id))
        ).one_or_none()
        on_thread = select(Run.run_id).where(Run.thread_id == thread_id)
        older = on_thread.where(Run.run_id < run_id).order_by(Run.run_id.desc()).limit(1)
        newer = on_thread.where(Run.run_id > run_id).order_by(Run.run_id).limit(1)
        neighbours = await connection.scalar(older), await connection.scalar(newer)
        decided = select(Decision.__table__).where(Decision.run_id == run_id).order_by(Decision.decided_at)
        decisions = (await connection.execute(decided)).mappings().all()
    waits: list[Any] = []
    if row["status"] == "interrupted" and thread is not None and neighbours[1] is None:
        waits = [each for group in thread.interrupts.values() for each in group]
    stopped = row["status"] in _STOPPED or (
        row["status"] == "success" and thread is not None and thread.status == "interrupted"
    )
    resumable = stopped and not waits and neighbours[1] is None
    made = await files.of_run(database, run_id)

    def told() -> WholeRun:
        return _whole(row, sight, waits, decisions, made, (events, questions, tool_calls), neighbours, resumable)

    return await asyncio.to_thread(told)


def _whole(
    row: dict[str, Any],
    sight: Sight,
    waits: list[Any],
    decisions: Sequence[RowMapping],
    made: Sequence[RowMapping],
    counts: tuple[int, int, int],
    neighbours: tuple[str | None, str | None],
    resumable: bool,
) -> WholeRun:
    error: dict[str, Any] | None = row["error"]
    if error is not None:
        trace = shown_text(error.get("trace") or "", sight, _TRACE)
        error = {**shown_error({k: v for k, v in error.items() if k != "trace"}, sight), "trace": trace}
    plain = {name: row[name] for name in WholeRun.model_fields if name in row}
    values = {name: shown(row[name], sight) for name in ("input", "output", "kwargs", "metadata")}
    return WholeRun.model_validate(
        {
            **plain,
            **values,
            "error": error,
            "waits_for": shown(waits, sight),
            "decisions": [{**each, "answer": shown(each["answer"], sight)} for each in decisions],
            "files": [{**each, "name": shown_name(each["name"], sight)} for each in made],
            "events": counts[0],
            "questions": counts[1],
            "tool_calls": counts[2],
            "older_on_thread": neighbours[0],
            "newer_on_thread": neighbours[1],
            "resumable": resumable,
            "sight": sight.value,
        }
    )


def shown_name(name: str, sight: Sight) -> str:
    """A file's name as far as it may be seen; its ending always is."""
    match sight:
        case Sight.SEEN:
            return name
        case Sight.MASKED:
            plain = shown_text(name.replace("_", " "), sight)
            return name if plain == name.replace("_", " ") else plain
        case Sight.HIDDEN:
            ending = PurePath(name).suffix
            return f"{MASK}{ending if ending[1:].isalnum() and len(ending) < 7 else ''}"


class Question(BaseModel):
    """A question to a model: who was asked, why, with what, what came back, what it took. attempts: every answer that
    was asked for. ttft_ms: time to the first token."""

    call_id: str
    node: str
    task_id: str
    question: str
    engine: str
    model: str
    endpoint: str | None
    reasons: list[Any]
    thinking: bool
    schema_name: str
    prompt_sha256: str
    prompt: Any
    answer: Any
    reasoning: str | None
    attempts: Any
    tokens_in: int
    tokens_out: int
    tokens_thinking: int
    tokens_cached: int
    cost: float
    error: Any
    started_at: datetime
    duration_ms: float
    ttft_ms: float | None


class Called(BaseModel):
    """A tool call. permission: why it was allowed."""

    key: str
    node: str
    server: str
    tool: str
    arguments: Any
    result: Any
    error: Any
    permission: str
    started_at: datetime
    duration_ms: float


def _shown(rows: Sequence[RowMapping], names: Sequence[str], sight: Sight) -> list[dict[str, Any]]:
    return [{**row, **{name: shown(row[name], sight) for name in names}} for row in rows]


async def questions(database: Database, run_id: str, sight: Sight) -> list[Question]:
    rows = await calls.model_calls(database, run_id)
    names = ("prompt", "answer", "reasoning", "attempts", "error", "reasons")
    told = await asyncio.to_thread(_shown, rows, names, sight)
    return [Question.model_validate({**each, **_kept(row, sight)}) for each, row in zip(told, rows, strict=True)]


def _kept(row: RowMapping, sight: Sight) -> dict[str, Any]:
    """What is shown of a question even where its content is hidden: why this model, and how the attempts went."""
    if sight is not Sight.HIDDEN:
        return {}
    attempts: Any = row["attempts"]
    return {
        "reasons": shown(row["reasons"], Sight.MASKED),
        "attempts": [hidden(each, _OPEN_OF_ATTEMPT) for each in cast(list[Any], attempts)]
        if isinstance(attempts, list)
        else MASK,
        "error": shown_error(row["error"], sight),
    }


async def tool_calls(database: Database, run_id: str, sight: Sight) -> list[Called]:
    rows = await calls.tool_calls(database, run_id)
    told = await asyncio.to_thread(_shown, rows, ("arguments", "result", "error"), sight)
    if sight is Sight.HIDDEN:
        told = [{**each, "error": shown_error(row["error"], sight)} for each, row in zip(told, rows, strict=True)]
    return [Called.model_validate(each) for each in told]


class ToldEvent(BaseModel):
    """An event. data: JSON text, cut where it is long. size: characters of the whole."""

    seq: int
    kind: str
    data: str
    size: int
    created_at: datetime


class Events(BaseModel):
    """next: give it as `after` for the next page; null at the end. last: number of the run's last event."""

    events: list[ToldEvent]
    next: int | None
    last: int


async def events(database: Database, run_id: str, after: int, limit: int, sight: Sight, kind: str | None) -> Events:
    """A page of events. kind: only of this one, such as "node" or "updates"."""
    query = (
        select(RunEvent.seq, RunEvent.kind, RunEvent.data, RunEvent.created_at)
        .where(RunEvent.run_id == run_id, RunEvent.seq > after)
        .order_by(RunEvent.seq)
        .limit(limit + 1)
    )
    if kind is not None:
        query = query.where(RunEvent.kind == kind)
    async with database.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
        last = await connection.scalar(select(func.max(RunEvent.seq)).where(RunEvent.run_id == run_id)) or 0
    data = await asyncio.to_thread(shown_events, [(row["kind"], row["data"]) for row in rows[:limit]], sight)
    told = [
        ToldEvent(seq=row["seq"], kind=row["kind"], data=text, size=len(row["data"]), created_at=row["created_at"])
        for row, text in zip(rows, data, strict=False)
    ]
    return Events(events=told, next=told[-1].seq if len(rows) > limit else None, last=last)
