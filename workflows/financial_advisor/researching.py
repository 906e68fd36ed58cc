"""The nodes that gather figures: plan, call tools, and with models let one look further."""

from typing import Any, cast

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from agents.faults import RequestRefused
from agents.routing import NoCapableModel, NoModelAvailable
from workflows.desk import Desk
from workflows.financial_advisor import exploring, planner
from workflows.financial_advisor.limits import AdviceLimits
from workflows.financial_advisor.shown import shown_results
from workflows.financial_advisor.state import AdviceState
from workflows.financial_advisor.turn import make, situation_of

# Every key of the state is optional to LangGraph; a node runs after those that set what it reads.
# pyright: reportTypedDictNotRequiredAccess=false


async def plan(state: AdviceState) -> dict[str, Any]:
    """Name the tool calls to make now."""
    return {"planned": planner.next_calls(situation_of(state))}


async def call(state: AdviceState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Call the planned tools; a fault of the request is a result like any other, and the answer will name it."""
    made = await make(runtime.context, runtime, "call", state["planned"], state["calls"])
    return {"calls": [*state["calls"], *made], "planned": []}


async def explore(
    state: AdviceState, config: RunnableConfig, runtime: Runtime[Desk], *, limits: AdviceLimits
) -> dict[str, Any]:
    """Let a tool-calling model look for what the planner did not think of; without models there is nobody to look.

    Nothing hangs on it: where no model can take the request or a server refuses it, the turn goes on without.
    """
    if runtime.context.counsel.pool.embedded:
        return {}
    told = exploring.task(state["text"], shown_results(state["calls"]))
    graph, context = exploring.explorer(limits), cast(Any, runtime.context)
    try:
        done = await graph.ainvoke({"messages": [HumanMessage(told)]}, config, context=context)  # pyright: ignore[reportUnknownMemberType]
    except (NoCapableModel, NoModelAvailable, RequestRefused) as error:
        if runtime.context.counsel.pool.settings.on_outage != "embedded" and isinstance(error, NoModelAvailable):
            raise
        return {"degraded": True}
    return {"calls": [*state["calls"], *exploring.calls_of(done["messages"], len(state["calls"]))]}
