"""Scales: from values to places in the picture, with round ticks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tools.errors import ConsiliaError


class NothingToDraw(ConsiliaError):
    """No finite value to draw."""

    code = "nothing_to_draw"
    status = 422


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale from [low, high] to [start, end] in SVG units; start > end turns it upside down."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high != self.low else 0.5
        return self.start + share * (self.end - self.start)


def finite(values: Sequence[float]) -> list[float]:
    """The finite values. Raises NothingToDraw when there are none."""
    found = [value for value in values if math.isfinite(value)]
    if not found:
        raise NothingToDraw("a chart needs at least one finite value")
    return found


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values (1, 2, 2.5 or 5 times a power of ten apart) that cover [low, high], about so many."""
    if not high - low > 1e-9 * max(abs(low), abs(high), 1e-9):
        pad = max(abs(low), abs(high)) * 0.1 or 1.0
        low, high = low - pad, high + pad
    raw = (high - low) / max(1, about)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12 - math.floor(math.log10(step))) for index in range(first, last + 1)]


def date_ticks(first: date, last: date, about: int = 7) -> list[tuple[date, str]]:
    """Starts of years, quarters, months or weeks between the dates, with their labels (ISO 8601, cut to what tells)."""
    days = max(1, (last - first).days)
    if days > 365 * 2:
        every = max(1, math.ceil(days / 365.25 / about))
        years = [date(year, 1, 1) for year in range(first.year, last.year + 2) if year % every == 0]
        return [(day, f"{day:%Y}") for day in years if first <= day <= last]
    if days > 75:
        months = max(1, math.ceil(days / 30.4 / about))
        every = next(each for each in (1, 2, 3, 6, 12) if each >= months or each == 12)
        starts = [date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13, every)]
        return [(day, f"{day:%Y-%m}") for day in starts if first <= day <= last]
    every = max(1, math.ceil(days / about))
    return [(day := first + timedelta(days=offset), f"{day:%m-%d}") for offset in range(0, days + 1, every)]


def thinned(count: int, most: int) -> list[int]:
    """Evenly spaced indices of a long list, first and last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(index * (count - 1) / (most - 1)) for index in range(most)})
