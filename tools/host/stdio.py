"""A server that is a program of this machine, on its standard input and output.

Unlike the SDK's transport it bounds a line's length and what comes unasked, reads standard error into the log, and
notices at once when the program ends.
"""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import anyio
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from tools.host.faults import ServerUnavailable
from tools.host.flood import Flooded, FloodGate
from tools.host.listing import visible
from tools.host.reaper import Reaper

log = structlog.get_logger(__name__)

GRACE: Final = 2.0
"""Seconds for a program to end by itself once its input is closed, and again after SIGTERM (MCP, Lifecycle)."""

_STUCK: Final = 30.0
"""Seconds without reading its input after which a program is given up."""

_LOG_LINES: Final = 20
"""Lines of standard error that are logged in a second."""

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]


class Program:
    """One start of a program. reason: why its output has ended, once it has."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, longest_line: int, gate: FloodGate) -> None:
        self._name = name
        self._process = process
        self._longest_line = longest_line
        self._gate = gate
        self.reason: str | None = None
        self.fault: str | None = None
        """The last line that was no message, which may be why a call got no answer."""

    async def read(self, into: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        """Hand its messages on until its output ends."""
        assert self._process.stdout is not None, "started with pipes"
        async with into:
            try:
                while line := await self._process.stdout.readline():
                    message = self._parsed(line)
                    if message is None:
                        self._gate.unasked()
                    else:
                        await into.send(message)
                await asyncio.wait_for(self._process.wait(), GRACE)
                self.reason = f"the program ended with status {self._process.returncode}"
            except ValueError:  # what readline raises for a line beyond its limit
                self.reason = f"it wrote a line of more than {self._longest_line:,} bytes"
                self.end(signal.SIGKILL)
            except Flooded as flooded:
                self.reason = str(flooded)
                self.end(signal.SIGKILL)
            except TimeoutError:
                self.reason = "it closed its output"
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self.reason = "the session was closed"

    def _parsed(self, line: bytes) -> SessionMessage | None:
        try:
            return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
        except ValueError:
            self.fault = f"it wrote a line that is no JSON-RPC: {visible(line.decode(errors='replace').strip(), 120)}"
            log.warning("a tool server wrote a line that is no JSON-RPC", server=self._name, bytes=len(line))
            return None

    async def write(self, messages: MemoryObjectReceiveStream[SessionMessage]) -> None:
        """Write what is sent until the session ends or the program reads no more."""
        assert self._process.stdin is not None, "started with pipes"
        async with messages:
            try:
                async for each in messages:
                    self._process.stdin.write(each.message.model_dump_json(by_alias=True, exclude_unset=True).encode())
                    self._process.stdin.write(b"\n")
                    async with asyncio.timeout(_STUCK):
                        await self._process.stdin.drain()
            except TimeoutError:
                self.reason = self.fault = f"it read nothing for {_STUCK:g} s"
                self.end(signal.SIGKILL)
            except (OSError, ConnectionError):
                return  # it has ended, which the reader tells

    async def log_errors(self, secrets: Sequence[str]) -> None:
        """Log its standard error, a few lines a second, with control characters shown and its secrets masked."""
        assert self._process.stderr is not None, "started with pipes"
        since, count = time.monotonic(), 0
        with suppress(OSError):
            while chunk := await self._line(self._process.stderr):
                now = time.monotonic()
                if now - since >= 1:
                    if count > _LOG_LINES:
                        log.warning("tool server: lines left out", server=self._name, lines=count - _LOG_LINES)
                    since, count = now, 0
                count += 1
                if count <= _LOG_LINES and (text := chunk.decode(errors="replace").strip()):
                    for secret in secrets:
                        text = text.replace(secret, "***")
                    log.info("tool server", server=self._name, said=visible(text, 500))

    async def _line(self, stream: asyncio.StreamReader) -> bytes:
        try:
            return await stream.readline()
        except ValueError:  # a line beyond the limit: what was buffered of it is dropped
            return b"a line that is too long\n"

    def end(self, how: int) -> None:
        """Send a signal to the program and what it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, how)

    async def stop(self) -> None:
        """Close its input, wait, terminate, wait, kill; then whatever it has left behind."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        for how in (None, signal.SIGTERM, signal.SIGKILL):
            if how is not None:
                self.end(how)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), GRACE)
                break
        self.end(signal.SIGKILL)
        transport: asyncio.BaseTransport | None = getattr(self._process, "_transport", None)
        if transport is not None:  # a grandchild may hold the pipes open, and nothing public closes them
            transport.close()


class StdioServer:
    """How a server's program is started; `async with` of `streams()` is an MCP transport."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path | None,
        *,
        longest_line: int,
        unasked_per_second: int,
        reaper: Reaper,
        secrets: Sequence[str] = (),
    ) -> None:
        self._name = name
        self._command = list(command)
        self._environment = {**get_default_environment(), **environment}
        self._folder = folder
        self._longest_line = longest_line
        self._unasked = unasked_per_second
        self._reaper = reaper
        self._secrets = [each for each in secrets if len(each) >= 4]
        self.program: Program | None = None

    @asynccontextmanager
    async def streams(self) -> AsyncGenerator[Streams]:
        """Start the program. Raises ServerUnavailable when it cannot be started."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment,
                cwd=self._folder,
                limit=self._longest_line,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise ServerUnavailable(
                f"the program {self._command[0]!r} of server {self._name!r} cannot be started: {why}",
                server=self._name,
            ) from None
        try:
            self._reaper.watch(process.pid)
        except OSError as error:
            log.warning("a tool server may outlive this process", server=self._name, reason=str(error))
        gate = FloodGate(self._unasked)
        program = self.program = Program(self._name, process, self._longest_line, gate)
        inbound_writer, inbound = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outbound, outbound_reader = anyio.create_memory_object_stream[SessionMessage](0)
        tasks = [
            asyncio.create_task(work, name=f"tool server {self._name}")
            for work in (
                program.read(inbound_writer),
                program.write(outbound_reader),
                program.log_errors(self._secrets),
            )
        ]
        try:
            yield inbound, outbound
        finally:
            with anyio.CancelScope(shield=True):
                outbound.close()
                inbound.close()
                await program.stop()
                self._reaper.release(process.pid)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


def command_shown(command: Sequence[str]) -> str:
    """The command for people, with what looks like a secret left out."""
    return " ".join(re.sub(r"((?:key|token|secret|password)[=:]).+", r"\1***", each, flags=re.I) for each in command)
