"""What each number in a result is: its kind, whose it is, and of which period; read from its place in the result."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast

Kind = Literal[
    "volatility", "return", "return_a_year", "return_a_day", "expected", "drawdown", "tail", "scenario", "capacity",
    "fee", "entry_fee", "exit_fee", "share", "risk_share", "probability", "confidence", "ratio", "money", "units",
    "time", "count", "rate", "other",
]  # fmt: skip
Role = Literal["current", "proposed", "frontier", "client", ""]
"""Which portfolio a result is about: the one held, the one proposed, a mix that is only compared with, or none."""

FRACTIONS: Final[frozenset[Kind]] = frozenset(
    {
        "volatility", "return", "return_a_year", "return_a_day", "expected", "drawdown", "tail", "scenario", "capacity",
        "fee", "entry_fee", "exit_fee", "share", "risk_share", "probability", "confidence", "other",
    }
)  # fmt: skip
"""Kinds that are written in per cent."""

_CURVES: Final = frozenset({"growth", "drawdown", "benchmark_growth", "points", "covariance", "notices", "units"})
"""Fields that hold curves and remarks, not figures: a number must not count as found because a curve passes it."""
_TEXTS: Final = frozenset(
    {"description", "message", "objective_is", "name_en", "name_zh", "source", "sources", "title"}
)
"""Fields of free text, which may come from outside: a number in a fund's description proves nothing."""

_LEAVES: Final[tuple[tuple[Kind, str], ...]] = (
    ("count", r"\.count$|(?:^|\.)(?:observations|paths|seed|lots|rebalancings|score)$"),
    ("return", r"(?:returns|calendar_years)\[\d+\]\.total$|(?:^|\.)total_return$"),
    ("return_a_year", r"(?:^|\.)(?:annualised|annualised_return|active_return|alpha)$"),
    ("expected", r"(?:^|\.)(?:expected_return|gross_return|risk_free|inflation)$|(?:^|\.)expected_returns\."),
    ("return_a_day", r"(?:^|\.)(?:best|worst)_day$"),
    ("volatility", r"(?:^|\.)(?:volatility|downside_deviation|tracking_error|target_volatility)$"),
    ("drawdown", r"(?:^|\.)depth$"),
    ("tail", r"(?:value_at_risk|expected_shortfall)$"),
    ("scenario", r"scenarios\[\d+\]\.(?:change$|by_fund\.)"),
    ("capacity", r"(?:^|\.)(?:severe_loss|loss_capacity)$"),
    ("entry_fee", r"entry_fee$|assumptions\.entry$"),
    ("exit_fee", r"exit_fee$|assumptions\.exit$"),
    ("fee", r"fee$|reduction_in_yield$|share_of_gain_lost$|assumptions\.(?:ongoing|gains_tax|income_)|cost_rate$"),
    ("risk_share", r"shares\[\d+\]\.risk$|(?:^|\.)risk_shares\."),
    ("probability", r"probability_of_|positive_months$|months_ahead$"),
    ("confidence", r"(?:^|\.)confidence$"),
    (
        "share",
        r"(?:^|\.)(?:weights\w*|targets|by_category|by_currency|by_risk_class)\.|weight$|(?:^|\.)(?:before|after|turnover|"
        r"largest_gap)$",
    ),
    (
        "ratio",
        r"(?:^|\.)(?:sharpe|sortino|calmar|beta|correlation|average_correlation|information_ratio|up_capture|"
        r"down_capture|diversification_ratio|effective_holdings)$|(?:^|\.)matrix\[",
    ),
    ("time", r"(?:^|\.)(?:years|horizon_years|months|month|age|settlement_days|median_ruin_month)$"),
    ("units", r"(?:^|\.)(?:units|lot_size)$"),
    ("rate", r"(?:^|\.)(?:rate|objective)$"),
    (
        "money",
        r"(?:^|\.)(?:total|total_before|total_after|value|amount|converted|price|p5|p25|p50|p75|p95|final_mean|paid_in|"
        r"initial|final|target|shortfall|cash_before|cash_after|sold|bought|costs?|invested|without_costs|with_fees|"
        r"with_fees_and_tax|fee_cost|tax_cost|liquidity_need|net)$",
    ),
)  # fmt: skip
_KINDS: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = tuple(
    (kind, re.compile(pattern)) for kind, pattern in _LEAVES
)
_BY_SUBJECT: Final = re.compile(
    r"^(?:weights\w*|targets|risk_shares|expected_returns|by_fund|by_category|by_currency|by_risk_class)$"
)
"""Fields whose keys are funds, categories, currencies or classes: the key is the number's subject."""


