"""A question while it is pursued, and the record that it leaves."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic

from agents.attempt import Said
from agents.completion import Usage
from agents.faults import ModelFailed
from agents.question import Answer, Answered, Question
from agents.reading import Fit, Unfit
from agents.record import ModelCall
from agents.routing import Route
from agents.signals import Failure
from tools.host import abbreviated
from tools.record import Place


@dataclass(slots=True)
class Inquiry(Generic[Answer]):
    """note: a reason that every route of it gets. unfit, doubtful, failed: the last answer of each kind. gave_up: what
    the servers of a model said that was passed over for it."""

    place: Place
    question: Question[Answer]
    material: str
    facts: Mapping[str, Any]
    note: str = ""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.perf_counter)
    attempts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    failures: list[Failure] = field(default_factory=list[Failure])
    usage: Usage = field(default_factory=Usage)
    prompt: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    route: Route | None = None
    said: Said | None = None
    unfit: tuple[Said, Unfit] | None = None
    doubtful: tuple[Answer, Route, Said] | None = None
    failed: tuple[Answer, Route, Said] | None = None
    gave_up: ModelFailed | None = None

    def record(
        self, answered: Answered[Answer] | None, error: dict[str, object] | None, keep_thinking: bool
    ) -> ModelCall:
        """What is kept of it. error: what it failed with."""
        route = answered.route if answered else self.route
        said = self.said
        return ModelCall(
            node=self.place.node,
            task_id=self.place.task_id,
            question=self.question.name,
            prompt_sha256=self.question.prompt_sha256,
            engine=route.engine if route else "pool",
            model=route.model if route else "none",
            endpoint=said.endpoint if said else None,
            reasons=route.reasons if route else (),
            thinking=route.thinking if route else False,
            schema_name=self.question.answer.__name__,
            prompt=abbreviated(self.prompt),
            answer=answered.value.model_dump(mode="json") if answered else None,
            reasoning=(said.completion.thinking or None) if said and keep_thinking else None,
            attempts=self.attempts,
            usage=self.usage,
            error=error,
            started_at=self.started,
            duration_ms=(time.perf_counter() - self.clock) * 1000,
            ttft_ms=said.ttft_ms if said else None,
            degraded=bool(answered and answered.degraded),
        )


def attempted(route: Route, said: Said, outcome: Fit[Answer] | Unfit) -> dict[str, Any]:
    """The record of one attempt."""
    usage = said.completion.usage
    return {
        "step": route.step,
        "model": route.model,
        "adapter": route.adapter,
        "thinking": route.thinking,
        "endpoint": said.endpoint,
        "lost": [{"endpoint": each.endpoint, "why": each.why} for each in said.lost],
        "finish": said.completion.finish,
        "fault": outcome.kind if isinstance(outcome, Unfit) else None,
        "told": list(outcome.told) if isinstance(outcome, Unfit) else [],
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "tokens_thinking": usage.tokens_thinking,
        "tokens_cached": usage.tokens_cached,
        "cost": usage.cost,
        "passes": said.passes,
        "duration_ms": round(said.duration_ms, 1),
        "ttft_ms": None if said.ttft_ms is None else round(said.ttft_ms, 1),
    }
