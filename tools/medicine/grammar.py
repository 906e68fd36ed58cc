"""Reads a clause of a language into a tree of terms, figures and phrases.

A clause is read whole or not at all. Every way of reading that would guess is shut: a name that two terms share, a
number with two readings, a list that may end inside a negation.
"""

import re
from collections.abc import Iterator
from functools import cache

from tools.medicine import figures, orders, phrases
from tools.medicine.lexicon import IDEOGRAPHIC
from tools.medicine.phrases import Phrase, Slot, Wording
from tools.medicine.term_base import TermBase
from tools.medicine.tree import CLOSED, Figure, Filled, Listed, Node, Word

LONGEST = 160
"""Characters of a clause that is tried at all; a longer one is prose."""
_STANDS_FOR = {
    "finding": ("symptom", "sign", "diagnosis"),
    "place": ("anatomy",),
    "event": ("diagnosis", "symptom", "procedure"),
}
"""Kinds of a slot that several kinds of terms may fill; a kind not named here takes its own terms."""
_LISTED = frozenset(
    {"finding", "symptom", "diagnosis", "place", "drug", "laboratory", "procedure", "event", "allergen"}
)
_LAST = {"en": r",? (?:and|or|nor) ", "es": r",? (?:y|e|o|u|ni) ", "fr": r",? (?:et|ou|ni) ",
         "de": r",? (?:und|oder|sowie) "}  # fmt: skip
_JOINTS = {lang: rf"{last}|, " for lang, last in _LAST.items()} | {
    "zh": r"\s*(?:、|以及|[及和与或])\s*",
    "ja": r"\s*(?:、|およひ|と)\s*",
}


def _cut(text: str, at: int, lang: str) -> bool:
    """Whether a word may begin or end here: not inside a Latin word or a number."""
    if at in {0, len(text)}:
        return True
    before, after = text[at - 1], text[at]
    if before.isdigit() and after.isdigit():
        return False
    return lang in IDEOGRAPHIC or not (before.isalpha() and after.isalpha())


@cache
def _wordings(lang: str) -> dict[str, list[tuple[Phrase, Wording, tuple[str, ...]]]]:
    """The phrases' wordings by what they make, each with the literals that a text must hold."""
    found: dict[str, list[tuple[Phrase, Wording, tuple[str, ...]]]] = {}
    for phrase in phrases.load():
        for wording in phrase.read.get(lang, ()):
            literals = tuple(piece.strip() for piece in wording if isinstance(piece, str) and piece.strip())
            found.setdefault(phrase.makes, []).append((phrase, wording, literals))
    return found


@cache
def _closed(terms: TermBase, lang: str) -> dict[str, list[str]]:
    """The names of the closed kinds, the longest first."""
    return {kind: sorted(terms.names(lang, kind), key=len, reverse=True) for kind in CLOSED}


@cache
def _before_a_vital(lang: str) -> re.Pattern[str]:
    labels = {wording[0].strip() for _, wording, _ in _wordings(lang).get("vital", ()) if isinstance(wording[0], str)}
    joined = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
    return re.compile(rf"[\s,、]+(?=(?:{joined})(?![a-z]))")


_FIGURES = frozenset({"number", "duration", "date"})


@cache
def _figure_pattern(kind: str, lang: str) -> re.Pattern[str]:
    match kind:
        case "number":
            return re.compile(figures.NUMBER + ("|[一二三四五六七八九十两]" if lang in IDEOGRAPHIC else ""))
        case "duration":
            return re.compile(figures.duration_pattern(lang))
        case _:
            return re.compile(figures.date_pattern(lang))


