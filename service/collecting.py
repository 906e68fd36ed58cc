"""When Python's full garbage collections happen: not in the middle of a crowd.

A full collection visits every object, and everything stands still meanwhile: with two thousand runs in memory about a
second, several times while they come in. So what is there after the start is left out of all collections, the automatic
ones are kept to young objects, and full ones are made while little is going on, or when memory has grown a lot since.
"""

import asyncio
import gc
import os
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

_LOOK: Final = 10.0
"""Seconds between two looks."""

_FEW: Final = 64
"""Runs in memory up to which a full collection is short."""

_MUCH: Final = 512 * 1024**2
"""Growth of memory, bytes, at which a full collection is made whatever is going on."""

_YOUNG: Final = (5_000, 20, 1_000_000)
"""Thresholds of the three generations: the last is in effect never reached."""


@contextmanager
def pausing() -> Generator[None]:
    """No collections while modules are imported: they find nothing, and take a third of the time.

    What was imported is left out of all later ones, also of the one at the process's end, which takes as long again.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()


@asynccontextmanager
async def collecting(executing: Callable[[], int]) -> AsyncGenerator[None]:
    """executing: how many runs are in memory now."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_YOUNG)
    task = asyncio.create_task(_collect_in_quiet(executing), name="garbage collection")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        gc.set_threshold(*before)


async def _collect_in_quiet(executing: Callable[[], int]) -> None:
    kept = _resident()
    while True:
        await asyncio.sleep(_LOOK)
        if executing() <= _FEW or _resident() > kept + _MUCH:
            gc.collect()
            kept = _resident()


def _resident() -> int:
    """Resident memory of this process, bytes; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0
