"""From results to the advice: traced, cleaned of what may not be said, and put together."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from tools.finance.results import PortfolioMeasured, Rebalanced
from workflows.financial_advisor import tracing, writing
from workflows.financial_advisor.advice import (
    Advice,
    CallShown,
    Recommendation,
    Section,
    Suitability,
    TracedFigure,
)
from workflows.financial_advisor.calls import Called, result
from workflows.financial_advisor.cleaning import Cleaner
from workflows.financial_advisor.material import Material
from workflows.financial_advisor.situation import Situation
from workflows.financial_advisor.state import AdviceState
from workflows.financial_advisor.texts import texts
from workflows.financial_advisor.tracing import Ground

# Every key of the state is optional to LangGraph; a node runs after those that set what it reads.
# pyright: reportTypedDictNotRequiredAccess=false

_RESTS_ON: Final[Mapping[str, tuple[str, ...]]] = {
    "opening": ("valuation", "current", "proposed"), "portfolio": ("valuation", "current"), "stress": ("stress",),
    "comparison": ("fund_measures", "correlation", "funds"), "funds": ("funds",), "conversion": ("conversion",),
    "fees": ("fees",), "suitability": ("client", "held_check"), "orders": ("orders",), "projection": ("projection",),
    "recommendation": ("gate", "proposed", "proposed_stress", "proposal"),
}  # fmt: skip
"""The calls that a section's figures come from first of all, by what they are for."""


def answer(
    state: Mapping[str, Any],
    m: Material,
    opening: Sequence[str],
    sections: Sequence[Section],
    known: Ground,
    moment: datetime,
) -> Advice:
    """The advice: opening and sections, cleaned and traced; the removal of anything is said."""
    given, s = cast(AdviceState, state), m.situation
    cleaner = Cleaner(given, s, known)
    reasons = tuple(text for each in (m.judged.reasons if m.judged else ()) if (text := cleaner.said(each)))
    spoken = tuple(text for each in opening if (text := cleaner.said(each)))
    original = set(m.judged.reasons if m.judged else ())
    parts = [Section(key="opening", title="", paragraphs=spoken)]
    for section in sections:
        lines = [each for each in section.paragraphs if each not in original or section.key != "recommendation"]
        kept = [text for each in lines if (text := cleaner.traced(each))]
        if section.key == "recommendation":
            kept = [*reasons, *kept]
        if kept:
            parts.append(section.model_copy(update={"paragraphs": tuple(kept)}))
    if cleaner.removed:
        told = m.say("Sentences were taken out: no tool returned a figure in them, or they may not be said.",
                     "部分语句已删除：其中的数字没有任何工具返回，或不得如此表述。")  # fmt: skip
        parts.append(Section(key="removed", title=m.say("Taken out", "已删除"), paragraphs=(told,)))
    proposed, orders = result(s.calls, "proposed", PortfolioMeasured), result(s.calls, "orders", Rebalanced)
    recommendation = None
    if m.gated is not None and m.gated.weights and s.recommending:
        recommendation = Recommendation(
            weights=m.gated.weights,
            orders=tuple(orders.orders) if orders and m.judged and m.judged.choice != "keep" else (),
            reasons=reasons,
            expected_volatility=proposed.measures.volatility if proposed else None,
        )
    remarks = writing.notices(m)
    return _advice(
        given, moment, "answer", tuple(parts),
        figures=_figures(parts, known, s),
        calls=_calls(s.calls),
        recommendation=recommendation,
        suitability=_suitability(m),
        client_order=m.client_order,
        removed=tuple(cleaner.removed),
        notices=tuple(remarks),
        currency=s.currency,
        synthetic=any(each.code == "synthetic_data" for each in remarks),
    )  # fmt: skip


def _figures(parts: Sequence[Section], known: Ground, s: Situation) -> tuple[TracedFigure, ...]:
    found: dict[tuple[str, str], TracedFigure] = {}
    for section in parts:
        prefer = {each.id for each in s.calls if each.key in _RESTS_ON.get(section.key, ())}
        for figure in tracing.trace("\n".join(section.paragraphs), known, s.today, prefer):
            if (source := figure.source) is not None:
                traced = TracedFigure(
                    text=figure.text, section=section.key, call=source.call, path=source.path, value=source.value
                )
                found.setdefault((section.key, figure.text), traced)
    return tuple(found.values())


def _calls(calls: Sequence[Called]) -> tuple[CallShown, ...]:
    return tuple(
        CallShown(
            id=each.id,
            tool=f"{each.server}/{each.tool}",
            arguments={key: value for key, value in each.arguments.items() if key not in ("products", "client")},
            error=str(each.error["message"]) if each.error else None,
        )
        for each in calls
    )


def _suitability(m: Material) -> Suitability | None:
    s, gated = m.situation, m.gated
    if s.classified is None:
        return None
    return Suitability(
        client_class=s.classified.client_class,
        score=s.classified.score,
        reasons=tuple(s.classified.reasons.get(m.language, ())),
        outcome=gated.outcome if gated else "not_needed",
        breaches=tuple(gated.breaches) if gated else (),
        rules_version=gated.rules_version if gated else None,
    )


def refusal(state: AdviceState, moment: datetime) -> Advice:
    """The refusal of a request, in the client's language."""
    kind = state["request"].refusal
    assert kind is not None, "the edge leads here only with a refusal"
    told = texts().refusals[kind][state["spoken"]]
    section = Section(key="refusal", title=told.title, paragraphs=(told.text,))
    return _advice(state, moment, "refusal", (section,), refusal=kind)


def question_back(state: AdviceState, moment: datetime) -> Advice:
    """The question back for what is missing."""
    situation = Situation(
        request=state["request"], client=state["client"], held=state["held"], calls=(), phase="research",
        today=moment.date(), subject_weights={}, subject_volatility=None,
    )  # fmt: skip
    material = Material(situation, state["spoken"], None, None, None)
    parts = tuple(writing.asking(material, state["missing"]))
    return _advice(state, moment, "question", parts, missing=tuple(state["missing"]))


def _advice(state: AdviceState, moment: datetime, kind: Any, parts: tuple[Section, ...], **more: Any) -> Advice:
    fields: dict[str, Any] = {"currency": state["client"].currency, **more}
    return Advice(
        kind=kind,
        language=state["spoken"],
        question=state["text"],
        request=state["request"],
        sections=parts,
        disclosure=texts().disclosures[state["client"].regime][state["spoken"]],
        engine=", ".join(dict.fromkeys(state["said_by"])),
        degraded=state["degraded"],
        generated_at=moment,
        **fields,
    )
