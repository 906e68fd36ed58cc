"""The store as LangGraph knows it: what a graph gets as `runtime.store`, over the same rows as the REST routes."""

import asyncio
from collections.abc import Iterable
from typing import Any

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


class DatabaseStore(BaseStore):
    """One tenant's store. Make it in the event loop; nodes that run in threads may call its synchronous methods.

    There is no vector search: a search's `query` is ignored and `score` is None, since no embeddings are configured.
    """

    supports_ttl = True

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id
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
        for op in ops:
            match op:
                case GetOp():
                    row = await store.get(self._database, self._tenant_id, op.namespace, op.key)
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
                    writes += store.refreshed(rows) if op.refresh_ttl else []
                    results.append([SearchItem(**_fields(row)) for row in rows])
                case ListNamespacesOp():
                    results.append(await self._namespaces(op))
                case PutOp():
                    if op.value is None:
                        writes.append(store.deletion(self._tenant_id, op.namespace, op.key))
                    else:
                        kept = (op.namespace, op.key, dict(op.value), op.ttl)
                        writes.append(store.put(self._database, self._tenant_id, *kept))
                    results.append(None)
        await self._database.writer.write(*writes)
        return results

    async def _namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        paths: dict[str, NamespacePath] = {each.match_type: each.path for each in op.match_conditions or ()}
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
