"""Tool calls that are under way, so that a client's cancellation reaches the run and a stop of the service does not."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from service.house import House
from service.runs.submit import Accepted
from tools.host import visible

log = structlog.get_logger(__name__)

Context = ServerRequestContext[Any, Any]
Key = tuple[str, str]

_LATE: Final = 10.0
"""Seconds that a call which was cut off is remembered: the notification that cancels it comes after the cut."""


@dataclass(slots=True, eq=False)
class Call:
    """One call. accepting: the acceptance of its run, which is never cut in two. told: steps told as progress, which
    only ever rises, also over a question and its answer."""

    accepting: "asyncio.Task[Accepted] | None" = None
    run_id: str | None = None
    told: int = 0

    async def accept(self, work: Awaitable[Accepted]) -> Accepted:
        """Accept the run; whoever cancels meanwhile finds out which run it was."""
        self.accepting = asyncio.ensure_future(work)  # pyright: ignore[reportAttributeAccessIssue]
        accepted = await asyncio.shield(self.accepting)  # pyright: ignore[reportArgumentType]
        self.run_id = accepted.row["run_id"]
        return accepted


@dataclass(slots=True)
class Calls:
    """The calls of one server, by session and request. closing: set when the service stops."""

    house: House
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: dict[Key, Call] = field(default_factory=dict[Key, Call])
    _cancelling: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])

    async def during(self, context: Context, work: Callable[[Call], Awaitable[HandlerResult]]) -> HandlerResult:
        """Do a call's work, and cancel its run when the client cancels the call.

        On 2025-11-25, and on stdio, the client sends notifications/cancelled. On 2026-07-28 over HTTP it closes the
        response instead. A connection that breaks on 2025-11-25 leaves the run going: list_runs finds it.
        """
        call, key = Call(), _key(context, str(context.request_id))
        self._under_way[key] = call
        try:
            return await work(call)
        except asyncio.CancelledError:
            if context.protocol_version in MODERN_PROTOCOL_VERSIONS and context.request is not None:
                self._cancel(call)
            else:
                asyncio.get_running_loop().call_later(_LATE, self._forget, key, call)
                key = None
            raise
        finally:
            if key is not None:
                self._forget(key, call)

    def _forget(self, key: Key, call: Call) -> None:
        if self._under_way.get(key) is call:
            del self._under_way[key]

    async def middleware(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Sees notifications/cancelled; the SDK has by then stopped the call, and here its run ends too. Logs what is
        refused, without any of its words."""
        if ctx.method == "notifications/cancelled" and ctx.params is not None:
            call = self._under_way.pop(_key(ctx, str(ctx.params.get("requestId"))), None)
            if call is not None:
                self._cancel(call)
        try:
            return await call_next(ctx)
        except MCPError as error:
            log.warning("MCP request refused", method=visible(ctx.method, 100), code=error.code)
            raise

    def _cancel(self, call: Call) -> None:
        if self.closing.is_set():
            return
        task = asyncio.create_task(self._cancelled(call))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def _cancelled(self, call: Call) -> None:
        if call.accepting is not None and call.run_id is None:
            await asyncio.wait([call.accepting])
            if call.accepting.cancelled() or call.accepting.exception() is not None:
                return
            call.run_id = call.accepting.result().row["run_id"]
        if call.run_id is not None:
            log.info("run cancelled by its MCP client", run_id=call.run_id)
            await self.house.queue.cancel(call.run_id, "interrupt")


def session_of(context: Context) -> str:
    """The session that a message came in by; on stdio there is one only."""
    return str(context.request.headers.get("mcp-session-id") or "") if context.request is not None else "stdio"


def _key(context: Context, request_id: str) -> Key:
    return session_of(context), request_id
