"""Financial advice, as an adviser would tell it.

Understand the client and the question, and ask back for what is missing; refuse what must be refused; plan and call
tools until the figures are there, and with models let one look further; judge; let the suitability gate take away what
does not suit, and put before a person what the client insists on; measure what is left; answer, every figure traced to
the call that gave it; draw and report.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agents.faults import RequestRefused
from agents.routing import NoCapableModel, NoModelAvailable
from tools.errors import ConsiliaError
from tools.finance.results import FundList, PortfolioMeasured
from tools.suitability.gate import Gated
from workflows.desk import Desk, place
from workflows.financial_advisor import answering, conversation, exploring, judging, pictures, planner, report, writing
from workflows.financial_advisor.advice import Advice
from workflows.financial_advisor.calls import Called, result
from workflows.financial_advisor.cleaning import Cleaner, recommended
from workflows.financial_advisor.conversation import Turn
from workflows.financial_advisor.grounds import grounds
from workflows.financial_advisor.limits import AdviceLimits
from workflows.financial_advisor.material import Material
from workflows.financial_advisor.questions import JUDGE, UNDERSTAND, WRITE
from workflows.financial_advisor.shown import shown_results
from workflows.financial_advisor.situation import Situation
from workflows.financial_advisor.state import STATE_TYPES, AdviceInput, AdviceOutput, AdviceState, Subject
from workflows.financial_advisor.universe import products
from workflows.registry import Graph, Workflow

# Every key of the state is optional to LangGraph; a node runs after those that set what it reads.
# pyright: reportTypedDictNotRequiredAccess=false

Node = Callable[..., Awaitable[dict[str, Any]]]
SERVERS = frozenset({"finance/*", "suitability/*"})


async def understand(state: AdviceState, runtime: Runtime[Desk], *, limits: AdviceLimits) -> dict[str, Any]:
    """Read the question, the profile and the holdings; see what is missing."""
    desk, here = runtime.context, place(runtime, "understand")
    text, message = conversation.question(state, limits)
    client, held = await conversation.given(state, desk.files, limits)
    listed = planner.Planned(key="funds", server="finance", tool="search_funds", arguments={"limit": 200})
    known = await _make(desk, runtime, "understand", [listed], [])
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


def after_understanding(state: AdviceState) -> str:
    """Refuse, ask back, or go to work."""
    if state["request"].refusal is not None:
        return "refuse"
    if not state["missing"]:
        return "plan"
    return "ask_client" if state.get("ask") == "interrupt" else "ask_back"


async def refuse(state: AdviceState) -> dict[str, Any]:
    """Say no, clearly and politely, and what can be done instead."""
    return _spoken(answering.refusal(state, _now()))


async def ask_back(state: AdviceState) -> dict[str, Any]:
    """Ask in the conversation for what is missing; the next turn answers."""
    return _spoken(answering.question_back(state, _now()))


async def ask_client(state: AdviceState, *, limits: AdviceLimits) -> dict[str, Any]:
    """Wait for what is missing; the resume brings facts of the profile, holdings, or a sentence."""
    asked = answering.question_back(state, _now())
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


async def plan(state: AdviceState) -> dict[str, Any]:
    """Name the tool calls to make now."""
    return {"planned": planner.next_calls(_situation(state))}


def after_planning(state: AdviceState) -> str:
    """Call tools while there is something to call; then judge, or, once that is done, answer."""
    if state["planned"]:
        return "call"
    return "explore" if state["phase"] == "research" else "answer"


async def call(state: AdviceState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Call the planned tools; a fault of the request is a result like any other, and the answer will name it."""
    made = await _make(runtime.context, runtime, "call", state["planned"], state["calls"])
    return {"calls": [*state["calls"], *made], "planned": []}


async def _make(
    desk: Desk, runtime: Runtime[Desk], node: str, planned: list[planner.Planned], before: list[Called]
) -> list[Called]:
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


