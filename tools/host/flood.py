"""Cutting off a server that sends what nobody asked for."""

import time
from dataclasses import dataclass, field
from typing import Final

BURST: Final = 10
"""Seconds' worth of messages that may come at once."""


class Flooded(Exception):
    """More came unasked than is allowed."""


@dataclass(slots=True)
class FloodGate:
    """Counts messages that answer no request: a bucket of `BURST` seconds that empties by so many a second.

    Each such message costs the event loop about a millisecond of everybody's time, so the allowance is small.
    """

    per_second: int
    _since: float = field(default_factory=time.monotonic)
    _level: float = 0.0

    def unasked(self) -> None:
        """One more has come. Raises Flooded."""
        now = time.monotonic()
        self._level = max(0.0, self._level - (now - self._since) * self.per_second) + 1
        self._since = now
        if self._level > BURST * self.per_second:
            raise Flooded(f"it sent more than {self.per_second:,} messages a second that nobody asked for")
