"""One foreign server's session: opened by a task of its own, kept open, opened anew when it is lost.

The task owns the client from its opening to its end (anyio wants that), so a server that hangs, crashes or floods takes
nothing with it but the calls that were under way there.
"""

import asyncio
import random
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import structlog
from mcp import Client
from mcp_types import Implementation, ToolListChangedNotification

from tools.host.faults import ServerUnavailable
from tools.host.flood import FloodGate
from tools.host.offer import Offer
from tools.host.pins import PinStore
from tools.host.reaper import Reaper
from tools.host.reasons import closed, innermost, told
from tools.host.results import trust_results
from tools.host.settings import ServerSettings, ToolsSettings
from tools.host.stdio import StdioServer
from tools.host.transport import Transport, over_http, program, watched

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

    offer: its tools. fault: why there is no session, in words.
    """

    def __init__(
        self,
        name: str,
        settings: ServerSettings,
        tools: ToolsSettings,
        pins: PinStore | None,
        folder: Path,
        reaper: Reaper,
    ) -> None:
        self.name = name
        self.settings = settings
        self.state: State = "idle"
        self.fault: str | None = None
        self.starts = 0
        self.offer = Offer(name, settings, pins)
        self._tools = tools
        self._folder = folder
        self._reaper = reaper
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
        started = self._program.program if self._program is not None else None
        return started.fault if started is not None else None

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
                inner = innermost(error)
                why = (self._lost_why if closed(inner) else "") or told(inner)
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
                await self.offer.read(client)
            self._client, self.state, self.fault = client, "open", None
            self._settled.set()
            log.info("tool server open", server=self.name, tools=len(self.offer.listing.tools), starts=self.starts)
            listening = asyncio.create_task(
                self.offer.follow(client, self._changed, self._tools), name=f"tool list of {self.name}"
            )
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
                    await self.offer.read(client)

    async def _heard(self, message: Any) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._changed.set()

    async def _transport(self, stack: AsyncExitStack) -> Transport:
        by = self.settings
        if by.url:
            inner = await over_http(self.name, by, self._tools.connect_seconds, stack)
        else:
            self._program = program(self.name, by, self._folder, self._reaper)
            inner = self._program.streams()
        return watched(inner, FloodGate(by.unasked_per_second), self._ended)

    def _ended(self, why: str | None) -> None:
        started = self._program.program if self._program is not None else None
        reason = why or (started.reason if started is not None else None) or "the connection ended"
        self._lost_why = self._lost_why or reason
        self._lost.set()
        if why is not None and started is not None:  # it would not end by itself while nobody reads what it writes
            started.end(signal.SIGKILL)
