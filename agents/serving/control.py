"""Bringing the servers up and down: what the commands do, by the files and signals that the supervisor heeds."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agents.serving import processes
from agents.serving.install import installed, python_of, router_of
from agents.serving.launch import launches
from agents.serving.processes import Running
from agents.serving.served import CannotServe, Launch, Served
from agents.serving.settings import Serving
from agents.serving.standing import Home, Launches, Standing, Standings

TRIES = 3
"""Starts in a row without a healthy server after which `up` stops waiting for it."""

Watch = Callable[[Sequence[Standing]], None]


class NotHealthy(CannotServe):
    """A server did not become healthy."""

    code = "server_not_healthy"
    status = 503


def wanted(models: Sequence[Served], serving: Serving, folder: Path) -> tuple[Launch, ...]:
    """The launches of a configuration, once their programs are seen to be there. Raises CannotServe."""
    environment, router = serving.environment, serving.router
    llamacpp = _program(serving.llamacpp, folder)
    found = launches(
        models, python=python_of(environment), router=router_of(router), folder=folder, llamacpp=llamacpp or Path()
    )
    if not found:
        raise CannotServe(
            "the configuration asks for no servers; give a [[pool.models]] entry serve = { port = 8000, gpus = 1 }"
        )
    dialects = {model.dialect for model in models if model.serve is not None}
    if "llamacpp" in dialects and llamacpp is None:
        raise CannotServe(
            f"there is no llama.cpp server {str(serving.llamacpp)!r}; install it, and name it by pool.serving.llamacpp"
        )
    if dialects - {"llamacpp"} and not installed(environment):
        cpu = " --cpu" if any(launch.alone for launch in found) else ""
        raise CannotServe(f"there is no vLLM in {environment}; run: consilia pool install{cpu}")
    if any(launch.name.endswith("-router") for launch in found) and not router_of(router).exists():
        raise CannotServe(f"there is no vllm-router in {router}; run: consilia pool install --router")
    for launch in found:
        processes.read_key(launch)
    return found


def _program(named: Path, folder: Path) -> Path | None:
    """A program of the PATH, or by its path from the folder on; None where there is none."""
    where = str(named) if len(named.parts) == 1 else str((folder / named).absolute())
    found = shutil.which(where)
    return Path(found) if found else None


def up(found: Sequence[Launch], home: Home, watch: Watch, starts: int = 2) -> Standings:
    """Have the supervisor keep these servers, and wait until all are healthy.

    watch is called about four times a second with how they stand. starts: servers on the CPU that start at a time.
    Raises NotHealthy when one fails TRIES times in a row, or when the supervisor dies; what runs goes on running.
    """
    home.make()
    order = time.time_ns()
    home.keep_launches(Launches(order=order, starts=starts, servers=list(found)))
    if (mark := home.supervisor) is not None:
        os.kill(mark.pid, signal.SIGHUP)
    else:
        home.keep_standings(Standings())
        _start_supervisor(home)
    while True:
        time.sleep(0.25)
        if home.supervisor is None:
            raise NotHealthy(f"the supervisor ended; see {home.log('supervisor')}")
        standings = home.standings()
        if standings.order != order:
            continue  # it has not read them yet
        seen = standings.servers
        watch(seen)
        if all(standing.state == "healthy" for standing in seen):
            return standings
        if failed := [standing for standing in seen if standing.failures >= TRIES]:
            told = "; ".join(f"{each.name}: {each.fault} (see {each.log})" for each in failed)
            raise NotHealthy(f"{told}. consilia pool down stops everything")


def down(home: Home, seconds: float = 90.0) -> list[str]:
    """Stop every server and the supervisor; the names of those that ran. Raises NotHealthy when one will not end."""
    names = [path.stem for path in sorted(home.folder.glob("*.pid")) if processes.read_mark(path) is not None]
    if (mark := home.supervisor) is not None:
        os.kill(mark.pid, signal.SIGTERM)
        if not processes.wait_gone(mark, seconds):
            raise NotHealthy(f"the supervisor (pid {mark.pid}) did not end within {seconds:.0f} s")
    for path in home.folder.glob("*.pid"):  # servers whose supervisor was killed
        if (left := processes.read_mark(path)) is not None:
            running = Running(left)
            running.end(signal.SIGTERM)
            processes.wait_gone(left, 20.0)
            running.sweep()
        path.unlink(missing_ok=True)
    return [name for name in names if name != "supervisor"]


def servers_of(name: str, home: Home) -> list[str]:
    """A server of that name, or all servers of the model of that name. Raises CannotServe."""
    servers = home.standings().servers
    if home.supervisor is None:
        raise CannotServe("no servers are kept running here; run: consilia pool up")
    if found := [each.name for each in servers if name in (each.name, each.model)]:
        return found
    raise CannotServe(f"there is no server {name!r}; there are: {', '.join(each.name for each in servers)}")


def restart(server: str, home: Home, watch: Watch) -> None:
    """Have one server restarted, and wait until its successor is healthy. Raises NotHealthy."""
    [before] = [each for each in home.standings().servers if each.name == server]
    home.restart_file(server).touch()
    while True:
        time.sleep(0.25)
        [seen] = [each for each in home.standings().servers if each.name == server]
        watch([seen])
        if seen.state == "healthy" and seen.restarts > before.restarts:
            return
        if seen.failures >= TRIES:
            raise NotHealthy(f"{server}: {seen.fault} (see {seen.log})")
        if home.supervisor is None:
            raise NotHealthy(f"the supervisor ended; see {home.log('supervisor')}")


def progress(standing: Standing) -> str:
    """What a starting server wrote last in its log, without vLLM's prefix."""
    try:
        with Path(standing.log).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return re.sub(r"^(\([^)]*\) )?(\w+ [\d-]+ [\d:]+ )?(\[[^]]*\] )?", "", lines[-1]).strip()[:80] if lines else ""


def _start_supervisor(home: Home) -> None:
    log = home.log("supervisor")
    with log.open("ab") as out:
        started = subprocess.Popen(
            [sys.executable, "-m", "agents.serving.supervisor", str(home.folder.parent)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + 30
    while home.supervisor is None:
        if started.poll() is not None or time.monotonic() > deadline:
            raise NotHealthy(f"the supervisor did not start; see {log}")
        time.sleep(0.05)
