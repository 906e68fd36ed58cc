"""Returns over periods. Every return is a fraction: 0.05 is five per cent.

Array arguments hold one value a trading day along the first axis; a second axis, where allowed, is one fund a column.
"""

from datetime import date
from typing import Final

import numpy as np

from tools.errors import InvalidInput
from tools.finance.series import Days, Floats, Frequency, as_dates, day, floats, period_ends

TRADING_DAYS: Final = 252
"""Trading days a year by which daily figures are annualised (Bodie, Kane & Marcus, Investments, ch. 5)."""

DAYS_A_YEAR: Final = 365.25
"""Calendar days a year, leap years included."""


def simple_returns(values: Floats) -> Floats:
    """r_t = V_t / V_{t-1} − 1. Source: CFA Institute, Quantitative Methods, holding period return."""
    return values[1:] / values[:-1] - 1.0


def log_returns(values: Floats) -> Floats:
    """ln(V_t / V_{t-1}), continuously compounded. Source: Campbell, Lo & MacKinlay (1997), section 1.4."""
    return floats(np.log(values[1:] / values[:-1]))


def total_return(values: Floats) -> Floats:
    """V_T / V_0 − 1 over the whole span, not annualised. Source: CFA Institute, holding period return."""
    return np.asarray(values[-1] / values[0] - 1.0, dtype=np.float64)


def growth(returns: Floats) -> Floats:
    """Wealth of 1 at the start: 1, (1 + r_1), (1 + r_1)(1 + r_2), …; one row more than returns.

    Source: GIPS 2020, 2.A (periods are linked geometrically).
    """
    return floats(np.concatenate([np.ones((1, *returns.shape[1:])), np.cumprod(1.0 + returns, axis=0)]))


def annualised_return(returns: Floats, periods: int = TRADING_DAYS) -> Floats:
    """Geometric: (Π (1 + r_t))^(periods / T) − 1, T the number of returns.

    Source: CFA Institute, Quantitative Methods, annualised return; GIPS 2020, 2.A (annualise from one year on only).
    """
    return np.asarray(np.prod(1.0 + returns, axis=0) ** (periods / len(returns)) - 1.0, dtype=np.float64)


def compound_annual_growth(first: float, last: float, days: int) -> float:
    """(last / first)^(365.25 / days) − 1 by calendar days. GIPS 2020, 2.A: shown from one year on only."""
    if days <= 0:
        raise InvalidInput(f"a growth rate needs two different days, {days} lie between these", days=days)
    return float((last / first) ** (DAYS_A_YEAR / days) - 1.0)


def calendar_returns(days: Days, values: Floats, frequency: Frequency) -> list[tuple[date, float]]:
    """(last day, return) of each calendar week, month, quarter or year; the first and last may be parts of one.

    The first period starts at the first value, each other at the last value of the period before; V_end / V_start − 1,
    not annualised. Source: GIPS 2020, 4.A (annual returns by calendar year).
    """
    ends = period_ends(days, frequency)
    if ends[0] == 0:
        ends = ends[1:]
    starts = np.concatenate([[0], ends[:-1]])
    change = values[ends] / values[starts] - 1.0
    return [(end, float(each)) for end, each in zip(as_dates(days[ends]), change, strict=True)]


def trailing_start(end: date, months: int) -> date:
    """The same day so many months before; the month's last day where that month is shorter."""
    index = end.year * 12 + end.month - 1 - months
    month = np.datetime64(f"{index // 12:04}-{index % 12 + 1:02}", "M")
    last = as_dates(np.array([month + 1]).astype("datetime64[D]") - 1)[0]
    return last.replace(day=min(end.day, last.day))


def return_since(days: Days, values: Floats, start: date, tolerance_days: int = 7) -> float | None:
    """V_last / V_start − 1 with the last value on or before `start`; None when that is older than the tolerance or
    there is none: a period that the data does not cover has no return. Not annualised.

    Source: CFA Institute, holding period return.
    """
    place = int(np.searchsorted(days, day(start), "right")) - 1
    if place < 0 or place == len(days) - 1 or (day(start) - days[place]).astype(int) > tolerance_days:
        return None
    return float(values[-1] / values[place] - 1.0)


def xirr(when: Days, amounts: Floats) -> float:
    """The rate r a year with Σ amount_i / (1 + r)^((day_i − day_0) / 365) = 0. Money-weighted.

    Negative amounts are paid in, positive ones are taken out or are the final value; a fraction above −1.
    Source: the XIRR function as OpenFormula (OASIS ODF 1.3 part 4, 6.12.51) defines it; CFA's money-weighted return.
    Raises InvalidInput when the amounts have one sign, or when no or more than one rate solves it in (−0.9999, 1000].
    """
    if len(amounts) < 2 or not (np.any(amounts > 0) and np.any(amounts < 0)):
        raise InvalidInput("a rate of return needs at least one payment in (negative) and one out (positive)")
    if not np.all(np.isfinite(amounts)):
        raise InvalidInput("a payment is not a finite number")
    years = (when - when.min()).astype("timedelta64[D]").astype(np.float64) / 365.0

    def worth(log_rate: float) -> float:
        return float(np.sum(amounts * np.exp(-years * log_rate)))

    grid: Floats = np.linspace(np.log(1e-4), np.log(1001.0), 2_001, dtype=np.float64)
    worths = np.array([worth(float(each)) for each in grid])
    crossings = np.flatnonzero(np.signbit(worths[1:]) != np.signbit(worths[:-1]))
    if len(crossings) != 1:
        what = "no rate" if not len(crossings) else f"{len(crossings)} different rates"
        raise InvalidInput(
            f"{what} between -99.99 % and 100,000 % a year solve(s) these payments", rates=len(crossings)
        )
    low, high = float(grid[crossings[0]]), float(grid[crossings[0] + 1])
    rising = worth(high) > worth(low)
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if (worth(middle) > 0) == rising:
            high = middle
        else:
            low = middle
    return float(np.expm1((low + high) / 2))
