"""Bounds of the finance tools; the service sets them from its settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FinanceLimits:
    """stale_days: age of the last value, calendar days, from which data counts as stale. funds: most in one call.
    cells: most months times paths of a projection. points: most values that one history returns."""

    stale_days: int = 7
    funds: int = 200
    cells: int = 5_000_000
    points: int = 20_000
