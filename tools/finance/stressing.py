"""What would happen to a portfolio in times of stress: as it did in the past, and by assumed shocks."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, cast

from tools.errors import InvalidInput
from tools.finance import weights
from tools.finance.book import Book, stamp, without_cash
from tools.finance.market import Fund, SeriesFacts
from tools.finance.results import Notice, ScenarioOutcome, Stress
from tools.finance.series import Series

_EDGE_DAYS = 7
"""Calendar days by which a series may miss the first or last day of a window (holidays)."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """start and end of a historical one; shocks by category and `foreign`, of all other currencies, of a hypothetical
    one. Fractions."""

    name: str
    title: Mapping[str, str]
    source: str
    start: date | None = None
    end: date | None = None
    shocks: Mapping[str, float] | None = None
    foreign: float = 0.0


@cache
def scenarios() -> tuple[Scenario, ...]:
    """The scenarios of stress.toml, with their sources."""
    told = tomllib.loads((files("tools.finance") / "stress.toml").read_text("utf-8"))
    found: list[Scenario] = []
    for kind in ("historical", "hypothetical"):
        for name, entry in cast(dict[str, dict[str, Any]], told[kind]).items():
            found.append(Scenario(name=name, **entry))
    return tuple(found)


def shocked(fund: Fund, scenario: Scenario, currency: str) -> float:
    """The fund's change in the portfolio's currency: (1 + category's shock) · (1 + shock of foreign currencies) − 1."""
    own = (scenario.shocks or {}).get(fund.category, 0.0)
    return (1.0 + own) * (1.0 + (scenario.foreign if fund.currency != currency else 0.0)) - 1.0


def replayed(series: Mapping[str, Series], scenario: Scenario) -> tuple[dict[str, float], list[str]]:
    """(each fund's change V_end / V_start − 1 over the window, the funds that do not cover it).

    Source: EBA/GL/2018/04, historical scenarios; the window's own source stands in stress.toml.
    """
    changes: dict[str, float] = {}
    missing: list[str] = []
    assert scenario.start is not None and scenario.end is not None  # noqa: PT018, a historical scenario has both
    for name, each in series.items():
        first, last = each.at(scenario.start, _EDGE_DAYS), each.at(scenario.end, _EDGE_DAYS)
        if first is None or last is None:
            missing.append(name)
        else:
            changes[name] = last[1] / first[1] - 1.0
    return changes, missing


async def stress(
    book: Book,
    given: Mapping[str, float],
    currency: str,
    amount: float | None = None,
    shocks: Mapping[str, float] | None = None,
) -> Stress:
    """Every scenario on a portfolio of these weights, unchanged through it; with `shocks`, one more by fund id or
    category. Cash keeps its value."""
    found = await weights.checked(book, given)
    parts = without_cash(found)
    funds = await book.funds()
    windows = dict(zip(parts, await book.windows(list(parts), currency), strict=True))
    series = {name: Series(window.panel.days, window.panel.values[:, 0]) for name, window in windows.items()}
    chosen = list(scenarios())
    if shocks:
        chosen.append(_own(shocks, funds))
    outcomes: list[ScenarioOutcome] = []
    for scenario in chosen:
        if scenario.shocks is None:
            changes, missing = replayed(series, scenario)
        else:
            own = {name: shocks[name] for name in parts if shocks and name in shocks and scenario.name == "own"}
            changes, missing = {name: own.get(name, shocked(funds[name], scenario, currency)) for name in parts}, []
        change = None if missing else sum(parts[name] * changes[name] for name in parts)
        outcomes.append(
            ScenarioOutcome(
                scenario=scenario.name,
                kind="historical" if scenario.shocks is None else "hypothetical",
                title_en=scenario.title["en"],
                title_zh=scenario.title["zh"],
                start=scenario.start,
                end=scenario.end,
                change=change,
                amount=None if amount is None or change is None else amount * change,
                by_fund=changes,
                source=scenario.source,
                not_covered=missing,
            )
        )
    used: list[SeriesFacts] = [each for window in windows.values() for each in window.facts]
    notices = [each for window in windows.values() for each in window.notices]
    uncovered = [each.title_en for each in outcomes if each.change is None]
    if uncovered:
        message = f"Not every fund has values as old as this needs: {'; '.join(uncovered)}. It has no figure"
        notices.append(Notice(code="short_history", message=message))
    last = min((window.panel.last for window in windows.values()), default=None)
    units = {"change": "fraction", "by_fund": "fraction", "amount": currency}
    return Stress(**stamp(used, notices, last, units), currency=currency, weights=found, scenarios=outcomes)


def _own(shocks: Mapping[str, float], funds: Mapping[str, Fund]) -> Scenario:
    categories = {fund.category for fund in funds.values()}
    for name, shock in shocks.items():
        if name not in funds and name not in categories:
            raise InvalidInput(
                f"a shock to {name!r}, which is no fund and no category; categories: {', '.join(sorted(categories))}",
                field="shocks",
            )
        if not -1 < shock < 10:
            raise InvalidInput(f"a shock of {shock:g} to {name!r} is not a fraction above -1", field="shocks")
    title = {"en": "Your own scenario", "zh": "自定义情景"}
    return Scenario("own", title, "The caller's assumption", shocks=dict(shocks))
