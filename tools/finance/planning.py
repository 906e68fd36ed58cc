"""Plans over years: what fees take, what saving and spending lead to, what payments have earned."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tools.errors import InvalidInput
from tools.finance import backtest, fees, measuring, projection, returns, weights
from tools.finance.book import Book, Window, stamp, without_cash
from tools.finance.fees import Costs
from tools.finance.results import Band, FeeDrag, Notice, Projection, Rate
from tools.finance.series import Floats


class Payment(BaseModel):
    """Money that moved: negative paid in, positive taken out (or the value at the end)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: date
    amount: Annotated[float, Field(allow_inf_nan=False)]


def rate_of_return(book: Book, payments: Sequence[Payment]) -> Rate:
    """The money-weighted return of payments (XIRR). Raises InvalidInput when no or several rates fit."""
    book.check_dates(*(each.day for each in payments if each.day > book.today))
    ordered = sorted(payments, key=lambda each: each.day)
    days = np.array([each.day for each in ordered], dtype="datetime64[D]")
    amounts = np.array([each.amount for each in ordered], dtype=np.float64)
    rate = returns.xirr(days, amounts)
    units: dict[str, str] = {"rate": "fraction a year (365 days)", "net": "currency of the payments"}
    last = ordered[-1].day
    return Rate(**stamp((), (), last, units), rate=rate, first=ordered[0].day, last=last, net=float(amounts.sum()))


