"""The funds that a proposal chooses from, and how much of each the gate would let pass."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tools.finance.market import Fund
from tools.suitability.gate import CASH, Product, suitable
from tools.suitability.rules import Rules, rules
from workflows.financial_advisor.situation import Situation

MOST_FUNDS: Final = 12
"""Funds that a proposal chooses from."""
YEARS_OF_VALUES: Final = 5
"""Least history of a fund that is newly proposed."""
HOME_ONLY: Final = frozenset({"money_market", "government_bond", "corporate_bond"})
"""Kinds that are newly proposed in the client's own currency only."""


def products(catalogue: Sequence[Fund], names: Mapping[str, float] | Sequence[str]) -> list[dict[str, Any]]:
    """The facts of some funds as the gate takes them."""
    return [Product.model_validate(each.model_dump()).model_dump() for each in catalogue if each.fund_id in names]


def universe(s: Situation) -> list[Fund]:
    """The funds that a proposal chooses from: suitable ones that are held, and of each kind the cheapest.

    Newly proposed are only funds that deal daily and have a history of some years; money market and bond funds only in
    the client's own currency, since exchange rates would make them riskier than their class says.
    """
    if s.classified is None:
        return []
    facts = [Product.model_validate(each.model_dump()) for each in s.catalogue]
    fit = {each.fund_id for each in suitable(facts, s.classified)}
    held = [each for each in s.catalogue if each.fund_id in s.weights and each.fund_id in fit]
    chosen = {each.category: each for each in held}
    for each in sorted(s.catalogue, key=lambda fund: (fund.currency != s.currency, fund.ongoing_fee, fund.fund_id)):
        old_enough = each.inception is not None and (s.today - each.inception).days >= YEARS_OF_VALUES * 365
        at_home = each.currency == s.currency or each.category not in HOME_ONLY
        if each.fund_id in fit and each.dealing == "daily" and old_enough and at_home:
            chosen.setdefault(each.category, each)
    found = {each.fund_id: each for each in [*held, *chosen.values()]}
    return list(found.values())[:MOST_FUNDS]


def limits(funds: Sequence[Fund], cash: float = 0.0, law: Rules | None = None) -> dict[str, dict[str, float]]:
    """Largest share of each fund that the gate would let pass, so that a proposal needs no cutting.

    cash: the share that stays in cash, since it is needed within a year.
    """
    law = law or rules()
    bounds: dict[str, dict[str, float]] = {CASH: {"lower": round(cash, 6), "upper": 1.0}} if cash else {}
    for fund in funds:
        same = sum(other.category == fund.category for other in funds)
        most = min(law.single_fund[fund.risk_class], law.category.get(fund.category, 1.0) / same)
        bounds[fund.fund_id] = {"lower": 0.0, "upper": round(most, 6)}
    return bounds
