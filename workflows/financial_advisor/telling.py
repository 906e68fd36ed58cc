"""The nodes that answer: the advice with every figure traced, its charts and its report."""

from typing import Any

from langgraph.runtime import Runtime

from tools.finance.results import PortfolioMeasured
from workflows.desk import Desk, place
from workflows.financial_advisor import answering, pictures, report, writing
from workflows.financial_advisor.calls import result
from workflows.financial_advisor.cleaning import Cleaner, recommended
from workflows.financial_advisor.grounds import grounds
from workflows.financial_advisor.questions import WRITE
from workflows.financial_advisor.shown import shown_results
from workflows.financial_advisor.state import AdviceState, Subject
from workflows.financial_advisor.turn import material_of, now, situation_of, spoken

# Every key of the state is optional to LangGraph; a node runs after those that set what it reads.
# pyright: reportTypedDictNotRequiredAccess=false


async def answer(state: AdviceState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Write the answer, trace its figures, take out what no tool returned, and say it."""
    material = material_of(state)
    sections, opening = writing.sections(material), writing.opening(material)
    known = grounds(state)
    shares = [f"{name} {share:.3f}" for name, share in recommended(state).items()]
    facts: dict[str, Any] = {
        "question": state["text"],
        "language": state["spoken"],
        "opening": opening or [writing.lead(material)],
        "recommended": ", ".join(shares) or "none",
        "wrong": Cleaner(state, situation_of(state), known).faults,
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
        now(),
    )
    return {
        **spoken(made),
        "said_by": said_by,
        "degraded": degraded,
        "subject": _subject(state),
    }


def _subject(state: AdviceState) -> Subject:
    situation, gated = situation_of(state), state["gated"]
    proposed = result(situation.calls, "proposed" if gated and gated.weights else "current", PortfolioMeasured)
    weights = gated.weights if gated and gated.weights else situation.weights
    volatility = proposed.measures.volatility if proposed else None
    return Subject(request=state["request"], weights=weights, volatility=volatility)


async def write_report(state: AdviceState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Draw the charts and keep the answer as HTML, Markdown, JSON and SVG files."""
    desk, advice, charts = runtime.context, state["answer"], pictures.drawn(material_of(state))
    pages = {
        "html": ("advice.html", "text/html; charset=utf-8", report.html(advice, charts)),
        "markdown": ("advice.md", "text/markdown; charset=utf-8", report.markdown(advice, charts)),
        "json": ("advice.json", "application/json", advice.model_dump_json(indent=2)),
        **{f"chart_{key}": (f"{key}.svg", "image/svg+xml", chart.svg()) for key, chart in charts.items()},
    }
    files = {key: await desk.files.write(name, kind, text.encode()) for key, (name, kind, text) in pages.items()}
    return {"files": files}
