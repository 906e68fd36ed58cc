"""The store as LangGraph knows it: what a graph gets as `runtime.store`, over the same rows as the REST routes."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final, Protocol

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    NamespacePath,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
)
from sqlalchemy import RowMapping

from service.database import store
from service.database.engine import Database
from service.database.writer import Write

_CARRIED: Final = "what the store carries from another run: "


class Reader(Protocol):
    """A run, as far as the store concerns it: `service.runs.ledger.RunLedger`. sealed: its workflow is sensitive."""

    sealed: bool

    async def untrusted(self) -> str | None:
        """What untrusted content it has read, in words."""
        ...

    def mark_untrusted(self, what: str) -> None:
        """It has read some now."""
        ...


class DatabaseStore(BaseStore):
    """One tenant's store. Make it in the event loop; nodes that run in threads may call its synchronous methods.

    reader: the run that uses it. What a run writes that has read untrusted content is marked, and a run that reads what
    is marked has read untrusted content itself; so nothing gets clean by going through the store.

    There is no vector search: a search's `query` is ignored and `score` is None, since no embeddings are configured.
    """

    supports_ttl = True

    def __init__(self, database: Database, tenant_id: str, reader: Reader | None = None) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._reader = reader
        self._loop = asyncio.get_running_loop()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """As `abatch`, from another thread than the event loop's."""
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop:
            raise RuntimeError("the store's synchronous methods would block the event loop; use aget, aput, asearch")
        return asyncio.run_coroutine_threadsafe(self.abatch(ops), self._loop).result()

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do every operation: first what reads, then all that is written, in one transaction."""
        results: list[Result] = []
        writes: list[Write] = []
        puts: list[PutOp] = []
        for op in ops:
            match op:
                case GetOp():
                    row = await store.get(self._database, self._tenant_id, op.namespace, op.key)
                    self._read([row] if row is not None else [])
                    writes += store.refreshed([row]) if row is not None and op.refresh_ttl else []
                    results.append(Item(**_fields(row)) if row is not None else None)
                case SearchOp():
                    rows = await store.search(
                        self._database,
                        self._tenant_id,
                        op.namespace_prefix,
                        wanted=op.filter,
                        limit=op.limit,
                        offset=op.offset,
                    )
                    self._read(rows)
                    writes += store.refreshed(rows) if op.refresh_ttl else []
                    results.append([SearchItem(**_fields(row)) for row in rows])
                case ListNamespacesOp():
                    results.append(await self._namespaces(op))
                case PutOp():
                    puts.append(op)
                    results.append(None)
        untrusted = await self._reader.untrusted() if puts and self._reader is not None else None
        await self._database.writer.write(*writes, *(self._put(op, untrusted) for op in puts))
        return results

    def _read(self, rows: Iterable[RowMapping]) -> None:
        what = next((row["untrusted"] for row in rows if row["untrusted"] is not None), None)
        if what is not None and self._reader is not None:
            self._reader.mark_untrusted(_CARRIED + str(what).removeprefix(_CARRIED))

    def _put(self, op: PutOp, untrusted: str | None) -> Write:
        if op.value is None:
            return store.deletion(self._tenant_id, op.namespace, op.key)
        return store.put(
            self._database,
            self._tenant_id,
            op.namespace,
            op.key,
            dict(op.value),
            op.ttl,
            untrusted=untrusted,
            sealed=self._reader is not None and self._reader.sealed,
        )

    async def _namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        paths: dict[str, NamespacePath] = {each.match_type: each.path for each in op.match_conditions or ()}
        if self._reader is not None and await store.untrusted(self._database, self._tenant_id, ()):
            self._reader.mark_untrusted(_CARRIED + "a name")
        return await store.namespaces(
            self._database,
            self._tenant_id,
            prefix=tuple(paths.get("prefix", ())),
            suffix=tuple(paths.get("suffix", ())),
            max_depth=op.max_depth,
            limit=op.limit,
            offset=op.offset,
        )


def _fields(row: RowMapping) -> dict[str, Any]:
    return {
        "namespace": store.labels(row),
        "key": row["key"],
        "value": row["value"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
