"""The graphs that every server runs: three nodes that do nothing, and one that waits."""

import asyncio
import operator
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    text: str
    seconds: float
    log: Annotated[list[str], operator.add]


async def note(state: State) -> State:
    return {"log": [state.get("text", "")]}


async def wait(state: State) -> State:
    await asyncio.sleep(state.get("seconds", 0.0))
    return {"log": ["waited"]}


_three = StateGraph(State)
for _name in ("a", "b", "c"):
    _three.add_node(_name, note)
_three.add_edge(START, "a")
_three.add_edge("a", "b")
_three.add_edge("b", "c")
_three.add_edge("c", END)
three = _three.compile()

_slow = StateGraph(State)
_slow.add_node("wait", wait)
_slow.add_edge(START, "wait")
_slow.add_edge("wait", END)
slow = _slow.compile()
