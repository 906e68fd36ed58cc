"""Service processes that can be killed by the hundred: forked from a parent that has imported everything.

A process that is started anew takes a second of imports; a forked one is there in a tenth of that. The parent is
single-threaded and does nothing but fork, so its children are as fresh as new processes.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel
from typing_extensions import TypedDict

from service.api.app import create_app
from service.commands.terminal import configure_logs
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
        os.write(handle, line)
        os.close(handle)
        await asyncio.sleep(pause)
        return Stamp(nonce=nonce)

    return server


def stamps() -> Workflow:
    """Four steps, each with one call of that tool."""
    graph = StateGraph(Stamps, context_schema=Desk)

    def step(name: str) -> Any:
        async def take(state: Stamps, runtime: Runtime[Desk]) -> dict[str, str]:
            pause = state.get("pause", 0.0)
            arguments = {"order": state.get("order", ""), "step": name, "pause": pause}
            given = await runtime.context.tools.call(place(runtime, name), "journal", "stamp", arguments, Stamp)
            await asyncio.sleep(pause)
            return {name: given.nonce}

        return take

    before = START
    for index in range(STEPS):
        name = f"step{index}"
        graph.add_node(f"take{index}", step(name))
        graph.add_edge(before, before := f"take{index}")
    graph.add_edge(before, END)
    tools = frozenset({"journal/stamp"})
    return Workflow("stamps", "Four steps, one tool call each.", graph.compile(name="stamps"), tools=tools, desk=True)


@dataclass(frozen=True)
class Plan:
    """What a forked process is to be."""

    role: Role
    settings: Settings
    journal: Path
    log: Path
    port: int = 0


def fork(plan: Plan) -> int:
    """Start the process; its id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setpgid(0, 0)
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
    additions = Additions([stamps()], {"journal": stamping(plan.journal)})
    async with open_house(plan.settings, plan.role, additions) as house:
        house.scheduler.start(partial(launch, house))
        if plan.role == "worker":
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
            await stop.wait()
            return
        await house.keys.first_key()
        listener = socket.create_server(("127.0.0.1", plan.port), backlog=256)
        config = uvicorn.Config(create_app(house), log_level="warning", timeout_graceful_shutdown=5)
        await uvicorn.Server(config).serve([listener])
