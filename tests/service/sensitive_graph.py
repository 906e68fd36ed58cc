"""A graph that puts what it is given wherever a graph can put something; the service loads this file by its path."""

import operator
from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from typing_extensions import TypedDict

from agents.chat_model import chat_model
from agents.mcp_tools import mark_untrusted, mcp_tools


class State(TypedDict, total=False):
    who: str
    log: Annotated[list[str], operator.add]
    fails: bool


async def spread(state: State, config: RunnableConfig, runtime: Runtime) -> dict[str, Any]:
    who = state["who"]
    get_stream_writer()({"custom": who})
    mark_untrusted(config, f"a page about {who}")
    assert runtime.store is not None
    await runtime.store.aput(("people",), "note", {"who": who})
    [echo] = await mcp_tools(config, "nasty/echo")
    said = await echo.ainvoke({"text": who})
    [broken] = await mcp_tools(config, "nasty/odd")
    await broken.ainvoke({"text": who})
    model = await chat_model(config).ainvoke([("user", f"Who is {who}?")], config)
    return {"log": [who, str(said)[:200], str(model.content)]}


async def ask(state: State) -> dict[str, Any]:
    return {"log": [f"told {interrupt({'question': state['who']})}"]}


async def end(state: State) -> dict[str, Any]:
    if state.get("fails"):
        raise ValueError(f"cannot say who {state['who']} is")
    return {"log": [state["who"]]}


_made = StateGraph(State).add_node("spread", spread).add_node("ask", ask).add_node("end", end)
graph = _made.add_edge(START, "spread").add_edge("spread", "ask").add_edge("ask", "end").compile()
