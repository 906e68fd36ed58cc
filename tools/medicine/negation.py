"""Negations of a text, counted so that a free translation does not alarm and a dropped one does.

After NegEx (Chapman et al., J Biomed Inform 2001): cues, words that look like cues, and scopes that end at a stop.
"""

import re
from dataclasses import dataclass
from functools import cache

from tools.medicine.lexicon import IDEOGRAPHIC, Finder, Mention, pattern, vocabulary, words

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
        "en": r"(?<![a-z])with (?!no |neither |little |negative |nor )(?:[a-z]+ )?$",
        "fr": r"(?<![a-z])avec (?:une? )?$",
        "es": r"(?<![a-z])con (?:una? )?$", "de": r"(?<![a-z])mit (?!kein|fehlend|wenig)(?:[a-z]+ )?$",
        "zh": r"(?<!不)(?<!无)(?<!未)伴有?$",
    }  # fmt: skip
    return re.compile(cues.get(lang, r"(?!)"))


_OR: dict[str, str] = {"en": "or|nor", "fr": "ou|ni", "es": "o|u|ni", "de": "oder|noch|und"}
_AND: dict[str, str] = {"en": "and", "fr": "et", "es": "y", "de": "sowie"}
_FINITE: dict[str, str] = {
    "en": "was|were|is|are|has|had|recovered|developed|presented",
    "fr": "etait|est|avait|a|presentait",
    "es": "era|es|estaba|esta|tenia|tiene|presentaba|presento",
    "de": "war|ist|hat|hatte|bestand|zeigte",
}
"""Verbs that begin a clause of their own behind an "and"."""
_AFTER = {
    "zh": re.compile(
        r"(?:均|亦|皆|也)?未(?:见|触及|闻及|引出|发现|出现|发生|行|予|做|查见|检出|再|扪及)|(?:检查|试验)?阴性"
        r"|不明显|不显著"
    ),
    "en": re.compile(
        r"\s+(?:was|were|is|are) (?:both )?absent\b"
        r"|(?:\s+(?:was|were|is|are|has|have|had|could|can|did|been|be|therefore|also|clearly|currently)){1,4}"
        r"\s+(?:not|never)\s+(?:\w+ly\s+)?(?:been\s+|be\s+)?(?:seen|found|noted|detect|present|observ|identif|palpa"
        r"|perform|given|done|report|evident|demonstr|visuali|used|administ|requir|needed|heard|elicit|felt|recur"
        r"|occur|carried|start)"
    ),
    "fr": re.compile(
        r"\s+(?:etai(?:t|ent)|est|sont) absente?s?\b"
        r"|\s+n'(?:a|ont|etai(?:t|ent)|avai(?:t|ent)|est|sont)\s+(?:pas|jamais)\s+(?:ete\s+)?(?:mis|retrouv|observ|not"
        r"|detect|administr|realis|visibl|present|palp|vu|constat|effectu|identifi)"
    ),
    "es": re.compile(
        r"\s+(?:estaban?|esta|estan) ausentes?\b"
        r"|\s+no\s+(?:se\s+)?(?:han?\s+|fue(?:ron)?\s+|eran?\s+)?(?:observ|encontr|detect|palp|apreci|evidenc|identific"
        r"|realiz|administr|objetiv|visib|present)"
    ),
    "de": re.compile(
        r"(?:\s+\w+){0,3}?\s+(?:nicht|verneint|ausgeschlossen|keine[nrs]?)(?=\s*(?:[,.;]|$|nachweis|vorhand|gefund|gesehen"
        r"|erkenn|tastbar|festgest|durchgef|gegeben|verabr|beobacht|auf\b|vor\b|statt\b))"
    ),
}
"""What may follow a finding and negates it: "was not seen", 未触及, wurde nicht beobachtet."""


@cache
def _closed(lang: str) -> re.Pattern[str]:
    """Where a negated list is over: no fever, cough or rash, and …"""
    last, more = _OR.get(lang, ""), _AND.get(lang, "")
    if not last:
        return re.compile(r"(?!)")
    return re.compile(
        rf"\b(?:{last})\b(?:(?!\b(?:{last})\b)[^,;.]){{2,60}},?\s+{more}\b"
        rf"|\b(?:{more}|und)\s+(?:\w+\s+)?(?:{_FINITE[lang]})\b"
    )


