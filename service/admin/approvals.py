"""The inbox: what runs ask of people, and deciding it, once."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from fastapi import Request
from pydantic import BaseModel
from sqlalchemy import RowMapping, Select, func, insert, select
from sqlalchemy.exc import IntegrityError

from service.admin import auditing
from service.admin.answer_form import checked
from service.admin.finding import acting_for, keeps_hidden, sight_of
from service.admin.masking import Sight
from service.admin.roles import Visitor
from service.admin.showing import cut, shown
from service.api.finding import UnknownThread, checked_uuid
from service.api.runs import accept
from service.api.shapes import RunCommand, RunConfig, RunCreate
from service.database.engine import Database
from service.database.sealed import confidential
from service.database.tables import Decision, Run, Thread, new_id, now
from service.database.writer import Statement, Write
from service.house import House
from service.runs.starting import NothingToResume
from service.runs.submit import ThreadBusy
from tools.errors import ConsiliaError

_INSERT = Statement(insert(Decision), rank=15)


class AlreadyDecided(ConsiliaError):
    """Somebody else was first."""

    code = "already_decided"
    status = 409


class NothingWaits(ConsiliaError):
    """The thread waits for no such answer, or no longer."""

    code = "nothing_waits"
    status = 404


class Waiting(BaseModel):
    """An interrupt that waits for a person. title, question, evidence, answer_schema: of what the graph asks, where it
    says them; told: all else that it says. run_id: the run that asks."""

    thread_id: str
    interrupt_id: str
    run_id: str | None
    tenant_id: str
    graph_id: str
    kind: str
    title: str
    question: str
    evidence: Any
    told: Any
    answer_schema: dict[str, Any] | None
    since: datetime


class MadeDecision(BaseModel):
    """A decision that was made. decided_by: the key's name at that time."""

    thread_id: str
    interrupt_id: str
    tenant_id: str
    run_id: str | None
    resumed_by: str
    key_id: str
    decided_by: str
    answer: Any
    decided_at: datetime


def _threads(visitor: Visitor) -> Select[Any]:
    newest = select(func.max(Run.run_id)).where(Run.thread_id == Thread.thread_id).scalar_subquery()
    on_thread = select(Run.graph_id).where(Run.thread_id == Thread.thread_id)
    workflow = on_thread.order_by(Run.run_id.desc()).limit(1).scalar_subquery()
    query: Select[Any] = select(  # pyright: ignore[reportAssignmentType], of no interest here
        Thread.thread_id,
        Thread.tenant_id,
        Thread.metadata_.label("about"),
        Thread.interrupts,
        Thread.state_updated_at,
        newest.label("run_id"),
        workflow.label("workflow"),
    ).where(Thread.status == "interrupted")
    return query if visitor.tenant is None else query.where(Thread.tenant_id == visitor.tenant)


async def inbox(house: House, visitor: Visitor, limit: int = 200) -> list[Waiting]:
    """What waits, the longest first, as far as the visitor may see it."""
    query = _threads(visitor).order_by(Thread.updated_at).limit(limit)
    async with house.database.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()

    def told() -> list[Waiting]:
        return [each for row in rows for each in _waiting(row, sight_of(house, visitor, _workflow(row)), visitor)]

    return await asyncio.to_thread(told)


async def of_thread(house: House, visitor: Visitor, thread_id: str, sight: Sight | None = None) -> list[Waiting]:
    """What one thread waits for. sight: how much of it is shown; None: as much as of the workflow's runs.
    Raises UnknownThread."""
    thread_id = checked_uuid("thread", thread_id)
    known = select(Thread.thread_id).where(Thread.thread_id == thread_id)
    if visitor.tenant is not None:
        known = known.where(Thread.tenant_id == visitor.tenant)
    async with house.database.reading() as connection:
        if await connection.scalar(known) is None:
            raise UnknownThread(f"there is no thread {thread_id}, or it is not yours to see", thread_id=thread_id)
        row = (
            (await connection.execute(_threads(visitor).where(Thread.thread_id == thread_id))).mappings().one_or_none()
        )
    if row is None:
        return []
    sight = sight or sight_of(house, visitor, _workflow(row))
    return await asyncio.to_thread(_waiting, row, sight, visitor)


async def to_decide(request: Request, house: House, visitor: Visitor, thread_id: str) -> list[Waiting]:
    """What one thread waits for. Who may decide it sees what is asked, masked, even where what runs of the workflow
    read and wrote is hidden; that is audited. Raises UnknownThread."""
    waits = await of_thread(house, visitor, thread_id)
    hidden = [each for each in waits if keeps_hidden(house, each.graph_id)]
    if not hidden or not visitor.may("approve", hidden[0].graph_id):
        return waits
    await auditing.record(request, house, visitor, "approval.see", hidden[0].tenant_id, thread_id)
    return await of_thread(house, visitor, thread_id, Sight.MASKED)


def _workflow(row: RowMapping) -> str:
    """Of the run that asks: a thread's metadata are its owner's words."""
    return row["workflow"] or str(row["about"].get("graph_id") or "")


