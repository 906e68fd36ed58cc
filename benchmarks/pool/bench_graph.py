"""A user's workflow that asks the pool's chat model so many questions, a few at a time: what `whole_run` runs."""

from typing import Any, TypedDict, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph

from agents import prompting
from agents.chat_model import chat_model
from benchmarks.pool.workflow import MATERIAL, QUESTION, Opinion, at_once


class Work(TypedDict, total=False):
    """count: of questions. tokens: written by all."""

    count: int
    tokens: int


async def ask(state: Work, config: RunnableConfig) -> dict[str, Any]:
    model = chat_model(config, thinking=False, max_tokens=QUESTION.answer_tokens)
    messages = cast(Any, prompting.messages(QUESTION, MATERIAL, {}))
    format_ = prompting.response_format(Opinion)

    async def one() -> int:
        said = await model.ainvoke(messages, config, response_format=format_)
        return said.usage_metadata["output_tokens"] if said.usage_metadata else 0

    return {"tokens": sum(await at_once(one, state["count"]))}


made = StateGraph(Work)
made.add_node("ask", ask)
made.add_edge(START, "ask")
made.add_edge("ask", END)
graph = made.compile()
