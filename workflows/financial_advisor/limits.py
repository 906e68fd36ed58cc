"""Bounds of a turn of advice; the service sets them from its settings."""

from dataclasses import dataclass
from typing import Final

HOLDINGS: Final = 1_000


@dataclass(frozen=True, slots=True)
class AdviceLimits:
    """question: its most characters. holdings: most rows.

    explored: most tool calls of the exploring agent. tokens: most that it reads and writes. seconds: its longest time.
    """

    question: int = 4_000
    holdings: int = HOLDINGS
    explored: int = 8
    tokens: int = 60_000
    seconds: float = 120.0
