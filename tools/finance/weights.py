"""A portfolio's weights as a caller gave them, checked."""

import math
from collections.abc import Mapping
from typing import Final

from tools.finance.book import Book
from tools.finance.faults import InvalidWeights
from tools.finance.market import CASH

_ROUNDING: Final = 1e-4
"""Weights that miss one by no more are taken as rounded, and scaled."""


async def checked(book: Book, weights: Mapping[str, float], field: str = "weights") -> dict[str, float]:
    """The weights by fund id, CASH last, that sum to one.

    Raises InvalidWeights for weights that are negative (short), not finite, or that do not sum to one within 1e-4, and
    UnknownFund.
    """
    if not weights:
        raise InvalidWeights(f'{field} is empty; all in cash is {{"{CASH}": 1}}', field=field)
    for name, weight in weights.items():
        if not math.isfinite(weight):
            raise InvalidWeights(f"the weight of {name!r} is {weight}, not a number", field=field, fund=name)
        if weight < 0:
            raise InvalidWeights(
                f"the weight of {name!r} is {weight:g}: short positions are not supported, weights are 0 or more",
                field=field,
                fund=name,
            )
    total = math.fsum(weights.values())
    if abs(total - 1) > _ROUNDING:
        raise InvalidWeights(_not_one(weights, total, field), field=field, sum=total)
    cash = sum(weight for name, weight in weights.items() if name.upper() == CASH)
    named = [name for name in weights if name.upper() != CASH]
    funds = await book.resolve(named)
    found = {fund.fund_id: weights[name] / total for fund, name in zip(funds, named, strict=True)}
    return found | ({CASH: cash / total} if cash > 0 else {})


def _not_one(weights: Mapping[str, float], total: float, field: str) -> str:
    if abs(total - 100) < 1:
        return f"{field} sum to {total:g}: they are fractions, not per cent; divide by 100"
    if total > 1:
        return f"{field} sum to {total:g}, more than 1: that is leverage, which is not supported"
    return f'{field} sum to {total:g}, not 1; name the rest as "{CASH}": {1 - total:.6g}'