def _waiting(row: RowMapping, sight: Sight, visitor: Visitor) -> list[Waiting]:
    workflow = _workflow(row)
    may_decide = visitor.may("approve", workflow)
    found: list[Waiting] = []
    for asked in (each for group in row["interrupts"].values() for each in group):
        value: Any = asked["value"]
        told = cast(dict[str, Any], value) if isinstance(value, dict) else {"question": value}
        schema = told.get("schema") or asked.get("response_schema")
        rest = {name: each for name, each in told.items() if name not in ("title", "question", "evidence", "schema")}
        found.append(
            Waiting(
                thread_id=row["thread_id"],
                interrupt_id=asked["id"],
                run_id=row["run_id"],
                tenant_id=row["tenant_id"],
                graph_id=workflow,
                kind=str(told.get("kind") or ""),
                title="A question"
                if sight is Sight.HIDDEN
                else _words(shown(told.get("title"), sight)) or "A question",
                question=_words(shown(told.get("question"), sight)),
                evidence=shown(told.get("evidence"), sight),
                told=shown({name: each for name, each in rest.items() if name != "kind"}, sight),
                answer_schema=cast(dict[str, Any], schema) if may_decide and isinstance(schema, dict) else None,
                since=row["state_updated_at"],
            )
        )
    return found


def _words(value: Any) -> str:
    return "" if value is None else value[:2000] if isinstance(value, str) else str(cut(value))[:2000]


async def decide(house: House, visitor: Visitor, thread_id: str, interrupt_id: str, answer: Any) -> MadeDecision:
    """Answer an interrupt and go on with its run; who answered is recorded in the same transaction.

    Raises NotPermitted, NothingWaits, AlreadyDecided, InvalidAnswer, and what accepting a run raises.
    """
    waits = await of_thread(house, visitor, thread_id, Sight.SEEN)
    asked = next((each for each in waits if each.interrupt_id == interrupt_id), None)
    if asked is None:
        await _raise_if_decided(house.database, checked_uuid("thread", thread_id), interrupt_id)
        raise NothingWaits(f"thread {thread_id} does not wait for an answer to {interrupt_id}", thread_id=thread_id)
    visitor.caller.require("approve", asked.graph_id)
    checked(asked.answer_schema, answer)
    await _raise_if_decided(house.database, asked.thread_id, interrupt_id)
    run_id, decided_at = new_id(), now()
    row: dict[str, Any] = {
        "thread_id": asked.thread_id,
        "interrupt_id": interrupt_id,
        "tenant_id": asked.tenant_id,
        "run_id": asked.run_id,
        "resumed_by": run_id,
        "key_id": visitor.caller.key_id,
        "decided_by": visitor.name,
        "answer": answer,
        "decided_at": decided_at,
    }
    earlier = await _asking_run(house.database, asked.run_id)
    kwargs: dict[str, Any] = earlier["kwargs"]
    body = RunCreate(
        assistant_id=earlier["assistant_id"],
        command=RunCommand(resume=answer if len(waits) == 1 else {interrupt_id: answer}),
        config=RunConfig.model_validate(kwargs.get("config") or {}),
        context=kwargs.get("context") or {},
        metadata={"decided_by": visitor.name},
        webhook=kwargs.get("webhook"),
        multitask_strategy="reject",
    )
    caller = acting_for(visitor, asked.tenant_id)
    try:
        kept = {**row, "answer": confidential(answer, house.database.is_sensitive(asked.graph_id))}
        await accept(house, caller, body, asked.thread_id, run_id, (Write(_INSERT, kept),))
    except (IntegrityError, ThreadBusy, NothingToResume):
        await _raise_if_decided(house.database, asked.thread_id, interrupt_id)
        raise
    return MadeDecision.model_validate(row)


async def _asking_run(database: Database, run_id: str | None) -> RowMapping:
    query = select(Run.assistant_id, Run.kwargs).where(Run.run_id == run_id)
    async with database.reading() as connection:
        row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise NothingWaits("the run that asked was deleted; answer over REST with the thread's id")
    return row


async def _raise_if_decided(database: Database, thread_id: str, interrupt_id: str) -> None:
    query = select(Decision.decided_by, Decision.decided_at, Decision.resumed_by).where(
        Decision.thread_id == thread_id, Decision.interrupt_id == interrupt_id
    )
    async with database.reading() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is not None:
        when = f"{row.decided_at:%Y-%m-%d %H:%M:%S} UTC"
        raise AlreadyDecided(
            f"{row.decided_by} has decided this already, {when}; run {row.resumed_by} went on",
            resumed_by=row.resumed_by,
        )


async def decisions(house: House, visitor: Visitor, limit: int = 50) -> Sequence[MadeDecision]:
    """The decisions that were made here, newest first."""
    query = (
        select(Decision.__table__, Run.graph_id)
        .outerjoin(Run, Run.run_id == Decision.run_id)
        .order_by(Decision.decided_at.desc())
        .limit(limit)
    )
    if visitor.tenant is not None:
        query = query.where(Decision.tenant_id == visitor.tenant)
    async with house.database.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()

    def told() -> list[MadeDecision]:
        answers = [shown(row["answer"], sight_of(house, visitor, row["graph_id"])) for row in rows]
        return [
            MadeDecision.model_validate({**row, "answer": answer}) for row, answer in zip(rows, answers, strict=True)
        ]

    return await asyncio.to_thread(told)
