"""The store: JSON documents under a namespace and a key, for what graphs remember from thread to thread."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import RowMapping, Select, bindparam, delete, or_, select, type_coerce, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from service.database.engine import Database
from service.database.matching import contains
from service.database.sealed import SEALED, confidential
from service.database.tables import Json, StoreItem, now
from service.database.writer import Statement, Write
from tools.errors import ConsiliaError

Namespace = tuple[str, ...]

_BATCH: Final = 500
"""Rows that a filtered search reads at a time."""


class UnsupportedOperator(ConsiliaError):
    code = "unsupported_operator"
    status = 400


def _put(dialect: str) -> Statement:
    upsert: Any = sqlite_insert if dialect == "sqlite" else postgresql_insert
    row = upsert(StoreItem)
    changed = {name: row.excluded[name] for name in ("value", "untrusted", "ttl", "updated_at", "expires_at")}
    return Statement(row.on_conflict_do_update(index_elements=["tenant_id", "namespace", "key"], set_=changed), rank=45)


_PUT = {dialect: _put(dialect) for dialect in ("sqlite", "postgresql")}
_ITEM = (
    StoreItem.tenant_id == bindparam("b_tenant_id"),
    StoreItem.namespace == bindparam("b_namespace"),
    StoreItem.key == bindparam("b_key"),
)
_DELETE = Statement(delete(StoreItem).where(*_ITEM), rank=45)
_REFRESH = Statement(update(StoreItem).where(*_ITEM).values(expires_at=bindparam("b_expires_at")), rank=45)


def _text(namespace: Namespace) -> str:
    return "".join(label + "." for label in namespace)


def labels(row: RowMapping) -> Namespace:
    """The namespace of a row."""
    return tuple(row["namespace"].split(".")[:-1])


def put(
    database: Database,
    tenant_id: str,
    namespace: Namespace,
    key: str,
    value: dict[str, Any],
    ttl: float | None,
    *,
    untrusted: str | None = None,
    sealed: bool = False,
) -> Write:
    """The write that keeps an item, new or in place of the one there. ttl: minutes. untrusted: what untrusted content
    it came from, in words. sealed: its value is not to be readable in the database."""
    moment = now()
    row: dict[str, Any] = {
        "tenant_id": tenant_id,
        "namespace": _text(namespace),
        "key": key,
        "value": confidential(value, sealed),
        "untrusted": confidential(untrusted, sealed),
        "ttl": ttl,
        "created_at": moment,
        "updated_at": moment,
        "expires_at": _expiry(moment, ttl),
    }
    return Write(_PUT[database.engine.dialect.name], row)


def _expiry(moment: datetime, ttl: float | None) -> datetime | None:
    return moment + timedelta(minutes=ttl) if ttl is not None else None


def deletion(tenant_id: str, namespace: Namespace, key: str) -> Write:
    return Write(_DELETE, {"b_tenant_id": tenant_id, "b_namespace": _text(namespace), "b_key": key})


def refreshed(rows: Iterable[RowMapping]) -> list[Write]:
    """The writes that let the items with a time to live begin it anew."""
    moment = now()
    return [
        Write(
            _REFRESH,
            {
                "b_tenant_id": row["tenant_id"],
                "b_namespace": row["namespace"],
                "b_key": row["key"],
                "b_expires_at": _expiry(moment, row["ttl"]),
            },
        )
        for row in rows
        if row["ttl"] is not None
    ]


def _alive(query: Select[Any], tenant_id: str) -> Select[Any]:
    unexpired = or_(StoreItem.expires_at.is_(None), StoreItem.expires_at > now())
    return query.where(StoreItem.tenant_id == tenant_id, unexpired)


def _under(query: Select[Any], prefix: Namespace) -> Select[Any]:
    if not prefix:
        return query
    first = _text(prefix)
    return query.where(StoreItem.namespace >= first, StoreItem.namespace < first[:-1] + "/")  # "/" comes after "."


async def get(database: Database, tenant_id: str, namespace: Namespace, key: str) -> RowMapping | None:
    query = _alive(select(StoreItem.__table__), tenant_id).where(
        StoreItem.namespace == _text(namespace), StoreItem.key == key
    )
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().one_or_none()


async def search(
    database: Database,
    tenant_id: str,
    prefix: Namespace,
    *,
    wanted: dict[str, Any] | None = None,
    limit: int = 10,
    offset: int = 0,
) -> Sequence[RowMapping]:
    """Items under a namespace that match the filter, the last written first. Raises UnsupportedOperator."""
    query = _under(_alive(select(StoreItem.__table__), tenant_id), prefix)
    query = query.order_by(StoreItem.updated_at.desc(), StoreItem.namespace, StoreItem.key)
    if not wanted:
        async with database.reading() as connection:
            return (await connection.execute(query.limit(limit).offset(offset))).mappings().all()
    if plain := {key: value for key, value in wanted.items() if isinstance(value, str)}:
        sealed = type_coerce(StoreItem.value, Json)[SEALED].as_string().is_not(None)
        query = query.where(sealed | contains(database, StoreItem.value, plain))  # it narrows, `matches` decides
    found: list[RowMapping] = []
    async with database.reading() as connection:
        rows = await connection.stream(query.execution_options(yield_per=_BATCH))
        async for row in rows.mappings():
            if matches(row["value"], wanted):
                found.append(row)
            if len(found) >= limit + offset:
                break
        await rows.close()
    return found[offset:]


def matches(value: Any, wanted: Any) -> bool:
    """Whether a stored value is as wanted: equal; every given key of an object so; or as its operators say.

    Operators: $eq, $ne, $gt, $gte, $lt, $lte; the last four compare numbers with numbers and text with text, and are
    false of all else. A key that is not there counts as null. Raises UnsupportedOperator.
    """
    if isinstance(wanted, dict):
        asked = cast(dict[str, Any], wanted)
        if any(key.startswith("$") for key in asked):
            return all(_compared(value, operator, operand) for operator, operand in asked.items())
        if not isinstance(value, dict):
            return False
        given = cast(dict[str, Any], value)
        return all(matches(given.get(key), each) for key, each in asked.items())
    return value == wanted


def _compared(value: Any, operator: str, operand: Any) -> bool:
    match operator:
        case "$eq":
            return value == operand
        case "$ne":
            return value != operand
        case "$gt":
            return _order(value, operand) == 1
        case "$gte":
            return _order(value, operand) in (0, 1)
        case "$lt":
            return _order(value, operand) == -1
        case "$lte":
            return _order(value, operand) in (0, -1)
        case _:
            known = "$eq, $ne, $gt, $gte, $lt, $lte"
            raise UnsupportedOperator(f"Unsupported operator: {operator}; there are: {known}", operator=operator)


def _order(value: Any, operand: Any) -> int | None:
    """-1, 0, 1 as value is less, equal or greater; None where the two have no order."""
    if isinstance(value, (int, float)) and isinstance(operand, (int, float)):
        return (value > operand) - (value < operand)
    if isinstance(value, str) and isinstance(operand, str):
        return (value > operand) - (value < operand)
    return None


async def namespaces(
    database: Database,
    tenant_id: str,
    *,
    prefix: Namespace = (),
    suffix: Namespace = (),
    max_depth: int | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[Namespace]:
    """The namespaces that hold items, in order. A "*" in prefix or suffix stands for any label."""
    fixed = prefix[: prefix.index("*")] if "*" in prefix else prefix
    query = _under(_alive(select(StoreItem.namespace).distinct(), tenant_id), fixed)
    async with database.reading() as connection:
        every = [tuple(text.split(".")[:-1]) for text in await connection.scalars(query)]
    fitting = {
        namespace[:max_depth]
        for namespace in every
        if len(namespace) >= max(len(prefix), len(suffix))
        and _fits(namespace[: len(prefix)], prefix)
        and _fits(namespace[len(namespace) - len(suffix) :], suffix)
    }
    return sorted(fitting)[offset : offset + limit]


def _fits(namespace: Namespace, pattern: Namespace) -> bool:
    return all(wanted in ("*", label) for label, wanted in zip(namespace, pattern, strict=True))


async def untrusted(database: Database, tenant_id: str, prefix: Namespace) -> bool:
    """Whether an item under a namespace came from untrusted content; its name did then, too."""
    query = _under(_alive(select(StoreItem.key), tenant_id), prefix).where(StoreItem.untrusted.is_not(None))
    async with database.reading() as connection:
        return await connection.scalar(query.limit(1)) is not None


async def sweep(database: Database) -> None:
    """Delete what has outlived its time."""
    async with database.engine.begin() as connection:
        await connection.execute(delete(StoreItem).where(StoreItem.expires_at <= now()))
