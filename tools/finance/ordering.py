"""Holdings brought to their targets: the orders, in whole lots and cents, and what they leave."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from tools.errors import InvalidInput
from tools.finance import rebalancing, weights
from tools.finance.book import Book, stamp
from tools.finance.holdings import Appraisal, Cash, Holding, appraise
from tools.finance.market import CASH, Fund
from tools.finance.results import Notice, Order, Rebalanced


async def rebalance(
    book: Book,
    holdings: Sequence[Holding],
    cash: Sequence[Cash],
    targets: Mapping[str, float],
    currency: str,
    cost_rate: float,
    least_cost: float,
    least_trade: float,
    when: date | None,
) -> Rebalanced:
    """Orders in whole lots that bring holdings to target weights; cash in other currencies counts at the day's rate."""
    if not 0 <= cost_rate < 0.1 or not 0 <= least_cost < 1e9 or not 0 <= least_trade < 1e12:
        raise InvalidInput("cost_rate must be in [0, 0.1), least_cost and least_trade 0 or more", field="cost_rate")
    wanted = await weights.checked(book, targets, "targets")
    held = {fund.fund_id for fund in await book.resolve([each.fund_id for each in holdings])}
    others = [Holding(fund_id=name, units=0.0) for name in wanted if name not in held and name != CASH]
    found = await appraise(book, [*holdings, *others], cash, currency, when)
    funds = await book.funds()
    positions = {
        row.fund_id: rebalancing.Position(
            price=Decimal(repr(row.price)) * Decimal(repr(row.rate)),
            lot=Decimal(repr(funds[row.fund_id].lot_size)),
            units=Decimal(repr(row.units)),
            target=wanted.get(row.fund_id, 0.0),
        )
        for row in found.rows
    }
    money = sum((Decimal(repr(each.value)) for each in found.cash), Decimal(0)).quantize(
        rebalancing.CENT, rounding="ROUND_DOWN"
    )
    tariff = rebalancing.Tariff(Decimal(repr(cost_rate)), Decimal(repr(least_cost)))
    plan = rebalancing.rebalance(positions, money, tariff, Decimal(repr(least_trade)))
    return Rebalanced(
        **stamp(found.facts, _notices(found, positions, plan, funds), found.as_of, _REBALANCING_UNITS),
        **_figures(positions, wanted, money, plan),
        currency=currency,
        targets=wanted,
    )


def _notices(
    found: Appraisal,
    positions: Mapping[str, rebalancing.Position],
    plan: rebalancing.Plan,
    funds: Mapping[str, Fund],
) -> list[Notice]:
    traded = {trade.fund_id for trade in plan.trades}
    notices = list(found.notices)
    for name, position in positions.items():
        rest = position.units % position.lot
        if position.target == 0 and rest and name not in traded:
            message = (
                f"{rest.normalize():f} units of {name} are less than a lot of {position.lot.normalize():f}: they stay"
            )
            notices.append(Notice(code="not_reached", message=message, subject=name))
    dear = [
        trade.fund_id
        for trade in plan.trades
        if (funds[trade.fund_id].entry_fee if trade.lots > 0 else funds[trade.fund_id].exit_fee) > 0
    ]
    if dear:
        message = f"Entry and exit fees of {', '.join(dear)} come on top of the orders' costs"
        notices.append(Notice(code="assumption", message=message))
    return notices


_REBALANCING_UNITS = {
    "amount": "currency, to the cent", "cost": "currency, to the cent", "lots": "whole lots",
    "units": "units of the fund", "price": "currency for one unit",
    "turnover": "fraction of the value: larger of bought and sold",
    "largest_gap": "fraction", "weights_before": "fraction", "weights_after": "fraction", "targets": "fraction",
}  # fmt: skip


def _figures(
    positions: Mapping[str, rebalancing.Position], wanted: Mapping[str, float], money: Decimal, plan: rebalancing.Plan
) -> dict[str, Any]:
    units = {name: position.units for name, position in positions.items()}
    for trade in plan.trades:
        units[trade.fund_id] += trade.units if trade.lots > 0 else -trade.units

    def shares(held: Mapping[str, Decimal], cash: Decimal) -> tuple[Decimal, dict[str, float]]:
        values = {name: positions[name].price * count for name, count in held.items()} | {CASH: cash}
        total = sum(values.values(), Decimal(0))
        return total, {name: float(value / total) for name, value in values.items() if value or name in wanted}

    before, weights_before = shares({name: position.units for name, position in positions.items()}, money)
    after, weights_after = shares(units, plan.cash)
    sold = sum((trade.amount for trade in plan.trades if trade.lots < 0), Decimal(0))
    bought = sum((trade.amount for trade in plan.trades if trade.lots > 0), Decimal(0))
    gaps = [abs(weights_after.get(name, 0.0) - wanted.get(name, 0.0)) for name in {*weights_after, *wanted}]
    return {
        "total_before": float(before),
        "total_after": float(after),
        "cash_before": float(money),
        "cash_after": float(plan.cash),
        "sold": float(sold),
        "bought": float(bought),
        "costs": float(sum((trade.cost for trade in plan.trades), Decimal(0))),
        "orders": [
            Order(
                fund_id=trade.fund_id,
                side="buy" if trade.lots > 0 else "sell",
                lots=trade.lots,
                units=float(trade.units),
                price=float(positions[trade.fund_id].price),
                amount=float(trade.amount),
                cost=float(trade.cost),
            )
            for trade in plan.trades
        ],
        "weights_before": weights_before,
        "weights_after": weights_after,
        "largest_gap": max(gaps, default=0.0),
        "turnover": float(max(sold, bought) / before),
    }
