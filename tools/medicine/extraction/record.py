"""A record's sections and sentences, with offsets and languages."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache
from typing import cast

from tools.medicine.alignment import sentences
from tools.medicine.extraction.keydata import Section, SectionKind, Segment
from tools.medicine.extraction.languages import record_language, segment_language
from tools.medicine.lexicon import fold, vocabulary, words

LONGEST = 500
"""Characters: what is longer is no sentence, and what is looked for within one takes the square of its length."""
_BEFORE = r"(?:[#>*\-•·●■□◆▪]+\s?|[（(]?\d{1,2}(?:\.\d{1,2})?[.、)）．:]\s?|[（(]?[一二三四五六七八九十]{1,3}[、.)）]\s?|[ivx]{1,4}[.)]\s|[a-h][.)]\s|【|\[|\*\*|__)?"
_AFTER = r"(?:】|\]|\*\*|__)?"


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the extractors see it. folded has the length of text, so that offsets hold for both."""

    text: str
    folded: str
    language: str
    sections: tuple[Section, ...]
    segments: tuple[Segment, ...]

    def section_at(self, offset: int) -> SectionKind:
        """The kind of the section that holds a character."""
        place = bisect_right(self.sections, offset, key=lambda section: section.start) - 1
        return self.sections[place].kind if place >= 0 else "none"

    def is_heading(self, start: int, end: int) -> bool:
        """Whether a piece lies within a section's heading."""
        place = bisect_right(self.sections, start, key=lambda section: section.start) - 1
        return place >= 0 and end <= self.sections[place].end

    def segment_at(self, offset: int) -> Segment | None:
        """The sentence that holds a character."""
        place = bisect_right(self.segments, offset, key=lambda segment: segment.start) - 1
        found = self.segments[place] if place >= 0 else None
        return found if found and offset < found.end else None


@cache
def _headings() -> tuple[re.Pattern[str], dict[str, SectionKind]]:
    kinds: dict[str, SectionKind] = {}
    for kind, row in vocabulary("sections").items():
        for cell in row.values():
            for word in words(cell):
                kinds.setdefault(fold(word), cast(SectionKind, kind))
    joined = "|".join(re.escape(word).replace(r"\ ", r"[ \t]+") for word in sorted(kinds, key=len, reverse=True))
    short = "|".join(re.escape(word) for word in sorted(kinds, key=len, reverse=True) if len(word) > 1)
    pattern = re.compile(
        rf"(?P<line>^[ \t　]*{_BEFORE}(?P<head>{joined})(?:[ \t]?[（(][^）)\n]{{0,24}}[）)])?{_AFTER}[ \t　]*(?P<mark>[:：]|-[ \t]|—|$|(?=[ \t　]{{2,}}\S)))"
        rf"|(?P<inline>(?:(?<=[\s。；;.!?】])|(?<=[\u3400-\u9fff]))(?P<head2>{short})(?:[（(][^）)\n]{{0,16}}[）)])?[ \t]?[:：])"
        rf"|(?P<bracketed>[【\[](?P<head3>{joined})[】\]])",
        re.MULTILINE,
    )
    return pattern, kinds


def find_sections(text: str, folded: str) -> list[Section]:
    """The sections, from the first to the end of the text, together covering all of it."""
    pattern, kinds = _headings()
    marks: list[tuple[int, int, SectionKind]] = []
    for match in pattern.finditer(folded):
        word = re.sub(r"[ \t]+", " ", match["head"] or match["head2"] or match["head3"])
        kind = kinds.get(word)
        if kind is None or (
            match["inline"] and len(word) == 2 and not word.isascii() and match.start() and _glued(folded, match)
        ):
            continue
        start = match.start("head") if match["line"] else match.start("head2") if match["inline"] else match.start()
        marks.append((start, match.end(), kind))
    if not marks or marks[0][0] > 0:
        marks.insert(0, (0, 0, "none"))
    ends = [start for start, _, _ in marks[1:]] + [len(text)]
    return [
        Section(start=start, end=end, quote=text[start:end], kind=kind, body_end=body_end)
        for (start, end, kind), body_end in zip(marks, ends, strict=True)
        if body_end > start or not text
    ]


def _glued(folded: str, match: "re.Match[str]") -> bool:
    """Whether a two-character heading stands inside a longer word (术后诊断：is a heading, 其他检查：of another)."""
    return "\u3400" <= folded[match.start("head2") - 1] <= "\u9fff"


def read_record(text: str, language: str | None = None) -> Record:
    """Sections and sentences of a record. language: of most of it, if known (BCP 47)."""
    folded = fold(text)
    main = language.lower().split("-")[0] if language else record_language(text)
    sections = find_sections(text, folded)
    cuts = sorted({section.start for section in sections} | {section.end for section in sections})
    segments: list[Segment] = []
    starts = [section.start for section in sections]
    for start, end in _split(text, cuts):
        kind = sections[bisect_right(starts, start) - 1].kind if sections else "none"
        language_ = segment_language(text[start:end], main)
        segments.append(Segment(start=start, end=end, quote=text[start:end], language=language_, section=kind))
    return Record(text, folded, main, tuple(sections), tuple(segments))


def _split(text: str, cuts: list[int]) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    for start, end in sentences(text):
        inside = cuts[bisect_right(cuts, start) : bisect_left(cuts, end)]
        for a, b in zip([start, *inside], [*inside, end], strict=True):
            body = text[a:b]
            a, b = a + len(body) - len(body.lstrip()), a + len(body.rstrip())
            if any(character.isalnum() for character in text[a:b]):
                pieces += _at_most(text, a, b)
    return pieces


def _at_most(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """A sentence in pieces of at most LONGEST characters, cut at a comma or a space where there is one."""
    found: list[tuple[int, int]] = []
    while end - start > LONGEST:
        near = max(text.rfind(mark, start + LONGEST // 2, start + LONGEST) for mark in "，,、;； ")
        middle = near + 1 if near > 0 else start + LONGEST
        found.append((start, middle))
        start = middle
    return [*found, (start, end)]
