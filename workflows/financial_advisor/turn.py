"""What the nodes of a turn share: the calls that they make, and what they read from the state."""

from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.runtime import Runtime

from tools.errors import ConsiliaError
from workflows.desk import Desk, place
from workflows.financial_advisor.advice import Advice
from workflows.financial_advisor.calls import Called, Planned
from workflows.financial_advisor.material import Material
from workflows.financial_advisor.situation import Situation
from workflows.financial_advisor.state import AdviceState

# Every key of the state is optional to LangGraph; a node runs after those that set what it reads.
# pyright: reportTypedDictNotRequiredAccess=false


async def make(
    desk: Desk, runtime: Runtime[Desk], node: str, planned: list[Planned], before: list[Called]
) -> list[Called]:
    """Make the planned calls; a fault of the request is a result like any other, a fault of ours ends the run."""
    made: list[Called] = []
    for each in planned:
        fields: dict[str, Any] = {**each.model_dump(), "id": f"t{len(before) + len(made) + 1}"}
        try:
            found = await desk.tools.call_raw(place(runtime, node), each.server, each.tool, each.arguments)
        except ConsiliaError as error:
            if error.status >= 500:
                raise
            made.append(Called(**fields, error=error.as_payload()))
        else:
            made.append(Called(**fields, result=found))
    return made


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def spoken(advice: Advice) -> dict[str, Any]:
    """The answer as state: structured, as JSON, and as a message of the conversation."""
    return {
        "answer": advice,
        "advice": advice.model_dump(mode="json"),
        "messages": [AIMessage(advice.text())],
        "files": {},
    }


def situation_of(state: AdviceState) -> Situation:
    subject = state.get("subject")
    return Situation(
        request=state["request"],
        client=state["client"],
        held=state["held"],
        calls=state["calls"],
        phase=state["phase"],
        today=now().date(),
        subject_weights=subject.weights if subject else {},
        subject_volatility=subject.volatility if subject else None,
        gated=state["gated"],
    )


def material_of(state: AdviceState) -> Material:
    return Material(situation_of(state), state["spoken"], state["judged"], state["gated"], state["client_order"])
