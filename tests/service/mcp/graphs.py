"""Workflows of a user's own, for the tests of the MCP server."""

import asyncio
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import interrupt
from typing_extensions import TypedDict


class Slow(TypedDict, total=False):
    seconds: float
    said: str


class Asks(TypedDict, total=False):
    amount: int
    said: str


class Talk(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


async def wait(state: Slow) -> Slow:
    await asyncio.sleep(state.get("seconds", 0))
    return {"said": "waited"}


async def ask(state: Asks) -> Asks:
    told = interrupt(
        {
            "title": "A payment",
            "question": f"Pay {state.get('amount', 0)}?",
            "schema": {
                "type": "object",
                "properties": {"decision": {"enum": ["approve", "reject"]}, "reason": {"type": "string"}},
                "required": ["decision"],
            },
        }
    )
    return {"said": f"{told['decision']} {told.get('reason', '')}".strip()}


async def answer(state: Talk) -> dict[str, Any]:
    return {"messages": [AIMessage(f"{len(state['messages'])} messages so far")]}


def _one(kind: Any, name: str, node: Any) -> Any:
    graph = StateGraph(kind)
    graph.add_node(name, node)
    graph.add_edge(START, name)
    graph.add_edge(name, END)
    return graph.compile()


slow = _one(Slow, "wait", wait)
asks = _one(Asks, "ask", ask)
talk = _one(Talk, "answer", answer)
