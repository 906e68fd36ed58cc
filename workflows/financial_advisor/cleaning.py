"""What a model wrote, without figures that no tool returned and without what it may not say."""

from workflows.financial_advisor import prose, tracing
from workflows.financial_advisor.situation import Situation
from workflows.financial_advisor.state import AdviceState
from workflows.financial_advisor.tracing import Ground

# Every key of the state is optional to LangGraph; a node runs after those that set what it reads.
# pyright: reportTypedDictNotRequiredAccess=false


def recommended(state: AdviceState) -> dict[str, float]:
    gated = state["gated"]
    return dict(gated.weights) if gated else {}


def _allowed(state: AdviceState, situation: Situation) -> set[str]:
    """Funds that prose may speak of freely: those that passed, and those that the client holds or named."""
    return set(recommended(state)) | set(situation.weights if not situation.recommending else ())


class Cleaner:
    """Takes sentences out of paragraphs and remembers them."""

    def __init__(self, state: AdviceState, situation: Situation, known: Ground) -> None:
        self.known, self.today = known, situation.today
        self.catalogue, self.allowed = situation.catalogue, _allowed(state, situation)
        self.removed: list[str] = []

    def traced(self, text: str) -> str:
        """The text without sentences whose figures no tool returned."""
        wrong = tracing.untraceable(text, self.known, self.today)
        return self._less(text, tracing.without(text, wrong)) if wrong else text

    def faults(self, text: str) -> list[str]:
        """What is wrong with a model's text, as sentences for its repair."""
        wrong = tracing.untraceable(text, self.known, self.today, as_said=True)
        taken = prose.faults(text, self.catalogue, self.allowed)
        return [
            *(f"{each.text!r} stands in no result as what it is said to be" for each in wrong),
            *(f"may not be said ({why}): {text[start:end].strip()[:80]!r}" for start, end, why in taken),
        ]

    def said(self, text: str) -> str:
        """A model's text without what it may not say, and without figures that are not what it says they are."""
        taken = prose.faults(text, self.catalogue, self.allowed)
        left = self._less(text, prose.without(text, taken)) if taken else text
        wrong = tracing.untraceable(left, self.known, self.today, as_said=True)
        return self._less(left, tracing.without(left, wrong)) if wrong else left

    def _less(self, before: str, after: str) -> str:
        kept = {after[start:end].strip() for start, end in tracing.sentences(after)}
        lost = [before[start:end].strip() for start, end in tracing.sentences(before)]
        self.removed += [each for each in lost if each not in kept]
        return after
