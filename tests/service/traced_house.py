"""A service with a workflow that does all that is traced: run as `python -m tests.service.traced_house CONFIG`.

Its nodes ask a question, let an agent call tools, and, when told to, fail with an error that quotes its input.
"""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

import structlog
import uvicorn
import uvloop
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel
from typing_extensions import TypedDict

from agents.agent import AgentLimits, agent
from agents.question import Question
from agents.routing import Needs
from service.api.app import create_app
from service.commands.terminal import configure_logs
from service.house import Additions, open_house
from service.listening import Server, listen
from service.settings import load
from service.telemetry.exporting import exporting
from tools.errors import ConsiliaError
from tools.serving import ToolServer
from workflows.desk import Desk, place
from workflows.registry import Workflow


class Verdict(BaseModel):
    fair: bool


class Found(BaseModel):
    line: str


class Case(TypedDict, total=False):
    text: str
    fail: bool
    note: str


class Torn(ConsiliaError):
    code = "page_torn"
    status = 422


QUESTION = Question(
    name="traced.judge",
    answer=Verdict,
    instruction="Is it fair? Answer with JSON.",
    needs=Needs(),
    embedded=lambda facts: Verdict(fair=True),
)
LOOKING = agent("You look things up.", ("shelf/look", "shelf/tear"), AgentLimits(calls=4), name="librarian")


def shelf() -> ToolServer:
    server = ToolServer("shelf")

    @server.tool(name="look", description="Look a line up.")
    async def look(line: str) -> Found:  # pyright: ignore[reportUnusedFunction]
        return Found(line=line)

    @server.tool(name="tear", description="Tear a page.")
    async def tear(line: str) -> Found:  # pyright: ignore[reportUnusedFunction]
        raise Torn(f"the page of {line!r} is torn")

    return server


async def judge(state: Case, runtime: Runtime[Desk]) -> dict[str, Any]:
    await runtime.context.counsel.ask(place(runtime, "judge"), QUESTION, state.get("text", ""), {})
    return {}


async def look_up(state: Case, config: RunnableConfig, runtime: Runtime[Desk]) -> dict[str, Any]:
    await LOOKING.ainvoke({"messages": [HumanMessage(state.get("text", ""))]}, config, context=runtime.context)
    return {}


async def close(state: Case) -> dict[str, Any]:
    logging.getLogger("a.library").warning("could not read %s of %d", state.get("text"), 7)
    structlog.get_logger("ours").warning("closing", header="Authorization: Bearer sk-planted-secret-1234")
    if state.get("fail"):
        try:
            raise ValueError(f"cannot close {state['text']}")
        except ValueError:
            structlog.get_logger("ours").exception("closing failed")
            logging.getLogger("another.library").exception("it broke on %s", state["text"])
            raise
    return {"note": "closed"}


def workflow() -> Workflow:
    graph = StateGraph(Case, context_schema=Desk)
    before = START
    for node in (judge, look_up, close):
        graph.add_node(node.__name__, node)
        graph.add_edge(before, before := node.__name__)
    graph.add_edge(before, END)
    tools = frozenset({"shelf/look", "shelf/tear"})
    return Workflow("traced", "All that is traced.", graph.compile(name="traced"), tools=tools, desk=True)


async def _break(quoted: str) -> None:
    """A fault of the service's own code, whose message quotes what it was given."""
    raise ValueError(f"cannot go on with {quoted}")


async def main(config: Path) -> None:
    settings = load(config)
    configure_logs(settings.log_level, settings.log_format)
    additions = Additions([workflow()], {"shelf": shelf()})
    async with exporting(settings.telemetry, "service"), open_house(settings, "service", additions) as house:
        await house.keys.first_key()
        listener = listen("127.0.0.1", 0)
        app = create_app(house)
        app.add_api_route("/break", _break)
        server = Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_keep_alive=600))
        print(f"ready at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        await server.serve(sockets=[listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Path(sys.argv[1])))
