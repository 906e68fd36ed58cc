"""Whether a translation, whoever made it, uses the words of the term base."""

from collections.abc import Iterator
from functools import cache

from tools.medicine.alarms import Alarm, span
from tools.medicine.lexicon import IDEOGRAPHIC, Mention, fold, language
from tools.medicine.term_base import Term, TermBase

_STRICT = ("drug", "diagnosis", "symptom", "anatomy", "procedure", "laboratory", "user")
_SHORTEST = {"zh": 2, "ja": 2}


def violations(source: str, target: str, source_lang: str, target_lang: str, term_base: TermBase) -> list[Alarm]:
    """Terms of the source of which the target has no name, each a minor alarm (a drug: major).

    A name counts as used in any of its forms or synonyms, also inflected (its first two thirds, at least four letters).
    Names of three Latin letters or one ideograph are passed over: too many other words hold them.
    """
    mine, theirs = language(source_lang), language(target_lang)
    folded, rendered = fold(source), fold(target)
    alarms: list[Alarm] = []
    for mention, terms in _mentions(folded, mine, term_base):
        if any(_used(term, rendered, theirs) for term in terms):
            continue
        expected = terms[0].preferred(theirs)
        if expected is None:
            continue
        shown = span(source, mention.start, mention.end)
        alarms.append(
            Alarm(
                kind="term",
                severity="major" if mention.key == "drug" else "minor",
                source=shown,
                target=None,
                why=f"the term base has “{expected.text}” for “{shown.text}”; the translation does not use it",
            )
        )
    return alarms


def required(source: str, source_lang: str, target_lang: str, term_base: TermBase) -> Iterator[tuple[str, str]]:
    """The terms of the source as they stand in it, each with the name that its translation should use."""
    for mention, terms in _mentions(fold(source), language(source_lang), term_base):
        expected = terms[0].preferred(language(target_lang))
        if expected is not None:
            yield source[mention.start : mention.end], expected.text


@cache
def _names(term_base: TermBase, lang: str) -> dict[str, list[tuple[str, str]]]:
    """(name, kind) by first letter, the longest first."""
    by_initial: dict[str, list[tuple[str, str]]] = {}
    for kind in _STRICT:
        for name in term_base.names(lang, kind):
            if len(name) >= _SHORTEST.get(lang, 4):
                by_initial.setdefault(name[0], []).append((name, kind))
    return {initial: sorted(names, key=lambda row: -len(row[0])) for initial, names in by_initial.items()}


def _mentions(folded: str, lang: str, term_base: TermBase) -> Iterator[tuple[Mention, tuple[Term, ...]]]:
    names = _names(term_base, lang)
    at, seen = 0, set[str]()
    while at < len(folded):
        here = next((row for row in names.get(folded[at], ()) if _stands(folded, at, row[0], lang)), None)
        if here is None:
            at += 1
            continue
        name, kind = here
        if name not in seen:
            seen.add(name)
            yield Mention(kind, at, at + len(name)), term_base.find(name, lang, (kind,))
        at += len(name)


def _stands(text: str, at: int, name: str, lang: str) -> bool:
    end = at + len(name)
    if not text.startswith(name, at):
        return False
    return lang in IDEOGRAPHIC or not (text[at - 1 : at].isalnum() or text[end : end + 1].isalnum())


def _used(term: Term, folded: str, lang: str) -> bool:
    for name in term.names.get(lang, ()):
        for form in name.forms:
            stem = fold(form)
            if lang not in IDEOGRAPHIC and len(stem) > 5:
                stem = stem[: max(4, len(stem) * 2 // 3)]
            if stem in folded:
                return True
    return False
