"""The nodes that read what the client says, refuse, and ask back for what is missing."""

from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from tools.finance.results import FundList
from workflows.desk import Desk, place
from workflows.financial_advisor import answering, conversation
from workflows.financial_advisor.calls import Planned, result
from workflows.financial_advisor.conversation import Turn
from workflows.financial_advisor.limits import AdviceLimits
from workflows.financial_advisor.questions import UNDERSTAND
from workflows.financial_advisor.state import AdviceState
from workflows.financial_advisor.turn import make, now, spoken

# Every key of the state is optional to LangGraph; a node runs after those that set what it reads.
# pyright: reportTypedDictNotRequiredAccess=false


async def understand(state: AdviceState, runtime: Runtime[Desk], *, limits: AdviceLimits) -> dict[str, Any]:
    """Read the question, the profile and the holdings; see what is missing."""
    desk, here = runtime.context, place(runtime, "understand")
    text, message = conversation.question(state, limits)
    client, held = await conversation.given(state, desk.files, limits)
    listed = Planned(key="funds", server="finance", tool="search_funds", arguments={"limit": 200})
    known = await make(desk, runtime, "understand", [listed], [])
    catalogue = result(known, "funds", FundList)
    names = conversation.names(catalogue.funds if catalogue else [])
    facts = {
        "question": text,
        "known_funds": ", ".join(sorted(set(names.values()))),
        "names": names,
        "fallback": state.get("spoken") or "en",
        "follows": state.get("subject") is not None or state.get("pending") is not None,
    }
    answered = await desk.counsel.ask(here, UNDERSTAND, "", facts)
    turn = conversation.turn(state, answered.value, client, held, text)
    return {
        "text": text,
        "messages": [HumanMessage(text)] if message is None else [],
        "said_by": [answered.said_by],
        "degraded": answered.degraded,
        **_of(turn),
        "phase": "research",
        "planned": [],
        "calls": known,
        "judged": None,
        "classified": None,
        "gated": None,
        "client_order": None,
        "question": "",
    }


def _of(turn: Turn) -> dict[str, Any]:
    return {
        "request": turn.request,
        "spoken": turn.request.language,
        "client": turn.client,
        "held": turn.held,
        "missing": turn.missing,
        "pending": turn.request if turn.missing and turn.request.refusal is None else None,
    }


async def refuse(state: AdviceState) -> dict[str, Any]:
    """Say no, clearly and politely, and what can be done instead."""
    return spoken(answering.refusal(state, now()))


async def ask_back(state: AdviceState) -> dict[str, Any]:
    """Ask in the conversation for what is missing; the next turn answers."""
    return spoken(answering.question_back(state, now()))


async def ask_client(state: AdviceState, *, limits: AdviceLimits) -> dict[str, Any]:
    """Wait for what is missing; the resume brings facts of the profile, holdings, or a sentence."""
    asked = answering.question_back(state, now())
    told = interrupt(
        {
            "kind": "question",
            "title": asked.sections[0].paragraphs[0],
            "question": "\n".join(asked.sections[0].paragraphs),
            "missing": state["missing"],
            "schema": conversation.resume_schema(limits),
        }
    )
    return _of(conversation.resumed(state, told, limits))
