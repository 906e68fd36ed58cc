"""One model server: whether it is well, how busy it is, and what it did with the last requests."""

import time
from dataclasses import dataclass, field
from typing import Any, Final

from agents.dialects import Dialect
from agents.pool_settings import PoolModel, PoolSettings

_LONGEST_BREAK: Final = 120.0


@dataclass(slots=True)
class Endpoint:
    """The state of one server; only the pool changes it. Times are of the monotonic clock, in seconds.

    A circuit breaker takes it out after failures in a row, for a time that doubles; then one request tries it (Nygard,
    Release It!, 2nd ed., chapter 5). healthy: None until it was looked at.
    """

    url: str
    model: PoolModel
    dialect: Dialect
    limits: PoolSettings
    headers: dict[str, str]
    served: str = ""
    adapters: frozenset[str] = frozenset()
    context: int | None = None
    healthy: bool | None = None
    draining: bool = False
    fault: str = ""
    active: int = 0
    running: int = 0
    waiting: int = 0
    requests: int = 0
    failures: int = 0
    two_pass: bool = False
    _in_a_row: int = 0
    _open_until: float = 0.0
    _pause: float = 0.0
    _trying: bool = False
    _full_until: float = 0.0
    _shares: float = 0.0
    _shared_at: float = field(default_factory=time.monotonic)

    @property
    def root(self) -> str:
        """The server's root, where health and metrics are."""
        return self.url[: -len("/v1")] if self.url.endswith("/v1") else self.url

    @property
    def load(self) -> int:
        """Requests that it has to do: ours, or all that its metrics told of last."""
        return max(self.active, self.running + self.waiting)

    def available(self, now: float) -> bool:
        """Whether it may be asked at all."""
        if self.draining or self.healthy is False:
            return False
        return self._open_until == 0.0 or (now >= self._open_until and not self._trying)

    def has_room(self, now: float) -> bool:
        """Whether it takes a request at once."""
        return self.active < self.model.concurrency and now >= self._full_until

    def room_in(self, now: float) -> float:
        """Seconds until it said it may have room; 0 when it is full of our own requests."""
        return max(0.0, self._full_until - now)

    def begin(self, now: float) -> float:
        """A request starts; the mark that `end` takes."""
        self._share(now)
        self.active += 1
        self.requests += 1
        self._trying = self._open_until != 0.0
        return self._shares

    def end(self, mark: float, now: float) -> float:
        """A request is over; its share of the server's time since, in seconds: each of n at a time takes an nth.

        One that was given up in the middle tells nothing of the server, so another may try it.
        """
        self._share(now)
        self.active -= 1
        self._trying = False
        return self._shares - mark

    def succeeded(self) -> None:
        self._in_a_row, self._open_until, self._pause, self._trying = 0, 0.0, 0.0, False
        self.healthy, self.fault = True, ""

    def failed(self, why: str, now: float) -> None:
        self.failures += 1
        self._in_a_row += 1
        self.fault = why
        if self._trying or self._in_a_row >= self.limits.breaker_failures:
            self._pause = min(_LONGEST_BREAK, self._pause * 2 or self.limits.breaker_seconds)
            self._open_until, self._trying = now + self._pause, False

    def full(self, seconds: float, now: float) -> None:
        """It refused for want of room: no failure."""
        self._full_until = now + seconds
        self._trying = False

    def seen(self, well: bool, why: str = "") -> None:
        """What a look at its health told. One that comes back from being down starts afresh."""
        if well and self.healthy is False:
            self.succeeded()
        self.healthy, self.fault = well, "" if well and self._open_until == 0.0 else why or self.fault

    def snapshot(self, now: float) -> dict[str, Any]:
        """For `consilia pool status` and the admin pages."""
        if self.draining:
            state = "draining" if self.active else "drained"
        elif self.healthy is False:
            state = "down"
        elif self._open_until:
            state = "broken" if now < self._open_until else "trying"
        elif not self.has_room(now):
            state = "full"
        else:
            state = "up" if self.healthy else "unknown"
        return {
            "url": self.url,
            "state": state,
            "fault": self.fault,
            "served": self.served,
            "context": self.context,
            "active": self.active,
            "running": self.running,
            "waiting": self.waiting,
            "requests": self.requests,
            "failures": self.failures,
        }

    def _share(self, now: float) -> None:
        if self.active:
            self._shares += (now - self._shared_at) / self.active
        self._shared_at = now
