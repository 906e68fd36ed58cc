"""The threads in which LangGraph runs synchronous nodes: enough of them, and given back when their run has ended.

By default an event loop has a handful of threads, so a few nodes that never return would stop every other synchronous
node of the process, and name resolution with them.
"""

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import structlog

from service.runs.loop_guard import current_run

log = structlog.get_logger(__name__)

_NAME: Final = "node"
_PATIENCE: Final = 2.0
"""Seconds that nodes get at the end of the process, after what drained runs had."""

_RAISE_IN: Final = ctypes.pythonapi.PyThreadState_SetAsyncExc


class RunEnded(BaseException):
    """Raised in a node whose run has ended; no Exception, so that a node's `except Exception` does not keep it."""


class NodeThreads(ThreadPoolExecutor):
    """A thread pool that knows for which run each thread works."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads, thread_name_prefix=_NAME)
        self._lock = threading.Lock()
        self._working: dict[int, str] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        run_id = current_run()
        if run_id is None:
            return super().submit(fn, *args, **kwargs)
        return super().submit(self._work, run_id, fn, args, kwargs)

    def _work(self, run_id: str, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        ident = threading.get_ident()
        with self._lock:
            self._working[ident] = run_id
        try:
            return fn(*args, **kwargs)
        finally:
            with self._lock:
                del self._working[ident]
                _RAISE_IN(ctypes.c_ulong(ident), None)  # what was to be raised and came too late hits nobody else

    def end(self, run_id: str) -> None:
        """Raise RunEnded in the nodes of a run that has ended (it was cancelled, or took too long).

        A node inside a C function, such as a long sleep, ends when that returns.
        """
        with self._lock:
            for ident, working_for in self._working.items():
                if working_for == run_id:
                    log.warning("node outlives its run", run_id=run_id)
                    _RAISE_IN(ctypes.c_ulong(ident), ctypes.py_object(RunEnded))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Called when the event loop closes: nodes get a moment; one stuck in a C function is left behind."""
        super().shutdown(wait=False, cancel_futures=True)
        for run_id in set(self._working.values()):
            self.end(run_id)
        deadline = time.monotonic() + _PATIENCE
        for thread in threading.enumerate():
            if wait and thread.name.startswith(_NAME):
                thread.join(max(0.0, deadline - time.monotonic()))


def leave_stuck_nodes() -> None:
    """End the process here and now if a node still keeps a thread: Python would wait for it. Call it last of all."""
    stuck = [thread for thread in threading.enumerate() if thread.name.startswith(_NAME)]
    if stuck:
        log.warning("nodes left behind", count=len(stuck))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
