"""Telling clients that a run has changed: resources/subscribe on 2025-11-25, subscriptions/listen on 2026-07-28."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    ResourcesListChanged,
    ResourceUpdated,
)
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    EmptyResult,
    SubscriptionFilter,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)

from service.database import runs
from service.mcp import results
from service.mcp.calls import Context, session_of
from service.mcp.reception import Reception
from service.mcp.resources import SCHEME

log = structlog.get_logger(__name__)

Tell = Callable[[], Awaitable[None]]

_RUN = f"{SCHEME}runs/"


@dataclass(slots=True)
class Watches:
    """What this process watches for clients. A watch ends with its run, its client, or the service."""

    reception: Reception
    _watches: dict[tuple[str, str], "asyncio.Task[None]"] = field(
        default_factory=dict[tuple[str, str], "asyncio.Task[None]"]
    )
    _listening: int = 0

    async def subscribe(self, context: Context, uri: str) -> EmptyResult:
        """Tell this session when the run changes. Raises MCPError for what cannot be watched."""
        run_id = await self._run_id(context, uri)
        self._check_room(1)
        session, key = context.session, (session_of(context), uri)

        async def tell() -> None:
            await session.send_resource_updated(uri)

        self._forget(key)
        task = self._watches[key] = asyncio.create_task(self._watch(run_id, tell))
        task.add_done_callback(lambda done: self._watches.pop(key, None) if self._watches.get(key) is done else None)
        return EmptyResult()

    async def unsubscribe(self, context: Context, uri: str) -> EmptyResult:
        self._forget((session_of(context), uri))
        return EmptyResult()

    def _forget(self, key: tuple[str, str]) -> None:
        task = self._watches.pop(key, None)
        if task is not None:
            task.cancel()

    async def listen(self, context: Context, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        """One stream of what the client asked to be told, as far as it is the caller's, until either side ends it."""
        wanted = params.notifications
        watched = {uri: await self._run_id(context, uri) for uri in wanted.resource_subscriptions or ()}
        self._check_room(1 + len(watched))
        honoured = SubscriptionFilter(
            resource_subscriptions=list(watched) or None, resources_list_changed=wanted.resources_list_changed
        )
        bus = InMemorySubscriptionBus()
        handler = ListenHandler(bus)
        tenant = self.reception.caller(context).tenant_id
        self._listening += 1 + len(watched)
        tasks = [
            asyncio.create_task(self._watch(run_id, lambda uri=uri: bus.publish(ResourceUpdated(uri))))
            for uri, run_id in watched.items()
        ]
        if wanted.resources_list_changed:
            tasks.append(asyncio.create_task(self._watch_list(tenant, lambda: bus.publish(ResourcesListChanged()))))
        closing = asyncio.create_task(self._close(handler))
        try:
            return await handler(context, params.model_copy(update={"notifications": honoured}))
        finally:
            self._listening -= 1 + len(watched)
            for task in (*tasks, closing):
                task.cancel()

    async def _close(self, handler: ListenHandler) -> None:
        await self.reception.calls.closing.wait()
        handler.close()

    async def _run_id(self, context: Context, uri: str) -> str:
        """The run behind a URI, which must be the caller's."""
        if not uri.startswith(_RUN):
            raise MCPError(INVALID_PARAMS, f"only runs change: subscribe to {_RUN}{{run_id}}", {"uri": uri[:1000]})
        try:
            row = await results.find(self.reception.house, self.reception.caller(context), uri.removeprefix(_RUN))
        except results.UnknownRun as error:
            raise MCPError(INVALID_PARAMS, f"Resource not found: {error.message}", {"uri": uri[:1000]}) from None
        return str(row["run_id"])

    def _check_room(self, more: int) -> None:
        limit = self.reception.house.settings.mcp.subscriptions
        if len(self._watches) + self._listening + more > limit:
            raise MCPError(INTERNAL_ERROR, f"{limit} subscriptions are open (mcp.subscriptions); try again later")

    async def _watch(self, run_id: str, tell: Tell) -> None:
        """Tell at each node of a run and at its end; a run that has ended changes no more."""
        house = self.reception.house
        async for event in house.feeds.follow(run_id, await runs.last_event(house.database, run_id)):
            if event.kind == "node":
                await self._told(tell)
        await self._told(tell)

    async def _watch_list(self, tenant: str, tell: Tell) -> None:
        """Tell when the tenant's newest run is another one."""
        house, newest = self.reception.house, None
        while True:
            found = await runs.search(house.database, tenant, limit=1)
            latest = found[0]["run_id"] if found else ""
            if newest is not None and latest != newest:
                await self._told(tell)
            newest = latest
            await house.feeds.next_opened()

    async def _told(self, tell: Tell) -> None:
        try:
            await tell()
        except Exception as error:  # the client has gone: that is no fault of ours
            log.debug("subscriber not reached", error_type=type(error).__name__)

    def close(self) -> None:
        for key in list(self._watches):
            self._forget(key)
