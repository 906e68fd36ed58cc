"""A workflow that asks the pool's chat model so many questions, a few at a time: what `whole_run` runs."""

import operator
from typing import Annotated, Any, TypedDict, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from agents.chat_model import chat_model


class Work(TypedDict, total=False):
    """messages: of each question. tokens: written by all."""

    messages: list[dict[str, Any]]
    format: dict[str, Any]
    count: int
    tokens: Annotated[int, operator.add]


async def ask(state: Work, config: RunnableConfig) -> dict[str, int]:
    model = chat_model(config, thinking=False, max_tokens=1024)
    said = await model.ainvoke(cast(Any, state["messages"]), config, response_format=state["format"])
    return {"tokens": said.usage_metadata["output_tokens"] if said.usage_metadata else 0}


def all_questions(state: Work) -> list[Send]:
    return [Send("ask", {"messages": state["messages"], "format": state["format"]}) for _ in range(state["count"])]


made = StateGraph(Work)
made.add_node("ask", ask)
made.add_conditional_edges(START, all_questions, ["ask"])
made.add_edge("ask", END)
graph = made.compile()
