"""A medication order, "aspirin 100 mg orally once daily for 7 days", in whatever order its parts are written."""

import re
from dataclasses import dataclass
from functools import cache

from tools.medicine import figures
from tools.medicine.term_base import TermBase
from tools.medicine.tree import Figure, Node, Order, Word

_PARTS = ("drug", "form", "route", "frequency", "moment")
_FOR = {
    "zh": r"(?:共|连用|连服|疗程)\s*(?:{d})|[x×*]\s*(?:{d})",
    "en": r"for (?:{d})|[x×] ?(?:{d})", "es": r"durante (?:{d})",
    "fr": r"pendant (?:{d})", "de": r"fur (?:{d})", "ja": r"(?:{d})(?!\d|こと|毎)",
}  # fmt: skip
"""How long a drug is given, on folded text: in Japanese ごと is folded to こと."""
_STRENGTH = re.compile(r"(\d+(?:[.,]\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class _Words:
    """names: (name, kind) by first letter."""

    names: dict[str, list[tuple[str, str]]]
    units: list[str]
    lasting: re.Pattern[str]


@cache
def _words(terms: TermBase, lang: str) -> _Words:
    def ordered(*kinds: str) -> list[str]:
        return sorted((n for kind in kinds for n in terms.names(lang, kind)), key=len, reverse=True)

    lasting = re.compile(_FOR[lang].replace("{d}", figures.duration_pattern(lang)))
    by_initial: dict[str, list[tuple[str, str]]] = {}
    for kind in _PARTS:
        for name in ordered(kind):
            by_initial.setdefault(name[0], []).append((name, kind))
    return _Words(by_initial, ordered("unit", "count"), lasting)


def read(text: str, lang: str, terms: TermBase) -> Order | None:
    """The whole folded text as an order: a drug first, then at least its dose or how often; each part once."""
    words = _words(terms, lang)
    parts: dict[str, Node] = {}
    at = 0
    while at < len(text):
        if text[at] in " ,、":
            at += 1
            continue
        found = _part(text, at, lang, terms, words, parts)
        if found is None or found[0] in parts or (not parts and found[0] not in {"drug", "route", "moment"}):
            return None
        kind, node, at = found
        parts[kind] = node
    if "drug" not in parts or not parts.keys() & {"quantity", "frequency"}:
        return None
    return Order(tuple(parts.items()))


def _part(
    text: str, at: int, lang: str, terms: TermBase, words: _Words, parts: dict[str, Node]
) -> tuple[str, Node, int] | None:
    if match := words.lasting.match(text, at):
        length = re.search(figures.duration_pattern(lang), match.group())
        duration = figures.read_duration(length.group(), lang) if length else None
        return ("duration", Figure(duration), match.end()) if duration else None
    candidates = [(len(name), kind, name) for name, kind in words.names.get(text[at], ()) if _at(text, at, name)]
    if candidates:
        length, kind, name = max(candidates)
        found = terms.find(name, lang, (kind,))
        return (kind, Word(found[0]), at + length) if len(found) == 1 else None
    if match := _STRENGTH.match(text, at):
        number = figures.read_number(match[1], lang)
        for unit in words.units:
            if number and _at(text, match.end(), unit):
                found = terms.find(unit, lang, ("unit", "count"))
                end = match.end() + len(unit)
                return ("quantity", Figure((number, found[0])), end) if len(found) == 1 else None
    return None


def _at(text: str, at: int, name: str) -> bool:
    """Whether the name stands here, not as the beginning of a longer Latin word or unit."""
    end = at + len(name)
    if not text.startswith(name, at):
        return False
    following = text[end : end + 1]
    latin = name[-1].isascii() and name[-1].isalpha()
    return not (latin and ((following.isascii() and following.isalpha()) or following in {"/", "^"}))
