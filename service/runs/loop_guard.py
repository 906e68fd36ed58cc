"""A node that blocks the event loop: found, and its run ended, so that the service goes on answering.

LangGraph runs synchronous nodes in threads; an asynchronous node that sleeps or computes without awaiting stops every
other run and request of the process. A thread watches the loop's heartbeat. When it stops for too long while a run's
task is executing, the main thread gets a signal whose handler raises in that very task: a Python exception is the only
way out of a blocking call such as `time.sleep` (PEP 475). The handler raises only where the loop has not moved since,
so no other task can be hit. A C function that never looks for signals is ended when it returns.
"""

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, Final, Self
from weakref import WeakKeyDictionary

import structlog

from service.runs.places import innermost
from tools.errors import ConsiliaError

log = structlog.get_logger(__name__)

_SIGNAL: Final = signal.SIGURG
"""Ignored where nobody handles it, so one that comes late does no harm; the Go runtime uses it for the same reason."""

_run: ContextVar[str | None] = ContextVar("run", default=None)
_runs: WeakKeyDictionary["asyncio.Task[Any]", str] = WeakKeyDictionary()


class EventLoopBlocked(ConsiliaError):
    """A node of the run has kept the event loop to itself."""

    code = "event_loop_blocked"
    status = 500


@contextmanager
def executing(run_id: str) -> Generator[None]:
    """What the calling task does inside, and the tasks and threads it starts there, belong to this run."""
    token = _run.set(run_id)
    task = asyncio.current_task()
    assert task is not None, "runs are executed in tasks"
    _runs[task] = run_id
    try:
        yield
    finally:
        del _runs[task]
        _run.reset(token)


def current_run() -> str | None:
    """The id of the run to which the caller belongs."""
    return _run.get()


def _make_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
    """A task factory that notes to which run a task belongs."""
    context = options.get("context")
    run_id = _run.get() if context is None else context.get(_run)
    task = asyncio.Task(coroutine, loop=loop, **options)
    if run_id is not None:
        _runs[task] = run_id
    return task


@dataclass(frozen=True, slots=True)
class _Block:
    """beat: the count of heartbeats at which the loop stands still."""

    beat: int
    task: "asyncio.Task[Any]"
    message: str


class LoopGuard:
    """Watches the running event loop. Use as an async context manager, in the main thread to be able to end a block.

    seconds: longest that a run may block.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._interval = min(0.5, seconds / 4)
        self._beats = 0
        self._last = time.monotonic()
        self._block: _Block | None = None
        self._stopping = threading.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._before: Any = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._may_signal = threading.current_thread() is threading.main_thread()
        if self._may_signal:
            self._before = signal.signal(_SIGNAL, self._interrupt)
        self._loop.set_task_factory(_make_task)
        self._beat()
        self._watcher = threading.Thread(target=self._watch, name="event loop guard", daemon=True)
        self._watcher.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._watcher.join()
        if self._timer is not None:
            self._timer.cancel()
        self._loop.set_task_factory(None)
        if self._may_signal:
            signal.signal(_SIGNAL, self._before)

    def _beat(self) -> None:
        self._beats += 1
        self._last = time.monotonic()
        self._timer = self._loop.call_later(self._interval, self._beat)

    def _watch(self) -> None:
        """In a thread of its own. While a block goes on (somebody catches the exception) it is interrupted again."""
        told = seen = looks = 0
        while not self._stopping.wait(self._interval):
            beat = self._beats
            looks = looks + 1 if beat == seen else 0  # not by the clock: the whole process may have been suspended
            seen = beat
            if looks * self._interval < self._seconds:
                continue
            blocked_for = time.monotonic() - self._last
            task = asyncio.current_task(self._loop)
            frame = sys._current_frames().get(self._thread_id)  # pyright: ignore[reportPrivateUsage]
            place = innermost(frame) if frame else None
            run_id = _runs.get(task) if task is not None else None
            if beat != told:
                log.error("event loop blocked", seconds=round(blocked_for, 1), at=str(place), run_id=run_id)
                told = beat
            if task is None or run_id is None or not self._may_signal:
                continue
            message = (
                f"a node blocked the event loop for {blocked_for:.1f} s at {place} (limits.block_seconds is "
                f"{self._seconds:g}); write it as a plain function, which runs in a thread, or await what it waits for"
            )
            self._block = _Block(beat, task, message)
            signal.pthread_kill(self._thread_id, _SIGNAL)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """In the main thread, between two steps of whatever it executes: raise there, if it is still the block."""
        block, self._block = self._block, None
        if block is None or self._beats != block.beat or asyncio.current_task(self._loop) is not block.task:
            return
        raise EventLoopBlocked(block.message)
