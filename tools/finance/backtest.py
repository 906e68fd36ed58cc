"""What a portfolio would have been worth, rebalanced at the ends of periods, costs paid."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from tools.errors import InvalidInput
from tools.finance.series import Days, Floats, Frequency, period_ends

Rebalancing = Literal["never", "day", "week", "month", "quarter", "year"]
_ROUNDS: Final = 60


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """wealth: a value a day, after costs. costs: paid in all, in the unit of wealth. traded: Σ |trade| / wealth before
    it, without the first purchase. rebalancings: days on which was traded. weights: at the end, of each asset."""

    wealth: Floats
    costs: float
    traded: float
    rebalancings: int
    weights: Floats


def walk(
    days: Days, values: Floats, weights: Floats, rebalancing: Rebalancing, cost_rate: float = 0.0, initial: float = 1.0
) -> Walk:
    """Buy at the first day's values, hold, and trade back to the weights at the last day of each period.

    values: (T, n) prices; weights: (n,) that sum to at most one, the rest is cash without interest. cost_rate: share of
    each amount bought or sold. Trades are self-financing: wealth after trading is W' = W − c·Σ|w_i·W' − h_i|, solved by
    iteration (a contraction for c < 1). Units are divisible. Source: DeMiguel, Garlappi & Uppal (2009), costs.
    """
    ends = np.array([len(days) - 1]) if rebalancing == "never" else period_ends(days, _frequency(rebalancing))
    ends = ends[ends > 0]
    cash = 1.0 - float(weights.sum())
    wealth = np.empty(len(days))
    held = np.zeros(len(weights))
    after, costs = _trade(initial, held, weights, cost_rate)
    traded, count, start = 0.0, 0, 0
    wealth[0] = after
    held = weights * after
    money = cash * after
    for end in ends:
        path = values[start + 1 : end + 1] / values[start]
        with np.errstate(over="ignore", invalid="ignore"):  # checked at the end
            wealth[start + 1 : end + 1] = path @ held + money
            held = held * path[-1]
        if rebalancing != "never" and end < len(days) - 1 and np.isfinite(wealth[end]):
            before = float(wealth[end])
            after, cost = _trade(before, held, weights, cost_rate)
            traded += float(np.sum(np.abs(weights * after - held))) / before
            wealth[end] = after
            held, money = weights * after, cash * after
            costs += cost
            count += 1
        start = int(end)
    if not np.all(np.isfinite(wealth)):
        raise InvalidInput(
            "the values change so wildly that wealth cannot be computed; look at them: consilia data show"
        )
    return Walk(wealth, costs, traded, count, held / wealth[-1])


def _frequency(rebalancing: Rebalancing) -> Frequency:
    return "year" if rebalancing == "never" else rebalancing


def _trade(before: float, held: Floats, weights: Floats, rate: float) -> tuple[float, float]:
    """(wealth after trading from these holdings to the weights, its cost)."""
    if rate == 0.0:
        return before, 0.0
    after = before
    for _ in range(_ROUNDS):
        found = before - rate * float(np.sum(np.abs(weights * after - held)))
        if found == after:
            break
        after = found
    return after, before - after
