"""The audit log's rows: added one after the other, each hashed together with the one before."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import RowMapping, insert, select, update

from service.database.engine import Database
from service.database.tables import AuditEvent, AuditHead, now

_BATCH = 2000

Detail = str | int | bool | None

Head = tuple[int, str]
"""An event's number and hash: what stands there vouches for all that came before."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who did what to what, when, from where. See the columns of `AuditEvent`."""

    actor: str
    action: str
    target: str = ""
    tenant_id: str | None = None
    address: str = ""
    status: int = 0
    details: dict[str, Detail] = field(default_factory=dict[str, Detail])
    at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of the whole log came to. fault: what is wrong with which row; None: nothing. head: `seq:hash`."""

    events: int
    head: str
    fault: str | None


async def append(database: Database, key: bytes, acts: Sequence[Act]) -> Head:
    """Add to the log's end; its head then. Whoever appends at the same moment, here or elsewhere, waits for the head's
    row."""
    lengthened = (
        update(AuditHead)
        .where(AuditHead.head_id == 1)
        .values(seq=AuditHead.seq + len(acts))
        .returning(AuditHead.seq, AuditHead.hash)
    )
    async with database.engine.begin() as connection:
        seq, chain = (await connection.execute(lengthened)).one()
        rows: list[dict[str, Any]] = []
        for number, act in enumerate(acts, start=seq - len(acts) + 1):
            row = {"seq": number, **_columns(act)}
            chain = link(key, chain, row)
            rows.append({**row, "hash": chain})
        await connection.execute(insert(AuditEvent), rows)
        await connection.execute(update(AuditHead).where(AuditHead.head_id == 1).values(hash=chain))
    return seq, chain


def _columns(act: Act) -> dict[str, Any]:
    return {
        "at": act.at,
        "tenant_id": act.tenant_id,
        "actor": _text(act.actor),
        "action": _text(act.action),
        "target": _text(act.target),
        "address": _text(act.address),
        "status": act.status,
        "details": {_text(name): _text(each) if isinstance(each, str) else each for name, each in act.details.items()},
    }


def _text(text: str) -> str:
    """What both databases keep as it is: no NUL, no half of a surrogate pair, not endless."""
    return text.replace("\0", "\\0").encode("utf-8", "replace").decode()[:1000]


def link(key: bytes, previous: str, row: RowMapping | dict[str, Any]) -> str:
    """A row's hash: HMAC-SHA-256 (RFC 2104) over the hash before it and the row's columns as JSON."""
    at: datetime = row["at"]
    told = [
        row["seq"],
        at.astimezone(UTC).isoformat(timespec="microseconds"),
        *(row[name] for name in ("tenant_id", "actor", "action", "target", "address", "status", "details")),
    ]
    return hmac.new(
        key, previous.encode() + orjson.dumps(told, option=orjson.OPT_SORT_KEYS), hashlib.sha256
    ).hexdigest()


async def verify(database: Database, key: bytes, expected: Sequence[Head] = ()) -> Verified:
    """Check every row's hash, that none is missing, and that the log ends where its head says.

    expected: heads that were noted earlier and must still be in the log.
    """
    events, chain = 0, ""
    fault: str | None = None
    async with database.reading() as connection:
        head = (await connection.execute(select(AuditHead.seq, AuditHead.hash))).one_or_none()
    last = 0 if head is None else head.seq
    missing = {head for head in expected if head[0] > 0}
    while fault is None and events < last:
        rows = await after(database, events, _BATCH)
        if not rows:
            break
        for row in rows:
            if row["seq"] > last:  # written since
                break
            if row["seq"] != events + 1:
                fault = f"event {events + 1} is missing"
                break
            chain = link(key, chain, row)
            if not hmac.compare_digest(chain, row["hash"]):
                fault = f"event {row['seq']} was changed, or was not written with this installation's pepper"
                break
            events = row["seq"]
            missing.discard((events, chain))
    if fault is None and events < last:
        fault = f"event {events + 1} is missing: the log should end with event {last}"
    if fault is None and (head is None or head.hash != chain):
        fault = "the log's head is not that of its last event"
    if fault is None and missing:
        fault = f"the log no longer holds event {min(missing)[0]} with the hash that was noted"
    return Verified(events, f"{events}:{chain}", fault)


async def hash_of(database: Database, seq: int) -> str | None:
    """The hash of an event, None where there is none of that number."""
    async with database.reading() as connection:
        return await connection.scalar(select(AuditEvent.hash).where(AuditEvent.seq == seq))


async def after(database: Database, seq: int, limit: int) -> Sequence[RowMapping]:
    """The next events after a number, oldest first."""
    query = select(AuditEvent.__table__).where(AuditEvent.seq > seq).order_by(AuditEvent.seq).limit(limit)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()


async def search(
    database: Database,
    tenant_id: str | None,
    *,
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[RowMapping]:
    """Events, newest first. tenant_id: None takes every tenant's. action: as it is, or its beginning with a period at
    the end ("keys."). target: a part of it. before: a number; only older events (keyset pagination)."""
    query = select(AuditEvent.__table__)
    if tenant_id is not None:
        query = query.where(AuditEvent.tenant_id == tenant_id)
    if actor:
        query = query.where(AuditEvent.actor == actor)
    if action:
        begins = AuditEvent.action.startswith(action, autoescape=True)
        query = query.where(begins if action.endswith(".") else AuditEvent.action == action)
    if target:
        query = query.where(AuditEvent.target.contains(target, autoescape=True))
    if since is not None:
        query = query.where(AuditEvent.at >= since)
    if before is not None:
        query = query.where(AuditEvent.seq < before)
    async with database.reading() as connection:
        return (await connection.execute(query.order_by(AuditEvent.seq.desc()).limit(limit))).mappings().all()
