"""Telling large values from small ones without writing them, so that the large are written away from the event loop.

To write a state of 100,000 small objects takes a second or more of Python; in a thread of its own other requests are
answered in between, since every object is written by a call into Python, where threads change.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final, TypeVar, cast

from pydantic import BaseModel

LARGE: Final = 4_000
"""Objects from which a value is large; 1,000 characters count as one."""
LARGE_BYTES: Final = 256 * 1024
"""Bytes from which reading a value back is left to a thread."""

_Made = TypeVar("_Made")


def is_large(value: Any, limit: int = LARGE) -> bool:
    """Whether the value has more objects than the limit; looks at no more than that many."""
    seen, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        seen += 1 + (len(each) // 1_000 if isinstance(each, (str, bytes)) else 0)
        if seen + len(waiting) > limit:
            return True
        waiting += islice(_parts(each), limit)
    return False


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return cast(Mapping[Any, Any], value).values()
    if isinstance(value, (list, tuple, set, frozenset)):
        return cast(Iterable[Any], value)
    return vars(value).values() if isinstance(value, BaseModel) else ()


async def aside(write: Callable[[Any], _Made], value: Any) -> _Made:
    """write(value), in a thread where the value is large."""
    return await asyncio.to_thread(write, value) if is_large(value) else write(value)
