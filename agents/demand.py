"""What a question asks of a model, and how the models of a pool compare for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agents.languages import covers, missing
from agents.model import Model
from agents.policy import Policy, Purpose
from agents.signals import Signals

_LEAST_THINKING: Final = 1024
"""Tokens of thinking below which it is not worth beginning."""

_ASKS: Final = {
    Purpose.AGENTIC: "calls tools",
    Purpose.REASONING: "needs hard reasoning",
    Purpose.EXTRACTION: "copies facts out of the material",
    Purpose.MULTILINGUAL: "is in another language than English",
    Purpose.LOW_LATENCY: "wants a quick answer",
    Purpose.STRUCTURED: "is about {structure} rather than prose",
    Purpose.ENGLISH: "wants English prose",
}


SHORT: Final = "its context of"
"""How the reason of a model that is left out for its context begins."""
_STRUCTURES: Final = {"code": "code", "table": "tables", "records": "records such as JSON", "formulas": "formulas"}


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
class Candidate:
    """A model of the pool. name: what the pool calls it. context: tokens that its servers take, None: the model's own.
    adapters: the LoRA adapters that are loaded with it."""

    name: str
    model: Model
    context: int | None = None
    adapters: tuple[str, ...] = ()

    @property
    def room(self) -> int:
        return self.context or self.model.context


@dataclass(frozen=True, slots=True)
class Demand:
    """A question's needs and signals together, under one policy: what fits them, and how well."""

    needs: Needs
    policy: Policy
    languages: tuple[str, ...]
    material: int
    purpose: Purpose
    structure: str = ""

    @classmethod
    def of(cls, needs: Needs, signals: Signals, policy: Policy) -> "Demand":
        languages = tuple(dict.fromkeys((*needs.languages, *signals.languages)))
        english = all(covers(("en",), tag) for tag in languages)
        choices = (
            (needs.tools, Purpose.AGENTIC),
            (needs.reasoning, Purpose.REASONING),
            (needs.extraction, Purpose.EXTRACTION),
            (not english, Purpose.MULTILINGUAL),
            (needs.low_latency, Purpose.LOW_LATENCY),
            (signals.structure.kind != "prose", Purpose.STRUCTURED),
            (True, Purpose.ENGLISH),
        )
        purpose = next(purpose for asked, purpose in choices if asked)
        structure = _STRUCTURES.get(signals.structure.kind, "")
        return cls(needs, policy, languages, max(needs.long_context, signals.tokens), purpose, structure)

    def obstacle(self, candidate: Candidate) -> str | None:
        """Why the model cannot answer, or None."""
        model = candidate.model
        if unspoken := missing(model.languages, self.languages):
            return f"{model.title} is not made for {', '.join(unspoken)}"
        if self.needs.tools and model.tool_parser is None:
            return f"vLLM has no tool-call parser for {model.title}"
        least = self.material + self.policy.answer_tokens + (_LEAST_THINKING if model.thinking == "always" else 0)
        if self.material and least > candidate.room:
            return f"{SHORT} {candidate.room:,} tokens is less than the {least:,} of material and answer"
        return None

    def budget(self, candidate: Candidate) -> int:
        """Tokens of thinking that the model may spend; 0 where it cannot think or has no room to."""
        if candidate.model.thinking == "never":
            return 0
        wanted = self.policy.hurried_thinking_tokens if self.needs.low_latency else self.policy.thinking_tokens
        left = candidate.room - self.material - self.policy.answer_tokens
        if left < _LEAST_THINKING and candidate.model.thinking != "always":
            return 0
        return max(1, min(wanted, left))

    def thinks(self, candidate: Candidate, asked: bool | None) -> tuple[bool, str]:
        """Whether the model thinks, and why. asked: what an escalation wants, None: as the question needs."""
        wanted = self.needs.reasoning if asked is None else asked
        budget, title = self.budget(candidate), candidate.model.title
        if candidate.model.thinking == "always":
            return True, f"{title} always thinks first, here for at most {budget:,} tokens."
        if wanted and budget:
            hurry = ", few because somebody waits" if self.needs.low_latency else ""
            return True, f"It thinks first, for at most {budget:,} tokens{hurry}."
        if wanted:
            cannot = "cannot think first" if candidate.model.thinking == "never" else "has no room left to think first"
            return False, f"{title} {cannot}, so it answers at once."
        if self.purpose is Purpose.EXTRACTION:
            return False, "It does not think first, because thinking makes extraction less exact."
        return False, "It answers at once, because the question asks for no judgement."

    def ranked(self, candidates: Sequence[Candidate], purpose: Purpose | None = None) -> list[Candidate]:
        """The candidates, best first: big enough, in the wanted mode, in the policy's order, then by size."""
        purpose = purpose or self.purpose
        thinking = self.needs.reasoning or purpose is Purpose.REASONING
        quick = self.needs.low_latency and not thinking

        def key(candidate: Candidate) -> tuple[bool, bool, int, int, int, str]:
            model = candidate.model
            wrong_mode = not self.budget(candidate) if thinking else model.thinking == "always"
            size = model.active if quick else -model.parameters
            small = model.parameters < self.policy.smallest.get(purpose, 0)
            place = self._place(candidate, purpose)
            return small, wrong_mode, place, size, -model.released.toordinal(), candidate.name

        return sorted(candidates, key=key)

    def why(self, chosen: Candidate, up: Sequence[Candidate], adapter: bool) -> str:
        """The reason for the first choice."""
        order = self.policy.prefer.get(self.purpose, ())
        place = self._place(chosen, self.purpose)
        asks = f"The question {_ASKS[self.purpose].format(structure=self.structure)}"
        named = chosen.name if chosen.name == chosen.model.name else f"{chosen.name} ({chosen.model.title})"
        if adapter:
            return f"{asks}, and {named} has the fine-tuned adapter."
        if len(up) == 1:
            return f"{asks}, and {named} is the one model that can answer it."
        if place == 0:
            return f"{asks}, for which {order[0]} comes first, so {named} answers."
        if not order:
            return f"{asks}, for which the policy names no preference, so {named} answers."
        if any(self._place(each, self.purpose) < place for each in up):
            return (
                f"{asks}; what the policy prefers in this pool is too small or in the wrong mode, so {named} answers."
            )
        absent = f"{asks}, for which {order[0]} would come first; no such model is at hand"
        return f"{absent}, so the next best, {named}, answers."

    def _place(self, candidate: Candidate, purpose: Purpose) -> int:
        order = self.policy.prefer.get(purpose, ())
        names = (candidate.name, candidate.model.name, candidate.model.family)
        return min((order.index(name) for name in names if name in order), default=len(order))
