"""From what is held to whole lots near a target, with money counted in cents."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_UP, Decimal
from typing import Final

from tools.errors import InvalidInput

CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Position:
    """A fund in a portfolio. price: of a unit in the portfolio's currency. lot: units of one lot. units: held now, of
    which only whole lots can be sold. target: its share of the portfolio's value."""

    price: Decimal
    lot: Decimal
    units: Decimal
    target: float


@dataclass(frozen=True, slots=True)
class Tariff:
    """The cost of an order: `rate` of its amount, at least `least`, rounded up to the cent."""

    rate: Decimal = Decimal(0)
    least: Decimal = Decimal(0)

    def cost(self, amount: Decimal) -> Decimal:
        return max(self.rate * amount, self.least).quantize(CENT, ROUND_UP) if amount else Decimal(0)


@dataclass(frozen=True, slots=True)
class Trade:
    """lots: positive bought, negative sold. amount: its value to the cent, positive. cost: on top."""

    fund_id: str
    lots: int
    units: Decimal
    amount: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """trades: sales first. cash: left after them, never negative."""

    trades: tuple[Trade, ...]
    cash: Decimal


def amount_of(position: Position, lots: int) -> Decimal:
    """The value of so many lots, to the cent (half to even)."""
    return (position.price * position.lot * abs(lots)).quantize(CENT, ROUND_HALF_EVEN)


def rebalance(
    positions: Mapping[str, Position], cash: Decimal, tariff: Tariff, least_trade: Decimal = Decimal(0)
) -> Plan:
    """Orders in whole lots that bring each fund to the lots nearest below its target, then spend the rest of the cash
    lot by lot on the fund furthest below its target.

    Cash is conserved to the cent: after = before + sold − bought − costs ≥ 0. Trades below `least_trade` are not made.
    Source of the method: floor and largest remainder (Hamilton's apportionment), as in PyPortfolioOpt's greedy
    discrete allocation; costs and cents are ours.
    """
    if cash < 0:
        raise InvalidInput(f"cash of {cash} is a debt; leverage is not rebalanced", field="cash")
    total = cash + sum((p.price * p.units for p in positions.values()), Decimal(0))
    if total <= 0:
        raise InvalidInput("there is nothing to rebalance: holdings and cash are worth nothing")
    lots = {name: _wanted(position, total) for name, position in positions.items()}
    trades: list[Trade] = []
    for name, position in positions.items():
        if lots[name] < 0 and (trade := _trade(name, position, lots[name], tariff)).amount >= least_trade:
            if trade.amount - trade.cost + cash < 0:
                continue
            trades.append(trade)
            cash += trade.amount - trade.cost
    bought: dict[str, int] = dict.fromkeys(positions, 0)
    gaps = {name: lots[name] for name in positions if lots[name] > 0}
    for name in sorted(gaps, key=lambda each: (-amount_of(positions[each], gaps[each]), each)):
        count = _affordable(positions[name], gaps[name], cash, tariff)
        if count and amount_of(positions[name], count) >= least_trade:
            bought[name] = count
            cash -= _price(positions[name], count, tariff)
    sold = {trade.fund_id for trade in trades}
    _spend_rest(positions, bought, sold, total, cash, tariff, least_trade)
    for name, count in bought.items():
        if count:
            trades.append(_trade(name, positions[name], count, tariff))
    return Plan(tuple(trades), _cash_after(total, positions, trades))


def _wanted(position: Position, total: Decimal) -> int:
    """Whole lots to trade: towards the largest number of lots whose value does not exceed the target."""
    if not position.price > 0 or not position.lot > 0 or position.units < 0:
        raise InvalidInput("prices and lots must be positive, units not negative")
    gap = (Decimal(repr(position.target)) * total - position.price * position.units) / (position.price * position.lot)
    if gap >= 0:
        return int(gap)
    most = int(position.units / position.lot)
    return -min(most, -int(gap.to_integral_value(rounding="ROUND_FLOOR")))


def _price(position: Position, lots: int, tariff: Tariff) -> Decimal:
    amount = amount_of(position, lots)
    return amount + tariff.cost(amount)


def _affordable(position: Position, lots: int, cash: Decimal, tariff: Tariff) -> int:
    """The most of these lots that the cash pays for, costs included."""
    if _price(position, lots, tariff) <= cash:
        return lots
    low, high = 0, lots
    while high - low > 1:
        middle = (low + high) // 2
        if _price(position, middle, tariff) <= cash:
            low = middle
        else:
            high = middle
    return low


def _spend_rest(
    positions: Mapping[str, Position],
    bought: dict[str, int],
    sold: set[str],
    total: Decimal,
    cash: Decimal,
    tariff: Tariff,
    least_trade: Decimal,
) -> None:
    """Buy one lot more of the fund furthest below its target (by more than half a lot) while the cash allows it."""

    def gap(name: str) -> Decimal:
        position = positions[name]
        value = position.price * (position.units + position.lot * bought[name])
        return Decimal(repr(position.target)) * total - value

    closed: set[str] = set(sold)
    while True:
        open_gaps = [
            (gap(name), name)
            for name, position in positions.items()
            if name not in closed and gap(name) > position.price * position.lot / 2
        ]
        if not open_gaps:
            return
        _, name = max(open_gaps)
        position = positions[name]
        more = _price(position, bought[name] + 1, tariff) - (
            _price(position, bought[name], tariff) if bought[name] else 0
        )
        if more > cash or amount_of(position, bought[name] + 1) < least_trade:
            closed.add(name)
            continue
        cash -= more
        bought[name] += 1


def _trade(name: str, position: Position, lots: int, tariff: Tariff) -> Trade:
    amount = amount_of(position, lots)
    return Trade(name, lots, position.lot * abs(lots), amount, tariff.cost(amount))


def _cash_after(total: Decimal, positions: Mapping[str, Position], trades: list[Trade]) -> Decimal:
    cash = total - sum((p.price * p.units for p in positions.values()), Decimal(0))
    for trade in trades:
        cash += (trade.amount if trade.lots < 0 else -trade.amount) - trade.cost
    return cash
