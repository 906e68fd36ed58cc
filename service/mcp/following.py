"""Following a run for a client: progress at each node, the end, the questions on the way."""

import asyncio
from typing import Any, Final

import orjson
from mcp_types import (
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputResponses,
)
from sqlalchemy import RowMapping

from service.api.runs import accept
from service.api.shapes import RunCommand, RunCreate
from service.auth import Caller
from service.mcp import approvals, results, steps
from service.mcp.approvals import Form
from service.mcp.calls import Call, Context
from service.mcp.reception import InputNeeded, Reception, modern, shows_forms
from service.runs.submit import outcome

_LAST_WORDS: Final = 1.0
"""Seconds that progress still to be told gets once a run has ended."""


async def finished(
    reception: Reception, context: Context, call: Call, run_id: str, *, background: bool = False
) -> CallToolResult:
    """The result of a run that was started: followed to its end, with its questions put to the person at the client.

    Without a progress token a client gives up soon (60 s is usual), so then the answer comes after limits of
    mcp.wait_seconds, with the run still going.
    """
    house, caller = reception.house, reception.caller(context)
    while True:
        if not background:
            told = bool(context.meta and context.meta.get("progress_token") is not None)
            await follow(reception, context, call, run_id, None if told else house.settings.mcp.wait_seconds)
        row = await results.find(house, caller, run_id)
        asked = await results.interrupts(house, row)
        if not asked:
            return results.result(await results.shown(house, row))
        reply = await _asked(context, row, approvals.form(asked[0]))
        if reply is None:
            inbox = reception.inbox(context, row["thread_id"])
            return results.result(await results.shown(house, row, inbox=inbox))
        run_id = await resume(reception, context, call, row, asked, reply)


async def follow(reception: Reception, context: Context, call: Call, run_id: str, patience: float | None) -> None:
    """Until the run ends, `patience` seconds are over, or the service stops; progress is told on the way."""
    ending = await outcome(reception.house, run_id)
    telling = asyncio.create_task(_tell(reception, context, call, run_id))
    closing = asyncio.create_task(reception.calls.closing.wait())
    try:
        done, _ = await asyncio.wait([ending, closing], timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if ending in done:
            await asyncio.wait([telling], timeout=_LAST_WORDS)
    finally:
        telling.cancel()
        closing.cancel()


async def _tell(reception: Reception, context: Context, call: Call, run_id: str) -> None:
    """Tell each node as it starts; progress counts them, and total is known where a workflow always has the same."""
    row = await results.find(reception.house, reception.caller(context), run_id)
    total = steps.total(row["graph_id"])
    async for event in reception.house.feeds.follow(run_id):
        if event.kind != "node":
            continue
        node: dict[str, Any] = orjson.loads(event.data)
        if node["phase"] == "started" and not node.get("namespace"):
            call.told += 1
            known = total if total is not None and call.told <= total else None
            await context.session.report_progress(call.told, known, steps.label(row["graph_id"], node["node"]))


async def resume(
    reception: Reception, context: Context, call: Call, row: RowMapping, asked: list[dict[str, Any]], reply: Any
) -> str:
    """Go on with a waiting run; the id of the run that does. Of several questions the first is answered."""
    value = reply if len(asked) == 1 else {asked[0]["id"]: reply}
    body = RunCreate(
        assistant_id=row["assistant_id"],
        command=RunCommand(resume=value),
        metadata={"source": "mcp"},
        stream_mode=["custom"],
    )
    caller: Caller = reception.caller(context)
    accepted = await call.accept(accept(reception.house, caller, body, row["thread_id"]))
    await reception.note(context, "answer_run", row["run_id"])
    return str(accepted.row["run_id"])


async def _asked(context: Context, row: RowMapping, form: Form) -> Any:
    """What the person at the client answers; None where the client cannot ask, or the person does not answer now."""
    if not shows_forms(context):
        return None
    shown = ElicitRequestFormParams(message=form.message, requested_schema=form.schema)
    if modern(context):
        state = orjson.dumps({"run_id": row["run_id"], "interrupt_id": form.interrupt_id}).decode()
        raise InputNeeded("approval", ElicitRequest(params=shown), state)
    replied = await context.session.elicit_form(form.message, form.schema, context.request_id)
    return approvals.answer(form, replied.content or {}) if replied.action == "accept" else None


async def answered(
    reception: Reception, context: Context, call: Call, state: str, answers: InputResponses | None
) -> CallToolResult:
    """A call that comes again with the answer to the question that its first round ended in (2026-07-28).

    state: what `_asked` gave out; the SDK has unsealed it, so that it is ours, this caller's, and for these arguments.
    """
    told: dict[str, str] = orjson.loads(state)
    row = await results.find(reception.house, reception.caller(context), told["run_id"])
    asked = await results.interrupts(reception.house, row)
    reply: Any = (answers or {}).get("approval")
    given = reply if isinstance(reply, ElicitResult) else ElicitResult.model_validate(reply) if reply else None
    if given is None and asked:
        return await finished(reception, context, call, row["run_id"])  # the question once more
    if not asked or asked[0]["id"] != told["interrupt_id"] or given is None or given.action != "accept":
        inbox = reception.inbox(context, row["thread_id"])
        return results.result(await results.shown(reception.house, row, inbox=inbox))
    value = approvals.answer(approvals.form(asked[0]), given.content or {})
    return await finished(reception, context, call, await resume(reception, context, call, row, asked, value))
