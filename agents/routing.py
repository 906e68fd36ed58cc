"""Which model answers a question, and why: a pure function from needs and signals to a route, reasons in words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from agents.catalogue import catalogue
from agents.demand import SHORT, Candidate, Demand, Needs
from agents.escalation import Step, next_step
from agents.policy import Policy, Purpose
from agents.signals import Signals
from tools.errors import ConsiliaError

EMBEDDED: Final = "embedded"
POOL: Final = "pool"


class NoCapableModel(ConsiliaError):
    """No model of the pool can answer such a question; the message says of each why not."""

    code = "no_capable_model"
    status = 422

    @property
    def of_length(self) -> bool:
        """Whether every model is left out for its context alone."""
        left_out = cast(dict[str, str], self.details.get("left_out") or {})
        return bool(left_out) and all(SHORT in why for why in left_out.values())


class NoModelAvailable(ConsiliaError):
    """Models that could answer exist, but none of their servers does now."""

    code = "no_model_available"
    status = 503


@dataclass(frozen=True, slots=True)
class Route:
    """The decision: which model, whether it thinks, and the reasons as sentences for the run's record.

    budget: most tokens of thinking, None without thinking. sampling: fields of the request. step: what kind of attempt
    this is.
    """

    engine: str
    model: str
    thinking: bool
    reasons: tuple[str, ...]
    endpoint: str | None = None
    adapter: str | None = None
    sampling: dict[str, float] = field(default_factory=dict[str, float])
    budget: int | None = None
    step: Step = "first"


def route(
    needs: Needs,
    models: Sequence[Candidate | str],
    signals: Signals | None = None,
    policy: Policy | None = None,
) -> Route:
    """Decide. models: the pool's; a bare name is taken from the catalogue. The same arguments give the same route, in
    whatever order the models come.

    With no model in the pool the embedded engine answers, and the reason says so. Raises NoCapableModel,
    NoModelAvailable, and EscalationExhausted when the failed attempts leave nothing to try.
    """
    if not models:
        return Route(
            engine=EMBEDDED,
            model=EMBEDDED,
            thinking=False,
            reasons=("No model server is configured, so the embedded engine answers with its deterministic rules.",),
        )
    signals, policy = signals or Signals(), policy or Policy()
    pool = sorted((_candidate(each) for each in models), key=lambda each: each.name)
    demand = Demand.of(needs, signals, policy)
    left_out = {each.name: why for each in pool if (why := demand.obstacle(each))}
    capable = [each for each in pool if each.name not in left_out]
    reasons = [f"{name} is left out: {why}." for name, why in left_out.items()]
    if not capable:
        raise NoCapableModel(f"no model of the pool can answer this question: {' '.join(reasons)}", left_out=left_out)
    down = {failure.model for failure in signals.failures if failure.kind == "unavailable"}
    up = [each for each in capable if each.name not in down]
    if not up:
        names = ", ".join(each.name for each in capable)
        raise NoModelAvailable(f"none of the models that could answer has a server that does: {names}")
    reasons += [f"{each.name} gave no answer, so it is passed over." for each in capable if each.name in down]
    if roomy := [each for each in up if each.name not in signals.full]:  # where all are full, one is waited for
        passed = [each.name for each in up if each.name in signals.full]
        reasons += [f"{name} is full, so it is passed over." for name in passed]
        up = roomy

    ranked = demand.ranked(up)
    with_adapter = [each for each in ranked if needs.adapter and needs.adapter in each.adapters]
    attempt = next_step(
        signals.failures,
        ranked=[each.name for each in with_adapter or ranked],
        by_strength=[each.name for each in demand.ranked(up, Purpose.REASONING)],
        can_think={each.name for each in up if demand.budget(each)},
        policy=policy,
    )
    chosen = next(each for each in up if each.name == attempt.model)
    thinking, about_thinking = demand.thinks(chosen, attempt.thinking)
    sampling = (chosen.model.thinking_sampling if thinking else None) or chosen.model.plain_sampling
    fields = sampling.fields() if sampling else {}
    adapter = needs.adapter if needs.adapter in chosen.adapters else None
    reasons += [demand.why(chosen, up, bool(with_adapter))] if attempt.step == "first" else [attempt.reason]
    if needs.adapter:
        has = f"The adapter {needs.adapter} is used" if adapter else f"{chosen.name} has no adapter {needs.adapter}"
        reasons.append(f"{has}, as the workflow asks." if adapter else f"{has}, so it answers without.")
    reasons.append(about_thinking)
    return Route(
        engine=POOL,
        model=chosen.name,
        thinking=thinking,
        reasons=tuple(reasons),
        adapter=adapter,
        sampling=fields,
        budget=demand.budget(chosen) if thinking else None,
        step=attempt.step,
    )


def _candidate(given: Candidate | str) -> Candidate:
    return given if isinstance(given, Candidate) else Candidate(given, catalogue().find(given))