class Reader:
    """Reads the folded clauses of one sentence; remembers what it read, so keep it no longer than the sentence."""

    def __init__(self, terms: TermBase, lang: str) -> None:
        self._terms = terms
        self._lang = lang
        self._read: dict[tuple[str, str], Node | None] = {}
        self._phrases = _wordings(lang)
        self._names = _closed(terms, lang)

    def read(self, kind: str, text: str) -> Node | None:
        """The whole text as one of the kind, or None."""
        text = text.strip()
        if not text or len(text) > LONGEST:
            return None
        key = (kind, text)
        if key not in self._read:
            self._read[key] = None  # a phrase that holds itself ends here
            self._read[key] = self._figure(kind, text) or self._word(kind, text) or self._listed(kind, text)
            if self._read[key] is None:
                self._read[key] = self._special(kind, text) or next(self._filled(kind, text), None)
        return self._read[key]

    def _word(self, kind: str, text: str) -> Node | None:
        found = self._terms.find(text, self._lang, _STANDS_FOR.get(kind, (kind,)))
        return Word(found[0]) if len(found) == 1 else None

    def _figure(self, kind: str, text: str) -> Node | None:
        match kind:
            case "number":
                number = figures.read_number(text, self._lang)
                return Figure(number) if number else None
            case "duration":
                duration = figures.read_duration(text, self._lang)
                return Figure(duration) if duration else None
            case "date":
                day = figures.read_date(text, self._lang)
                return Figure(day) if day else None
            case "quantity":
                return self._quantity(text)
            case _:
                return None

    def _special(self, kind: str, text: str) -> Node | None:
        if kind == "order":
            return orders.read(text, self._lang, self._terms)
        if kind == "vitals":
            parts = [self.read("vital", part) for part in _before_a_vital(self._lang).split(text) if part.strip(" ,")]
            return (
                Listed(tuple(part for part in parts if part), "side by side") if len(parts) > 1 and all(parts) else None
            )
        return None

    def _quantity(self, text: str) -> Node | None:
        match = re.match(r"(\d+(?:[.,]\d+)?)\s*(?=\D)", text)
        if not match:
            return None
        number = figures.read_number(match[1], self._lang)
        unit = self._terms.find(text[match.end() :], self._lang, ("unit", "count"))
        return Figure((number, unit[0])) if number and len(unit) == 1 else None

    def _listed(self, kind: str, text: str) -> Node | None:
        if kind not in _LISTED:
            return None
        if "," in text and self._lang in _LAST and not re.search(_LAST[self._lang], text):
            return None  # "no fever, cough": who says where the negation ends?
        parts = re.split(_JOINTS[self._lang], text)
        if len(parts) < 2:
            return None
        items = [self.read(kind, part) for part in parts]
        return Listed(tuple(item for item in items if item)) if all(items) else None

    def _filled(self, kind: str, text: str) -> Iterator[Node]:
        for phrase, wording, literals in self._phrases.get(kind, ()):
            if all(piece in text for piece in literals):
                for slots in self._fill(wording, text, 0):
                    yield Filled(phrase, slots)

    def _fill(self, wording: Wording, text: str, at: int) -> Iterator[tuple[tuple[str, Node], ...]]:
        if not wording:
            if not text[at:].strip():
                yield ()
            return
        piece, rest = wording[0], wording[1:]
        if isinstance(piece, str):
            end = _literal(piece, text, at)
            if end is not None and (rest or not text[end:].strip()):
                yield from self._fill(rest, text, end)
            return
        for end in self._ends(piece, rest, text, at):
            node = self.read(piece.kind, text[at:end])
            if node:
                for others in self._fill(rest, text, end):
                    yield ((piece.name, node), *others)

    def _ends(self, slot: Slot, rest: Wording, text: str, at: int) -> Iterator[int]:
        """Where a slot may end, the longest first."""
        while at < len(text) and text[at] == " ":
            at += 1
        if slot.kind in CLOSED:
            yield from (at + len(name) for name in self._names[slot.kind] if text.startswith(name, at))
            return
        if slot.kind in _FIGURES:
            match = _figure_pattern(slot.kind, self._lang).match(text, at)
            if match:
                yield match.end()
            return
        if not rest:
            yield len(text)
            return
        following = rest[0].strip() if isinstance(rest[0], str) else ""
        if following:
            end = text.rfind(following, at + 1)
            while end > at:
                if _cut(text, end, self._lang):
                    yield end
                end = text.rfind(following, at + 1, end + len(following) - 1)
            return
        for end in range(len(text) - 1, at, -1):
            if _cut(text, end, self._lang):
                yield end


def _past(text: str, at: int) -> int:
    while at < len(text) and text[at] == " ":
        at += 1
    return at


def _literal(piece: str, text: str, at: int) -> int | None:
    """Where a literal that starts here ends; spaces at its edges and between scripts are free."""
    core = piece.strip()
    at = _past(text, at)
    if not core:
        return at
    return at + len(core) if text.startswith(core, at) else None
