"""From results to the advice: traced, cleaned of what may not be said, and put together."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

import orjson

from tools.finance.results import FundList, PortfolioMeasured, Rebalanced
from workflows.financial_advisor import prose, tracing, writing
from workflows.financial_advisor.advice import (
    Advice,
    CallShown,
    Recommendation,
    Section,
    Suitability,
    TracedFigure,
)
from workflows.financial_advisor.calls import Called, result
from workflows.financial_advisor.material import Material
from workflows.financial_advisor.planner import Situation
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
_CURVES: Final = frozenset({"growth", "drawdown", "bands", "points"})
_LONG: Final = 40
"""Items of a list that a model is shown; curves are cut to that."""


def shown_results(calls: Sequence[Called]) -> str:
    """The results as JSON for a prompt, by call id, without curves."""
    shown = {
        each.id: {"tool": each.tool, "result": _short(each.result or each.error)}
        for each in calls
        if each.key != "funds"
    }
    return orjson.dumps(shown).decode()


def _short(value: Any) -> Any:
    match value:
        case dict():
            fields = cast(dict[str, Any], value)
            return {
                key: _short(each)
                for key, each in fields.items()
                if key not in ("growth", "drawdown", "bands", "points")
            }
        case list():
            return [_short(each) for each in cast(list[Any], value)[:_LONG]]
        case _:
            return value


def grounds(state: AdviceState) -> Ground:
    """All that this turn's answer may rest on: results, the client's words and facts."""
    catalogue = result(state["calls"], "funds", FundList)
    funds = catalogue.funds if catalogue else []
    results: dict[str, Any] = {
        each.id: each.result for each in state["calls"] if each.result is not None and each.key != "funds"
    }
    named, every = _mentioned(state), state["request"].intents[0] == "funds"
    listed = next((each.id for each in state["calls"] if each.key == "funds"), "t1")
    results[listed] = {
        "funds": [each.model_dump(mode="json") if every or each.fund_id in named else {} for each in funds]
    }
    said = [str(each.text) for each in state.get("messages") or [] if each.type == "human"]
    statements = [*said, state["text"], state["client"].model_dump(mode="json"), state["held"].model_dump(mode="json")]
    names = [text for fund in funds for text in (fund.name_en, fund.name_zh, fund.fund_id)]
    for each in state["calls"]:
        names += _labels(each.result or {})
        if each.error is not None:
            names.append(str(each.error.get("message") or ""))
    return tracing.ground(results, statements, names, [listed])


def _mentioned(state: AdviceState) -> set[str]:
    gated = state["gated"]
    given = [_object(each.arguments.get("weights")) for each in state["calls"]]
    names = {name for weights in given for name in weights}
    return names | set(state["request"].funds) | set(gated.weights if gated else ())


def _object(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [_object(each) for each in cast(list[Any], value)] if isinstance(value, list) else []


def _labels(found: Mapping[str, Any]) -> list[str]:
    """Fixed texts in a result that hold digits but are no figures: titles of scenarios, rules and their sources."""
    texts_: list[str] = []
    for scenario in _objects(found.get("scenarios")):
        texts_ += [str(scenario["title_en"]), str(scenario["title_zh"])]
    for breach in _objects(found.get("breaches")):
        texts_ += [str(text) for part in ("title", "source") for text in _object(breach[part]).values()]
    for reasons in _object(found.get("reasons")).values():
        texts_ += [str(each) for each in cast(list[Any], reasons)]
    return texts_ + [str(notice["message"]) for notice in _objects(found.get("notices"))]


def recommended(state: AdviceState) -> dict[str, float]:
    gated = state["gated"]
    return dict(gated.weights) if gated else {}


def _allowed(state: AdviceState, situation: Situation) -> set[str]:
    """Funds that prose may speak of freely: those that passed, and those that the client holds or named."""
    return set(recommended(state)) | set(situation.weights if not situation.recommending else ())


def faults(text: str, known: Ground, state: AdviceState) -> list[str]:
    """What is wrong with a model's text, as sentences for its repair."""
    found = [
        f"{each.text!r} stands in no result" for each in tracing.untraceable(text, known, datetime.now(UTC).date())
    ]
    catalogue = result(state["calls"], "funds", FundList)
    taken = prose.faults(text, catalogue.funds if catalogue else [], set(recommended(state)))
    return found + [f"may not be said ({why}): {text[start:end].strip()[:80]!r}" for start, end, why in taken]


class _Cleaner:
    """Takes sentences out of paragraphs and remembers them."""

    def __init__(self, state: AdviceState, situation: Situation, known: Ground) -> None:
        self.known, self.today = known, situation.today
        self.catalogue, self.allowed = situation.catalogue, _allowed(state, situation)
        self.removed: list[str] = []

    def traced(self, text: str) -> str:
        """The text without sentences whose figures no tool returned."""
        wrong = tracing.untraceable(text, self.known, self.today)
        return self._less(text, tracing.without(text, wrong)) if wrong else text

    def said(self, text: str) -> str:
        """A model's text without what it may not say either."""
        taken = prose.faults(text, self.catalogue, self.allowed)
        return self.traced(self._less(text, prose.without(text, taken)) if taken else text)

    def _less(self, before: str, after: str) -> str:
        kept = {after[start:end].strip() for start, end in tracing.sentences(after)}
        lost = [before[start:end].strip() for start, end in tracing.sentences(before)]
        self.removed += [each for each in lost if each not in kept]
        return after


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
    cleaner = _Cleaner(given, s, known)
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
