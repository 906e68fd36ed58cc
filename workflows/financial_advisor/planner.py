"""The embedded planner: which tools to call next, from what is asked and what has been returned. A pure function.

The same planner serves every turn: while it names calls they are made, and it is asked again; when it names none, the
phase is done. `research` gathers figures for the judgement, `settle` measures what passed the gate.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from tools.finance.results import Allocation, PortfolioMeasured
from tools.suitability.gate import CASH
from tools.suitability.rules import rules
from workflows.financial_advisor.calls import Planned, result
from workflows.financial_advisor.situation import Situation
from workflows.financial_advisor.universe import limits, products, universe

Plan = Callable[[Situation], Planned | None]


def next_calls(situation: Situation) -> list[Planned]:
    """The calls to make now; none when the phase is done. A key is never called twice."""
    wanted = _research(situation) if situation.phase == "research" else _settle(situation)
    plans = [_PLANS[key](situation) for key in wanted if not situation.done(key)]
    return [each for each in plans if each is not None]


def _research(s: Situation) -> list[str]:
    wanted = ["client", "funds"]
    if not s.held.empty:
        wanted += ["valuation"] if s.held.funds or s.held.cash else []
    about = s.intents & {"analyse", "rebalance", "allocate", "less_risk", "loss", "stress", "fees", "retirement", "buy"}
    if about or (s.intent == "currency" and not s.request.amount):
        wanted += ["current"]
    if s.intents & {"analyse", "rebalance", "less_risk", "loss", "stress"}:
        wanted += ["stress"]
    if s.intents & {"compare", "buy", "funds"} or s.request.funds:
        wanted += ["fund_measures"]
    if "compare" in s.intents:
        wanted += ["correlation"]
    if s.recommending:
        wanted += ["held_check"]
    if s.intents & {"analyse", "rebalance", "allocate", "less_risk"} or (s.intent == "retirement" and not s.weights):
        wanted += ["proposal", "frontier"]
    if "fees" in s.intents:
        wanted += ["fees"]
    if "currency" in s.intents and s.request.amount:
        wanted += ["conversion"]
    return wanted


def _settle(s: Situation) -> list[str]:
    wanted = ["proposed", "proposed_stress", "orders"] if s.gated is not None and s.gated.weights else []
    if s.intents & {"analyse", "allocate", "less_risk", "retirement"}:
        wanted += ["projection"]
    return wanted


def _plan(key: str, server: str, tool: str, **arguments: Any) -> Planned:
    given = {name: value for name, value in arguments.items() if value is not None}
    return Planned(key=key, server=server, tool=tool, arguments=given)


def _client(s: Situation) -> Planned | None:
    return _plan("client", "suitability", "classify_client", client=s.client.model_dump(mode="json"))


def _funds(s: Situation) -> Planned | None:
    return _plan("funds", "finance", "search_funds", limit=200)


def _valuation(s: Situation) -> Planned | None:
    return _plan(
        "valuation", "finance", "value_holdings",
        holdings=[each.model_dump() for each in s.held.funds],
        cash=[each.model_dump() for each in s.held.cash],
        currency=s.currency, as_of=s.request.as_of,
    )  # fmt: skip


def _ready(s: Situation) -> bool:
    """Whether the weights are as they will be: valued, where there is something to value."""
    return bool(s.weights) and not ((s.held.funds or s.held.cash) and s.valuation is None)


def _whole(weights: Mapping[str, float]) -> bool:
    """Whether these are shares of one portfolio; what is none, the measuring tool refuses with the reason."""
    shares = weights.values()
    return all(math.isfinite(each) and each >= 0 for each in shares) and abs(math.fsum(shares) - 1) <= 1e-4


def _current(s: Situation) -> Planned | None:
    if not _ready(s):
        return None
    return _plan(
        "current", "finance", "measure_portfolio", weights=s.weights, currency=s.currency, frequency="month",
        end=s.request.as_of,
    )  # fmt: skip


def _stress(s: Situation) -> Planned | None:
    if not _ready(s):
        return None
    return _plan("stress", "finance", "stress", weights=s.weights, currency=s.currency, amount=s.total)


def _compared(s: Situation) -> list[str]:
    """The funds that are named; where a comparison names none, those that are held."""
    if s.request.funds or s.intent != "compare":
        return list(s.request.funds)
    return [name for name in s.weights if name != CASH][:20]


def _fund_measures(s: Situation) -> Planned | None:
    if not (ids := _compared(s)):
        return None
    return _plan("fund_measures", "finance", "measure_funds", fund_ids=ids, currency=s.currency)


def _correlation(s: Situation) -> Planned | None:
    if len(ids := _compared(s)) < 2:
        return None
    return _plan("correlation", "finance", "correlate", fund_ids=ids, currency=s.currency)


def _held_check(s: Situation) -> Planned | None:
    if not _ready(s) or not s.catalogue or not _whole(s.weights):
        return None
    return suitability_check("held_check", s, s.weights)


def suitability_check(key: str, s: Situation, weights: Mapping[str, float], **more: Any) -> Planned:
    """Whether weights suit the client, as a call of the gate. more: further arguments of it."""
    return _plan(
        key, "suitability", "check_recommendation", weights=dict(weights), products=products(s.catalogue, weights),
        client=s.client.model_dump(mode="json"), total=s.total, **more,
    )  # fmt: skip


def _aim(s: Situation) -> float:
    """The volatility to aim at: the class's, or what a follow-up asks, but never above the class's."""
    assert s.classified is not None and s.classified.client_class is not None  # noqa: PT018, the universe is not empty
    most = rules().target_volatility[s.classified.client_class]
    measured = result(s.calls, "current", PortfolioMeasured)
    base = s.subject_volatility or (measured.measures.volatility if measured else None)
    if "less_risk" in s.intents and s.request.risk_scale and base:
        return max(0.002, min(most, base * s.request.risk_scale))
    return most


def _needed(s: Situation) -> float:
    """The share of the money that the client needs within a year."""
    need = s.client.liquidity_need
    return min(1.0, need / s.total) if need > 0 and s.total else 0.0


def _choosing(s: Situation, key: str, tool: str, **more: Any) -> Planned | None:
    funds = universe(s)
    waiting = bool(s.weights) and _ready(s) and not s.done("current")
    if not funds or waiting or (not s.held.empty and not _ready(s)):
        return None
    ids = [each.fund_id for each in funds]
    known = [*ids, CASH]
    current = dict(s.weights) if s.weights and all(name in known for name in s.weights) else None
    return _plan(
        key, "finance", tool, fund_ids=known, currency=s.currency, bounds=limits(funds, _needed(s)), current=current,
        **more,
    )  # fmt: skip


def _proposal(s: Situation) -> Planned | None:
    if not universe(s):
        return None
    return _choosing(s, "proposal", "allocate", method="target_volatility", target_volatility=_aim(s))


def _frontier(s: Situation) -> Planned | None:
    return _choosing(s, "frontier", "efficient_frontier", points=20)


def _fees(s: Situation) -> Planned | None:
    measured = result(s.calls, "current", PortfolioMeasured)
    if measured is None or measured.measures.annualised_return is None or not s.total:
        return None
    return _plan(
        "fees", "finance", "fee_drag", amount=s.total, years=s.years, currency=s.currency, weights=s.weights,
        gross_return=measured.measures.annualised_return,
    )  # fmt: skip


def _conversion(s: Situation) -> Planned | None:
    request = s.request
    source, target = request.currency or s.client.currency, request.target_currency or s.client.currency
    return _plan(
        "conversion", "finance", "convert_currency", amount=request.amount, source=source, target=target,
        as_of=request.as_of,
    )  # fmt: skip


def _settled(s: Situation) -> dict[str, float]:
    return dict(s.gated.weights) if s.gated is not None else {}


def _proposed(s: Situation) -> Planned | None:
    return _plan(
        "proposed", "finance", "measure_portfolio", weights=_settled(s), currency=s.currency, frequency="month"
    )


def _proposed_stress(s: Situation) -> Planned | None:
    return _plan("proposed_stress", "finance", "stress", weights=_settled(s), currency=s.currency, amount=s.total)


def _orders(s: Situation) -> Planned | None:
    if s.valuation is None:
        return None
    return _plan(
        "orders", "finance", "rebalance", holdings=[each.model_dump() for each in s.held.funds],
        cash=[each.model_dump() for each in s.held.cash], targets=_settled(s), currency=s.currency,
        least_trade=round(s.valuation.total * 0.001, 2),
    )  # fmt: skip


def _projection(s: Situation) -> Planned | None:
    weights = _settled(s) or s.weights
    request, initial = s.request, s.total or 0.0
    if not weights or (initial == 0 and not request.monthly_saving):
        return None
    months = max(12, min(1200, round(s.years * 12)))
    spending_years = 25 if request.monthly_spending else 0
    return _plan(
        "projection", "finance", "project_wealth", currency=s.currency, months=min(1200, months + spending_years * 12),
        initial=initial, monthly_saving=request.monthly_saving or 0.0, saving_months=months,
        monthly_spending=request.monthly_spending or 0.0, weights=weights, target=request.target,
    )  # fmt: skip


_PLANS: Final[Mapping[str, Plan]] = {
    "client": _client, "funds": _funds, "valuation": _valuation, "current": _current, "stress": _stress,
    "fund_measures": _fund_measures, "correlation": _correlation, "held_check": _held_check, "proposal": _proposal,
    "frontier": _frontier, "fees": _fees, "conversion": _conversion, "proposed": _proposed,
    "proposed_stress": _proposed_stress, "orders": _orders, "projection": _projection,
}  # fmt: skip


def proposed_weights(s: Situation) -> dict[str, float]:
    """The weights that go to the gate: the proposal's, the last answer's where its reasons are asked for, or for a wish
    to buy the portfolio with the funds wished for."""
    if s.intent == "buy" and s.request.funds:
        wished = [each for each in s.request.funds if any(each == fund.fund_id for fund in s.catalogue)]
        share = min(1.0, (s.request.amount or 0) / s.total) if s.total and s.valuation and s.request.amount else 0.1
        if not s.weights:
            return dict.fromkeys(wished, share / max(1, len(wished)))
        kept = {name: weight * (1 - share) for name, weight in s.weights.items()}
        for name in wished:
            kept[name] = kept.get(name, 0.0) + share / len(wished)
        return kept
    if s.request.explains and s.subject_weights:
        return dict(s.subject_weights)
    proposal = result(s.calls, "proposal", Allocation)
    return dict(proposal.allocation.weights) if proposal is not None else {}
