"""One question → one validated answer, on record.

A `Question` carries its prompt, the schema of its answer, what it needs of a model, and a deterministic answer of its
own (`embedded`): a domain function that does the job without a model.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from agents.pool import Pool
from agents.routing import EMBEDDED, Needs, Route
from tools.record import Place

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Question(Generic[Answer]):
    """Something to ask of a model.

    name: "workflow.step", stable. instruction: the prompt after the shared material, with `{placeholders}` for the
    facts. embedded: the deterministic answer, from the same facts. check: what is wrong with an answer that fits the
    schema (a quote that is not in the source, …), as sentences; an empty list accepts it.
    """

    name: str
    answer: type[Answer]
    instruction: str
    needs: Needs
    embedded: Callable[[Mapping[str, Any]], Answer]
    check: Callable[[Answer, Mapping[str, Any]], list[str]] = lambda answer, facts: []

    @property
    def prompt_sha256(self) -> str:
        """The hash that the run keeps, so that a changed prompt shows."""
        return hashlib.sha256(self.instruction.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; all zero for the embedded engine. cost: in the currency of the pool's prices."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_thinking: int = 0
    tokens_cached: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelCall:
    """The record of one question: who was asked, why, with what, and what came back."""

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


class ModelLedger(Protocol):
    """Where model calls are kept; the service keeps them in SQL."""

    async def model_called(self, call: ModelCall) -> None: ...


@dataclass(frozen=True, slots=True)
class Answered(Generic[Answer]):
    """An answer and who gave it."""

    value: Answer
    route: Route
    usage: Usage = field(default_factory=Usage)

    @property
    def said_by(self) -> str:
        return self.route.model


@dataclass(frozen=True, slots=True)
class Counsel:
    """The pool, bound to one run's ledger: `await counsel.ask(place, QUESTION, material, facts)`."""

    pool: Pool
    ledger: ModelLedger

    async def ask(
        self, place: Place, question: Question[Answer], material: str, facts: Mapping[str, Any]
    ) -> Answered[Answer]:
        """Route the question, answer it, and record the call.

        material: the shared text that several questions are about; it comes first in the prompt. facts: values for
        the instruction's placeholders and for the embedded answer.
        """
        decided = self.pool.route(question.needs)
        started, clock = datetime.now(UTC), time.perf_counter()
        value = question.embedded(facts)
        await self.ledger.model_called(
            ModelCall(
                node=place.node,
                task_id=place.task_id,
                question=question.name,
                prompt_sha256=question.prompt_sha256,
                engine=EMBEDDED,
                model=decided.model,
                endpoint=None,
                reasons=decided.reasons,
                thinking=decided.thinking,
                schema_name=question.answer.__name__,
                prompt=[],
                answer=value.model_dump(mode="json"),
                reasoning=None,
                attempts=[],
                usage=Usage(),
                error=None,
                started_at=started,
                duration_ms=(time.perf_counter() - clock) * 1000,
            )
        )
        return Answered(value, decided)