async def judge(state: AdviceState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Judge the figures: keep the portfolio, take the proposal, or weights of one's own. A reasoning question."""
    situation, material = _situation(state), _material(state)
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
    judged, situation = state["judged"], _situation(state)
    if judged is None:
        return {"gated": None}
    weights = judging.chosen(judged, situation)
    arguments = {
        "weights": weights,
        "products": products(situation.catalogue, weights),
        "client": state["client"].model_dump(mode="json"),
        "total": situation.total,
        "insisted": list(state["request"].funds) if state["request"].insists else [],
    }
    planned = planner.Planned(key="gate", server="suitability", tool="check_recommendation", arguments=arguments)
    made = await _make(runtime.context, runtime, "gate", [planned], state["calls"])
    return {"gated": result(made, "gate", Gated), "calls": [*state["calls"], *made]}


def after_gate(state: AdviceState) -> str:
    """A product that the client insists on goes before a person, where the caller wants one."""
    gated = state["gated"]
    return "approve" if gated and gated.on_request and state.get("approval", "person") == "person" else "plan"


async def approve(state: AdviceState) -> dict[str, Any]:
    """Wait for a person: refuse the client's wish, or release it as the client's own order after a written warning."""
    gated = state["gated"]
    assert gated is not None, "the edge leads here only with products on request"
    told = interrupt(
        {
            "kind": "suitability",
            "title": "A client insists on products above their class",
            "question": "Release these as the client's own order, after a special written risk warning, or refuse?",
            "evidence": [
                {"funds": gated.on_request, "client_class": gated.client_class, "highest": gated.highest},
                *(each.model_dump(mode="json") for each in gated.breaches if each.subject in gated.on_request),
            ],
            "schema": conversation.DECISION_SCHEMA,
        }
    )
    return {"client_order": conversation.decision(told, gated.on_request)}


async def answer(state: AdviceState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Write the answer, trace its figures, take out what no tool returned, and say it."""
    material = _material(state)
    sections, opening = writing.sections(material), writing.opening(material)
    known = grounds(state)
    shares = [f"{name} {share:.3f}" for name, share in recommended(state).items()]
    facts: dict[str, Any] = {
        "question": state["text"],
        "language": state["spoken"],
        "opening": opening or [material.say("Here is what I found.", "结果如下。")],
        "recommended": ", ".join(shares) or "none",
        "wrong": Cleaner(state, _situation(state), known).faults,
    }
    results = shown_results(state["calls"])
    answered = await runtime.context.counsel.ask(place(runtime, "answer"), WRITE, results, facts)
    said_by = [*state["said_by"], answered.said_by]
    degraded = state["degraded"] or answered.degraded
    made = answering.answer(
        {**state, "said_by": said_by, "degraded": degraded},
        material,
        answered.value.paragraphs,
        sections,
        known,
        _now(),
    )
    return {
        **_spoken(made),
        "said_by": said_by,
        "degraded": degraded,
        "subject": _subject(state),
    }


def _subject(state: AdviceState) -> Subject:
    situation, gated = _situation(state), state["gated"]
    proposed = result(situation.calls, "proposed" if gated and gated.weights else "current", PortfolioMeasured)
    weights = gated.weights if gated and gated.weights else situation.weights
    volatility = proposed.measures.volatility if proposed else None
    return Subject(request=state["request"], weights=weights, volatility=volatility)


async def write_report(state: AdviceState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Draw the charts and keep the answer as HTML, Markdown, JSON and SVG files."""
    desk, advice, charts = runtime.context, state["answer"], pictures.drawn(_material(state))
    pages = {
        "html": ("advice.html", "text/html; charset=utf-8", report.html(advice, charts)),
        "markdown": ("advice.md", "text/markdown; charset=utf-8", report.markdown(advice, charts)),
        "json": ("advice.json", "application/json", advice.model_dump_json(indent=2)),
        **{f"chart_{key}": (f"{key}.svg", "image/svg+xml", chart.svg()) for key, chart in charts.items()},
    }
    files = {key: await desk.files.write(name, kind, text.encode()) for key, (name, kind, text) in pages.items()}
    return {"files": files}


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _spoken(advice: Advice) -> dict[str, Any]:
    """The answer as state: structured, as JSON, and as a message of the conversation."""
    return {
        "answer": advice,
        "advice": advice.model_dump(mode="json"),
        "messages": [AIMessage(advice.text())],
        "files": {},
    }


def _situation(state: AdviceState) -> Situation:
    subject = state.get("subject")
    return Situation(
        request=state["request"],
        client=state["client"],
        held=state["held"],
        calls=state["calls"],
        phase=state["phase"],
        today=_now().date(),
        subject_weights=subject.weights if subject else {},
        subject_volatility=subject.volatility if subject else None,
        gated=state["gated"],
    )


def _material(state: AdviceState) -> Material:
    return Material(_situation(state), state["spoken"], state["judged"], state["gated"], state["client_order"])


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
        description=(
            "Advises on funds and portfolios in conversation: figures from tools, suitability by rule, a report."
        ),
        compiled=build(limits or AdviceLimits()),
        tools=SERVERS,
        desk=True,
        state_types=STATE_TYPES,
    )
