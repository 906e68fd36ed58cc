"""What is kept of a question to the models, and where."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from agents.completion import Usage


@dataclass(frozen=True, slots=True)
class ModelCall:
    """The record of one question: who was asked, why, with what, and what came back.

    prompt: the messages of the last attempt, long ones abbreviated. attempts: every answer that was asked for, with its
    model, endpoint, what was wrong with it, its tokens and time. degraded: an outage made the embedded engine answer.
    """

    node: str
    task_id: str
    question: str
    prompt_sha256: str
    engine: str
    model: str
    endpoint: str | None
    reasons: tuple[str, ...]
    thinking: bool
    schema_name: str
    prompt: list[dict[str, Any]]
    answer: dict[str, Any] | None
    reasoning: str | None
    attempts: list[dict[str, Any]]
    usage: Usage
    error: dict[str, Any] | None
    started_at: datetime
    duration_ms: float
    ttft_ms: float | None = None
    degraded: bool = False


class ModelLedger(Protocol):
    """Where model calls are kept; the service keeps them in SQL."""

    async def model_called(self, call: ModelCall) -> None: ...