async def fee_drag(
    book: Book,
    amount: float,
    years: float,
    gross: float,
    currency: str,
    costs: Costs,
    given: Mapping[str, float] | None,
) -> FeeDrag:
    """What fees and tax cost over the years. With weights, the funds' own fees are added to those of the call."""
    funds = await book.funds()
    found = await weights.checked(book, given) if given else {}
    parts = without_cash(found)
    whole = Costs(
        entry=costs.entry + sum(share * funds[name].entry_fee for name, share in parts.items()),
        exit=costs.exit + sum(share * funds[name].exit_fee for name, share in parts.items()),
        ongoing=costs.ongoing + sum(share * funds[name].ongoing_fee for name, share in parts.items()),
        gains_tax=costs.gains_tax,
        income_yield=costs.income_yield,
        income_tax=costs.income_tax,
    )
    drag = fees.drag(amount, years, gross, whole)
    gain = drag.without_costs - amount
    told = Notice(code="assumption", message=f"A constant gross return of {gross:.2%} a year is assumed, not forecast")
    units = dict.fromkeys(("invested", "without_costs", "with_fees", "with_fees_and_tax", "fee_cost"), currency)
    return FeeDrag(
        **stamp([funds[name] for name in parts], [told], None, units | {"reduction_in_yield": "fraction a year"}),
        currency=currency,
        years=years,
        invested=amount,
        without_costs=drag.without_costs,
        with_fees=drag.with_fees,
        with_fees_and_tax=drag.with_fees_and_tax,
        fee_cost=drag.without_costs - drag.with_fees,
        tax_cost=drag.with_fees - drag.with_fees_and_tax,
        share_of_gain_lost=(drag.without_costs - drag.with_fees_and_tax) / gain if gain > 0 else None,
        reduction_in_yield=drag.reduction_in_yield,
        assumptions={"gross_return": gross, **fees.vars_of(whole)},
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a projection assumes. expected and volatility a year, or weights whose history they are estimated from.

    method: lognormal, or bootstrap of the months of the history. inflation: a year; payments rise with it, and with
    `real` wealth is shown in today's money.
    """

    currency: str
    expected: float | None = None
    volatility: float | None = None
    weights: Mapping[str, float] | None = None
    start: date | None = None
    end: date | None = None
    method: Literal["lognormal", "bootstrap"] = "lognormal"
    inflation: float = 0.0
    real: bool = False
    target: float | None = None
    paths: int = 1_000
    seed: int = 1


async def project(book: Book, plan: projection.Plan, outlook: Outlook) -> Projection:
    """Wealth month by month on random paths: percentiles, the chance of a target, and of running dry."""
    _check(book, plan, outlook)
    window, factors, assumed = await _factors(book, plan, outlook)
    paths = await asyncio.to_thread(projection.project, plan, factors)
    wealth = paths.wealth
    if outlook.real:
        wealth = wealth / (1.0 + outlook.inflation) ** (np.arange(plan.months + 1) / 12.0)[:, None]
    rows = await asyncio.to_thread(projection.percentiles, wealth)
    final = wealth[-1]
    ruined = paths.ruined[paths.ruined > 0]
    target = outlook.target
    missing = target - final[final < target] if target is not None else np.empty(0)
    kind = "drawn from the months of the history" if outlook.method == "bootstrap" else "lognormal and independent"
    message = f"Months are {kind}; a projection shows a range under assumptions, it promises nothing"
    told = [Notice(code="assumption", message=message)]
    units: dict[str, str] = dict.fromkeys(
        ("p5", "p25", "p50", "p75", "p95", "final_mean", "paid_in", "shortfall"), outlook.currency
    )
    base = window.stamp(*told, units=units) if window else stamp((), told, None, units)
    return Projection(
        **base,
        currency=outlook.currency,
        months=plan.months,
        paths=outlook.paths,
        seed=outlook.seed,
        method=outlook.method,
        real=outlook.real,
        paid_in=plan.initial + float(np.sum(np.maximum(plan.flows(), 0.0))),
        bands=[
            Band(month=month, day=_month_after(book.today, month), **dict(zip(_NAMES, map(float, row), strict=True)))
            for month, row in enumerate(rows)
        ],
        final_mean=float(final.mean()),
        target=target,
        probability_of_target=None if target is None else float(np.count_nonzero(final >= target) / outlook.paths),
        probability_of_ruin=len(ruined) / outlook.paths,
        median_ruin_month=int(np.median(ruined)) if len(ruined) else None,
        shortfall=float(missing.mean()) if len(missing) else None,
        assumptions=assumed,
    )


_NAMES = ("p5", "p25", "p50", "p75", "p95")


def _month_after(start: date, months: int) -> date:
    return returns.trailing_start(start, -months)


def _check(book: Book, plan: projection.Plan, outlook: Outlook) -> None:
    if not 1 <= plan.months <= 1200:
        raise InvalidInput(f"a projection spans 1 to 1200 months, not {plan.months}", field="months")
    if not outlook.paths >= 1 or plan.months * outlook.paths > book.limits.cells:
        raise InvalidInput(
            f"{outlook.paths} paths of {plan.months} months: 1 path or more, at most {book.limits.cells} months in all",
            field="paths",
        )
    for name, value in (("initial", plan.initial), ("saving", plan.saving), ("spending", plan.spending)):
        if not 0 <= value < 1e15:
            raise InvalidInput(f"{name} must be an amount of 0 or more, not {value:g}", field=name)
    if not -0.2 < outlook.inflation < 1:
        raise InvalidInput(f"inflation {outlook.inflation:g} is no fraction a year such as 0.02", field="inflation")
    if plan.initial == 0 and plan.saving == 0:
        raise InvalidInput("without wealth and saving there is nothing to project", field="initial")


async def _factors(
    book: Book, plan: projection.Plan, outlook: Outlook
) -> tuple[Window | None, Floats, dict[str, float]]:
    expected, deviation = outlook.expected, outlook.volatility
    window, monthly = None, np.empty(0)
    if outlook.weights:
        found = await weights.checked(book, outlook.weights)
        names = tuple(without_cash(found))
        if names:
            window = await book.window(names, outlook.currency, outlook.start, outlook.end, least=60)
            share = np.array([found[name] for name in names])
            panel = window.panel
            walked = await asyncio.to_thread(backtest.walk, panel.days, panel.values, share, "month")
            monthly = np.array([each for _, each in returns.calendar_returns(panel.days, walked.wealth, "month")][1:-1])
            measured = measuring.measure(panel.days, walked.wealth)
            estimated = (float(np.mean(monthly)) * 12 if len(monthly) else 0.0), measured.volatility or 0.0
        else:
            estimated = (0.0, 0.0)
        expected = estimated[0] if expected is None else expected
        deviation = estimated[1] if deviation is None else deviation
    if outlook.method == "bootstrap":
        if not len(monthly):
            raise InvalidInput("a bootstrap needs weights whose history it draws from", field="weights")
        factors = await asyncio.to_thread(
            projection.bootstrap_factors, monthly, plan.months, outlook.paths, outlook.seed
        )
        return window, factors, {"months_of_history": float(len(monthly)), "inflation": outlook.inflation}
    if expected is None or deviation is None:
        raise InvalidInput("give expected_return and volatility, or weights to estimate them from", field="weights")
    if not -0.5 < expected < 1 or not 0 <= deviation < 2:
        raise InvalidInput(
            f"expected return {expected:g} and volatility {deviation:g} a year are no fractions such as 0.05",
            field="expected_return",
        )
    factors = await asyncio.to_thread(
        projection.lognormal_factors, expected, deviation, plan.months, outlook.paths, outlook.seed
    )
    return window, factors, {"expected_return": expected, "volatility": deviation, "inflation": outlook.inflation}
