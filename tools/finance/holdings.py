"""What is held, in units and money: its value, and an amount exchanged."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tools.errors import InvalidInput
from tools.finance import currency as exchange
from tools.finance.book import Book, stamp
from tools.finance.faults import MissingRate, NoData
from tools.finance.market import CASH, Currency, Fund, SeriesFacts
from tools.finance.results import Conversion, Notice, Valuation, ValuedCash, ValuedHolding
from tools.finance.series import Series

RATE_TOLERANCE = 7
"""Calendar days that an exchange rate or a price may be older than the day that it is used for."""


LARGEST = 1e15
"""Largest amount and number of units; beyond, a float no longer holds cents."""


class Holding(BaseModel):
    """A fund and how many units of it are held."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fund_id: str
    units: Annotated[float, Field(description="Units held, 0 or more; a short position is refused")]


class Cash(BaseModel):
    """An amount of money in one currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: Currency
    amount: Annotated[float, Field(description="0 or more; a debt (leverage) is refused")]


@dataclass(frozen=True, slots=True)
class _Rate:
    rate: float
    day: date | None
    path: tuple[str, ...]
    notices: tuple[Notice, ...]
    facts: tuple[SeriesFacts, ...]


async def _rate(book: Book, source: str, target: str, when: date) -> _Rate:
    """Units of target for one of source on a day, or on the last before it within the tolerance. Raises MissingRate."""
    if source == target:
        return _Rate(1.0, None, (), (), ())
    listing = await book.listing()
    path = exchange.route([each.series_id for each in listing.values() if each.kind == "fx"], source, target)
    ids = [step.pair for step in path]
    series = exchange.rates(await book.series(ids), path)
    found = series.at(when, RATE_TOLERANCE)
    if found is None:
        raise MissingRate(
            f"there is no exchange rate from {source} to {target} for {when}: {', '.join(ids)} cover {series.first} to"
            f" {series.last}",
            source=source,
            target=target,
            date=str(when),
        )
    told: tuple[Notice, ...] = ()
    if found[0] != when:
        message = f"The rate from {source} to {target} is of {found[0]}, the last before {when}"
        told = (Notice(code="rate_of_another_day", message=message, subject="/".join(ids)),)
    return _Rate(found[1], found[0], tuple(ids), told, tuple(listing[each] for each in ids))


async def convert(book: Book, amount: float, source: str, target: str, when: date | None) -> Conversion:
    """An amount in another currency at a day's rate. Raises MissingRate, FutureDate."""
    book.check_dates(when)
    if not abs(amount) <= LARGEST:
        raise InvalidInput(f"the amount {amount:g} is not a number up to {LARGEST:g}", field="amount")
    found = await _rate(book, source, target, when or book.today)
    return Conversion(
        **stamp(
            found.facts, found.notices, found.day, {"amount": source, "converted": target, "rate": f"{target} for 1"}
        ),
        amount=amount,
        currency=source,
        converted=amount * found.rate,
        target=target,
        rate=found.rate,
        rate_day=found.day,
        path=list(found.path),
    )


@dataclass(frozen=True, slots=True)
class Appraisal:
    """Every holding and amount of cash at its value. total: in the currency asked for. as_of: the oldest day used."""

    rows: list[ValuedHolding]
    cash: list[ValuedCash]
    total: float
    facts: list[SeriesFacts | Fund]
    notices: list[Notice]
    as_of: date | None


