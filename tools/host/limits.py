"""How much one tool call may cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """seconds: longest a call may take. result_bytes: largest result, as JSON."""

    seconds: float = 120.0
    result_bytes: int = 64 * 1024 * 1024
