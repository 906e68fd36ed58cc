"""Which model answers a question, and why: a pure function from needs and signals to a route, reasons in words."""

from collections.abc import Sequence
from dataclasses import dataclass, field

EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a question asks of a model.

    reasoning: judgement or mathematics that profits from thinking. languages: BCP 47 codes it must read or write.
    tools: it calls tools. extraction: facts are copied out of the material, without thinking. low_latency: somebody
    waits. long_context: tokens of material beyond which a model is no candidate, 0 when unknown. adapter: a LoRA name.
    """

    reasoning: bool = False
    languages: tuple[str, ...] = ("en",)
    tools: bool = False
    extraction: bool = False
    low_latency: bool = False
    long_context: int = 0
    adapter: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """The decision: which model, whether it thinks, and the reasons as sentences for the run's record."""

    engine: str
    model: str
    thinking: bool
    reasons: tuple[str, ...]
    endpoint: str | None = None
    adapter: str | None = None
    sampling: dict[str, float] = field(default_factory=dict[str, float])


def route(needs: Needs, models: Sequence[str]) -> Route:
    """Decide. With no model in the pool the embedded engine answers, and the reason says so."""
    if not models:
        return Route(
            engine=EMBEDDED,
            model=EMBEDDED,
            thinking=False,
            reasons=("No model server is configured, so the embedded engine answers with its deterministic rules.",),
        )
    raise NotImplementedError(needs)
