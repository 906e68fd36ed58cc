"""The standard streams of this process as an MCP transport.

Unlike the SDK's it answers what is no message with the protocol's error, where the SDK's says nothing and the client
waits; and it bounds how long a message may be. While it is open, what anything else in the process prints goes to
standard error and reads from an empty file.
"""

import asyncio
import itertools
import os
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import BinaryIO

import anyio
import structlog
from anyio import to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError, JSONRPCNotification, jsonrpc_message_adapter

from service.mcp import lines
from service.mcp.lines import INVALID_REQUEST, TOO_LONG, Refusal

log = structlog.get_logger(__name__)

Read = MemoryObjectReceiveStream[SessionMessage | Exception]
Write = MemoryObjectSendStream[SessionMessage]


@asynccontextmanager
async def standard_streams() -> AsyncGenerator[tuple[Read, Write]]:
    """What the client sends, until it closes the stream, and what it is sent."""
    sys.stdout.flush()
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    into, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, out = anyio.create_memory_object_stream[SessionMessage](0)
    try:
        async with anyio.create_task_group() as tasks:
            # Never closed by us: a thread may still wait in a read when this is over.
            tasks.start_soon(_read, os.fdopen(source, "rb", closefd=False), into, write.clone())
            tasks.start_soon(_write, os.fdopen(sink, "wb", closefd=False), out)
            try:
                yield read, write
            finally:
                read.close()
                write.close()
    finally:
        os.dup2(source, 0)
        os.dup2(sink, 1)


async def _read(source: BinaryIO, into: MemoryObjectSendStream[SessionMessage | Exception], back: Write) -> None:
    heard: asyncio.Queue[bytes | None] = asyncio.Queue(1)
    # A thread of our own: the process ends without it, also while it waits for a client that says nothing (Ctrl-C).
    threading.Thread(target=_hear, args=(source, heard, asyncio.get_running_loop()), daemon=True).start()
    async with into, back:
        while (line := await heard.get()) != b"":
            message = _message(line)
            if isinstance(message, Refusal):
                log.warning("MCP message refused", code=message.code, bytes=None if line is None else len(line))
                error = ErrorData(code=message.code, message=message.message)
                await back.send(SessionMessage(JSONRPCError(jsonrpc="2.0", id=message.request_id, error=error)))
            else:
                await into.send(message)


def _hear(source: BinaryIO, heard: "asyncio.Queue[bytes | None]", loop: asyncio.AbstractEventLoop) -> None:
    """Hand the lines over, one after the other; an empty one at the end."""
    for line in itertools.chain(lines.bounded(source), [b""]):
        try:
            asyncio.run_coroutine_threadsafe(heard.put(line), loop).result()
        except (RuntimeError, asyncio.CancelledError):  # the loop has ended
            return


def _message(line: bytes | None) -> SessionMessage | Refusal:
    if line is None:
        return TOO_LONG
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        told = lines.parsed(line)
        return told if isinstance(told, Refusal) else Refusal(told.get("id"), INVALID_REQUEST, "Invalid request")
    if isinstance(message, JSONRPCNotification):  # to the SDK also a request whose id is none
        told = lines.parsed(line)
        if isinstance(told, Refusal):
            return told
    return SessionMessage(message)


async def _write(sink: BinaryIO, out: MemoryObjectReceiveStream[SessionMessage]) -> None:
    gone = False
    async with out:
        async for each in out:
            line = each.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
            try:
                if not gone:
                    await to_thread.run_sync(_put, sink, line)
            except OSError as error:  # it reads no more; that it is gone is told by the end of what it sends
                gone = True
                log.warning("MCP client reads no more", reason=error.strerror)


def _put(sink: BinaryIO, line: bytes) -> None:
    sink.write(line)
    sink.flush()
