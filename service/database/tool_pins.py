"""Pinned tools of the user's MCP servers."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from service.database.engine import Database
from service.database.tables import ToolPin, now
from service.database.writer import Statement, Write
from tools.host.pins import Definition

_sqlite, _postgresql = sqlite_insert(ToolPin), postgresql_insert(ToolPin)
_SEEN = ("seen_digest", "seen_definition", "seen_at")
_UPSERT = {
    "sqlite": Statement(
        _sqlite.on_conflict_do_update(
            index_elements=["server", "tool"], set_={name: _sqlite.excluded[name] for name in _SEEN}
        ),
        rank=3,
    ),
    "postgresql": Statement(
        _postgresql.on_conflict_do_update(
            index_elements=["server", "tool"], set_={name: _postgresql.excluded[name] for name in _SEEN}
        ),
        rank=3,
    ),
}
# What is accepted is what was looked at: where the server has changed its word meanwhile, nothing is pinned.
_ACCEPT = Statement(
    update(ToolPin)
    .where(
        ToolPin.server == bindparam("b_server"),
        ToolPin.tool == bindparam("b_tool"),
        ToolPin.seen_digest == bindparam("b_digest"),
    )
    .values(
        digest=ToolPin.seen_digest,
        definition=ToolPin.seen_definition,
        pinned_by=bindparam("b_by"),
        pinned_at=bindparam("b_now"),
    ),
    rank=4,
)
_FORGET = Statement(
    delete(ToolPin).where(ToolPin.server == bindparam("b_server"), ToolPin.tool == bindparam("b_tool")), rank=4
)


class DatabasePins:
    """`tools.host.pins.PinStore` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pinned(self, server: str) -> Mapping[str, str]:
        query = select(ToolPin.tool, ToolPin.digest).where(ToolPin.server == server, ToolPin.digest.is_not(None))
        async with self._database.reading() as connection:
            return {row.tool: row.digest for row in await connection.execute(query)}

    async def seen(self, server: str, definitions: Sequence[Definition], *, pin_new: bool) -> Mapping[str, str]:
        moment = now()
        statement = _UPSERT[self._database.engine.dialect.name]
        known = await self._seen_digests(server)
        rows: list[dict[str, Any]] = [
            {
                "server": server,
                "tool": each.tool,
                "digest": each.digest if pin_new else None,
                "definition": each.content if pin_new else None,
                "pinned_by": "first sight" if pin_new else None,
                "pinned_at": moment if pin_new else None,
                "seen_digest": each.digest,
                "seen_definition": each.content,
                "seen_at": moment,
            }
            for each in definitions
            if known.get(each.tool) != each.digest  # most often nothing is new
        ]
        await self._database.writer.write(*(Write(statement, row) for row in rows))
        return await self.pinned(server)

    async def _seen_digests(self, server: str) -> dict[str, str]:
        query = select(ToolPin.tool, ToolPin.seen_digest).where(ToolPin.server == server)
        async with self._database.reading() as connection:
            return {row.tool: row.seen_digest for row in await connection.execute(query)}


async def listing(database: Database, server: str | None = None, tool: str | None = None) -> Sequence[RowMapping]:
    """The pins, by server and tool; of one server or one tool where named."""
    query = select(ToolPin.__table__).order_by(ToolPin.server, ToolPin.tool)
    if server is not None:
        query = query.where(ToolPin.server == server)
    if tool is not None:
        query = query.where(ToolPin.tool == tool)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()


async def accept(database: Database, server: str, tool: str, seen_digest: str, by: str) -> None:
    """Pin what the server was last seen to say, if that is still what `seen_digest` says. by: who accepts it."""
    row = {"b_server": server, "b_tool": tool, "b_digest": seen_digest, "b_by": by, "b_now": now()}
    await database.writer.write(Write(_ACCEPT, row))


async def forget(database: Database, server: str, tool: str) -> None:
    """Delete a pin: the tool counts as never seen."""
    await database.writer.write(Write(_FORGET, {"b_server": server, "b_tool": tool}))
