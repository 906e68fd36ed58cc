"""Whether a text is in the language it should be in, and what of it was left untranslated."""

import re
from collections.abc import Iterator

from tools.medicine.alarms import Alarm, span
from tools.medicine.lexicon import IDEOGRAPHIC
from tools.medicine.scripts import HAN, KANA, WORD

_HAN_RUN = re.compile(r"[\u3400-\u9fff\u3041-\u30ff]{2,}")
_LATIN_RUN = re.compile(r"(?:\b[a-z]{2,}\b[ ,]+){3,}[a-z]{2,}", re.IGNORECASE)
_COMMON = {
    "en": frozenset(
        [
            "the",
            "of",
            "and",
            "to",
            "in",
            "with",
            "was",
            "is",
            "were",
            "had",
            "has",
            "for",
            "on",
            "his",
            "her",
            "he",
            "she",
            "no",
            "not",
            "at",
            "from",
            "by",
            "which",
            "that",
            "are",
            "been",
            "there",
            "this",
            "without",
        ]
    ),
    "fr": frozenset(
        [
            "le",
            "la",
            "les",
            "des",
            "du",
            "et",
            "un",
            "une",
            "est",
            "dans",
            "avec",
            "pas",
            "pour",
            "sur",
            "au",
            "aux",
            "il",
            "elle",
            "qui",
            "par",
            "sans",
            "ce",
            "cette",
            "été",
            "était",
            "patient",
        ]
    ),
    "es": frozenset(
        [
            "el",
            "la",
            "los",
            "las",
            "del",
            "y",
            "un",
            "una",
            "es",
            "en",
            "con",
            "no",
            "para",
            "por",
            "se",
            "que",
            "su",
            "al",
            "sin",
            "fue",
            "ha",
            "presenta",
            "refiere",
            "paciente",
        ]
    ),
    "de": frozenset(
        [
            "der",
            "die",
            "das",
            "und",
            "ein",
            "eine",
            "ist",
            "im",
            "mit",
            "nicht",
            "für",
            "auf",
            "von",
            "zu",
            "den",
            "dem",
            "des",
            "wurde",
            "keine",
            "ohne",
            "bei",
            "er",
            "sie",
            "seit",
            "hat",
        ]
    ),
}


def wrong_language(text: str, lang: str) -> str | None:
    """Why the text is not in the language, or None. Short texts and languages without a rule pass."""
    letters = sum(map(len, WORD.findall(text)))
    han, kana = len(HAN.findall(text)), len(KANA.findall(text))
    if letters < 8:
        return None
    if lang in IDEOGRAPHIC:
        if (han + kana) * 5 < letters and len(WORD.findall(text)) > 4:
            return f"the translation should be in {lang} but is in Latin script"
        if lang == "zh" and kana * 5 > han + kana:
            return "the translation should be in zh but is in Japanese"
        if lang == "ja" and han > 15 and kana == 0:
            return "the translation should be in ja but has no kana"
        return None
    if lang in _COMMON and (han + kana) * 2 > letters:
        return f"the translation should be in {lang} but is in Chinese or Japanese script"
    if lang not in _COMMON:
        return None
    words = [word.lower() for word in WORD.findall(text)]
    counts = {each: sum(word in common for word in words) for each, common in _COMMON.items()}
    best = max(counts, key=lambda each: counts[each])
    if best != lang and counts[best] >= 3 and counts[best] >= 2.5 * max(counts[lang], 0.8):
        return f"the translation should be in {lang} but reads as {best}"
    return None


def untranslated(source: str, target: str, lang: str) -> Iterator[Alarm]:
    """Pieces of the target that are still in the source's words or script."""
    if lang in IDEOGRAPHIC:
        for match in _LATIN_RUN.finditer(target):
            if (
                sum(
                    word.lower() in _COMMON["en"] | _COMMON["fr"] | _COMMON["es"] | _COMMON["de"]
                    for word in WORD.findall(match.group())
                )
                >= 1
            ):
                yield _left(source, target, *match.span())
        return
    for match in _HAN_RUN.finditer(target):
        yield _left(source, target, *match.span())
    for piece in re.finditer(r"[^.;:!?\n]{25,}", source):
        body = piece.group().strip()
        if (
            len(body.split()) >= 5
            and any(w.lower() in c for w in body.split() for c in _COMMON.values())
            and (at := target.find(body)) >= 0
        ):
            yield _left(source, target, at, at + len(body))


def _left(source: str, target: str, start: int, end: int) -> Alarm:
    shown = span(target, start, end)
    at = source.find(shown.text)
    mine = span(source, at, at + len(shown.text)) if at >= 0 else None
    return Alarm(
        kind="untranslated", severity="major", source=mine, target=shown, why=f"“{shown.text}” was not translated"
    )
