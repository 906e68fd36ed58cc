"""Graphs that the tests serve, here and on the reference server."""

import operator
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    text: str
    log: Annotated[list[str], operator.add]


async def _note(state: State, runtime: Runtime) -> State:
    return {"log": [state.get("text", "")]}


def _chain(*names: str) -> StateGraph:
    graph = StateGraph(State)
    for before, name in zip((START, *names), names, strict=False):
        graph.add_node(name, _note)
        graph.add_edge(before, name)
    graph.add_edge(names[-1], END)
    return graph


echo = _chain("a", "b").compile()

_outer = StateGraph(State)
_outer.add_node("sub", _chain("x", "y").compile())
_outer.add_node("z", _note)
_outer.add_edge(START, "sub")
_outer.add_edge("sub", "z")
_outer.add_edge("z", END)
nested = _outer.compile()
