"""A document that no context holds: cut where clauses begin, each part overlapping the one before."""

import re
from collections.abc import Sequence
from typing import Final

_BREAKS: Final = (
    re.compile(
        r"\n(?=\s*(?:(?:article|section|clause|schedule|annex)\s+\w+|第[一二三四五六七八九十百零\d]+条|\d+(?:\.\d+)*[.)]?\s))",
        re.IGNORECASE,
    ),
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.;。；])\s*"),
    re.compile(r"\s+"),
)
"""Where a text may be cut, best first: before a numbered clause, a paragraph, a line, a sentence, a word."""

_EARLIEST: Final = 0.6
"""A part is cut in its last two fifths, so that parts do not become small."""


def split(text: str, longest: int, overlap: int) -> list[str]:
    """The text in parts of at most `longest` bytes of UTF-8; each begins with the end of the one before, at most
    `overlap` bytes of it, from the beginning of a sentence where there is one.

    Every character is in a part, in order. Raises ValueError unless 0 <= overlap < longest / 2 and longest >= 16.
    """
    if longest < 16 or not 0 <= overlap < longest / 2:
        raise ValueError(f"longest = {longest}, overlap = {overlap}: overlap must be less than half of longest")
    parts: list[str] = []
    start = 0
    while len(text[start:].encode()) > longest:
        room = len(text[start:].encode()[:longest].decode(errors="ignore"))
        end = start + _cut(text[start : start + room])
        parts.append(text[start:end])
        start = max(_overlap_start(text, start, end, overlap), start + 1)
    parts.append(text[start:])
    return parts


def _cut(window: str) -> int:
    earliest = int(len(window) * _EARLIEST)
    for pattern in _BREAKS:
        places = [match.end() for match in pattern.finditer(window, earliest) if 0 < match.end() < len(window)]
        if places:
            return places[-1]
    return len(window)


def _overlap_start(text: str, start: int, end: int, overlap: int) -> int:
    """Where the next part begins: not before the middle of this one, so that parts go forward."""
    tail = text[start:end].encode()[-overlap:].decode(errors="ignore") if overlap else ""
    begin = max(end - len(tail), start + (end - start) // 2 + 1)
    if begin >= end:
        return end
    for pattern in (_BREAKS[1], _BREAKS[2], _BREAKS[3]):
        match = pattern.search(text, begin, end)
        if match and match.end() < end:
            return match.end()
    return begin


def shares(parts: Sequence[str]) -> str:
    """For a person: "3 parts of 9,000, 9,000 and 4,000 characters"."""
    sizes = [f"{len(part):,}" for part in parts]
    return f"{len(parts)} parts of {', '.join(sizes[:-1])} and {sizes[-1]} characters" if len(sizes) > 1 else "1 part"
