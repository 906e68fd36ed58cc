"""How the embedded engine finds clauses: weighted evidence over sentences, in their structure.

A rule sums the weights of the cues that a sentence shows (each cue once), of the heading it stands under, and of what
its `judge` sees in its surroundings. At `threshold` the sentence is a passage. Negation, exceptions and who is bound
are cues too: negative ones, or a `judge`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from tools.contracts.sentences import ContractText, Sentence

Judge = Callable[[Sentence, int, ContractText], float]
"""(sentence, its index, contract) -> weight to add; reads neighbours through the contract."""


@cache
def _english(written: str) -> re.Pattern[str]:
    """Case-insensitive; white space in it matches any, and so does a dot."""
    return re.compile(written.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Cue:
    """A pattern and what seeing it is worth; negative for what speaks against the category.

    compiled: makes the pattern of what is written, when it is first looked for, and remembers it. To compile the
    hundreds of cues at import took a fifth of the service's start.
    """

    written: str
    weight: float
    compiled: Callable[[str], re.Pattern[str]] = _english

    def seen_in(self, text: str) -> bool:
        return self.compiled(self.written).search(text) is not None


def cue(pattern: str, weight: float) -> Cue:
    """A cue in English: a regular expression, with single spaces for white space."""
    return Cue(pattern, weight)


@dataclass(frozen=True, slots=True)
class Rule:
    """How one category is found.

    gate: must occur in the sentence or nothing else is looked at (keeps a 300-page contract fast). heading: evidence
    from the section heading or run-in title. span: what a hit quotes: its sentence, the sentences that hit in a row
    joined into one, or its whole paragraph. limit: most passages a contract, best first. presence: the least score
    that the best hit must reach for the category to be reported at all (0: the threshold alone decides).
    """

    category: str
    gate: Cue
    cues: tuple[Cue, ...]
    heading: tuple[Cue, ...] = ()
    threshold: float = 1.0
    presence: float = 0.0
    span: Literal["sentence", "joined", "paragraph"] = "sentence"
    limit: int = 4
    judge: Judge | None = None
    min_words: int = 6

    def score(self, sentence: Sentence, index: int, contract: ContractText) -> float:
        if not self.gate.seen_in(sentence.text) or (
            len(sentence.text.split()) < self.min_words and contract.language == "en"
        ):
            return 0.0
        total = sum(cue.weight for cue in self.cues if cue.seen_in(sentence.text))
        place = f"{sentence.heading} / {sentence.title}" if sentence.title else sentence.heading
        total += sum(cue.weight for cue in self.heading if cue.seen_in(place))
        if self.judge is not None:
            total += self.judge(sentence, index, contract)
        return total


def rule(
    category: str,
    gate: str,
    *cues: Cue,
    heading: tuple[Cue, ...] = (),
    threshold: float = 1.0,
    presence: float = 0.0,
    span: Literal["sentence", "joined", "paragraph"] = "sentence",
    limit: int = 4,
    judge: Judge | None = None,
    min_words: int = 6,
) -> Rule:
    """A `Rule` whose gate is written like a cue."""
    return Rule(category, cue(gate, 0), cues, heading, threshold, presence, span, limit, judge, min_words)
