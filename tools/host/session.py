"""One foreign server's session: opened by a task of its own, kept open, opened anew when it is lost.

The task owns the client from its opening to its end (anyio wants that), so a server that hangs, crashes or floods takes
nothing with it but the calls that were under way there.
"""

import asyncio
import random
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, cast

import structlog
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import SubscriptionLost
from mcp_types import CONNECTION_CLOSED, Implementation, JSONRPCError, JSONRPCResponse, ToolListChangedNotification
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from tools.errors import ConsiliaError
from tools.host.faults import ServerUnavailable
from tools.host.flood import Flooded, FloodGate
from tools.host.http import GuardedClient
from tools.host.listing import Listing, listing, visible
from tools.host.pins import Definition, PinStore, definition
from tools.host.secret_source import SecretSource
from tools.host.settings import ServerSettings, ToolsSettings
from tools.host.stdio import StdioServer

log = structlog.get_logger(__name__)

State = Literal["idle", "opening", "open", "lost", "closed"]

_SETTLE: Final = 0.1
"""Seconds between a server's word that its list has changed and reading it: such words come in bunches."""

_CLOSING: Final = 10.0
"""Seconds that ending a session may take: closing a program's input, SIGTERM and SIGKILL take 6."""

_HUNG: Final = 3
"""Calls in a row without an answer after which a server counts as hung."""

_NEAR: Final = 2.0
"""Seconds until the next try for which a call waits."""

_STABLE: Final = 30.0
"""Seconds that a session must last before the next loss counts as the first."""


