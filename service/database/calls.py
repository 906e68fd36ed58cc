"""Model calls and tool calls of runs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping, Select, insert, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from agents.record import ModelCall
from service.database.engine import Database
from service.database.sealed import confidential
from service.database.tables import ModelCallRow, Run, ToolCallRow, new_id
from service.database.writer import Statement, Write
from tools.record import ToolCall

_INSERT_MODEL_CALL = Statement(insert(ModelCallRow), rank=60)
# A call that had failed before a crash may be made again under the same key: the newer record replaces the failed one.
# One that had returned is never replaced.
_COLUMNS = ("arguments", "result", "error", "permission", "started_at", "duration_ms", "node")
_sqlite = sqlite_insert(ToolCallRow)
_postgresql = postgresql_insert(ToolCallRow)
_UPSERT_TOOL_CALL = {
    "sqlite": Statement(
        _sqlite.on_conflict_do_update(
            index_elements=["run_id", "key"],
            set_={name: _sqlite.excluded[name] for name in _COLUMNS},
            where=ToolCallRow.error.is_not(None),
        ),
        rank=60,
    ),
    "postgresql": Statement(
        _postgresql.on_conflict_do_update(
            index_elements=["run_id", "key"],
            set_={name: _postgresql.excluded[name] for name in _COLUMNS},
            where=ToolCallRow.error.is_not(None),
        ),
        rank=60,
    ),
}


def model_call(run_id: str, tenant_id: str, call: ModelCall, *, sealed: bool = False) -> Write:
    usage = asdict(call.usage)
    row: dict[str, Any] = {
        "call_id": new_id(),
        "run_id": run_id,
        "tenant_id": tenant_id,
        "node": call.node,
        "task_id": call.task_id,
        "question": call.question,
        "prompt_sha256": call.prompt_sha256,
        "engine": call.engine,
        "model": call.model,
        "endpoint": call.endpoint,
        "reasons": list(call.reasons),
        "thinking": call.thinking,
        "schema_name": call.schema_name,
        "prompt": confidential(call.prompt, sealed),
        "answer": confidential(call.answer, sealed),
        "reasoning": confidential(call.reasoning, sealed),
        "attempts": confidential(call.attempts, sealed),
        "error": confidential(call.error, sealed, "code", "status"),
        "started_at": call.started_at,
        "duration_ms": call.duration_ms,
        "ttft_ms": call.ttft_ms,
        **usage,
    }
    return Write(_INSERT_MODEL_CALL, row)


def tool_call(database: Database, run_id: str, tenant_id: str, call: ToolCall, *, sealed: bool = False) -> Write:
    row: dict[str, Any] = {
        "run_id": run_id,
        "key": call.key,
        "tenant_id": tenant_id,
        "node": call.node,
        "server": call.server,
        "tool": call.tool,
        "arguments": confidential(call.arguments, sealed),
        "result": confidential(call.result, sealed),
        "error": confidential(call.error, sealed, "code", "status"),
        "permission": call.permission,
        "started_at": call.started_at,
        "duration_ms": call.duration_ms,
    }
    return Write(_UPSERT_TOOL_CALL[database.engine.dialect.name], row)


async def returned(database: Database, run_id: str, key: str) -> dict[str, Any] | None:
    """The result of a tool call that had returned, by its key."""
    query = select(ToolCallRow.result).where(
        ToolCallRow.run_id == run_id, ToolCallRow.key == key, ToolCallRow.error.is_(None)
    )
    async with database.reading() as connection:
        return await connection.scalar(query)


async def model_calls(database: Database, run_id: str) -> Sequence[RowMapping]:
    query = select(ModelCallRow.__table__).where(ModelCallRow.run_id == run_id).order_by(ModelCallRow.started_at)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()


async def tool_calls(database: Database, run_id: str) -> Sequence[RowMapping]:
    query = select(ToolCallRow.__table__).where(ToolCallRow.run_id == run_id).order_by(ToolCallRow.started_at)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()


def _of_thread(run_id: str) -> Select[str]:
    """The ids of the runs on the same thread, this one among them."""
    thread = select(Run.thread_id).where(Run.run_id == run_id).scalar_subquery()
    return select(Run.run_id).where(Run.thread_id == thread)


async def last_on_thread(database: Database, run_id: str, key: str) -> RowMapping | None:
    """Result and error of the newest record of a tool call, of whichever run on the thread: a run that a person's
    answer resumes goes on in tasks of the run before it."""
    table = ToolCallRow
    query = select(table.result, table.error).where(table.run_id.in_(_of_thread(run_id)), table.key == key)
    async with database.reading() as connection:
        return (await connection.execute(query.order_by(table.run_id.desc()).limit(1))).mappings().one_or_none()
