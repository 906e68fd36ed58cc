"""Service processes that can be killed by the hundred: forked from a parent that has imported everything.

A process that is started anew takes a second of imports; a forked one is there in a tenth of that. The parent is
single-threaded and does nothing but fork, so its children are as fresh as new processes.
"""

import asyncio
import ctypes
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel
from typing_extensions import TypedDict

from agents.question import Question
from agents.routing import Needs
from service.api.app import create_app
from service.commands.terminal import configure_logs
from service.database import tables
from service.house import Additions, Role, open_house
from service.runs.launch import launch
from service.settings import Settings
from tools.serving import ToolServer
from workflows.desk import Desk, place
from workflows.registry import Workflow

STEPS = 4


class Stamp(BaseModel):
    """What the tool gives: a number that no other call has had."""

    nonce: str


class Stamps(TypedDict, total=False):
    order: str
    pause: float
    step0: str
    step1: str
    step2: str
    step3: str


def stamping(journal: Path) -> ToolServer:
    """A tool that must not be called twice: each call leaves a line in a journal, flushed before it returns."""
    server = ToolServer("journal")

    @server.tool(name="stamp", description="Leave a line in the journal.")
    async def stamp(order: str, step: str, pause: float) -> Stamp:  # pyright: ignore[reportUnusedFunction]
        nonce = f"{time.time_ns()}-{os.getpid()}"
        line = f"{order} {step} {nonce}\n".encode()
        handle = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line)
        finally:  # on a full disk it fails
            os.close(handle)
        await asyncio.sleep(pause)
        return Stamp(nonce=nonce)

    return server


class Verdict(BaseModel):
    """What a model says of an order."""

    fair: bool


QUESTION = Question(
    name="asked.judge",
    answer=Verdict,
    instruction="Is the order fair? Answer with JSON.",
    needs=Needs(),
    embedded=lambda facts: Verdict(fair=True),
)


def stamps(name: str = "stamps", *, asking: bool = False) -> Workflow:
    """Four steps, each with one call of that tool. asking: and a question to the models before them."""
    graph = StateGraph(Stamps, context_schema=Desk)

    async def judge(state: Stamps, runtime: Runtime[Desk]) -> dict[str, str]:
        await runtime.context.counsel.ask(place(runtime, "judge"), QUESTION, state.get("order", ""), {})
        return {}

    def step(name: str) -> Any:
        async def take(state: Stamps, runtime: Runtime[Desk]) -> dict[str, str]:
            pause = state.get("pause", 0.0)
            arguments = {"order": state.get("order", ""), "step": name, "pause": pause}
            given = await runtime.context.tools.call(place(runtime, name), "journal", "stamp", arguments, Stamp)
            await asyncio.sleep(pause)
            return {name: given.nonce}

        return take

    before = START
    if asking:
        graph.add_node("judge", judge)
        graph.add_edge(before, before := "judge")
    for index in range(STEPS):
        graph.add_node(f"take{index}", step(f"step{index}"))
        graph.add_edge(before, before := f"take{index}")
    graph.add_edge(before, END)
    tools = frozenset({"journal/stamp"})
    return Workflow(name, "Four steps, one tool call each.", graph.compile(name=name), tools=tools, desk=True)


class JumpingClock:
    """The wall clock as this process reads it, which another may set: seconds from the true one, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._true, self._ahead = time.time, 0.0

    def jump(self) -> None:
        """Read the file, and let time.time and the database's now tell the time that it says."""
        self._ahead = float(self._path.read_text())
        time.time = lambda: self._true() + self._ahead
        true = tables.now
        for module in list(sys.modules.values()):
            if getattr(module, "now", None) in (true, self._now):
                module.now = self._now  # type: ignore[attr-defined]

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead)


@dataclass(frozen=True)
class Plan:
    """What a forked process is to be."""

    role: Role
    settings: Settings
    journal: Path
    log: Path
    port: int = 0


_PR_SET_PDEATHSIG = 1


def fork(plan: Plan) -> int:
    """Start the process; its id. On Linux it ends with its parent, should that be killed."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setpgid(0, 0)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        handle = os.open(plan.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        configure_logs("warning")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_live(plan))
        status = 0
    except BaseException as error:
        print(f"{plan.role} ended: {error!r}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)


async def _live(plan: Plan) -> None:
    clock = JumpingClock(plan.journal.with_name("clock"))
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, clock.jump)
    additions = Additions([stamps(), stamps("asked", asking=True)], {"journal": stamping(plan.journal)})
    async with open_house(plan.settings, plan.role, additions) as house:
        house.scheduler.start(partial(launch, house))
        if plan.role == "worker":
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
            await stop.wait()
            return
        await house.keys.first_key()
        listener = socket.create_server(("127.0.0.1", plan.port), backlog=256)
        config = uvicorn.Config(
            create_app(house), log_config=None, log_level="warning", access_log=False, timeout_graceful_shutdown=5
        )
        await uvicorn.Server(config).serve([listener])
