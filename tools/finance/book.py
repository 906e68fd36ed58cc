"""One tenant's market data, open for one call: names resolved, series aligned in one currency, doubts noted."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any, Final

from tools.errors import InvalidInput
from tools.finance import currency as exchange
from tools.finance.currency import Step
from tools.finance.faults import FutureDate, NoData, UnknownFund
from tools.finance.limits import FinanceLimits
from tools.finance.market import CASH, Fund, MarketData, SeriesFacts
from tools.finance.results import Notice
from tools.finance.series import Panel, Series, align

_MISSING_SHARE: Final = 0.02
"""Share of days lost to other calendars from which it is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A panel with what must be known of it. facts: of the series used, exchange rates among them."""

    panel: Panel
    facts: tuple[SeriesFacts, ...]
    notices: tuple[Notice, ...]

    def stamp(self, *more: Notice, units: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The fields of `results.Sourced`."""
        return stamp(self.facts, (*self.notices, *more), self.panel.last, units)


def stamp(
    facts: Sequence[SeriesFacts | Fund],
    notices: Sequence[Notice],
    as_of: date | None,
    units: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The fields of `results.Sourced`; says itself when anything is synthetic or sources are mixed."""
    told = list(notices)
    sources = sorted({each.source for each in facts})
    synthetic = any(each.synthetic for each in facts)
    if synthetic:
        told.insert(
            0, Notice(code="synthetic_data", message="Values are synthetic: made up for demonstration, no market")
        )
    if synthetic and not all(each.synthetic for each in facts):
        message = f"Real and synthetic values are mixed: {'; '.join(sources)}"
        told.insert(1, Notice(code="mixed_sources", message=message))
    return {
        "as_of": as_of,
        "sources": sources,
        "synthetic": synthetic,
        "notices": list(dict.fromkeys(told)),
        "units": dict(units or {}),
    }


@dataclass(slots=True)
class Book:
    """today: the day that counts as today; later dates are refused."""

    market: MarketData
    tenant_id: str
    today: date
    limits: FinanceLimits = field(default_factory=FinanceLimits)
    _funds: dict[str, Fund] | None = None
    _listing: dict[str, SeriesFacts] | None = None
    _names: dict[str, str] = field(default_factory=dict[str, str])
    _series: dict[str, Series] = field(default_factory=dict[str, Series])
    _rates: dict[tuple[str, str], Series] = field(default_factory=dict[tuple[str, str], Series])

    async def funds(self) -> dict[str, Fund]:
        """Every fund by id."""
        if self._funds is None:
            self._funds = {fund.fund_id: fund for fund in await self.market.funds(self.tenant_id)}
            for fund in self._funds.values():
                for name in (fund.fund_id, fund.name_en, fund.name_zh):
                    self._names.setdefault(name.casefold(), fund.fund_id)
        return self._funds

    async def listing(self) -> dict[str, SeriesFacts]:
        """What series there are, by id."""
        if self._listing is None:
            self._listing = {each.series_id: each for each in await self.market.listing(self.tenant_id)}
        return self._listing

    async def resolve(self, names: Sequence[str]) -> list[Fund]:
        """The funds of ids or whole names in either language. Raises UnknownFund with the nearest names."""
        funds = await self.funds()
        if len(names) > self.limits.funds:
            raise InvalidInput(f"{len(names)} funds in one call; at most {self.limits.funds}", field="fund_ids")
        found: list[Fund] = []
        for name in names:
            known = self._names.get(name.strip().casefold())
            if known is None:
                raise await self._unknown(name)
            found.append(funds[known])
        _once([fund.fund_id for fund in found])
        return found

    async def series_ids(self, names: Sequence[str]) -> list[str]:
        """The exact ids of funds', benchmarks' or rates' series. Raises UnknownFund, NoData, InvalidInput (twice)."""
        if len(names) > self.limits.funds:
            raise InvalidInput(f"{len(names)} series in one call; at most {self.limits.funds}", field="fund_ids")
        found = [(await self.facts(name)).series_id for name in names]
        _once(found)
        return found

    async def facts(self, series_id: str) -> SeriesFacts:
        """The facts of a fund's, benchmark's or rate's series. Raises UnknownFund, or NoData for one without values."""
        listing = await self.listing()
        if series_id in listing:
            return listing[series_id]
        for known in listing:
            if known.casefold() == series_id.casefold():
                return listing[known]
        if series_id in await self.funds():
            raise NoData(
                f"there are no values of fund {series_id!r}; import them with: consilia data import-nav FILE.csv",
                fund_id=series_id,
            )
        named = self._names.get(series_id.strip().casefold())
        if named is not None and named != series_id:
            return await self.facts(named)
        raise await self._unknown(series_id)

    async def series(self, series_ids: Sequence[str]) -> Mapping[str, Series]:
        """The series of these exact ids, each read once; ids that do not exist are left out."""
        missing = [name for name in series_ids if name not in self._series]
        if missing:
            self._series |= await self.market.series(self.tenant_id, missing)
        return self._series

    async def windows(
        self,
        ids: Sequence[str],
        currency: str | None,
        start: date | None = None,
        end: date | None = None,
        least: int = 2,
    ) -> list[Window]:
        """A window for each of these ids on its own days; all are read at once. Raises as `window` does."""
        await self.series([(await self.facts(name)).series_id for name in ids])
        return [await self.window([name], currency, start, end, least) for name in ids]

    async def window(
        self,
        ids: Sequence[str],
        currency: str | None,
        start: date | None = None,
        end: date | None = None,
        least: int = 2,
    ) -> Window:
        """The series of these ids on their common days, in one currency, or each in its own when that is None.

        Raises UnknownFund, NoData, MissingRate, FutureDate, NoCommonHistory, TooShort.
        """
        self.check_dates(start, end)
        facts = [await self.facts(name) for name in ids]
        listing = await self.listing()
        pairs = [each.series_id for each in listing.values() if each.kind == "fx"]
        wanted = {each.currency for each in facts if currency is not None and each.currency != currency}
        ways = {source: exchange.route(pairs, source, currency or source) for source in sorted(wanted)}
        rate_ids = sorted({step.pair for way in ways.values() for step in way})
        series = await self.series([*(each.series_id for each in facts), *rate_ids])
        rates = {source: self._rate(series, source, currency or source, way) for source, way in ways.items()}
        values: dict[str, Series] = {}
        for name, each in zip(ids, facts, strict=True):
            own = series[each.series_id]
            values[name] = exchange.convert(own, rates[each.currency]) if each.currency in rates else own
        panel = await asyncio.to_thread(align, values, tuple(ids), start, end, least)
        used = (*facts, *(listing[pair] for pair in rate_ids))
        return Window(panel, used, tuple(self._doubts(panel, used, start, end)))

    def _rate(self, series: Mapping[str, Series], source: str, target: str, way: tuple[Step, ...]) -> Series:
        if (source, target) not in self._rates:
            self._rates[source, target] = exchange.rates(series, way)
        return self._rates[source, target]

    def check_dates(self, *days: date | None) -> None:
        """Raises FutureDate for a day after today, InvalidInput when start is after end."""
        given = [each for each in days if each is not None]
        for each in given:
            if each > self.today:
                raise FutureDate(f"{each} is in the future; today is {self.today}", date=str(each))
        if len(given) == 2 and given[0] > given[1]:
            raise InvalidInput(f"the start {given[0]} is after the end {given[1]}", field="start")

    def staleness(self, each: SeriesFacts, end: date | None) -> Notice | None:
        """A notice when the last value is older than the limit, on the day that is asked about."""
        asked = min(end or self.today, self.today)
        age = (asked - each.last).days
        if age <= self.limits.stale_days:
            return None
        message = f"The last value of {each.series_id} is of {each.last}, {age} days before {asked}"
        return Notice(code="stale_data", message=message, subject=each.series_id)

    def _doubts(self, panel: Panel, facts: Sequence[SeriesFacts], start: date | None, end: date | None) -> list[Notice]:
        notices = [told for each in facts if (told := self.staleness(each, end)) is not None]
        if start is not None and panel.first > start + timedelta(days=7):
            late = max(facts, key=lambda each: each.first)
            message = f"Common values begin on {panel.first}, not {start}: {late.series_id} starts on {late.first}"
            notices.append(Notice(code="short_history", message=message, subject=late.series_id))
        if panel.dropped > _MISSING_SHARE * (len(panel.days) + panel.dropped):
            message = (
                f"{panel.dropped} of {len(panel.days) + panel.dropped} days are left out because not every series has a"
                " value on them; nothing was filled"
            )
            notices.append(Notice(code="missing_days", message=message))
        return notices

    async def _unknown(self, name: str) -> UnknownFund:
        funds = await self.funds()
        names = {each.casefold(): fund.fund_id for fund in funds.values() for each in _names(fund)}
        names |= {each.casefold(): each for each in await self.listing()}
        shown = name if len(name) <= 80 else name[:80] + "…"
        near = list(dict.fromkeys(names[each] for each in get_close_matches(name.casefold(), names, n=6, cutoff=0.5)))[
            :3
        ]
        if near:
            hint = "; nearest: " + ", ".join(
                f"{each} ({funds[each].name_en})" if each in funds else each for each in near
            )
        elif names:
            hint = "; find one with search_funds"
        else:
            hint = "; there is no market data yet: consilia data import-nav FILE.csv, or consilia data demo"
        return UnknownFund(f"there is no fund or series {shown!r}{hint}", name=shown, nearest=near)


def _once(ids: Sequence[str]) -> None:
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise InvalidInput(f"named more than once: {', '.join(twice)}", field="fund_ids")


def _names(fund: Fund) -> tuple[str, ...]:
    return fund.fund_id, fund.name_en, fund.name_zh


def without_cash(weights: Mapping[str, float]) -> dict[str, float]:
    return {name: weight for name, weight in weights.items() if name != CASH}
