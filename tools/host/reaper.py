"""Ends the tool servers of a service that was killed.

A program that does not notice the end of its input outlives a service that had no time to stop it (SIGKILL, or the
kernel out of memory). So with the first server a small process is started that knows every server's process group. When
the service is gone, by the end of this process's input or by its having another parent, it ends them.

Run as a program it needs the standard library only, and starts in a few milliseconds.
"""

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Final

GRACE: Final = 2.0
"""Seconds between SIGTERM and SIGKILL."""

_LOOK: Final = 1.0
"""Seconds between two looks at who the parent is: a process forked from the service may hold the pipe open."""


_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What an interpreter may need to start; the service's secrets are none of its business."""


class Reaper:
    """The process, from the service's side; started with the first group, ended by `close`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: set[int] = set()

    def watch(self, group: int) -> None:
        """End this process group should this process die. Raises OSError where the reaper cannot be started."""
        self._groups.add(group)
        if not self._say(f"+{group}"):
            self._start()
            for each in self._groups:
                self._say(f"+{each}")

    def release(self, group: int) -> None:
        """The group has ended; its number may become another's."""
        self._groups.discard(group)
        self._say(f"-{group}")

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _close(process)

    def _start(self) -> None:
        self.close()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={name: value for name, value in os.environ.items() if name in _ENVIRONMENT},
            start_new_session=True,  # what a terminal sends to the service must not end it first
        )

    def _say(self, line: str) -> bool:
        if self._process is None or self._process.stdin is None:
            return False
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError:  # it has been killed
            return False
        return True


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _watched(parent: int) -> set[int]:
    """The groups that are left when the parent is gone, or has closed this process's input."""
    groups: set[int] = set()
    rest = b""
    while os.getppid() == parent:
        if not select.select([0], [], [], _LOOK)[0]:
            continue
        heard = os.read(0, 4096)
        if not heard:
            break
        *lines, rest = (rest + heard).split(b"\n")
        for line in lines:
            group = int(line[1:])
            groups.add(group) if line.startswith(b"+") else groups.discard(group)
    return groups


def _end(groups: set[int]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        for each in groups:
            with suppress(OSError):
                os.killpg(each, how)
        until = time.monotonic() + GRACE
        while how is signal.SIGTERM and any(map(_alive, groups)) and time.monotonic() < until:
            time.sleep(0.02)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # those that are meant for the service too
        signal.signal(each, signal.SIG_IGN)
    _end(_watched(int(sys.argv[1])))