class Session:
    """The session to one server. `start` once; `client` waits until it is open; `aclose` at the end.

    listing: what the server lists. definitions, pins: what its tools say of themselves now, and what was accepted.
    fault: why there is no session, in words.
    """

    def __init__(
        self, name: str, settings: ServerSettings, tools: ToolsSettings, pins: PinStore | None, folder: Path
    ) -> None:
        self.name = name
        self.settings = settings
        self.state: State = "idle"
        self.fault: str | None = None
        self.starts = 0
        self.listing = Listing({}, {})
        self.definitions: dict[str, Definition] = {}
        self.pins: dict[str, str] = {}
        self._tools = tools
        self._store = pins
        self._folder = folder
        self._client: Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._program: StdioServer | None = None
        self._settled = asyncio.Event()
        self._lost = asyncio.Event()
        self._changed = asyncio.Event()
        self._lost_why = ""
        self._next_try = 0.0
        self._failures = 0
        self._unanswered = 0

    def start(self) -> None:
        """Begin to open the session, in the background; nothing when it has begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name=f"tool server {self.name}")

    async def client(self) -> Client:
        """The open client. Raises ServerUnavailable when there is none within the time for opening one."""
        self.start()
        if not self._usable():
            failures = self._failures
            try:
                async with asyncio.timeout(self._tools.connect_seconds):
                    while not self._usable():
                        self._raise_if_hopeless(failures)
                        self._settled.clear()
                        await self._settled.wait()
            except TimeoutError:
                why = self.fault or f"no session within {self._tools.connect_seconds:g} s"
                raise self._unavailable(why) from None
        assert self._client is not None, "a usable session has a client"
        return self._client

    def _usable(self) -> bool:
        return self.state == "open" and self._client is not None and not self._lost.is_set()

    def ended(self, client: Client) -> bool:
        """Whether this client's session is over (a single answer may break off without that)."""
        return client is not self._client or self._lost.is_set()

    @property
    def why_lost(self) -> str:
        """Why the session ended; empty while it is open."""
        return self._lost_why

    def lose(self, client: Client, why: str) -> None:
        """A caller has found the session dead."""
        if client is self._client:
            self._lost_why = why
            self._lost.set()

    def answered(self) -> None:
        """A call has got its answer: the server lives."""
        self._unanswered = 0

    def timed_out(self) -> None:
        """A call has got no answer in time. After several in a row the server counts as hung, and is started anew."""
        self._unanswered += 1
        if self._unanswered >= _HUNG and self._client is not None:
            self._unanswered = 0
            self._ended(f"it answered none of {_HUNG} calls in a row")

    def spoke_nonsense(self) -> str | None:
        """What the program last wrote that was no message, if it did."""
        program = self._program.program if self._program is not None else None
        return program.fault if program is not None else None

    async def refresh_pins(self) -> None:
        """Read anew what has been accepted."""
        if self._store is not None:
            self.pins = dict(await self._store.pinned(self.name))

    def pinned(self, tool: str) -> bool:
        """Whether the tool is what was accepted."""
        return self._store is None or self.pins.get(tool) == self.definitions[tool].digest

    async def aclose(self) -> None:
        """End the session and what was started for it."""
        self.state = "closed"
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_CLOSING)
        self._settled.set()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _raise_if_hopeless(self, failures: int) -> None:
        """A lost session is waited for when the next try is near, and once; else the call fails with the reason.

        failures: how many tries had failed before the call.
        """
        if self.state == "closed":
            raise self._unavailable("the tool host is closed")
        if self._failures > failures:
            raise self._unavailable(self.fault or "the session could not be opened")
        if self.state == "lost" and self._next_try - asyncio.get_running_loop().time() > _NEAR:
            raise self._unavailable(self.fault or "the session was lost")

    def _unavailable(self, why: str) -> ServerUnavailable:
        return ServerUnavailable(f"tool server {self.name!r} is not available: {why}", server=self.name)

    async def _keep(self) -> None:
        """Open, watch, and open anew with growing pauses."""
        pause, loop = self._tools.backoff_seconds, asyncio.get_running_loop()
        while self.state != "closed":
            opened = loop.time()
            try:
                await self._one_session()
                why = self._lost_why
            except TimeoutError:
                why = f"no session within {self._tools.connect_seconds:g} s"
            except (Exception, BaseExceptionGroup) as error:  # what a foreign server can make of the SDK has no end
                inner = _first(error)
                closed = isinstance(inner, MCPError) and inner.code == CONNECTION_CLOSED
                why = (self._lost_why if closed else "") or _told(inner)
            if self._client is None:
                self._failures += 1
            self._client = None
            if loop.time() - opened > _STABLE:
                pause = self._tools.backoff_seconds
            wait = pause * random.uniform(0.8, 1.2)  # noqa: S311, many processes must not come back at one moment
            self._next_try = loop.time() + wait
            self.state, self.fault = "lost", f"{why} (tried again after {wait:.1f} s)"
            self._settled.set()
            log.warning("tool server lost", server=self.name, reason=why, again_in_s=round(wait, 1))
            await asyncio.sleep(wait)
            pause = min(pause * 2, self._tools.longest_backoff_seconds)

    async def _one_session(self) -> None:
        """Open a session and stay until it is lost."""
        self.state = "opening"
        self._lost.clear()
        self._changed.clear()
        self._lost_why = ""
        self.starts += 1
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self._tools.connect_seconds):
                transport = await self._transport(stack)
                client = await stack.enter_async_context(
                    Client(
                        transport,
                        message_handler=self._heard,
                        client_info=Implementation(name="consilia", version="1"),
                        cache=None,
                        read_timeout_seconds=None,
                    )
                )
                trust_results(client)
                await self._read_list(client)
            self._client, self.state, self.fault = client, "open", None
            self._settled.set()
            log.info("tool server open", server=self.name, tools=len(self.listing.tools), starts=self.starts)
            listening = asyncio.create_task(self._listen(client), name=f"tool list of {self.name}")
            try:
                await self._until_lost(client)
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def _until_lost(self, client: Client) -> None:
        while not self._lost.is_set():
            waits = [asyncio.create_task(each.wait()) for each in (self._lost, self._changed)]
            try:
                timeout = self._tools.relist_seconds
                await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waits:
                    each.cancel()
            if not self._lost.is_set():  # the list has changed, or has not been read for long
                await asyncio.sleep(_SETTLE)
                self._changed.clear()
                async with asyncio.timeout(self._tools.connect_seconds):
                    await self._read_list(client)

    async def _read_list(self, client: Client) -> None:
        self.listing = await listing(self.name, client, self.settings.most_tools)
        self.definitions = {name: definition(tool) for name, tool in self.listing.tools.items()}
        for name, why in self.listing.refused.items():
            log.warning("tool refused", server=self.name, tool=name, reason=why)
        if self._store is not None:
            pin_new = self.settings.pinning == "first"
            seen = await self._store.seen(self.name, list(self.definitions.values()), pin_new=pin_new)
            self.pins = dict(seen)
            for name in self.definitions:
                if not self.pinned(name):
                    log.warning("tool blocked: it is not as it was pinned", server=self.name, tool=name)

    async def _listen(self, client: Client) -> None:
        """Follow changes of the list; on protocol 2025-11-25 they come unasked, to `_heard`."""
        capability = client.server_capabilities.tools
        if client.protocol_version not in MODERN_PROTOCOL_VERSIONS or capability is None or not capability.list_changed:
            return
        pause = self._tools.backoff_seconds
        while True:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    self._changed.set()  # what changed before this is not told
                    async for _ in changes:
                        self._changed.set()
            except SubscriptionLost as lost:
                log.debug("tool list is followed anew", server=self.name, reason=str(lost))
            except Exception as error:  # a server that offers it and cannot do it
                log.info("tool list cannot be followed", server=self.name, reason=_told(_first(error)))
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._tools.longest_backoff_seconds)

    async def _heard(self, message: Any) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._changed.set()

    async def _transport(self, stack: AsyncExitStack) -> AbstractAsyncContextManager[Any]:
        told = self.settings
        try:
            if told.url:
                headers = {name: _value(each) for name, each in told.headers.items()}
                http = GuardedClient(self.name, told, headers, self._tools.connect_seconds)
                await stack.enter_async_context(http)
                inner: AbstractAsyncContextManager[Any] = streamable_http_client(
                    told.url, http_client=http, max_sse_event_size=told.result_bytes + 1024
                )
            else:
                folder = (self._folder / told.folder) if told.folder else self._folder
                self._program = StdioServer(
                    self.name,
                    told.command,
                    {name: _value(each) for name, each in told.env.items()},
                    folder.absolute(),
                    longest_line=told.result_bytes + 1024,
                    unasked_per_second=told.unasked_per_second,
                    secrets=[each.bare() for each in told.env.values() if isinstance(each, SecretSource)],
                )
                inner = self._program.streams()
        except ValueError as error:  # a secret that is not there
            raise ServerUnavailable(f"tools.servers.{self.name}: {error}", server=self.name) from None
        return _watched(inner, FloodGate(told.unasked_per_second), self._ended)

    def _ended(self, why: str | None) -> None:
        program = self._program.program if self._program is not None else None
        told = why or (program.reason if program is not None else None) or "the connection ended"
        self._lost_why = self._lost_why or told
        self._lost.set()
        if why is not None and program is not None:  # it would not end by itself while nobody reads what it writes
            program.end(signal.SIGKILL)


