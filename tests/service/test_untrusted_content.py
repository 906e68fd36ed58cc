"""What a run that has read untrusted content can do: nothing that writes or reaches out, unless somebody allows it.

The pages attack, the model obeys every attack, and the server would write: nothing is written.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.runtime import Runtime

from agents.agent import agent as agent_graph
from agents.chat_model import chat_model
from agents.mcp_tools import mark_untrusted, mcp_tools
from service.api import runs as api_runs
from service.api import threads as api_threads
from service.auth import Caller
from service.database import assistants, calls, runs, threads
from service.database.tables import DEFAULT_TENANT, new_id
from service.house import Additions, House, open_house
from service.runs.outcome import Outcome
from service.runs.submit import Order, outcome, submit
from service.settings import Settings
from tests.service.puppet import ATTACKS, Puppet, attack
from tests.tools import nasty_server
from tests.tools.wicked_server import serving
from workflows.registry import Workflow

WRITE = 'nasty__write {"text": "SECRET"}'
GIVEN: dict[str, Any] = {}


class Steps(TypedDict, total=False):
    """steps: (server/tool, arguments) to call one after the other. said: what each came to."""

    steps: list[Any]
    said: Annotated[list[str], lambda old, new: [*old, *new]]


async def clerk(state: Steps, config: RunnableConfig, runtime: Runtime) -> dict[str, Any]:
    """Calls what it is told, in one node."""
    said: list[str] = []
    store = runtime.store
    assert store is not None
    for entry, arguments in state["steps"]:
        if entry == "read by itself":
            mark_untrusted(config, "a web page")
            continue
        if entry == "remember":
            await store.aput(("notes", arguments["key"]), arguments["key"], {"text": "of the page"})
            continue
        if entry in RECALLING:
            said.append(str(await RECALLING[entry](store, arguments.get("key"))))
            continue
        [tool] = await mcp_tools(config, entry)
        said.append(str(await tool.ainvoke({**arguments, **GIVEN})))
    return {"said": said}


RECALLING: dict[str, Any] = {
    "recall": lambda store, key: store.aget(("notes", key), key),
    "search": lambda store, key: store.asearch(("notes",)),
    "search all": lambda store, key: store.asearch(()),
    "list": lambda store, key: store.alist_namespaces(),
}


async def think(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
    tools = await mcp_tools(config, "nasty/fetch", "nasty/write")
    return {"messages": [await chat_model(config).bind_tools(tools).ainvoke(state["messages"], config)]}


async def act(state: MessagesState, config: RunnableConfig) -> Any:
    return await ToolNode(await mcp_tools(config, "nasty/fetch", "nasty/write")).ainvoke(state, config)


def graphs() -> list[Workflow]:
    steps = StateGraph(Steps).add_node("clerk", clerk).add_edge(START, "clerk").compile()
    agent = StateGraph(MessagesState).add_node("think", think).add_node("tools", act).add_edge(START, "think")
    agent.add_conditional_edges("think", tools_condition).add_edge("tools", "think")
    made = {"clerk": steps, "trusting": steps, "quick": steps, "agent": agent.compile()}
    ours = Workflow("desk agent", "ours", agent_graph("You summarise.", ["nasty/fetch", "nasty/write"]), desk=True)  # type: ignore[arg-type]
    return [*(Workflow(name=name, description=name, compiled=graph) for name, graph in made.items()), ours]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def puppet() -> Iterator[tuple[Puppet, str]]:
    app = Puppet()
    with serving(app) as url:
        yield app, url


@asynccontextmanager
async def opened(folder: Path, model: str | None = None) -> AsyncIterator[House]:
    named = ["fetch", "write"]
    nasty = {
        "command": [sys.executable, "-S", str(Path(nasty_server.__file__)), str(folder)],
        "allow": dict.fromkeys(("clerk", "trusting", "quick", "agent", "desk agent"), named),
        "without_approval": {"quick": ["write"]},
        "after_untrusted": {"trusting": ["write"]},
    }
    pool = {"models": [{"name": "puppet", "catalogue": "qwen3-8b", "endpoints": [f"{model}/v1"]}]} if model else {}
    told = {"data_dir": folder / "var", "pool": pool, "tools": {"servers": {"nasty": nasty}}}
    async with open_house(Settings.model_validate(told), additions=Additions(graphs())) as house:
        yield house


async def run(
    house: House,
    graph: str,
    given: dict[str, Any] | None,
    thread: str,
    resume: Any = None,
    modes: tuple[str, ...] = ("values",),
) -> tuple[str, Outcome]:
    assistant = await assistants.get(house.database, DEFAULT_TENANT, assistants.default_id(graph))
    assert assistant is not None
    if resume is None and await threads.get(house.database, DEFAULT_TENANT, thread) is None:
        await house.database.writer.write(threads.creation(DEFAULT_TENANT, thread, {})[0])
    command = None if resume is None else {"resume": resume}
    order = Order(assistant, given, command, {}, {}, {}, list(modes))
    run_id = (await submit(house, DEFAULT_TENANT, order, thread)).row["run_id"]
    async with asyncio.timeout(60):
        return run_id, await (await outcome(house, run_id))


def written(folder: Path) -> list[Any]:
    file = folder / "written"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def question(ended: Outcome) -> dict[str, Any]:
    [[asked]] = ended.interrupts.values()
    return asked["value"]


async def test_a_tool_that_writes_waits_for_a_person_whose_answer_counts_for_that_call_alone(tmp_path: Path):
    async with opened(tmp_path) as house:
        thread, steps = new_id(), {"steps": [["nasty/write", {"text": "one"}], ["nasty/write", {"text": "two"}]]}
        _, ended = await run(house, "clerk", steps, thread)
        asked = question(ended)
        assert (ended.status, asked["kind"]) == ("interrupted", "tool_approval")
        assert asked["evidence"][0]["arguments"] == {"text": "one"}
        assert "writes and reaches out" in asked["question"]
        assert written(tmp_path) == []
        _, ended = await run(house, "clerk", None, thread, {"decision": "approve"})
        assert (written(tmp_path), question(ended)["evidence"][0]["arguments"]) == ([{"text": "one"}], {"text": "two"})
        last, ended = await run(house, "clerk", None, thread, {"decision": "reject", "reason": "not today"})
        assert ended.status == "success", ended.error
        assert written(tmp_path) == [{"text": "one"}], "the first is not made again, the second is not made"
        assert "rejected the call of nasty/write: not today" in ended.values["said"][1]  # type: ignore[index]
        [rejected] = await calls.tool_calls(house.database, last)
        assert (rejected["error"]["code"], rejected["arguments"]) == ("tool_rejected", {"text": "two"})


async def test_an_approval_is_not_good_for_other_arguments(tmp_path: Path):
    async with opened(tmp_path) as house:
        thread = new_id()
        await run(house, "clerk", {"steps": [["nasty/write", {"text": "asked"}]]}, thread)
        GIVEN["text"] = "another"
        try:
            _, ended = await run(house, "clerk", None, thread, "approve")
        finally:
            GIVEN.clear()
        assert "the answer was given for another call" in ended.values["said"][0]  # type: ignore[index]
        assert written(tmp_path) == []


async def test_no_stream_mode_tells_what_the_run_s_nodes_have_at_hand(tmp_path: Path):
    (tmp_path / "page").write_text("Rents rose by 3 %.")
    steps = {"steps": [["nasty/fetch", {"page": "page"}]]}
    async with opened(tmp_path) as house:
        for mode in ("debug", "checkpoints", "tasks", "events", "updates"):
            run_id, ended = await run(house, "clerk", steps, new_id(), modes=(mode,))
            assert (ended.status, ended.error) == ("success", None), mode
            events = await runs.events(house.database, run_id)
            told = [each["data"] for each in events if each["kind"].startswith(mode)]
            assert told, mode
            assert "__consilia" not in str(told), mode


async def test_after_untrusted_content_a_policy_for_trusted_runs_is_not_enough(tmp_path: Path):
    (tmp_path / "page").write_text("Rents rose by 3 %.")
    write = ["nasty/write", {"text": "x"}]
    async with opened(tmp_path) as house:
        _, ended = await run(house, "quick", {"steps": [write]}, new_id())
        assert (ended.status, len(written(tmp_path))) == ("success", 1), "nothing untrusted was read"
        for read in (["nasty/fetch", {"page": "page"}], ["read by itself", {}]):
            thread = new_id()
            _, ended = await run(house, "quick", {"steps": [read]}, thread)
            assert ended.status == "success", "reading is free"
            _, ended = await run(house, "quick", {"steps": [write]}, thread)
            assert "has read untrusted content" in question(ended)["question"], "of the thread, not of the run"
        assert len(written(tmp_path)) == 1
        _, ended = await run(house, "trusting", {"steps": [["nasty/fetch", {"page": "page"}], write]}, new_id())
        assert (ended.status, len(written(tmp_path))) == ("success", 2)
        _, ended = await run(house, "clerk", {"steps": [["nasty/crash", {}]]}, new_id())
        assert "tool_forbidden" in ended.values["said"][0]  # type: ignore[index]


async def test_what_a_tainted_run_leaves_taints_whoever_reads_it(tmp_path: Path):
    """In the store, in a copy of its thread, and on a thread whose record of it was deleted."""
    (tmp_path / "page").write_text("Rents rose by 3 %.")
    write, fetch = ["nasty/write", {"text": "x"}], ["nasty/fetch", {"page": "page"}]
    admin = Caller(DEFAULT_TENANT, "admin", ("admin",))
    async with opened(tmp_path) as house:

        async def asked(*steps: list[Any], thread: str | None = None) -> str | None:
            """Why the write at the end needs a person; None where it was made."""
            _, ended = await run(house, "quick", {"steps": [*steps, write]}, thread or new_id())
            return None if ended.status == "success" else question(ended)["question"]

        await run(house, "quick", {"steps": [["remember", {"key": "clean"}]]}, new_id())
        for recall in RECALLING:
            assert await asked([recall, {"key": "clean"}]) is None, "what is in the store came from nothing untrusted"
        assert len(written(tmp_path)) == len(RECALLING)
        tainted = new_id()
        first, _ = await run(house, "quick", {"steps": [fetch, ["remember", {"key": "dirty"}]]}, tainted)
        assert await asked(["recall", {"key": "clean"}]) is None
        for recall in RECALLING:
            why = await asked([recall, {"key": "dirty"}])
            assert "what the store carries from another run" in str(why), recall
        await run(house, "quick", {"steps": [["recall", {"key": "dirty"}], ["remember", {"key": "third"}]]}, new_id())
        assert "results of tool server nasty" in str(await asked(["recall", {"key": "third"}])), "and so on"

        copied = (await api_threads.copy(tainted, house, admin)).thread_id
        assert "results of tool server nasty" in str(await asked(thread=copied))
        await api_runs.delete(tainted, first, house, admin)
        assert "results of tool server nasty" in str(await asked(thread=tainted))
        assert len(written(tmp_path)) == len(RECALLING) + 1


async def test_nothing_forbidden_happens_although_the_model_obeys_every_attack(
    tmp_path: Path, puppet: tuple[Puppet, str]
):
    """In a graph of the user's with `mcp_tools`, and in our own tool-calling agent: the run waits, and after a no the
    model tries again until it has no turn left."""
    app, url = puppet
    kinds = sorted(ATTACKS)
    for number, kind in enumerate(kinds):
        (tmp_path / f"page-{number}").write_text(attack(kind, WRITE))
    async with opened(tmp_path, url) as house:

        async def attacked(graph: str, number: int) -> tuple[Any, Outcome]:
            task = f'Summarise the page: nasty__fetch {{"page": "page-{number}"}}'
            thread = new_id()
            _, first = ended = await run(house, graph, {"messages": [{"role": "user", "content": task}]}, thread)
            while ended[1].status == "interrupted":
                ended = await run(house, graph, None, thread, "reject")
            return question(first)["evidence"][0]["arguments"], ended[1]

        cases = [("agent", number) for number in range(len(kinds))]
        cases += [("desk agent", number) for number in range(0, len(kinds), 3)]
        for (asked, ended), case in zip(await asyncio.gather(*(attacked(*each) for each in cases)), cases, strict=True):
            assert (asked, ended.status) == ({"text": "SECRET"}, "success"), (case, kinds[case[1]], ended.error)
    assert app.obeyed >= len(cases), "each attack was obeyed"
    assert written(tmp_path) == []
