"""The nodes that decide: the judgement, the suitability gate, and the person before whom a client's wish is put."""

from collections.abc import Mapping
from typing import Any, Final

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from tools.suitability.gate import Gated
from workflows.desk import Desk, place
from workflows.financial_advisor import conversation, judging
from workflows.financial_advisor.calls import result
from workflows.financial_advisor.questions import JUDGE
from workflows.financial_advisor.request import Language
from workflows.financial_advisor.shown import shown_results
from workflows.financial_advisor.state import AdviceState
from workflows.financial_advisor.turn import make, material_of, situation_of

# Every key of the state is optional to LangGraph; a node runs after those that set what it reads.
# pyright: reportTypedDictNotRequiredAccess=false


async def judge(state: AdviceState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Judge the figures: keep the portfolio, take the proposal, or weights of one's own. A reasoning question."""
    situation, material = situation_of(state), material_of(state)
    embedded = judging.judgement(situation, material)
    if embedded is None:
        return {"judged": None, "phase": "settle"}
    facts = judging.facts(situation, material, embedded)
    results = shown_results(state["calls"])
    answered = await runtime.context.counsel.ask(place(runtime, "judge"), JUDGE, results, facts)
    return {
        "judged": answered.value,
        "phase": "settle",
        "said_by": [*state["said_by"], answered.said_by],
        "degraded": state["degraded"] or answered.degraded,
    }


async def gate(state: AdviceState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Let through only what suits. Deterministic: no model takes part, and none can talk its way around."""
    judged, situation = state["judged"], situation_of(state)
    if judged is None:
        return {"gated": None}
    planned = judging.gate_call(judged, situation)
    made = await make(runtime.context, runtime, "gate", [planned], state["calls"])
    return {"gated": result(made, "gate", Gated), "calls": [*state["calls"], *made]}


_ASKED: Final[Mapping[Language, tuple[str, str]]] = {
    "en": (
        "A client insists on products above their class",
        "Release these as the client's own order, after a special written risk warning, or refuse?",
    ),
    "zh": ("客户坚持购买高于其风险等级的产品", "经书面特别风险警示后，作为客户本人的指令放行，还是拒绝？"),
}


async def approve(state: AdviceState) -> dict[str, Any]:
    """Wait for a person: refuse the client's wish, or release it as the client's own order after a written warning."""
    gated = state["gated"]
    assert gated is not None, "the edge leads here only with products on request"
    title, question = _ASKED[state["spoken"]]
    told = interrupt(
        {
            "kind": "suitability",
            "title": title,
            "question": question,
            "evidence": [
                {"funds": gated.on_request, "client_class": gated.client_class, "highest": gated.highest},
                *(each.model_dump(mode="json") for each in gated.breaches if each.subject in gated.on_request),
            ],
            "schema": conversation.DECISION_SCHEMA,
        }
    )
    return {"client_order": conversation.decision(told, gated.on_request)}
