"""With models: a tool-calling agent looks further than the planner did, before the judgement.

The planner's figures are there already, so the agent only calls what the question still needs. What its calls returned
joins the turn's results; what it wrote is not part of the answer.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, cast

import orjson
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.graph.state import CompiledStateGraph

from agents.agent import AgentLimits, AgentState, agent
from tools.host import shown, unmarked
from workflows.financial_advisor.calls import Called
from workflows.financial_advisor.limits import AdviceLimits

TOOLS: Final = (
    "finance/search_funds", "finance/fund_facts", "finance/measure_funds", "finance/correlate",
    "finance/value_holdings", "finance/measure_portfolio", "finance/compare_benchmark", "finance/backtest",
    "finance/stress", "finance/allocate", "finance/efficient_frontier", "finance/convert_currency", "finance/fee_drag",
    "finance/project_wealth", "finance/list_series",
)  # fmt: skip
_INSTRUCTIONS: Final = (
    "You gather figures for a financial adviser. The results so far are given; call tools only for what the client's "
    "question still needs and these do not answer, then stop with one short sentence. Give no advice."
)


@cache
def explorer(limits: AdviceLimits) -> CompiledStateGraph[AgentState, Any, AgentState, AgentState]:
    """The agent, as a graph to be called inside the node."""
    bounds = AgentLimits(calls=limits.explored, tokens=limits.tokens, seconds=limits.seconds)
    return agent(_INSTRUCTIONS, TOOLS, bounds, name="explorer")


def task(question: str, results: str) -> str:
    """What the agent is given."""
    return f"<results>\n{results}\n</results>\n\nThe client asks: {question}"


def calls_of(messages: Sequence[AnyMessage], before: int) -> list[Called]:
    """The tool calls that the agent made, as results of the turn. before: how many there were already.

    A result that was cut for the model is left out: its figures cannot be looked up.
    """
    names = {shown(entry): entry for entry in TOOLS}
    answers = {each.tool_call_id: each for each in messages if isinstance(each, ToolMessage)}
    found: list[Called] = []
    for message in messages:
        for call in message.tool_calls if isinstance(message, AIMessage) else ():
            answer, entry = answers.get(call["id"] or "call"), names.get(call["name"])
            result = _object(answer) if answer is not None and answer.status == "success" else None
            if entry is None or result is None:
                continue
            server, _, tool = entry.partition("/")
            number = before + len(found) + 1
            made: dict[str, Any] = {
                "id": f"t{number}",
                "key": f"explored {number}",
                "arguments": call["args"],
                "result": result,
            }
            found.append(Called(server=server, tool=tool, **made))
    return found


def _object(answer: ToolMessage) -> dict[str, Any] | None:
    try:
        said = orjson.loads(unmarked(str(answer.text)))
    except orjson.JSONDecodeError:
        return None
    return cast(dict[str, Any], said) if isinstance(said, dict) else None