def _in_list(between: str, rest: str, lang: str) -> bool:
    """Whether what lies between a cue and a finding is a list that both belong to. rest: what follows the finding."""
    if lang in IDEOGRAPHIC:
        return not re.search(r"[，。；：,;:]|但|有|伴|可见", between) and len(between) <= 30
    if re.search(r"[.;:]", between) or len(between) > 120 or _closed(lang).search(between):
        return False
    if "," not in between:
        return len(between) <= 60 and bool(re.search(rf"\b(?:{_OR.get(lang, '(?!)')})\b", between))
    return bool(re.search(rf"\b(?:{_OR.get(lang, '(?!)')})\b", f"{between} {re.split(r'[.;:]', rest)[0][:80]}"))


@cache
def _implied(lang: str) -> Finder | None:
    row = vocabulary("negation").get("implied", {}).get(lang)
    keys = dict(each.split("=") for each in words(row))
    return Finder({term: cell.split("/") for term, cell in keys.items()}, lang) if keys else None


def implied(folded: str, lang: str) -> list[Mention]:
    """Findings that one word says to be absent: afebrile, anicteric, nontender; the key is the finding's term."""
    finder = _implied(lang)
    return list(finder.find(folded)) if finder else []


def _denied(folded: str, mention: Mention, found: Negations) -> bool:
    """Whether a cue stands before the "with" of a finding: no known contact with tuberculosis."""
    return any(
        0 <= mention.start - cue.end < 40 and not re.search(r"[,，;；.。]", folded[cue.end : mention.start])
        for cue in found.hard
    )


def negated(folded: str, mention: Mention, found: Negations, lang: str) -> bool | None:
    """Whether a finding is negated: True or False where that is plain, None where the text may be read either way."""
    if any(cue.start < mention.end and mention.start < cue.end for cue in found.hard):
        return None
    if _affirmed(lang).search(folded, max(0, mention.start - 24), mention.start) and not _denied(
        folded, mention, found
    ):
        return False
    after = _AFTER.get(lang)
    if after is not None and after.match(folded, mention.end):
        return True
    window = 12 if lang in IDEOGRAPHIC else 32
    for cue in reversed([each for each in found.hard if each.end <= mention.start]):
        between = folded[cue.end : mention.start]
        if any(_stops(lang)[0].find(between)):
            continue
        if len(between) <= window and not any(c in between for c in ",，、"):
            return True
        return True if _in_list(between, folded[mention.end : mention.end + 90], lang) else _open(between, lang)
    behind = 8 if lang in IDEOGRAPHIC else 60
    if any(0 <= cue.start - mention.end < behind for cue in found.hard):
        return None
    if _softened(folded, mention, found, lang):
        return None
    for cue in found.hard:
        between = folded[cue.end : mention.start] if cue.end <= mention.start else ""
        if between and len(between) < 140 and not _END.search(between) and not _closed(lang).search(between):
            return None
    return False


def _open(between: str, lang: str) -> bool | None:
    """Of a finding behind a cue but not in its list: whether the list is plainly over."""
    return False if _closed(lang).search(between) else None


@cache
def _neutral(lang: str) -> re.Pattern[str]:
    """Soft words that make no finding absent: stable, within, despite."""
    return pattern(words(vocabulary("negation")[lang].get("neutral")), lang)


def is_neutral(folded: str, soft: Mention, lang: str) -> bool:
    """Whether a soft word makes no finding absent."""
    return bool(_neutral(lang).fullmatch(folded, soft.start, soft.end))


def _softened(folded: str, mention: Mention, found: Negations, lang: str) -> bool:
    """Whether a soft word stands near enough to be what negates the finding."""
    near, before = (6, 6) if lang in IDEOGRAPHIC else (60, 30)
    for soft in found.soft:
        if is_neutral(folded, soft, lang):
            continue
        if mention.end <= soft.start < mention.end + near:
            if not re.search(r"[;；。]|\.\s", folded[mention.end : soft.start]):
                return True
        elif mention.start - before < soft.end <= mention.start:
            if not re.search(r"[;；。，,]|\.\s", folded[soft.end : mention.start]):
                return True
        elif soft.start < mention.end and mention.start < soft.end:
            return True
    return False
