"""A series of daily values, and several of them on the days that they share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tools.finance.faults import NoCommonHistory, TooShort

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]
"""Days, as numpy's datetime64[D]."""

Frequency = Literal["day", "week", "month", "quarter", "year"]


def floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def day(when: date) -> np.datetime64:
    return np.datetime64(when, "D")


def as_date(when: np.datetime64) -> date:
    return when.astype("datetime64[D]").astype(date)  # numpy gives datetime.date for the unit D


def as_dates(days: Days) -> list[date]:
    return cast(list[date], days.astype("datetime64[D]").tolist())


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Values of one fund, benchmark or exchange rate. days: rising, none twice. values: positive and finite."""

    days: Days
    values: Floats

    def __len__(self) -> int:
        return len(self.days)

    @property
    def first(self) -> date:
        return as_date(self.days[0])

    @property
    def last(self) -> date:
        return as_date(self.days[-1])

    def between(self, start: date | None, end: date | None) -> Self:
        """The part from start to end, both included."""
        low = 0 if start is None else int(np.searchsorted(self.days, day(start), "left"))
        high = len(self.days) if end is None else int(np.searchsorted(self.days, day(end), "right"))
        return type(self)(self.days[low:high], self.values[low:high])

    def at(self, when: date, tolerance_days: int = 7) -> tuple[date, float] | None:
        """The last value on or before a day, no older than the tolerance (calendar days), with its own day."""
        place = int(np.searchsorted(self.days, day(when), "right")) - 1
        if place < 0 or (day(when) - self.days[place]).astype(int) > tolerance_days:
            return None
        return as_date(self.days[place]), float(self.values[place])


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Several series on their common days. values: one row a day, one column an id. dropped: days left out because
    not every series had a value; nothing is ever filled."""

    ids: tuple[str, ...]
    days: Days
    values: Floats
    dropped: int = 0

    @property
    def first(self) -> date:
        return as_date(self.days[0])

    @property
    def last(self) -> date:
        return as_date(self.days[-1])

    @property
    def returns(self) -> Floats:
        """Simple daily returns, one row fewer than values."""
        return self.values[1:] / self.values[:-1] - 1.0

    def column(self, name: str) -> Floats:
        return self.values[:, self.ids.index(name)]


def align(
    series: Mapping[str, Series], ids: Sequence[str], start: date | None = None, end: date | None = None, least: int = 2
) -> Panel:
    """The series on the days that all of them have, from start to end.

    Raises NoCommonHistory when there is no such day, TooShort when there are fewer than `least`.
    """
    parts = [series[name].between(start, end) for name in ids]
    common = parts[0].days
    for part in parts[1:]:
        if len(part.days) != len(common) or not np.array_equal(part.days, common):
            common = np.intersect1d(common, part.days, assume_unique=True)
    if not len(common):
        spans = ", ".join(
            f"{name}: {series[name].first} to {series[name].last}" if len(series[name]) else f"{name}: no values"
            for name in ids
        )
        window = f" between {start or 'the beginning'} and {end or 'today'}" if start or end else ""
        raise NoCommonHistory(f"there is no day{window} on which all have a value ({spans})", series=list(ids))
    if len(common) < least:
        raise TooShort(
            f"{len(common)} common day(s) of {', '.join(ids)} ({as_date(common[0])} to {as_date(common[-1])});"
            f" at least {least} are needed",
            observations=len(common),
            needed=least,
        )
    values = np.empty((len(common), len(parts)))
    widest = 0
    for column, part in enumerate(parts):
        inside = part.between(as_date(common[0]), as_date(common[-1]))
        widest = max(widest, len(inside))
        values[:, column] = (
            inside.values if len(inside) == len(common) else inside.values[np.searchsorted(inside.days, common)]
        )
    return Panel(tuple(ids), common, values, widest - len(common))


def period_ends(days: Days, frequency: Frequency) -> NDArray[np.intp]:
    """Indices of the last day of each period that the days reach; the very last day always ends one."""
    if frequency == "day":
        return np.arange(len(days))
    if frequency == "week":  # ISO weeks: 1970-01-01 was a Thursday, so shift Mondays to the border
        number = (days.astype("datetime64[D]").astype(np.int64) + 3) // 7
    else:
        months = days.astype("datetime64[M]").astype(np.int64)
        number = months // {"month": 1, "quarter": 3, "year": 12}[frequency]
    return np.append(np.flatnonzero(number[1:] != number[:-1]), len(days) - 1)
