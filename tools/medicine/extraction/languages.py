"""The language of a short piece of text: by script, then by the commonest words of a language, else the whole's."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from functools import cache
from typing import Final

from tools.medicine.lexicon import fold
from tools.medicine.scripts import HAN, SCRIPTS, WORD
from tools.medicine.terms import find_terms

_SCRIPTS: Final = {**SCRIPTS, "el": re.compile(rf"{SCRIPTS['el'].pattern}{{3,}}")}
"""Greek in words only: β and μ stand in every language."""
_COMMON: Final = {
    "en": "the of and to in with was is were had has for on his her he she no not at from by which that are been there this without "
    "denies history patient pain blood daily normal presents year old mg left right known day days positive negative allergies "
    "chest follow up admitted discharged treated due after status diagnosis reports taking chronic acute",
    "fr": "le la les des du et un une est dans avec pas pour sur au aux il elle qui par sans ce cette été était patient patiente "
    "ans depuis traitement douleur jour fois antécédents aucune allergie examen présente matin soir mg né née diagnostic",
    "es": "el la los las del y un una es en con no para por se que su al sin fue ha presenta refiere paciente años desde "
    "tratamiento dolor cada horas antecedentes alergias niega exploración alta día diagnóstico mg días de izquierda derecha",
    "de": "der die das und ein eine ist im mit nicht für auf von zu den dem des wurde keine ohne bei er sie seit hat patient "
    "patientin jahre schmerzen täglich diagnose therapie kein bekannt zeigt sich befund rechts links mg wegen nach am",
}


@cache
def _common() -> dict[str, frozenset[str]]:
    return {lang: frozenset(words.split()) for lang, words in _COMMON.items()}


def segment_language(text: str, otherwise: str) -> str:
    """The BCP 47 primary subtag of a sentence's language; `otherwise` where the sentence alone does not tell."""
    letters = sum(map(len, WORD.findall(text)))
    if not letters:
        return "und"
    for code, script in _SCRIPTS.items():
        if len(script.findall(text)) * (12 if code == "ja" else 4) >= letters:
            return code
    if len(HAN.findall(text)) * 4 >= letters:
        return otherwise if otherwise == "ja" else "zh"
    counts = _counts(text)
    best = max(counts, key=lambda lang: counts[lang])
    if otherwise in counts and counts[otherwise] >= counts[best]:
        return otherwise
    margin = 2 if otherwise in counts else 0
    if (
        counts[best] >= 2 + margin
        and counts[best] > counts.get(otherwise, 0) + margin
        and counts[best] > sorted(counts.values())[-2]
    ):
        return best
    if otherwise in {"zh", "ja"}:
        return "en" if counts["en"] >= counts[best] else best
    return otherwise


def record_language(text: str) -> str:
    """The language of most of a text: zh, en, es, fr, de, ja by their words, others by script, else `und`."""
    sample = text[:20_000]
    first = segment_language(sample, "")
    if first:
        return first
    counts = _counts(sample)
    if not any(counts.values()):  # a few words: those of medicine tell
        folded = fold(sample)
        counts = {lang: float(sum(m.end - m.start for m in find_terms(folded, lang))) for lang in counts}
    best = max(counts, key=lambda lang: counts[lang])
    return best if counts[best] else "und"


def _counts(text: str) -> dict[str, float]:
    words = [word.lower() for word in WORD.findall(text)]
    counts: dict[str, float] = {lang: sum(word in common for word in words) for lang, common in _common().items()}
    for lang, marks in (("de", "äöüß"), ("es", "ñ¿¡ó"), ("fr", "êèçàâîœ")):
        counts[lang] += 0.5 * sum(any(mark in word for mark in marks) for word in words)
    return counts
