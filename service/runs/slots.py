"""Places for executing runs: so many in a process, of a workflow, of a tenant; higher priorities first."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count

Kind = tuple[str, str]
"""(workflow, tenant)."""


class Slots:
    """At most `total` at a time, `by_workflow[name]` of a workflow and `by_tenant` of a tenant (0: no limit).

    Who waits is let in by priority, higher first, then in the order of coming; one whose workflow or tenant is at its
    limit does not hold up others.
    """

    def __init__(self, total: int, by_workflow: Mapping[str, int], by_tenant: int) -> None:
        self._total = total
        self._by_workflow = by_workflow
        self._by_tenant = by_tenant
        self._taken = 0
        self._workflows: Counter[str] = Counter()
        self._tenants: Counter[str] = Counter()
        self._waiting: dict[Kind, list[tuple[int, int, asyncio.Future[None]]]] = {}
        self._order = count()

    @asynccontextmanager
    async def taken(self, workflow: str, tenant: str, priority: int = 0) -> AsyncGenerator[None]:
        """Hold a place, waiting for one."""
        kind = (workflow, tenant)
        if self._waiting.get(kind) or not self._free(kind):
            admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heappush(self._waiting.setdefault(kind, []), (-priority, next(self._order), admitted))
            try:
                await admitted
            except asyncio.CancelledError:
                if admitted.done() and not admitted.cancelled():
                    self._give_back(kind)
                raise
        else:
            self._take(kind)
        try:
            yield
        finally:
            self._give_back(kind)

    def _free(self, kind: Kind) -> bool:
        workflow, tenant = kind
        limit = self._by_workflow.get(workflow, 0)
        return (
            self._taken < self._total
            and (not limit or self._workflows[workflow] < limit)
            and (not self._by_tenant or self._tenants[tenant] < self._by_tenant)
        )

    def _take(self, kind: Kind) -> None:
        self._taken += 1
        self._workflows[kind[0]] += 1
        self._tenants[kind[1]] += 1

    def _give_back(self, kind: Kind) -> None:
        self._taken -= 1
        self._workflows[kind[0]] -= 1
        self._tenants[kind[1]] -= 1
        while self._admit():
            pass

    def _admit(self) -> bool:
        """Let the first in that may come; False when there is none."""
        for kind in list(self._waiting):
            queue = self._waiting[kind]
            while queue and queue[0][2].done():  # it was cancelled while it waited
                heappop(queue)
            if not queue:
                del self._waiting[kind]
        ready = [(queue[0], kind) for kind, queue in self._waiting.items() if self._free(kind)]
        if not ready:
            return False
        _, kind = min(ready, key=lambda each: each[0][:2])
        _, _, admitted = heappop(self._waiting[kind])
        self._take(kind)
        admitted.set_result(None)
        return True
