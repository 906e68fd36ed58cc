"""What is tried after an answer that cannot be used: one repair, then thinking, then a stronger model; all bounded."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from agents.policy import Policy
from agents.signals import Failure
from tools.errors import ConsiliaError

Step = Literal["first", "repair", "think", "stronger", "other"]


class EscalationExhausted(ConsiliaError):
    """Every attempt that the policy allows has failed."""

    code = "escalation_exhausted"
    status = 502


@dataclass(frozen=True, slots=True)
class Attempt:
    """thinking: None leaves it to the question's needs."""

    model: str
    step: Step
    reason: str = ""
    thinking: bool | None = None


def next_step(
    failures: Sequence[Failure],
    *,
    ranked: Sequence[str],
    by_strength: Sequence[str],
    can_think: Collection[str],
    policy: Policy,
) -> Attempt:
    """The next attempt. ranked: names that can answer, best first for the question; by_strength: strongest first.

    An invalid answer: the same model once more, told what was wrong; then with thinking; then a stronger model, at last
    any that was not asked. A doubtful answer: a stronger model, or thinking where there is none. Raises
    EscalationExhausted.
    """
    judged = [failure for failure in failures if failure.kind in ("invalid", "doubtful")]
    if not judged:
        return Attempt(ranked[0], "first")
    if len(judged) >= policy.attempts:
        raise EscalationExhausted(f"{len(judged)} answers were asked, the most that the policy allows, and none holds")
    last = judged[-1]
    here = last.model in by_strength
    if here and last.kind == "invalid":
        if sum(failure.model == last.model and failure.kind == "invalid" for failure in judged) == 1:
            why = f"{last.model} gave an invalid answer, so it is asked once more and told what was wrong."
            return Attempt(last.model, "repair", why, last.thinking)
        if not last.thinking and last.model in can_think:
            why = f"{last.model} gave an invalid answer again, so it now thinks first."
            return Attempt(last.model, "think", why, thinking=True)
    tried = {failure.model for failure in judged}
    if len(tried) <= policy.escalations:
        stronger = _stronger(by_strength, tried)
        if stronger is not None:
            trouble = "invalid" if last.kind == "invalid" else "doubtful"
            why = f"The answer of {last.model} is {trouble}, so the stronger {stronger} is asked."
            return Attempt(stronger, "stronger", why, thinking=True)
        if here and last.kind == "doubtful" and not last.thinking and last.model in can_think:
            why = f"The answer of {last.model} is doubtful and no stronger model is at hand, so it now thinks first."
            return Attempt(last.model, "think", why, thinking=True)
        untried = [name for name in by_strength if name not in tried]
        if untried and last.kind == "invalid":
            why = f"The answer of {last.model} is invalid and no stronger model is at hand, so {untried[0]} is asked."
            return Attempt(untried[0], "other", why)
    kinds = ", ".join(f"{failure.model}: {failure.kind}" for failure in judged)
    raise EscalationExhausted(f"no attempt is left after {len(judged)} ({kinds}); add a stronger model to the pool")


def _stronger(by_strength: Sequence[str], tried: Collection[str]) -> str | None:
    """The strongest model, if it is stronger than every one that was tried."""
    return by_strength[0] if by_strength and by_strength[0] not in tried else None
