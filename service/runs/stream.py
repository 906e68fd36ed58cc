"""A run's events as they come: kept in SQL, and told at once to whoever listens in this process."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from service.database import runs
from service.database.engine import Database


@dataclass(frozen=True, slots=True)
class Event:
    """seq: 1-based, without gaps within a run; it is the SSE id. data: JSON text."""

    seq: int
    kind: str
    data: str


class Feed:
    """The events of one run that is executing in this process.

    Events are published after their commit, so that an event a client has seen is in SQL whatever happens next.
    """

    def __init__(self, keep: int = 2_000) -> None:
        self.last_seq = 0
        self._tail: deque[Event] = deque(maxlen=keep)
        self._changed = asyncio.Event()
        self.ended = False

    def publish(self, events: list[Event]) -> None:
        self._tail.extend(events)
        self.last_seq = events[-1].seq
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def after(self, seq: int) -> list[Event] | None:
        """The events after `seq` if the tail still holds them all, else None: they are in SQL."""
        if seq >= self.last_seq:
            return []
        if self._tail and self._tail[0].seq <= seq + 1:
            return [event for event in self._tail if event.seq > seq]
        return None

    def changed(self) -> asyncio.Event:
        """An event that is set at the next change; take it before looking, so that no change is missed."""
        return self._changed


class Feeds:
    """The feeds of this process by run id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._feeds: dict[str, Feed] = {}
        self._opened = asyncio.Event()

    def open(self, run_id: str) -> Feed:
        """The run's feed, made when there is none."""
        if run_id not in self._feeds:
            self._feeds[run_id] = Feed()
            self._opened.set()
            self._opened = asyncio.Event()
        return self._feeds[run_id]

    async def next_opened(self) -> None:
        """Returns when the next feed is opened."""
        await self._opened.wait()

    def close(self, run_id: str) -> None:
        feed = self._feeds.pop(run_id, None)
        if feed is not None:
            feed.end()

    async def follow(self, run_id: str, after: int = 0) -> AsyncGenerator[Event]:
        """The run's events after `after`: those in SQL first, then new ones until the run ends."""
        last = after
        while True:
            feed = self._feeds.get(run_id)
            if feed is None:
                for event in await self._stored(run_id, last):
                    yield event
                return
            changed = feed.changed()
            ended = feed.ended
            fresh = feed.after(last)
            if fresh is None:
                fresh = await self._stored(run_id, last)
            for event in fresh:
                last = event.seq
                yield event
            if not fresh:
                if ended:
                    return
                await changed.wait()

    async def _stored(self, run_id: str, after: int) -> list[Event]:
        rows = await runs.events(self._database, run_id, after)
        return [Event(row["seq"], row["kind"], row["data"]) for row in rows]
