"""Funds and series: found, described, shown and measured one by one."""

import asyncio
from collections.abc import Sequence
from datetime import date

from tools.errors import InvalidInput
from tools.finance import measuring, ratios
from tools.finance.book import Book, stamp
from tools.finance.estimates import sample
from tools.finance.market import Fund, Kind, SeriesFacts
from tools.finance.portfolios import Terms
from tools.finance.results import (
    Correlations,
    FundList,
    FundMeasures,
    FundsMeasured,
    Histories,
    History,
    Notice,
    SeriesList,
)
from tools.finance.series import Frequency

_FUND_UNITS = {
    "ongoing_fee": "fraction a year", "entry_fee": "fraction of the amount", "exit_fee": "fraction of the amount",
    "lot_size": "units", "settlement_days": "business days", "risk_class": "R1 (low) to R5 (high)",
}  # fmt: skip


async def search(
    book: Book,
    query: str | None = None,
    *,
    max_risk: str | None = None,
    currency: str | None = None,
    category: str | None = None,
    limit: int = 20,
) -> FundList:
    """Funds whose id, names, category or description hold every word of the query, of at most this risk."""
    words = (query or "").casefold().split()
    found = [
        fund
        for fund in (await book.funds()).values()
        if all(word in _haystack(fund) for word in words)
        and (max_risk is None or fund.risk_class <= max_risk)
        and (currency is None or fund.currency == currency)
        and (category is None or fund.category == category)
    ]
    found.sort(key=lambda fund: (words != [] and words[0] not in fund.fund_id.casefold(), fund.fund_id))
    shown = found[:limit]
    notices = (
        [] if found else [Notice(code="no_data", message="No fund matches; search without a query lists them all")]
    )
    return FundList(**stamp(shown, notices, None, _FUND_UNITS), funds=shown, total=len(found))


def _haystack(fund: Fund) -> str:
    return " ".join((fund.fund_id, fund.name_en, fund.name_zh, fund.category, fund.description)).casefold()


async def facts(book: Book, fund_ids: Sequence[str]) -> FundList:
    """The facts of these funds, with a notice for each whose values are missing or stale."""
    funds = await book.resolve(fund_ids)
    listing = await book.listing()
    notices: list[Notice] = []
    for fund in funds:
        known = listing.get(fund.fund_id)
        if known is None:
            told = Notice(code="no_data", message=f"There are no values of {fund.fund_id}", subject=fund.fund_id)
            notices.append(told)
        elif (stale := book.staleness(known, None)) is not None:
            notices.append(stale)
    last = [listing[fund.fund_id].last for fund in funds if fund.fund_id in listing]
    return FundList(**stamp(funds, notices, min(last) if last else None, _FUND_UNITS), funds=funds, total=len(funds))


async def listing(book: Book, kind: Kind | None = None) -> SeriesList:
    """Which series there are, from when to when, and from where."""
    found: list[SeriesFacts] = [each for each in (await book.listing()).values() if kind in (None, each.kind)]
    stale = [told for each in found if (told := book.staleness(each, None)) is not None]
    return SeriesList(**stamp(found, stale, min((each.last for each in found), default=None)), series=found)


async def history(
    book: Book, ids: Sequence[str], currency: str | None, start: date | None, end: date | None, frequency: Frequency
) -> Histories:
    """Values of funds, benchmarks or rates, each on its own days, at the ends of periods.

    Raises InvalidInput when there are more values than the limit.
    """
    ids = await book.series_ids(ids)
    windows = await book.windows(ids, currency, start, end, least=1)
    found: list[History] = []
    for name, window in zip(ids, windows, strict=True):
        own = (await book.facts(name)).currency
        drawn = measuring.points(window.panel.days, window.panel.values[:, 0], frequency)
        found.append(History(series_id=name, currency=currency or own, points=drawn))
    if (count := sum(len(each.points) for each in found)) > book.limits.points:
        raise InvalidInput(
            f"{count} values would be returned, at most {book.limits.points} are; ask for a shorter time or a lower"
            " frequency",
            field="frequency",
        )
    used = [each for window in windows for each in window.facts]
    notices = [each for window in windows for each in window.notices]
    last = min((window.panel.last for window in windows), default=None)
    return Histories(**stamp(used, notices, last, {"value": "currency for one unit"}), histories=found)


async def measure_funds(book: Book, ids: Sequence[str], currency: str | None, terms: Terms) -> FundsMeasured:
    """Figures of each fund or benchmark on its own days."""
    terms.check()
    if not ids:
        raise InvalidInput("name at least one fund", field="fund_ids")
    ids = await book.series_ids(ids)
    windows = await book.windows(ids, currency, terms.start, terms.end)

    def work() -> list[FundMeasures]:
        found: list[FundMeasures] = []
        for name, window in zip(ids, windows, strict=True):
            panel = window.panel
            measures = measuring.measure(panel.days, panel.values[:, 0], terms.risk_free, terms.confidence)
            found.append(FundMeasures(fund_id=name, measures=measures))
        return found

    funds = await asyncio.to_thread(work)
    notices = [each for window in windows for each in window.notices]
    notices += [told for each in funds for told in measuring.doubts(each.measures, each.fund_id)]
    used = [each for window in windows for each in window.facts]
    last = min(window.panel.last for window in windows)
    return FundsMeasured(
        **stamp(used, notices, last, measuring.UNITS), currency=currency, risk_free=terms.risk_free, funds=funds
    )


async def correlations(
    book: Book, ids: Sequence[str], currency: str | None, start: date | None, end: date | None
) -> Correlations:
    """Correlation and annualised covariance of the daily returns on common days."""
    if len(ids) < 2:
        raise InvalidInput("a correlation needs at least two funds", field="fund_ids")
    ids = await book.series_ids(ids)
    window = await book.window(ids, currency, start, end, least=measuring.LEAST_RETURNS + 1)
    change = window.panel.returns
    matrix = ratios.correlation(change)
    estimate = sample(change, measuring.periods_a_year(window.panel.days))
    return Correlations(
        **window.stamp(units={"matrix": "from -1 to 1", "covariance": "fraction² a year"}),
        ids=list(ids),
        matrix=[[measuring.finite(each) for each in row] for row in matrix],
        covariance=estimate.covariance.tolist(),
        observations=len(change),
    )
