"""A soak: load for an hour while the world around is broken in turn, and nothing may be lost nor done twice.

    python -m tests.soak.soak --minutes 60

Over SQLite (one process) and PostgreSQL (an API and two workers), half of the time each. Faults: model endpoints that
are slow, break off, hang or die, database connections that are cut (PostgreSQL), a full disk (SQLite), a wall clock
that jumps by hours, workers killed (PostgreSQL). Each comes at least once: where the time is too short for that, it is
longer. Prints the load held, the faults, what was lost and how memory grew; exit status 1 when
something was lost, wrong or done twice, or memory grew beyond the bound.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
import psycopg

from agents.pool_settings import PoolSettings
from service.settings import Limits, Settings
from tests.agents.conftest import ModelServer, start_model_server
from tests.chaos.chaos import Caller, Cluster, Report, check, postgresql
from tests.chaos.chaos import _free_port as free_port
from tests.chaos.chaos import _key as first_key
from tests.chaos.nursery import Plan

AT_ONCE = 8
EVERY = 4.0
"""Seconds from the end of one fault to the next, where there is time."""

AFTER = 6.0
"""Seconds of load without faults at the end."""

GROWTH = 160.0
"""MiB that the API's process may grow by after its first quarter."""

HONEST = frozenset(
    {"database_error", "model_lost", "model_failed", "no_model_available", "model_busy", "run_timeout", "tool_failed"}
)
"""Ends that a fault may bring about: the run says what failed, and its caller knows."""

_SERVER = (sys.executable, "-m", "tests.agents.model_server", "--model", "qwen3")


@dataclass
class Soaked:
    """What came of it. at_once: callers. memory: MiB of the API's process by second; workers: the most of any of them.
    seconds_each: of every run, as its caller saw it."""

    database: str
    at_once: int = AT_ONCE
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)
    workers: float = 0.0
    seconds_each: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def growth(self) -> float:
        """MiB, from the median of the second quarter of the time to the median of the last."""
        quarter = len(self.memory) // 4
        if not quarter:
            return 0.0
        return median(m for _, m in self.memory[-quarter:]) - median(m for _, m in self.memory[quarter : 2 * quarter])

    @property
    def good(self) -> bool:
        return not (self.lost or self.wrong or self.repeated) and self.growth < GROWTH

    def as_json(self) -> dict[str, Any]:
        each = self.seconds_each
        return {
            "database": self.database,
            "callers": self.at_once,
            "minutes": round(self.seconds / 60, 1),
            "runs": sum(self.ends.values()),
            "runs_a_minute": round(60 * sum(self.ends.values()) / max(1.0, self.seconds)),
            "ends": dict(self.ends),
            "median_s": round(median(each), 2) if each else None,
            "p95_s": round(quantiles(each, n=20)[-1], 2) if len(each) > 1 else None,
            "slowest_s": round(max(each), 1) if each else None,
            "faults": dict(self.faults),
            "lost": len(self.lost),
            "wrong_results": len(self.wrong),
            "repeated_tool_calls": len(self.repeated),
            "memory_mib": round(self.memory[-1][1]) if self.memory else None,
            "memory_growth_mib": round(self.growth, 1),
            "largest_worker_mib": round(self.workers) or None,
        }


