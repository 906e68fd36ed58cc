"""Keeping one server running: start it, wait until it is healthy, watch it, start it anew when it dies."""

import asyncio
import re
import signal
import socket
import time
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Final

import httpx

from agents.serving import processes
from agents.serving.processes import Running
from agents.serving.served import CannotServe, Launch
from agents.serving.standing import Home, Standing, Standings, State

LOOK_SECONDS: Final = 2.0
"""Pause between two looks at a server's health; the process itself is looked at every quarter of a second."""
SICK_LOOKS: Final = 5
"""Looks in a row that find a running server unwell before it is started anew."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 300.0
PROVEN_SECONDS: Final = 60.0
"""A server that was healthy for so long starts with the first pause again."""
GRACE_SECONDS: Final = 20.0
"""Time between SIGTERM and SIGKILL."""
_TICK: Final = 0.25
_ERROR: Final = re.compile(r"\b\w*(Error|Exception): |\berror: ")
_ASKED: Final = "a restart was asked for"


def pause_after(failures: int) -> float:
    """Seconds before the next start after so many failures in a row (1 or more)."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1))


class Keeper:
    """Keeps one server running."""

    def __init__(self, launch: Launch, home: Home, board: "Board", turn: asyncio.Semaphore) -> None:
        self.launch = launch
        self.home = home
        self.board = board
        self.turn = turn
        self.standing = Standing(name=launch.name, model=launch.model, url=launch.url, log=str(home.log(launch.name)))

    async def keep(self) -> None:
        """Until cancelled; then the server is stopped."""
        running = self._found()
        try:
            async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
                while True:
                    await self._life(running, client)
                    running = None
                    self.standing.failures += 1
                    self.standing.restarts += 1
                    pause = pause_after(self.standing.failures)
                    self._say("backing off", f"{self.standing.fault}; next start in {pause:.0f} s")
                    await self._sleep(pause)
        finally:
            self.home.pid_file(self.launch.name).unlink(missing_ok=True)
            self.standing.pid = None
            self._say("stopped")

    async def _life(self, running: Running | None, client: httpx.AsyncClient) -> None:
        """From start to death of one process, however it comes; its fault is in the standing."""
        try:
            async with self._turn(running):
                if running is None:
                    try:
                        running = self._start()
                    except (CannotServe, OSError) as error:
                        self.standing.fault = str(error)
                        return
                well = await self._until_healthy(running, client)
            if well:
                await self._watch(running, client)
        finally:
            if running is not None:
                await _stopped(running)
                self.standing.pid = None

    def _turn(self, running: Running | None) -> AbstractAsyncContextManager[object]:
        """Servers on the CPU take turns to start: each start takes a core for a minute, and memory."""
        if running is not None or not self.launch.alone:
            return nullcontext()
        self._say("waiting")
        return self.turn

    def _found(self) -> Running | None:
        """The server of an earlier supervisor, when it was started in the same way."""
        mark = processes.read_mark(self.home.pid_file(self.launch.name))
        if mark is None:
            return None
        found = Running(mark)
        if mark.command == processes.fingerprint(self.launch):
            return found
        found.end(signal.SIGTERM)
        processes.wait_gone(mark, GRACE_SECONDS)
        found.sweep()
        return None

    def _start(self) -> Running:
        port = int(self.launch.url.rpartition(":")[2])
        if _taken(port):
            raise CannotServe(f"port {port} is taken by another program; end it, or give the model another serve.port")
        running = processes.start(self.launch, self.home.log(self.launch.name), processes.read_key(self.launch))
        self.home.keep_mark(self.launch.name, running.mark)
        self.standing.pid = running.mark.pid
        self._say("starting", "" if self.standing.fault.startswith(_ASKED) else None)
        return running

    async def _until_healthy(self, running: Running, client: httpx.AsyncClient) -> bool:
        self.standing.pid = running.mark.pid
        deadline = time.monotonic() + self.launch.ready_seconds
        while running.alive:
            if await self._well(client):
                self._say("healthy")
                return True
            if self._asked_to_restart():
                self.standing.fault, self.standing.failures = _ASKED, 0
                return False
            if time.monotonic() > deadline:
                self.standing.fault = f"not healthy within {self.launch.ready_seconds:.0f} s"
                return False
            await asyncio.sleep(_TICK)
        self.standing.fault = f"it {running.status} before it was healthy{self._last_words()}"
        return False

    async def _watch(self, running: Running, client: httpx.AsyncClient) -> None:
        since, sick, next_look = time.monotonic(), 0, time.monotonic() + LOOK_SECONDS
        while running.alive:
            await asyncio.sleep(_TICK)
            if self._asked_to_restart():
                self.standing.fault, self.standing.failures = _ASKED, -1
                return
            if time.monotonic() - since > PROVEN_SECONDS:
                self.standing.failures = 0
            if time.monotonic() < next_look:
                continue
            next_look = time.monotonic() + LOOK_SECONDS
            sick = 0 if await self._well(client) else sick + 1
            if sick == 0 and self.standing.state == "unhealthy":
                self._say("healthy")
            elif sick and running.alive:
                self._say("unhealthy", f"/health did not answer well {sick} time(s) in a row")
            if sick >= SICK_LOOKS:
                return
        self.standing.fault = f"it {running.status}"

    async def _well(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get(f"{self.launch.url}/health")).status_code == 200
        except httpx.HTTPError:
            return False

    def _asked_to_restart(self) -> bool:
        path = self.home.restart_file(self.launch.name)
        if not path.exists():
            return False
        path.unlink(missing_ok=True)
        return True

    async def _sleep(self, seconds: float) -> None:
        """The pause before the next start; a restart that is asked for ends it."""
        for _ in range(max(1, round(seconds / _TICK))):
            if self._asked_to_restart():
                return
            await asyncio.sleep(_TICK)

    def _last_words(self) -> str:
        """The last line of its log that tells of an error."""
        with suppress(OSError):
            lines = self.home.log(self.launch.name).read_text(encoding="utf-8", errors="replace").splitlines()[-200:]
            telling = [line.strip() for line in lines if _ERROR.search(line) and "WARNING" not in line]
            if telling:
                return f": {telling[-1][:400]}"
        return ""

    def _say(self, state: State, fault: str | None = None) -> None:
        if state != self.standing.state:
            self.standing.since = datetime.now(UTC)
        self.standing.state = state
        self.standing.fault = fault if fault is not None else "" if state == "healthy" else self.standing.fault
        self.board.publish()


class Board:
    """All keepers, and the file that tells of them."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.keepers: dict[str, Keeper] = {}
        self.order = 0

    def publish(self) -> None:
        servers = [keeper.standing for keeper in self.keepers.values()]
        self.home.keep_standings(Standings(order=self.order, servers=servers))


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def _stopped(running: Running) -> None:
    """End a server: SIGTERM, time to finish, SIGKILL, and whatever it left."""
    running.end(signal.SIGTERM)
    for _ in range(round(GRACE_SECONDS / _TICK)):
        if not running.alive:
            break
        await asyncio.sleep(_TICK)
    running.sweep()
    for _ in range(40):
        if not running.alive:
            break
        await asyncio.sleep(_TICK)