_WHOLE: Final = frozenset({"portfolio", "client", "Σ", "liquidity", "illiquid"})
"""Subjects of a breach that mean the whole portfolio."""


@dataclass(frozen=True, slots=True)
class Place:
    """A leaf of a result. subject: the fund, benchmark, category, currency or class that it belongs to; None for a
    whole portfolio. period: "3Y", "2020", "ALL", or the scenario's name; None where there is none."""

    path: str
    value: Any
    kind: Kind
    subject: str | None
    period: str | None


@dataclass(frozen=True, slots=True)
class _Around:
    """What the objects around a leaf say of it."""

    path: str = ""
    subject: str | None = None
    period: str | None = None
    kind: Kind | None = None

    def at(self, key: str) -> "_Around":
        return replace(self, path=f"{self.path}.{key}" if self.path else key)


def places(result: Any) -> Iterator[Place]:
    """Every leaf of a result but those of curves and free texts, and the length of every list."""
    yield from _walk(result, _Around())


def _walk(value: Any, around: _Around) -> Iterator[Place]:
    match value:
        case dict():
            fields = cast(dict[str, Any], value)
            around = _told(fields, around)
            for key, each in fields.items():
                yield from _field(key, each, around)
        case list():
            items = cast(list[Any], value)
            yield _place(around.at("count"), len(items))
            for index, each in enumerate(items):
                yield from _walk(each, replace(around, path=f"{around.path}[{index}]"))
        case _:
            yield _place(around, value)


def _told(fields: Mapping[str, Any], around: _Around) -> _Around:
    for key in ("fund_id", "benchmark_id", "subject"):
        if isinstance(fields.get(key), str):
            around = replace(around, subject=None if fields[key] in _WHOLE else fields[key])
    if fields.get("rule") == "loss_capacity":
        around = replace(around, kind="capacity")
    if "scenario" in fields:
        around = replace(around, period=str(fields["scenario"]))
    if "period" in fields:
        around = replace(around, period=str(fields["period"]))
    return around


def _field(key: str, value: Any, around: _Around) -> Iterator[Place]:
    if key in _TEXTS or (key in _CURVES and isinstance(value, dict | list)):
        return
    inside = around.at(key)
    if key == "bands" and isinstance(value, list) and value:
        yield from _walk(value[-1], replace(inside, path=f"{inside.path}[-1]"))
    elif _BY_SUBJECT.match(key) and isinstance(value, dict):
        for name, each in cast(dict[str, Any], value).items():
            yield from _walk(each, replace(inside.at(name), subject=name))
    elif key == "funds" and isinstance(value, dict):  # of a frontier: each fund alone, its weight always 1
        for name, each in cast(dict[str, dict[str, Any]], value).items():
            alone = {field: one for field, one in each.items() if field != "weights"}
            yield from _walk(alone, replace(inside.at(name), subject=name))
    else:
        yield from _walk(value, inside)


def _kind(path: str) -> Kind:
    for kind, pattern in _KINDS:
        if pattern.search(path):
            return kind
    return "other"


def _place(around: _Around, value: Any) -> Place:
    kind = around.kind or _kind(around.path)
    period = around.period
    if period is None and kind in ("return", "return_a_year"):
        period = "ALL"
    return Place(around.path, value, kind, around.subject, period)


@dataclass(frozen=True, slots=True)
class Known:
    """A number (or, without a value, a date) that was returned or said. call: the tool call's id, or "client" for the
    client. path: where in it. kind, subject, period: as of its Place; role: which portfolio it is about."""

    value: float | None
    call: str
    path: str
    kind: Kind = "other"
    subject: str | None = None
    period: str | None = None
    role: Role = ""
