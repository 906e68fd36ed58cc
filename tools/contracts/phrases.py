"""Phrase patterns as a lawyer writes them in a playbook: plain words, `*` for any words between, `a|b` for either.

"assign* * without consent" finds "assigns this Agreement without consent"; "单方*解除" finds "单方有权解除". A star on
a word's end completes the word; a star between words (or Chinese characters) spans up to 80 (30) characters of the same
sentence. Upper and lower case are alike.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

_CJK = re.compile(r"[一-鿿]")
_NEGATION_BEFORE = re.compile(
    r"(?:\b(?:not|no|never|neither|nor|cannot|without)\b(?:\s+[\w-]+){0,2}\s+|(?:不得?|未|并非|没有|无权|无需)[^，。；]{0,1})$",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(r"\b(?:not|no|never|neither|nor|cannot|without)\b|[不未无非]", re.IGNORECASE)


@lru_cache(maxsize=4096)
def pattern(phrase: str) -> re.Pattern[str]:
    """The regular expression of a phrase; matches run in linear time, since every gap is bounded."""
    chinese = bool(_CJK.search(phrase))
    gap = r"[^。；;]{0,30}?" if chinese else r"[^.;]{0,80}?"
    words: list[str] = []
    for word in phrase.split():
        if word == "*":
            words.append(gap)
            continue
        choices = [_word(choice, gap) for choice in word.split("|")]
        words.append(choices[0] if len(choices) == 1 else f"(?:{'|'.join(choices)})")
    text = ""
    for index, word in enumerate(words):
        space = "" if index == 0 else r"\s*" if chinese or gap in (word, words[index - 1]) else r"\s+"
        text += space + word
    edge = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
    first, last = phrase[0], phrase[-1]
    return re.compile(
        (edge[0] if first.isascii() and first.isalnum() else "")
        + text
        + (edge[1] if last.isascii() and last.isalnum() else ""),
        re.IGNORECASE,
    )


def _word(word: str, gap: str) -> str:
    parts = word.split("*")
    text = re.escape(parts[0])
    for before, after in pairwise(parts):
        ends_a_word = bool(before) and before[-1].isascii() and before[-1].isalpha() and not after
        text += (r"\w*" if ends_a_word else gap) + re.escape(after)
    return text


def find(phrases: Sequence[str], text: str) -> re.Match[str] | None:
    """The first of the phrases that `text` states, as it stands: a phrase right after a negation is not stated."""
    for phrase in phrases:
        for match in pattern(phrase).finditer(text):
            negative_itself = _NEGATIVE.search(phrase)
            if negative_itself or not _NEGATION_BEFORE.search(text[max(0, match.start() - 40) : match.start()]):
                return match
    return None


def mentions(phrases: Sequence[str], text: str) -> bool:
    """Whether any of the phrases occurs in `text`, negated or not."""
    return any(pattern(phrase).search(text) for phrase in phrases)
