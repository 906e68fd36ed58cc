"""The quantitative judgement: what a reasoning model is given, and the embedded judgement by rule."""

from typing import Any

from tools.finance.results import Allocation, PortfolioMeasured
from tools.suitability.gate import Gated
from workflows.financial_advisor.calls import Planned, result
from workflows.financial_advisor.material import Material, pct
from workflows.financial_advisor.planner import proposed_weights, suitability_check
from workflows.financial_advisor.questions import Judged
from workflows.financial_advisor.situation import Situation

_CLOSE = 1.15
"""Volatility above the aim by less than this factor is no reason to change anything."""


_IDLE = 0.25
"""Volatility below the aim by this factor leaves the money idle, for a client whose objective asks for more."""


def judgement(s: Situation, m: Material) -> Judged | None:
    """The embedded judgement; None when nothing is to be recommended, since nobody asked or there is nothing to go by.

    The proposal is taken where a change is asked for, where the holdings do not fit, or where they are clearly riskier
    than the class aims at; else the portfolio is kept.
    """
    about_to_save = s.intent == "retirement" and not s.weights
    if not s.recommending and not about_to_save:
        return None
    proposal = proposed_weights(s)
    held, measured = result(s.calls, "held_check", Gated), result(s.calls, "current", PortfolioMeasured)
    allocated = result(s.calls, "proposal", Allocation)
    reasons: list[str] = []
    if not proposal:
        return Judged(choice="keep", reasons=[], confidence=0.6) if held and not held.breaches else None
    if s.intent == "buy":
        return Judged(choice="proposal", reasons=[], confidence=0.9)
    if held is not None and held.breaches:
        reasons.append(
            m.say(
                "What you hold breaks rules of suitability, so it should change.",
                "现有持仓不符合适当性规则，需要调整。",
            )
        )
    volatility = measured.measures.volatility if measured else None
    aimed = allocated.allocation.volatility if allocated else None
    if volatility and aimed and volatility > aimed * _CLOSE:
        reasons.append(
            m.say(
                f"Its volatility of {pct(volatility)} a year is above the {pct(aimed)} that I aim at for you.",
                f"组合年化波动率{pct(volatility)}，高于适合您的{pct(aimed)}。",
            )
        )
    who = s.classified.client if s.classified is not None else s.client
    long = who.objective in ("balanced", "growth", "speculation") and (who.horizon_years or 0) >= 5
    if volatility is not None and aimed and volatility < aimed * _IDLE and long and "less_risk" not in s.intents:
        reasons.append(
            m.say(
                "It is mostly cash or the like, which serves your objective and your horizon badly.",
                "组合大部分为现金或类似资产，与您的投资目标和期限不符。",
            )
        )
    base, scale = s.subject_volatility or volatility, s.request.risk_scale or 1.0
    if "less_risk" in s.intents and aimed and base and scale > 1 and aimed < base * 1.05:
        reasons.append(
            m.say(
                "You asked for more risk; your class and your limits allow no more than this.",
                "您希望提高风险，但您的风险等级与限额不允许更高。",
            )
        )
    elif "less_risk" in s.intents and aimed:
        reasons.append(
            m.say(f"You asked to change the risk: the new mix aims at a volatility of {pct(aimed)} a year.",
                  f"按您的要求调整风险：新组合的目标年化波动率为{pct(aimed)}。")
        )  # fmt: skip
    wanted = s.intents & {"rebalance", "allocate", "less_risk", "retirement"}
    if reasons or wanted or not s.weights:
        if aimed and not reasons:
            reasons.append(
                m.say(
                    "It has the highest mean return of the past among the suitable mixes of this risk.",
                    "在同等风险的可匹配组合中，它的历史平均收益最高。",
                )
            )
        return Judged(choice="proposal", reasons=reasons, confidence=0.8)
    return Judged(
        choice="keep", reasons=[m.say("It fits your class and your aims.", "组合符合您的等级与目标。")], confidence=0.8
    )


def facts(s: Situation, m: Material, embedded: Judged) -> dict[str, Any]:
    """What the question JUDGE needs."""
    known = {each.fund_id for each in s.catalogue} | {"CASH"}
    choices = ["own", *(["keep"] if s.weights else []), *(["proposal"] if proposed_weights(s) else []), "none"]
    classified = s.classified
    return {
        "judgement": embedded,
        "known": known,
        "choices": choices,
        "client_class": classified.client_class if classified else "unknown",
        "language": m.language,
    }


def gate_call(judged: Judged, s: Situation) -> Planned:
    """The call by which the suitability gate checks what the judgement comes to."""
    insisted = list(s.request.funds) if s.request.insists else []
    return suitability_check("gate", s, chosen(judged, s), insisted=insisted)


def chosen(judged: Judged, s: Situation) -> dict[str, float]:
    """The weights that the judgement comes to."""
    match judged.choice:
        case "own":
            return dict(judged.weights)
        case "proposal":
            return proposed_weights(s)
        case "keep":
            return s.weights
        case "none":
            return {}
