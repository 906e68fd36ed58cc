"""The finance server's tools on money over time."""

from typing import Annotated, Literal

from pydantic import Field

from tools.finance import holdings as held
from tools.finance import planning
from tools.finance.fees import Costs
from tools.finance.market import Currency
from tools.finance.parameters import AsOf, End, Money, OneCurrency, Open, Start
from tools.finance.planning import Outlook, Payment
from tools.finance.projection import Plan
from tools.finance.results import (
    Conversion,
    FeeDrag,
    Projection,
    Rate,
)
from tools.serving import READ_ONLY, Call, ToolServer


def register(finance: ToolServer, book: Open) -> None:
    @finance.tool(
        title="Convert an amount",
        description=(
            "An amount in another currency at a day's rate, direct, inverted or crossed; the last rate of at most 7 "
            "days before is used and named. A rate that is missing is an error, never a guess."
        ),
        annotations=READ_ONLY,
    )
    async def convert_currency(  # pyright: ignore[reportUnusedFunction]
        context: Call,
        amount: Annotated[float, Field(description="Amount in the source currency")],
        source: Annotated[Currency, Field(description="Currency that it is in")],
        target: Annotated[Currency, Field(description="Currency that it is wanted in")],
        as_of: AsOf = None,
    ) -> Conversion:
        return await held.convert(book(context), amount, source, target, as_of)

    @finance.tool(
        title="Fee and tax drag",
        description=(
            "What fees and tax take from an amount over years at a constant gross return that you assume: final "
            "wealth without costs, with fees, with fees and tax, and the reduction in yield a year. With weights, the "
            "funds' own ongoing, entry and exit fees are added."
        ),
        annotations=READ_ONLY,
    )
    async def fee_drag(  # pyright: ignore[reportUnusedFunction]
        context: Call,
        amount: Annotated[float, Field(gt=0, le=1e15, description="Amount invested at the start")],
        years: Annotated[float, Field(gt=0, le=100)],
        gross_return: Annotated[float, Field(gt=-1, lt=1, description="Assumed a year before costs, a fraction")],
        currency: OneCurrency,
        weights: Annotated[dict[str, float] | None, Field(description="Portfolio whose fees count")] = None,
        ongoing_fee: Annotated[float, Field(ge=0, lt=1, description="Fraction of the value a year")] = 0.0,
        entry_fee: Annotated[float, Field(ge=0, lt=1, description="Fraction of the amount")] = 0.0,
        exit_fee: Annotated[float, Field(ge=0, lt=1, description="Fraction of the final value")] = 0.0,
        gains_tax: Annotated[float, Field(ge=0, lt=1, description="Fraction of the gain, at the end")] = 0.0,
        income_yield: Annotated[float, Field(ge=0, lt=1, description="Income paid out a year, a fraction")] = 0.0,
        income_tax: Annotated[float, Field(ge=0, lt=1, description="Fraction of that income")] = 0.0,
    ) -> FeeDrag:
        costs = Costs(entry_fee, exit_fee, ongoing_fee, gains_tax, income_yield, income_tax)
        return await planning.fee_drag(book(context), amount, years, gross_return, currency, costs, weights)

    @finance.tool(
        title="Project wealth",
        description=(
            "Saving and spending over months on random paths (Monte Carlo, repeatable by its seed): percentiles of "
            "wealth for every month, the chance to reach a target and to run out of money. Return and volatility are "
            "given, or estimated from the history of a portfolio of weights, whose months can also be drawn "
            "(bootstrap)."
        ),
        annotations=READ_ONLY,
    )
    async def project_wealth(  # pyright: ignore[reportUnusedFunction]
        context: Call,
        currency: OneCurrency,
        months: Annotated[int, Field(ge=1, le=1200)],
        initial: Annotated[Money, Field(description="Wealth today")] = 0.0,
        monthly_saving: Annotated[Money, Field(description="Paid in at the end of each saving month")] = 0.0,
        saving_months: Annotated[
            int | None, Field(ge=0, le=1200, description="Months of saving; null: all of them")
        ] = None,
        monthly_spending: Annotated[Money, Field(description="Taken out at the end of each month after that")] = 0.0,
        expected_return: Annotated[float | None, Field(description="Mean return a year, a fraction")] = None,
        volatility: Annotated[float | None, Field(description="A year, a fraction")] = None,
        weights: Annotated[dict[str, float] | None, Field(description="Portfolio to estimate from")] = None,
        start: Start = None,
        end: End = None,
        method: Literal["lognormal", "bootstrap"] = "lognormal",
        inflation: Annotated[float, Field(description="A year, a fraction; saving and spending rise with it")] = 0.0,
        real: Annotated[bool, Field(description="Show wealth and target in today's money")] = False,
        target: Annotated[float | None, Field(ge=0, description="Wealth wished for at the end")] = None,
        paths: Annotated[int, Field(ge=1, le=100_000)] = 1_000,
        seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1,
    ) -> Projection:
        plan = Plan(
            initial, months, monthly_saving, months if saving_months is None else saving_months, monthly_spending,
            inflation,
        )  # fmt: skip
        outlook = Outlook(
            currency, expected_return, volatility, weights, start, end, method, inflation, real, target, paths, seed
        )
        return await planning.project(book(context), plan, outlook)

    @finance.tool(
        title="Money-weighted return",
        description=(
            "The rate of return a year (XIRR) of dated payments: negative paid in, positive taken out, the value "
            "today as the last positive one."
        ),
        annotations=READ_ONLY,
    )
    async def money_weighted_return(  # pyright: ignore[reportUnusedFunction]
        context: Call, payments: Annotated[list[Payment], Field(min_length=2, max_length=10_000)]
    ) -> Rate:
        return planning.rate_of_return(book(context), payments)