@dataclass
class World:
    """What is around the service, and can be broken."""

    cluster: Cluster
    models: list[ModelServer]
    dice: random.Random
    database: str
    clock: Path

    def say(self, model: ModelServer, **reply: Any) -> None:
        model.script({"text": '{"fair": true}', "always": True, **reply})

    async def slow_model(self) -> None:
        model = self.dice.choice(self.models)
        self.say(model, wait=2.5)
        await asyncio.sleep(3)
        self.say(model)

    async def breaking_model(self) -> None:
        """Breaks off in the middle of its answers."""
        model = self.dice.choice(self.models)
        self.say(model, die_after=1)
        await asyncio.sleep(2)
        self.say(model)

    async def dying_model(self) -> None:
        at = self.dice.randrange(len(self.models))
        old = self.models[at]
        old.stop()
        await asyncio.sleep(1.5)
        self.models[at] = await asyncio.to_thread(start_model_server, *_SERVER[3:], "--port", str(old.port))
        self.say(self.models[at])

    async def hanging_model(self) -> None:
        model = self.dice.choice(self.models)
        model.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(3)
        model.process.send_signal(signal.SIGCONT)

    async def cut_connections(self) -> None:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        query += " AND datname IS NOT NULL"
        async with await psycopg.AsyncConnection.connect(self.database, autocommit=True) as connection:
            await connection.execute(query)

    async def full_disk(self) -> None:
        """To SQLite, a file that cannot grow."""
        pid = self.cluster.pids["api"]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        await asyncio.sleep(2)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    async def jumping_clock(self) -> None:
        """Hours ahead or back, in one process; then right again."""
        name = self.dice.choice(list(self.cluster.pids))
        for ahead in (self.dice.choice([-7200.0, 10_800.0]), 0.0):
            self.clock.write_text(str(ahead))
            os.kill(self.cluster.pids[name], signal.SIGUSR1)
            await asyncio.sleep(2)

    async def killed_worker(self) -> None:
        name = self.dice.choice([each for each in self.cluster.plans if each != "api"])
        self.cluster.kill(name)
        await asyncio.sleep(0.5)
        self.cluster.start(name)

    def faults(self) -> dict[str, Callable[[], Awaitable[None]]]:
        models = {
            "slow model": self.slow_model,
            "model that breaks off": self.breaking_model,
            "model that dies": self.dying_model,
            "model that hangs": self.hanging_model,
            "clock that jumps": self.jumping_clock,
        }
        if self.database == "sqlite":
            return {**models, "full disk": self.full_disk}
        return {**models, "database connections cut": self.cut_connections, "worker killed": self.killed_worker}


async def load(soaked: Soaked, caller: Caller, over: asyncio.Event, place: int) -> None:
    """One caller after the other: a run each, followed to its end."""
    number = 0
    while not over.is_set():
        number += 1
        order = f"order-{place}-{number}"
        began = time.monotonic()
        path = await caller.start(order, 0.02, "asked")
        while True:
            row = await caller.ask("GET", path)
            if row["status"] not in ("pending", "running"):
                break
            await asyncio.sleep(0.05)
        soaked.seconds_each.append(time.monotonic() - began)
        code = (row["error"] or {}).get("code")
        soaked.ends[row["status"] if code is None else f"{row['status']}: {code}"] += 1
        if row["status"] != "success" and code not in HONEST:
            soaked.lost.append(f"{order}: {row['status']} {row['error']}")


async def breaking(soaked: Soaked, world: World, seconds: float, over: asyncio.Event) -> None:
    """One fault after the other, each kind in turn, until it is time and each has been; then the load is over."""
    kinds = world.faults()
    names = list(kinds)
    world.dice.shuffle(names)
    until, at = time.monotonic() + seconds - AFTER, 0
    while time.monotonic() < until or at < len(names):
        left = max(0.0, until - time.monotonic())
        await asyncio.sleep(EVERY if at >= len(names) else min(EVERY, left / (4 * (len(names) - at))))
        name = names[at % len(names)]
        await kinds[name]()
        soaked.faults[name] += 1
        world.cluster.alive()
        at += 1
    await asyncio.sleep(AFTER)
    over.set()


