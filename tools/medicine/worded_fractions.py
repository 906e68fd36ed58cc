"""Fractions in words: half an hour, trois quarts d'heure, einem halben Jahr, tres cuartos, 三分之二."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from tools.medicine.lexicon import IDEOGRAPHIC

_ARTICLE: Final = r"(?:eine[rnms]?\s+)?"
_WORDS: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "en": (
        (r"\bone and a half\b", 1.5), (r"\btwo and a half\b", 2.5), (r"\bthree and a half\b", 3.5),
        (r"\b(?:three[- ]quarters|three[- ]fourths)(?: of an?)?\b", 0.75), (r"\btwo[- ]thirds\b", 2 / 3),
        (r"\b(?:a|one)[- ]third\b(?! (?:day|week|month|year|time|dose|cycle|child|trimester))", 1 / 3),
        (r"\b(?:a|one) quarter(?: of an?)?\b|\bquarter of an\b|\bone[- ]fourth\b", 0.25), (r"\bone[- ]fifth\b", 0.2),
        (r"\bhalf an?\b|\ba half(?=[ -](?:hour|year|day|month|tablet|lit))", 0.5),
    ),
    "fr": (
        (r"\btrois[- ]quarts(?: d'| de\b)?", 0.75), (r"\bdeux[- ]tiers\b", 2 / 3), (r"\b(?:un|le) tiers\b", 1 / 3),
        (r"\b(?:un )?quart d'(?=heure)|\bun quart\b", 0.25), (r"\b(?:une? )?demie?[- ]", 0.5),
    ),
    "es": (
        (r"\btres cuartos(?: de\b)?", 0.75), (r"\bdos tercios\b", 2 / 3),
        (r"\b(?:un tercio|la tercera parte)\b", 1 / 3),
        (r"\b(?:un )?cuarto de(?= hora)|\bla cuarta parte\b", 0.25), (r"\b(?:una|la) quinta parte\b", 0.2),
        (r"\bmedi[oa](?= (?:hora|ano|dia|mes|comprimid|litro|pastilla))", 0.5),
    ),
    "de": (
        (rf"\b{_ARTICLE}dreiviertel(?=stunde|jahr|\b)|\bdrei viertel\b", 0.75), (r"\bzwei[- ]?drittel\b", 2 / 3),
        (r"\bein drittel\b", 1 / 3), (rf"\b{_ARTICLE}viertel(?=stunde|jahr)|\bein viertel\b", 0.25),
        (rf"\b{_ARTICLE}halbe[nrsm]?\b|\b{_ARTICLE}halb(?=jahr|stund)", 0.5),
    ),
}  # fmt: skip
_HALF_MORE: Final = re.compile(
    r"\s*(?:et demie?|y medi[oa]|and a half|und ein halbe[sr]?)\b|半(?!年|个|月|小|天|日|侧)"
)
"""What follows a unit and adds half of it: une heure et demie, año y medio, 1年半."""
_PARTS: Final = re.compile(r"([一二三四五六七八九十百])分之([一二三四五六七八九])")
_HAN: Final = {c: n for n, c in enumerate("一二三四五六七八九十", start=1)}


@cache
def _patterns(lang: str) -> list[tuple[re.Pattern[str], float]]:
    return [(re.compile(words), value) for words, value in _WORDS.get(lang, ())]


def worded_fractions(folded: str, lang: str) -> Iterator[tuple[float, int, int]]:
    """Every fraction in words: (value, start, end)."""
    if lang in IDEOGRAPHIC:
        for match in _PARTS.finditer(folded):
            if match[1] in _HAN:
                yield _HAN[match[2]] / _HAN[match[1]], *match.span()
        return
    for pattern, value in _patterns(lang):
        for match in pattern.finditer(folded):
            yield value, *match.span()


def half_more(folded: str, at: int) -> int | None:
    """Where words that add half a unit end, if such follow at this place."""
    match = _HALF_MORE.match(folded, at)
    return match.end() if match else None
