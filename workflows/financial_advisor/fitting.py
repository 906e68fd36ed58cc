"""Whether a known number can be what the words around a figure say that it is."""

import re
from collections.abc import Set
from typing import Final, Literal

from workflows.financial_advisor.claims import RETURNS, SCENARIO, Claim, is_fund
from workflows.financial_advisor.numbers_written import Written
from workflows.financial_advisor.places import FRACTIONS, Kind, Known

Unit = Literal["percent", "money", "time", "units", "decimal", "whole"]

_MONEY_BEFORE: Final = re.compile(r"(?:CNY|USD|EUR|HKD|GBP|JPY|CHF|RMB|[¥$€£])\s?$")
_AFTER: Final[tuple[tuple[Unit, re.Pattern[str]], ...]] = (
    (
        "money",
        re.compile(
            r"\s?(?:元|[美欧港日]元|英镑|人民币|块|yuan|dollars?|euros?|CNY|USD|EUR|HKD|GBP|RMB)", re.IGNORECASE
        ),
    ),
    ("time", re.compile(r"[\s-]?(?:years?|months?|days?|年|岁|个月|天)", re.IGNORECASE)),
    ("units", re.compile(r"\s?(?:units?|lots?|份|手)", re.IGNORECASE)),
)  # fmt: skip
_TAKEN: Final[dict[Unit, frozenset[Kind]]] = {
    "money": frozenset({"money", "other"}),
    "time": frozenset({"time", "count", "other"}),
    "units": frozenset({"units", "count", "other"}),
}
_UNSAID: Final = 0.5e-4 * (1 + 1e-9)
"""A percentage of which nothing is said must be written with two decimals: with fewer it equals something by chance."""


def unit(number: Written, text: str) -> Unit:
    """In what a number is written."""
    if number.percent:
        return "percent"
    if _MONEY_BEFORE.search(text[max(0, number.start - 5) : number.start]):
        return "money"
    for name, after in _AFTER:
        if after.match(text, number.end):
            return name
    return "decimal" if number.slack < 0.5 else "whole"


def fits(known: Known, number: Written, written_in: Unit, said: Claim, periods: Set[str]) -> bool:
    """Whether this number can be meant. periods: those that any known number has; others are no period of a return."""
    if written_in in _TAKEN:
        return known.kind in _TAKEN[written_in]
    if known.kind == "other":
        return True
    if written_in == "percent":
        if not said.kinds:
            return known.kind in FRACTIONS and number.slack <= _UNSAID
        if known.kind not in said.kinds:
            return False
    elif known.kind in FRACTIONS:
        return written_in == "decimal" and known.kind in said.kinds
    elif "ratio" in said.kinds:
        if known.kind != "ratio" or (said.ratios and not any(each in known.path for each in said.ratios)):
            return False
    else:
        return True
    return (
        _of_subject(known, said)
        and _of_portfolio(known, said)
        and _of_period(known, said, periods)
        and _of_sign(known, number, said)
    )


def _of_subject(known: Known, said: Claim) -> bool:
    funds = {each for each in said.subjects if is_fund(each)}
    if known.subject is None:
        return not funds or said.whole
    return known.subject in funds if funds else said.any_fund or known.kind in ("share", "risk_share")


def _of_portfolio(known: Known, said: Claim) -> bool:
    if known.role in ("", "client"):
        return True
    return known.role in said.roles if said.roles else known.role != "frontier"


def _of_period(known: Known, said: Claim, periods: Set[str]) -> bool:
    if known.kind == "scenario":
        scenarios = {each for each in said.subjects if each.startswith(SCENARIO)}
        return not scenarios or f"{SCENARIO}{known.period}" in scenarios
    if known.kind not in ("return", "return_a_year"):
        return True
    named = {each for each in said.periods if each in periods or re.fullmatch(r"\d{4}", each)}
    if known.kind == "return" and said.a_year and not any(each.isdecimal() for each in named):
        return False
    if known.kind == "return_a_year" and named and not said.a_year:
        return False
    return known.period in named if named else known.period == "ALL"


def _of_sign(known: Known, number: Written, said: Claim) -> bool:
    assert known.value is not None, "dates are not fitted"
    below = number.sign == "-"
    if known.kind in RETURNS:
        return (below or said.falls) if known.value < 0 else not below and (said.earns or not said.falls)
    if known.kind == "scenario":
        return (
            below or said.falls or not said.rises if known.value < 0 else not below and (said.rises or not said.falls)
        )
    return True
