"""Financial advice, as an adviser would tell it.

Understand the client and the question, and ask back for what is missing; refuse what must be refused; plan and call
tools until the figures are there, and with models let one look further; judge; let the suitability gate take away what
does not suit, and put before a person what the client insists on; measure what is left; answer, every figure traced to
the call that gave it; draw and report.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from langgraph.graph import END, START, StateGraph

from workflows.desk import Desk
from workflows.financial_advisor import DESCRIPTION
from workflows.financial_advisor.deciding import approve, gate, judge
from workflows.financial_advisor.limits import AdviceLimits
from workflows.financial_advisor.researching import call, explore, plan
from workflows.financial_advisor.state import STATE_TYPES, AdviceInput, AdviceOutput, AdviceState
from workflows.financial_advisor.telling import answer, write_report
from workflows.financial_advisor.understanding import ask_back, ask_client, refuse, understand
from workflows.registry import Graph, Workflow

# Every key of the state is optional to LangGraph; a node runs after those that set what it reads.
# pyright: reportTypedDictNotRequiredAccess=false

Node = Callable[..., Awaitable[dict[str, Any]]]
SERVERS = frozenset({"finance/*", "suitability/*"})


def after_understanding(state: AdviceState) -> str:
    """Refuse, ask back, or go to work."""
    if state["request"].refusal is not None:
        return "refuse"
    if not state["missing"]:
        return "plan"
    return "ask_client" if state.get("ask") == "interrupt" else "ask_back"


def after_planning(state: AdviceState) -> str:
    """Call tools while there is something to call; then judge, or, once that is done, answer."""
    if state["planned"]:
        return "call"
    return "explore" if state["phase"] == "research" else "answer"


def after_gate(state: AdviceState) -> str:
    """A product that the client insists on goes before a person, where the caller wants one."""
    gated = state["gated"]
    return "approve" if gated and gated.on_request and state.get("approval", "person") == "person" else "plan"


def build(limits: AdviceLimits) -> Graph:
    """The graph, compiled; the executor adds the checkpointer."""
    graph = StateGraph(AdviceState, context_schema=Desk, input_schema=AdviceInput, output_schema=AdviceOutput)
    nodes: list[Node] = [refuse, ask_back, plan, call, judge, gate, approve, answer]
    bounded: list[Node] = [understand, ask_client, explore]
    for node in nodes:
        graph.add_node(node.__name__, node)  # pyright: ignore[reportUnknownMemberType]
    for node in bounded:
        graph.add_node(node.__name__, partial(node, limits=limits))  # pyright: ignore[reportUnknownMemberType]
    graph.add_node("report", write_report)  # pyright: ignore[reportUnknownMemberType]
    graph.add_edge(START, "understand")
    graph.add_conditional_edges("understand", after_understanding, ["refuse", "ask_back", "ask_client", "plan"])
    graph.add_conditional_edges("ask_client", after_understanding, ["refuse", "ask_back", "ask_client", "plan"])
    graph.add_conditional_edges("plan", after_planning, ["call", "explore", "answer"])
    graph.add_edge("call", "plan")
    graph.add_edge("explore", "judge")
    graph.add_edge("judge", "gate")
    graph.add_conditional_edges("gate", after_gate, ["approve", "plan"])
    graph.add_edge("approve", "plan")
    graph.add_edge("answer", "report")
    for last in ("refuse", "ask_back", "report"):
        graph.add_edge(last, END)
    return graph.compile(name="financial_advisor")  # pyright: ignore[reportUnknownMemberType]


def workflow(limits: AdviceLimits | None = None) -> Workflow:
    """Financial advice, for the registry."""
    return Workflow(
        name="financial_advisor",
        description=DESCRIPTION,
        compiled=build(limits or AdviceLimits()),
        tools=SERVERS,
        desk=True,
        state_types=STATE_TYPES,
    )
