"""A market made up for demonstrations and tests: every fund, benchmark and rate in it is synthetic and says so.

Daily returns are sums of common factors (shares, rates, credit, gold, currencies) with volatility that clusters and fat
tails, drifts in the windows of known crises so that stress scenarios have something to show, and each fund's own noise,
less its fee. The numbers come from one seed over a fixed calendar, so that a day's value never depends on when it is
made.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import Any, Final, cast

import numpy as np

from tools.errors import InvalidInput
from tools.finance.market import Fund, SeriesFacts
from tools.finance.series import Days, Floats, Series, day, floats

SOURCE: Final = "Consilia synthetic set, seed 20140158: made up for demonstration, not a market"
FIRST: Final = date(2014, 1, 2)
LAST: Final = date(2040, 12, 31)
_SEED: Final = 20140158
_TAIL: Final = 5.0
"""Degrees of freedom of the daily shocks' t distribution."""


@dataclass(frozen=True, slots=True)
class Synthetic:
    funds: tuple[Fund, ...]
    series: tuple[tuple[SeriesFacts, Series], ...]


def last_weekday(today: date | None = None) -> date:
    """The last Monday to Friday before today."""
    found = (today or datetime.now(UTC).date()) - timedelta(days=1)
    return found - timedelta(days=max(0, found.weekday() - 4))


def make(until: date) -> Synthetic:
    """Everything from 2014 (or a fund's inception) to the day. Raises InvalidInput outside 2014 to 2040."""
    if not FIRST < until <= LAST:
        raise InvalidInput(f"the synthetic set reaches from {FIRST} to {LAST}, not to {until}", field="until")
    told = tomllib.loads((files("tools.finance") / "synthetic.toml").read_text("utf-8"))
    days = _calendar()
    factors = _factors(told["factors"], told["crises"], days)
    kept: list[tuple[SeriesFacts, Series]] = []
    funds: list[Fund] = []
    count = int(np.searchsorted(days, day(until), "right"))
    for kind in ("fx", "benchmark", "nav"):
        for entry in cast(list[dict[str, Any]], told[kind]):
            start = entry.get("inception", FIRST)
            own = _returns(entry, factors, len(days))
            first = int(np.searchsorted(days, day(start)))
            if first >= count:
                continue
            values: Floats = float(entry["start"]) * np.exp(
                np.concatenate([[0.0], np.cumsum(np.log1p(own[first + 1 : count]))])
            )
            places = 6 if kind == "fx" else 4
            series = Series(days[first:count], floats(np.round(values, places)))
            facts = SeriesFacts(
                series_id=entry["id"],
                kind=kind,
                name=entry["name_en"],
                currency=entry["currency"],
                source=SOURCE,
                synthetic=True,
                first=series.first,
                last=series.last,
                observations=len(series),
            )
            kept.append((facts, series))
            if kind == "nav":
                named = {name: value for name, value in entry.items() if name in Fund.model_fields}
                funds.append(
                    Fund(**named, fund_id=entry["id"], inception=start, source=SOURCE, synthetic=True)
                    if "inception" not in named
                    else Fund(**named, fund_id=entry["id"], source=SOURCE, synthetic=True)
                )
    return Synthetic(tuple(funds), tuple(kept))


def _calendar() -> Days:
    """Weekdays without 1 January and 25 December."""
    days = np.arange(day(FIRST), day(LAST) + 1)
    months = days.astype("datetime64[M]")
    of_month = (days - months.astype("datetime64[D]")).astype(int) + 1
    month = months.astype(int) % 12 + 1
    holiday = ((month == 1) & (of_month == 1)) | ((month == 12) & (of_month == 25))
    return days[np.is_busday(days) & ~holiday]


def _factors(told: Mapping[str, Any], crises: list[dict[str, Any]], days: Days) -> dict[str, Floats]:
    """The daily return of each factor, and `regime`, the level of volatility, under its name."""
    random = np.random.default_rng(_SEED)
    count, names = len(days), list(told["drift"])
    correlation = floats(told["correlation"])
    root = np.linalg.cholesky(correlation)
    normal = random.standard_normal((count, len(names)))
    chi = random.chisquare(_TAIL, count)
    slow = random.standard_normal(count)
    regime = np.empty(count)
    level = 0.0
    for place in range(count):  # volatility clusters: an AR(1) in logs, half-life of about two months
        level = 0.983 * level + 0.06 * slow[place]
        regime[place] = level
    for crisis in crises:
        inside = (days >= day(crisis["start"])) & (days <= day(crisis["end"]))
        regime[inside] += crisis.get("fear", 0.5)
    scale = np.exp(regime - 0.1) * np.sqrt((_TAIL - 2) / chi)
    shocks = (normal @ root.T) * scale[:, None] / np.sqrt(252)
    found: dict[str, Floats] = {}
    for column, name in enumerate(names):
        daily = told["drift"][name] / 252 + told["volatility"][name] * shocks[:, column]
        for crisis in crises:
            inside = (days >= day(crisis["start"])) & (days <= day(crisis["end"]))
            daily[inside] += np.log1p(crisis["moves"].get(name, 0.0)) / max(int(inside.sum()), 1)
        found[name] = floats(daily)
    found["regime"] = floats(np.exp(regime))
    return found


def _returns(entry: Mapping[str, Any], factors: Mapping[str, Floats], count: int) -> Floats:
    """Loads on factors, own noise and the fee, as simple daily returns. The noise is seeded by the series' id."""
    seed = int.from_bytes(str(entry["id"]).encode(), "big") % 2**63
    noise = np.random.default_rng([_SEED, seed]).standard_normal(count)
    daily = noise * (entry.get("noise", 0.0) / np.sqrt(252)) * factors["regime"]
    for name, load in entry["loads"].items():
        daily = daily + load * factors[name]
    daily = daily + (entry.get("carry", 0.0) - entry.get("ongoing_fee", 0.0)) / 252
    return floats(np.expm1(np.clip(daily, -0.25, 0.25)))