async def weighing(soaked: Soaked, cluster: Cluster, began: float) -> None:
    """The memory of the API's process, which no fault ends, and of the workers; a line each minute."""
    told = 0
    while True:
        seconds = time.monotonic() - began
        for name, pid in list(cluster.pids.items()):
            with suppress(OSError):  # it was killed a moment ago
                mib = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 1024**2
                if name == "api":
                    soaked.memory.append((seconds, mib))
                else:
                    soaked.workers = max(soaked.workers, mib)
        if (minutes := int(seconds // 60)) > told:
            told = minutes
            runs, faults = sum(soaked.ends.values()), sum(soaked.faults.values())
            line = f"{soaked.database}: {minutes} min, {runs} runs, {faults} faults, {soaked.memory[-1][1]:.0f} MiB"
            print(line, file=sys.stderr, flush=True)
        await asyncio.sleep(1)


async def soak(database: str, seconds: float, seed: int, at_once: int = AT_ONCE) -> Soaked:
    """Over one database: "sqlite" or a PostgreSQL URL."""
    sqlite, soaked = database == "sqlite", Soaked("sqlite" if database == "sqlite" else "postgresql", at_once)
    dice = random.Random(seed)  # noqa: S311 - dice that a seed repeats
    models = [start_model_server(*_SERVER[3:]) for _ in range(2)]
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder), free_port()
        pool = {"name": "qwen3", "catalogue": "qwen3-8b", "endpoints": [each.url for each in models]}
        quick = {"health_seconds": 0.5, "breaker_seconds": 0.5, "silence_seconds": 2.0, "outage_seconds": 60.0}
        settings = Settings(
            data_dir=home / "var",
            database=f"sqlite:///{home}/soak.db" if sqlite else database,
            limits=Limits(heartbeat_seconds=0.7, stalled_seconds=3, drain_seconds=2, poll_seconds=0.5),
            pool=PoolSettings.model_validate({"models": [pool], "retries": 8, **quick}),
            execute=sqlite,
        )
        roles: dict[str, Any] = {"api": "service"} | ({} if sqlite else {"worker 1": "worker", "worker 2": "worker"})
        plans = {
            name: Plan(role, settings, home / "journal", home / "log", port if role == "service" else 0)
            for name, role in roles.items()
        }
        cluster = Cluster(plans, f"http://127.0.0.1:{port}")
        world = World(cluster, models, dice, "sqlite" if sqlite else database, home / "clock")
        try:
            for name in plans:
                cluster.start(name)
            caller = Caller(cluster.url, await first_key(home / "var" / "first-key"))
            for model in models:
                world.say(model)
            began, over = time.monotonic(), asyncio.Event()
            scale = asyncio.create_task(weighing(soaked, cluster, began))
            async with asyncio.TaskGroup() as group:
                group.create_task(breaking(soaked, world, seconds, over))
                for place in range(at_once):
                    group.create_task(load(soaked, caller, over, place))
            soaked.seconds = time.monotonic() - began
            scale.cancel()
            metrics = httpx.get(f"{cluster.url}/metrics?format=json").json()["queue"]
            if metrics["n_pending"] or metrics["n_running"]:
                soaked.lost.append(f"runs are left in the queue: {metrics}")
            await caller.close()
        except BaseException:
            sys.stderr.write((home / "log").read_text()[-8000:])
            raise
        finally:
            cluster.stop()
            for model in world.models:
                model.process.send_signal(signal.SIGCONT)
                model.stop()
        report = Report(soaked.database, runs=sum(soaked.ends.values()))
        await check(report, settings.database_url, home / "journal")
        soaked.wrong, soaked.repeated = report.wrong, report.repeated
        if not soaked.good:
            sys.stderr.write((home / "log").read_text()[-8000:])
    return soaked


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="both databases together (default 60)")
    parser.add_argument("--seed", type=int, default=1, help="of the dice (default 1)")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help=f"callers (default {AT_ONCE})")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    seconds = asked.minutes * 60 / (2 if asked.database == "both" else 1)
    found: list[Soaked] = []
    if asked.database != "postgresql":
        found.append(await soak("sqlite", seconds, asked.seed, asked.at_once))
    if asked.database != "sqlite":
        async with postgresql() as url:
            found.append(await soak(url, seconds, asked.seed, asked.at_once))
    for soaked in found:
        told = soaked.as_json()
        print(
            json.dumps(told) if asked.json else "\n".join(f"{name:>20}  {value}" for name, value in told.items()), "\n"
        )
        for fault in [*soaked.lost, *soaked.wrong, *soaked.repeated][:20]:
            print("   ", fault)
    return 0 if all(each.good for each in found) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