def trust_results(client: Client) -> None:
    """Leave out the SDK's check of results against their schema.

    It holds the event loop for seconds on a long result (4.9 s of 6 s for a document of 500 pages). Pydantic checks
    in-house results when they are made and used; those of foreign servers are checked in `tools.host.results`.
    """

    async def unchecked(name: str, result: Any) -> None: ...

    setattr(client.session, "validate_tool_result", unchecked)  # noqa: B010, a method is no attribute to pyright


Ended = Callable[[str | None], None]


@asynccontextmanager
async def _watched(
    inner: AbstractAsyncContextManager[Any], gate: FloodGate, ended: Ended
) -> AsyncGenerator[tuple[Any, Any]]:
    """The transport, telling when its reading side ends, and ended when the server floods it."""
    async with inner as (read, write):
        yield _Watched(read, gate, ended), write


class _Watched:
    """A read stream that tells why it ends, and counts what answers no request."""

    def __init__(self, inner: Any, gate: FloodGate, ended: Ended) -> None:
        self._inner = inner
        self._gate = gate
        self._ended = ended

    @property
    def last_context(self) -> Any:
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> Any:
        return await self._inner.receive()

    async def aclose(self) -> None:
        await self._inner.aclose()

    def __aiter__(self) -> AsyncIterator[Any]:
        return cast(AsyncIterator[Any], self)

    async def __anext__(self) -> Any:
        try:
            item = await self._inner.__anext__()
            if not isinstance(getattr(item, "message", None), JSONRPCResponse | JSONRPCError):
                self._gate.unasked()
            return item
        except Flooded as flooded:
            self._ended(str(flooded))
            raise StopAsyncIteration from None
        except BaseException:
            self._ended(None)
            raise

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *about: Any) -> Any:
        return await self._inner.__aexit__(*about)


def _value(told: str | SecretSource) -> str:
    return told if isinstance(told, str) else told.read()


def _first(error: BaseException) -> BaseException:
    """The innermost of a group of errors; one of ours where there is one."""
    while isinstance(error, BaseExceptionGroup):
        inner = cast(BaseExceptionGroup[BaseException], error).exceptions
        error = next((each for each in inner if isinstance(each, ConsiliaError)), inner[0])
    return error


def _told(error: BaseException) -> str:
    if isinstance(error, ConsiliaError):
        return error.message
    if isinstance(error, MCPError):
        return visible(error.message, 500)
    return f"{type(error).__name__}: {error}"[:500]
