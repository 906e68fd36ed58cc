"""A run's events as Server-Sent Events (WHATWG HTML, section 9.2)."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection

from service.runs.stream import Event

HEARTBEAT_SECONDS = 15.0
"""A silent stream sends a comment this often, so that no proxy takes it for dead."""


def wanted(kind: str, modes: Collection[str]) -> bool:
    """Whether an event of this kind belongs to a stream with these modes."""
    base = kind.split("|", 1)[0].split("/", 1)[0]
    return base in ("metadata", "error") or base in modes or (base == "messages" and "messages-tuple" in modes)


async def sse(events: AsyncGenerator[Event], modes: Collection[str], gone: Callable[[], None]) -> AsyncGenerator[bytes]:
    """The events in the stream's form, with a heartbeat in silence. gone: called when the client went away first."""
    try:
        async for chunk in with_heartbeats(_formed(events, modes)):
            yield chunk
    except (asyncio.CancelledError, GeneratorExit):
        gone()
        raise


async def _formed(events: AsyncGenerator[Event], modes: Collection[str]) -> AsyncGenerator[bytes]:
    async for event in events:
        if wanted(event.kind, modes):
            yield f"event: {event.kind}\ndata: {event.data}\nid: {event.seq}\n\n".encode()


async def with_heartbeats(chunks: AsyncGenerator[bytes], seconds: float = HEARTBEAT_SECONDS) -> AsyncGenerator[bytes]:
    """A stream, with a comment in it after so many seconds of silence."""
    waiting: asyncio.Task[bytes] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(chunks))
            done, _ = await asyncio.wait([waiting], timeout=seconds)
            if not done:
                yield b": heartbeat\n\n"
                continue
            try:
                chunk = waiting.result()
            except StopAsyncIteration:
                return
            finally:
                waiting = None
            yield chunk
    finally:
        if waiting is not None:
            waiting.cancel()
