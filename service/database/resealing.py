"""Sealing anew, with the newest key, whatever an older one seals: after that the older one can be deleted."""

import base64
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final, cast

from sqlalchemy import Column, LargeBinary, RowMapping, Text, bindparam, select, tuple_, type_coerce, update
from sqlalchemy import Table as SqlTable

from service.database.engine import Database
from service.database.sealed import BYTES, SEALED, TEXT, SealedBytes, SealedJson, SealedText
from service.database.sealing import Sealer, key_name
from service.database.tables import CheckpointRow, CheckpointValue, CheckpointWrite, Json, Table

_BATCH: Final = 200
_CHECKPOINTS: Final = ((CheckpointRow, "checkpoint"), (CheckpointValue, "value"), (CheckpointWrite, "value"))


async def reseal(database: Database, sealer: Sealer, cipher: str, owner: str) -> int:
    """Seal every value anew that an older key seals; how many. May run beside the service, and be run again.

    cipher, owner: how sealed checkpoints are named and bound (service.runs.serializing). Raises CannotUnseal.
    """
    count = 0
    for table in Table.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, SealedJson | SealedText | SealedBytes):
                count += await _column(database, sealer, table, column)
    for model, name in _CHECKPOINTS:
        table = cast(SqlTable, model.__table__)
        count += await _checkpoints(database, sealer, table, table.c[name], f"+{cipher}", owner)
    return count


async def _column(database: Database, sealer: Sealer, table: SqlTable, column: Column[Any]) -> int:
    count = 0
    kind = (
        Json
        if isinstance(column.type, SealedJson)
        else Text()
        if isinstance(column.type, SealedText)
        else LargeBinary()
    )
    raw = type_coerce(column, kind)
    async for row in _rows(database, table, [raw.label("raw_value")]):
        sealed = _ciphertext(row["raw_value"])
        if sealed is None or key_name(sealed) == sealer.newest:
            continue
        owner = cast(SealedJson, column.type).column
        again = _as_kept(row["raw_value"], sealer.seal(sealer.open(sealed, owner), owner))
        count += await _replace(database, table, column, row, raw, kind, again)
    return count


async def _checkpoints(
    database: Database, sealer: Sealer, table: SqlTable, column: Column[Any], cipher: str, owner: str
) -> int:
    count = 0
    async for row in _rows(database, table, [column.label("raw_value"), table.c.type.label("raw_type")]):
        if cipher in row["raw_type"] and key_name(row["raw_value"]) != sealer.newest:
            again = sealer.seal(sealer.open(row["raw_value"], owner), owner)
            count += await _replace(database, table, column, row, column, LargeBinary(), again)
    return count


async def _rows(database: Database, table: SqlTable, wanted: Sequence[Any]) -> AsyncGenerator[RowMapping]:
    """Every row's key and what is wanted of it, in the order of the keys."""
    keys = list(table.primary_key.columns)
    after: tuple[Any, ...] | None = None
    while True:
        query = select(*keys, *wanted).order_by(*keys).limit(_BATCH)
        if after is not None:
            query = query.where(tuple_(*keys) > after)
        async with database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        for row in rows:
            yield row
        if len(rows) < _BATCH:
            return
        after = tuple(rows[-1][each.name] for each in keys)


def _ciphertext(kept: Any) -> bytes | None:
    """What is sealed in a column's raw value; None where nothing is."""
    if isinstance(kept, dict):
        sealed = cast(dict[str, Any], kept).get(SEALED)
        return base64.b64decode(sealed) if isinstance(sealed, str) else None
    if isinstance(kept, str):
        return base64.b64decode(kept.removeprefix(TEXT)) if kept.startswith(TEXT) else None
    return kept[len(BYTES) :] if isinstance(kept, bytes) and kept.startswith(BYTES) else None


def _as_kept(kept: Any, sealed: bytes) -> Any:
    """The raw value with another ciphertext."""
    if isinstance(kept, dict):
        return {**cast(dict[str, Any], kept), SEALED: base64.b64encode(sealed).decode()}
    return TEXT + base64.b64encode(sealed).decode() if isinstance(kept, str) else BYTES + sealed


async def _replace(
    database: Database, table: SqlTable, column: Column[Any], row: RowMapping, raw: Any, kind: Any, again: Any
) -> int:
    """Put the value in the place of the one that was read; 0 where somebody wrote another meanwhile."""
    this = [each == row[each.name] for each in table.primary_key.columns]
    unchanged = raw == bindparam("kept_before", row["raw_value"], type_=kind)
    change = update(table).where(*this, unchanged).values({column: bindparam("kept_now", again, type_=kind)})
    async with database.engine.begin() as connection:
        return (await connection.execute(change)).rowcount
