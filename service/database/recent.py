"""Rows that were read a moment ago, for what every request looks up and hardly anybody changes."""

import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final

RECENT_SECONDS: Final = 1.0
"""How long a row is believed: a change made by another process shows within this time."""

_MOST: Final = 10_000


class Recent:
    """Rows by key, each for RECENT_SECONDS. A change made in this process forgets them at once."""

    def __init__(self) -> None:
        self._rows: dict[Hashable, tuple[float, Any]] = {}

    async def get(self, key: Hashable, read: Callable[[], Awaitable[Any]]) -> Any:
        """The row of this key, read when it is not known or too old; None is not kept."""
        known = self._rows.get(key)
        if known is not None and time.monotonic() - known[0] < RECENT_SECONDS:
            return known[1]
        moment = time.monotonic()
        row = await read()
        if row is not None:
            if len(self._rows) >= _MOST:
                self._rows.clear()
            self._rows[key] = (moment, row)
        return row

    def forget(self) -> None:
        self._rows.clear()
