"""Negations of a text, counted so that a free translation does not alarm and a dropped one does.

After NegEx (Chapman et al., J Biomed Inform 2001): cues, words that look like cues, and scopes that end at a stop.
"""

import re
from dataclasses import dataclass
from functools import cache

from tools.medicine.lexicon import IDEOGRAPHIC, Finder, Mention, vocabulary, words

UNPROVOKED = re.compile(r"无(?:明显)?诱因|无明显原因|无任何诱因")
PROVOKED = re.compile(
    r"(?<!no )(?<!any )(?<!without )(?<!an )(?<!of )(?<!not )"
    r"\b(?:obvious|apparent|clear|evident|identifiable|particular|specific)"
    r" (?:reason|cause|trigger|precipita|inducement|predisposing|provocation)"
)
_END = re.compile(r"[;；。]|\.\s|\bbut\b|\bmais\b|\bpero\b|\baber\b|但")
"""What ends every negation."""
_SCOPE = 170
_SCOPE_HAN = 40


@dataclass(frozen=True, slots=True)
class Negations:
    """hard: cues that a translation must render; soft: words that may stand for one; items: things that are negated."""

    hard: tuple[Mention, ...]
    soft: tuple[Mention, ...]
    items: int


@cache
def _finder(lang: str) -> Finder:
    rows = vocabulary("negation")[lang]
    return Finder({kind: words(rows[kind]) for kind in ("hard", "soft", "not")}, lang)


def knows(lang: str) -> bool:
    """Whether the negation cues of the language are known."""
    return lang in vocabulary("negation")


def find_negations(folded: str, lang: str) -> Negations:
    """The negations of folded text."""
    found = list(_finder(lang).find(folded))
    hard = tuple(m for m in found if m.key == "hard")
    if lang == "fr":  # ne … pas, n'a aucun … are one negation
        lone = {"ne", "n'"}
        hard = tuple(
            m
            for i, m in enumerate(hard)
            if not (
                folded[m.start : m.start + 2] in lone and any(0 < o.start - m.end < 45 for o in hard[i + 1 : i + 2])
            )
        )
    if lang == "es":  # no toma ningún, no ha tenido nunca: one negation
        hard = tuple(m for i, m in enumerate(hard) if not (i and _doubles(folded, hard[i - 1], m)))
    if lang == "en":  # neither … nor, no … nor: one negation of several things
        hard = tuple(m for i, m in enumerate(hard) if not (i and _nor(folded, hard[i - 1], m)))
    soft = tuple(m for m in found if m.key == "soft")
    return Negations(hard, soft, sum(1 + _listed(folded, m, lang) for m in hard))


def _nor(folded: str, first: Mention, second: Mention) -> bool:
    between = folded[first.end : second.start]
    return folded[second.start : second.end] == "nor" and len(between) < 90 and not re.search(r"[.;:]", between)


def _doubles(folded: str, first: Mention, second: Mention) -> bool:
    return (
        folded[first.start : first.end] == "no"
        and folded[second.start : second.end].startswith(("ning", "nunca", "ni", "nada", "jamas", "tampoco"))
        and not re.search(r"[.,;:]|\b(?:y|e|pero|aunque)\b", folded[first.end : second.start])
    )


@cache
def _stops(lang: str) -> tuple[Finder, Finder]:
    rows = vocabulary("negation")[lang]
    return Finder({"stop": words(rows["stop"])}, lang), Finder({"list": words(rows["list"])}, lang)


def scope(folded: str, cue: Mention, lang: str) -> int:
    """Where what the cue negates ends at the latest."""
    limit = min(len(folded), cue.end + (_SCOPE_HAN if lang in IDEOGRAPHIC else _SCOPE))
    stops = [m.start for m in _stops(lang)[0].find(folded[cue.end : limit])]
    return cue.end + min(stops, default=limit - cue.end)


def _listed(folded: str, cue: Mention, lang: str) -> int:
    body = folded[cue.end : scope(folded, cue, lang)]
    following = next(_finder(lang).find(body), None)
    while following and following.key != "hard":
        body_from = following.end
        following = next((m for m in _finder(lang).find(body) if m.start >= body_from), None)
    if following:
        body = body[: following.start]
    marks = [body[m.start : m.end] for m in _stops(lang)[1].find(body) if any(c.isalnum() for c in body[m.end :])]
    return len(marks) if lang in IDEOGRAPHIC or any(mark.isalpha() for mark in marks) else 0


@cache
def _affirmed(lang: str) -> re.Pattern[str]:
    """A word right before a finding, with at most one word between, that says that it is there."""
    cues = {
        "en": r"(?<![a-z])with (?:[a-z]+ )?$", "fr": r"(?<![a-z])avec (?:une? )?$",
        "es": r"(?<![a-z])con (?:una? )?$", "de": r"(?<![a-z])mit (?:[a-z]+ )?$", "zh": r"(?<!不)(?<!无)(?<!未)伴有?$",
    }  # fmt: skip
    return re.compile(cues.get(lang, r"(?!)"))


def negated(folded: str, mention: Mention, found: Negations, lang: str) -> bool | None:
    """Whether a finding is negated: True or False where that is plain, None where the text may be read either way."""
    if any(cue.start < mention.end and mention.start < cue.end for cue in found.hard):
        return None
    if _affirmed(lang).search(folded, max(0, mention.start - 24), mention.start):
        return False
    window = 12 if lang in IDEOGRAPHIC else 32
    for cue in found.hard:
        if cue.end <= mention.start:
            between = folded[cue.end : mention.start]
            if any(_stops(lang)[0].find(between)):
                continue
            return True if len(between) <= window and not any(c in between for c in ",，、") else None
        if cue.start >= mention.end and cue.start - mention.end < (8 if lang in IDEOGRAPHIC else 60):
            return None
    near, before = (6, 6) if lang in IDEOGRAPHIC else (60, 30)
    if any(-near < soft.start - mention.end < near or -near < mention.start - soft.end < before for soft in found.soft):
        return None
    for cue in found.hard:
        between = folded[cue.end : mention.start] if cue.end <= mention.start else ""
        if between and len(between) < 140 and not _END.search(between):
            return None
    return False