async def appraise(
    book: Book, holdings: Sequence[Holding], cash: Sequence[Cash], currency: str, when: date | None
) -> Appraisal:
    book.check_dates(when)
    on = when or book.today
    for holding in holdings:
        if not 0 <= holding.units <= LARGEST:
            raise InvalidInput(
                f"{holding.fund_id}: {holding.units:g} units; 0 to {LARGEST:g} are possible, short positions are not",
                field="units",
                fund=holding.fund_id,
            )
    for each in cash:
        if not 0 <= each.amount <= LARGEST:
            raise InvalidInput(
                f"cash of {each.amount:g} {each.currency} is not 0 to {LARGEST:g}; debt is leverage, which is refused",
                field="cash",
            )
    funds = await book.resolve([holding.fund_id for holding in holdings])
    facts = [await book.facts(fund.fund_id) for fund in funds]
    series = await book.series([each.series_id for each in facts])
    rates = {
        code: await _rate(book, code, currency, on)
        for code in sorted({*(each.currency for each in facts), *(each.currency for each in cash)})
    }
    notices = [told for each in facts if (told := book.staleness(each, when)) is not None]
    notices += [told for found in rates.values() for told in found.notices]
    prices = [_price(fund, series[each.series_id], on) for fund, each in zip(funds, facts, strict=True)]
    values = [
        holding.units * price * rates[each.currency].rate
        for holding, (_, price), each in zip(holdings, prices, facts, strict=True)
    ]
    money = [each.amount * rates[each.currency].rate for each in cash]
    total = math.fsum([*values, *money])
    rows = [
        ValuedHolding(
            fund_id=fund.fund_id,
            units=holding.units,
            price=price,
            price_currency=each.currency,
            price_day=day,
            rate=rates[each.currency].rate,
            rate_day=rates[each.currency].day,
            value=value,
            weight=value / total if total else 0.0,
            risk_class=fund.risk_class,
            category=fund.category,
        )
        for fund, holding, (day, price), each, value in zip(funds, holdings, prices, facts, values, strict=True)
    ]
    cash_rows = [
        ValuedCash(
            currency=each.currency,
            amount=each.amount,
            rate=rates[each.currency].rate,
            value=value,
            weight=value / total if total else 0.0,
        )
        for each, value in zip(cash, money, strict=True)
    ]
    used: list[SeriesFacts | Fund] = [*facts, *(each for found in rates.values() for each in found.facts)]
    days = [day for day, _ in prices] + [found.day for found in rates.values() if found.day]
    return Appraisal(rows, cash_rows, total, used, notices, min(days, default=None))


def _price(fund: Fund, series: Series, when: date) -> tuple[date, float]:
    """The last value on or before the day, however old: staleness is noted, a value before the first is an error."""
    found = series.at(when, 100_000)
    if found is None:
        raise NoData(f"{fund.fund_id} has no value on or before {when}; its first is of {series.first}", date=str(when))
    return found


async def value(
    book: Book, holdings: Sequence[Holding], cash: Sequence[Cash], currency: str, when: date | None
) -> Valuation:
    """What holdings and cash are worth, each and together, with the prices and rates used."""
    found = await appraise(book, holdings, cash, currency, when)
    by: dict[str, dict[str, float]] = {name: defaultdict(float) for name in ("category", "currency", "risk_class")}
    for row in found.rows:
        by["category"][row.category] += row.weight
        by["currency"][row.price_currency] += row.weight
        by["risk_class"][row.risk_class] += row.weight
    for each in found.cash:
        by["category"]["cash"] += each.weight
        by["currency"][each.currency] += each.weight
        by["risk_class"]["R1"] += each.weight
    shares = {row.fund_id: row.weight for row in found.rows}
    money = sum(each.weight for each in found.cash)
    if found.cash and not found.rows:
        found.notices.append(Notice(code="all_cash", message="There is only cash"))
    if not found.cash and not found.rows:
        found.notices.append(Notice(code="no_data", message="Nothing is held"))
    return Valuation(
        **stamp(found.facts, found.notices, found.as_of, _UNITS | {"value": currency, "total": currency}),
        currency=currency,
        total=found.total,
        holdings=found.rows,
        cash=found.cash,
        weights=shares | ({CASH: money} if money > 0 else {}),
        by_category=dict(by["category"]),
        by_currency=dict(by["currency"]),
        by_risk_class=dict(by["risk_class"]),
    )


_UNITS = {
    "units": "units of the fund", "price": "price_currency for one unit", "weight": "fraction", "weights": "fraction",
    "rate": "currency for one of the price's", "by_category": "fraction", "by_currency": "fraction",
    "by_risk_class": "fraction",
}  # fmt: skip
