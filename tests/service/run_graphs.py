"""Graphs for the tests of threads, runs and streams; the service loads this file through a langgraph.json."""

import asyncio
import operator
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import interrupt
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    seconds: float
    log: Annotated[list[str], operator.add]


class Talk(TypedDict):
    messages: Annotated[list[Any], add_messages]


async def first(state: State) -> State:
    return {"log": ["first"]}


async def wait(state: State) -> State:
    await asyncio.sleep(state.get("seconds", 0))
    return {"log": ["waited"]}


async def last(state: State) -> State:
    return {"log": ["last"]}


async def ask(state: State) -> State:
    return {"log": [f"told {interrupt({'question': 'go on?'})}"]}


async def fail(state: State) -> State:
    raise ValueError("a planned failure")


async def unserialisable(state: State) -> dict[str, Any]:
    return {"log": [asyncio.Lock()]}


async def for_ever(state: State) -> State:
    return {"log": []}


async def block(state: State) -> State:
    time.sleep(state.get("seconds", 60))
    return {"log": ["blocked"]}


async def spin(state: State) -> State:
    while True:
        try:
            while True:
                pass
        except ValueError:
            continue


async def stubborn(state: State) -> State:
    """Blocks, and catches what would end it, twice."""
    for _ in range(2):
        with suppress(Exception):
            time.sleep(60)
    time.sleep(60)
    return {}


def spin_in_a_thread(state: State) -> State:
    while True:
        pass


def sleep_in_a_thread(state: State) -> State:
    time.sleep(state.get("seconds", 1))
    return {"log": ["slept"]}


async def tell(state: State) -> State:
    get_stream_writer()({"progress": 0.5})
    return {"log": ["told"]}


async def mark(state: State) -> State:
    """Leaves a line in a file each time it is run, so that a test can count executions across processes."""
    with Path(os.environ["MARKS"]).open("a") as marks:
        marks.write("mark\n")
    return {"log": ["marked"]}


async def gate(state: State) -> State:
    """Waits until the file of this name is there: another service over the same run may find it."""
    while not Path(os.environ["GATE"]).exists():
        await asyncio.sleep(0.05)
    return {"log": ["through"]}


@tool
async def add(a: int, b: int) -> int:
    """The sum."""
    return a + b


async def count(state: State) -> State:
    call = {"type": "tool_call", "name": "add", "args": {"a": 2, "b": 3}, "id": "call-1"}
    return {"log": [(await add.ainvoke(call)).content]}


async def speak(state: Talk) -> Talk:
    model = GenericFakeChatModel(messages=iter([AIMessage("hello big world")]))
    return {"messages": [await model.ainvoke(state["messages"])]}


def _chain(*nodes: Any) -> StateGraph[State]:
    graph = StateGraph(State)
    before = START
    for index, node in enumerate(nodes):
        name = node.__name__ if callable(node) and hasattr(node, "__name__") else f"part{index}"
        graph.add_node(name, node)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph


slow = _chain(first, wait, last).compile()
asking = _chain(first, ask, last).compile()
failing = _chain(first, fail).compile()
strange = _chain(unserialisable)
marking = _chain(mark, wait, last).compile()
tooling = _chain(count).compile()
within = _chain(_chain(first, ask).compile(), last).compile()
gated = _chain(first, gate, last).compile()
nested = _chain(_chain(first, tell).compile(), last).compile()

blocking = _chain(first, block).compile()
spinning = _chain(spin).compile()
stubbornly = _chain(stubborn).compile()
spinning_thread = _chain(spin_in_a_thread).compile()
sleeping_thread = _chain(sleep_in_a_thread).compile()

_loop = StateGraph(State)
_loop.add_node("for_ever", for_ever)
_loop.add_edge(START, "for_ever")
_loop.add_edge("for_ever", "for_ever")
endless = _loop.compile()

_talk = StateGraph(Talk)
_talk.add_node("speak", speak)
_talk.add_edge(START, "speak")
_talk.add_edge("speak", END)
talking = _talk.compile()


async def made(config: dict[str, Any]) -> StateGraph[State]:
    """A factory that reads the run's config."""
    return _chain(first, last) if config.get("configurable", {}).get("short") else _chain(first, wait, last)
