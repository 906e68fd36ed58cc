"""Which sentences of a translation render which of the source, by length and by anchors.

Dynamic programming after Gale and Church (Computational Linguistics 1993), with shared anchors (terms, drugs, numbers)
beside the lengths. A sentence without a counterpart is missing only if its anchors are nowhere on the other side.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

_END = re.compile(
    r"[。！？；\n]+[”」』）)]*|(?<=[^\W\d_]{2})[.!?](?=\s+\S|$)|(?<=[\d%)\]])[.!?](?=\s+(?!Tag|Lebens|Schwanger|Woche|Monat|Jahr|post|Ja?nu|Feb|März|Apr|Mai|Juni|Juli|Aug|Sep|Okt|Nov|Dez|Hirnnerv|Klasse|Grad|LWK|BWK|Rippe|Finger|Zeh|Mal\b)[A-ZÀ-Ü¿¡]|$)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|prof|vs|no|nr|sr|sra|dra|st|fig|ca|bzw|approx|env|aprox|max|min|inkl|ggf|usw|etc|tel|z\.b|u\.a|d\.h|i\.v|p\.o|e\.g|i\.e))$",
    re.IGNORECASE,
)
_BEADS = [(1, 1, 0.0), (1, 2, 0.6), (2, 1, 0.6), (1, 3, 1.2), (3, 1, 1.2), (2, 2, 1.4), (1, 0, 2.3), (0, 1, 2.3)]
LENGTH = {"zh": 1.0, "ja": 1.25, "en": 3.65, "fr": 4.1, "es": 3.85, "de": 4.05}
"""Characters against Chinese: medians over the project's own sentences (ja: a guess)."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its anchors: what a translation of it must show again."""

    start: int
    end: int
    anchors: frozenset[str]


@dataclass(frozen=True, slots=True)
class Bead:
    """Sentences that render each other: positions in the lists of both sides; one of them may be empty."""

    source: tuple[int, ...]
    target: tuple[int, ...]


def sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a text begin and end, white space at the edges left out."""
    found: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if "\n" not in match.group() and _ABBREVIATION.search(text[start : match.start()]):
            continue
        found.append((start, match.end()))
        start = match.end()
    found.append((start, len(text)))
    trimmed = [(a + len(text[a:b]) - len(text[a:b].lstrip()), a + len(text[a:b].rstrip())) for a, b in found]
    return [(a, b) for a, b in trimmed if any(c.isalnum() for c in text[a:b])]


def align(source: Sequence[Sentence], target: Sequence[Sentence], ratio: float) -> list[Bead]:
    """The cheapest alignment. ratio: target characters to one source character."""
    best: dict[tuple[int, int], tuple[float, Bead | None]] = {(0, 0): (0.0, None)}
    for i in range(len(source) + 1):
        for j in range(max(0, _near(i, source, target) - 12), min(len(target), _near(i, source, target) + 12) + 1):
            for di, dj, penalty in _BEADS:
                before = best.get((i - di, j - dj))
                if before is None:
                    continue
                bead = Bead(tuple(range(i - di, i)), tuple(range(j - dj, j)))
                cost = (
                    before[0]
                    + penalty
                    + _cost([source[k] for k in bead.source], [target[k] for k in bead.target], ratio)
                )
                if (i, j) not in best or cost < best[i, j][0]:
                    best[i, j] = (cost, bead)
    beads: list[Bead] = []
    at = (len(source), len(target))
    while bead := best.get(at, (0.0, None))[1]:
        beads.append(bead)
        at = (at[0] - len(bead.source), at[1] - len(bead.target))
    return beads[::-1] or [Bead(tuple(range(len(source))), tuple(range(len(target))))]


def _near(i: int, source: Sequence[Sentence], target: Sequence[Sentence]) -> int:
    return round(i * len(target) / max(1, len(source)))


def _cost(mine: Sequence[Sentence], theirs: Sequence[Sentence], ratio: float) -> float:
    if not mine or not theirs:
        return 0.0
    expected = sum(s.end - s.start for s in mine) * ratio
    actual = sum(s.end - s.start for s in theirs)
    length = min(3.0, 1.6 * abs(log((actual + 8) / (expected + 8))) ** 1.3)
    a = frozenset[str]().union(*(s.anchors for s in mine))
    b = frozenset[str]().union(*(s.anchors for s in theirs))
    shared = 2 * len(a & b) / (len(a) + len(b)) if a or b else 0.5
    return length + 3.2 * (1 - shared) - 0.1


def uncovered(sentence: Sentence, other: Sequence[Sentence], same: Sequence[Sentence]) -> float:
    """The share of a sentence's anchors that the other side lacks; counted against this side's other needs."""
    if not sentence.anchors:
        return 0.5
    there = Counter(anchor for each in other for anchor in each.anchors)
    here = Counter(anchor for each in same for anchor in each.anchors)
    lacking = sum(1 for anchor in sentence.anchors if there[anchor] == 0 or here[anchor] > there[anchor])
    return lacking / len(sentence.anchors)
