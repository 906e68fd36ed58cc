"""Whether something is affirmed, negated or suspected, of the past, and whose it is: the ConText algorithm.

Harkema, Dowling, Thornblade, Chapman: ConText: An algorithm for determining negation, experiencer, and temporal status
from clinical reports, J Biomed Inform 42 (2009) 839-851. Cues before and after a finding, words that look like cues and
are none, and scopes that end at a stop; the cues are in vocabulary/context.toml, in six languages.
Ours besides: in Chinese 否认 reaches to the sentence's end, 无 to the comma unless a list goes on; a section's heading
gives its default (family history: somebody else's; past history: of the past).
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from tools.medicine.extraction.keydata import Presence, SectionKind, Subject
from tools.medicine.lexicon import Finder, Mention, vocabulary, words

_LONG = frozenset(
    [
        "否认",
        "denies",
        "denied",
        "niega",
        "nego",
        "refiere",
        "不伴",
        "no",
        "evidence",
        "of",
        "negative",
        "for",
        "verneint",
        "nie",
        "no",
        "known",
        "家族",
        "family",
        "history",
        "of",
    ]
)
_ITEM = re.compile(r"(?:^|[\s，,；;])\d{1,2}(?:[、)）]|\.(?!\d))|[①-⑳]")
"""The number of a list's next item: what is said of one says nothing of another."""
_NOW = re.compile(
    r"\b(?:acude|refiere|presenta|presents?|presenting|complains?|currently|now|klagt|consulte|se plaint)\b"
    r"|此次|本次|目前|现因|今因"
)
"""Words of today in a section that a heading says is of the past."""
_PRE = ("negation_pre", "suspected_pre", "historical_pre", "other_pre")
_POST = ("negation_post", "suspected_post", "historical_post")


@dataclass(frozen=True, slots=True)
class Mark:
    """What the context of a finding says of it. relation: the offsets of the word for whose it is, in the sentence."""

    presence: Presence
    historical: bool
    subject: Subject
    relation: tuple[int, int] | None = None


@cache
def _cues(lang: str, after: bool) -> Finder:
    row = vocabulary("context")[lang]
    kinds = _POST if after else _PRE
    return Finder(
        {kind: words(row.get(kind)) for kind in ("pseudo", *kinds, "patient")}, lang if lang != "ja" else "en"
    )


@cache
def _stops(lang: str, long: bool) -> Finder:
    row = vocabulary("context")[lang]
    return Finder({"stop": words(row["long_stop" if long else "stop"])}, lang if lang != "ja" else "en")


_FARTHEST: Final = 180
"""Characters over which a cue reaches forward at most."""


class Context:
    """The cues of one sentence, ready to be asked about any finding in it. folded: the sentence only."""

    def __init__(self, folded: str, lang: str, section: SectionKind) -> None:
        self._text = folded
        self._lang = lang if lang in vocabulary("context") else "en"
        self._section = section
        self._before = [m for m in _cues(self._lang, False).find(folded) if m.key != "pseudo"]
        self._relatives = [m for m in self._before if m.key == "other_pre"]
        self._after = [m for m in _cues(self._lang, True).find(folded) if m.key not in {"pseudo", "patient"}]

    def mark(self, start: int, end: int, after: bool = True) -> Mark:
        """What holds for the finding at folded[start:end]. after: whether cues behind it count for its presence."""
        found: dict[str, Mention] = {}
        for cue in self._before:
            if (
                cue.end <= start <= cue.end + _FARTHEST
                and cue.key != "patient"
                and self._reaches(cue, start)
                and not self._other_between(cue, start)
            ):
                found["suspected" if self._to_exclude(cue) else cue.key.removesuffix("_pre")] = cue
            elif cue.key == "negation_pre" and start == cue.start and cue.end < end:
                continue
        for cue in self._after:
            if cue.start >= end and (after or cue.key == "historical_post") and self._reaches_back(cue, end):
                found.setdefault(cue.key.removesuffix("_post"), cue)
        presence: Presence = "suspected" if "suspected" in found else "negated" if "negation" in found else "affirmed"
        if "suspected" in found and "negation" in found:
            presence = (
                "negated"
                if found["negation"].start > found["suspected"].start and found["negation"].end <= start
                else "suspected"
            )
        other = found.get("other")
        if other and any(cue.key == "patient" and other.end <= cue.start < start for cue in self._before):
            other = None
        subject: Subject = "other" if other or self._section == "family_history" else "patient"
        if (
            self._section == "family_history"
            and any(c.key == "patient" and c.end <= start for c in self._before)
            and other is None
            and self._lang == "en"
        ):
            subject = "other"
        now = _NOW.search(self._text[:start]) is not None
        historical = "historical" in found or (self._section == "past_history" and not now)
        return Mark(presence, historical, subject, (other.start, other.end) if other else None)

    def _to_exclude(self, cue: Mention) -> bool:
        """建议排除肺栓塞 asks for it to be excluded; 已排除 says that it was."""
        written = self._text[cue.start : cue.end]
        return written in {"排除", "除外"} and not re.search(
            r"(?:已|可|基本|予以|能|从而|并)$", self._text[: cue.start]
        )

    def _other_between(self, cue: Mention, start: int) -> bool:
        """Denying something for oneself says nothing about a relative who is named after it."""
        return cue.key == "negation_pre" and any(
            cue.end <= each.start and each.end <= start for each in self._relatives
        )

    def _reaches(self, cue: Mention, start: int) -> bool:
        between = self._text[cue.end : start]
        written = self._text[cue.start : cue.end]
        if len(between) > (60 if self._lang in {"zh", "ja"} else _FARTHEST) or _ITEM.search(between):
            return False
        if cue.key == "other_pre":
            led = re.search(
                r"(?:\bby|\bwith|\bto|\bfrom|\bper|lives with) (?:his |her |the |their )?$", self._text[: cue.start]
            )
            return (
                not led
                and not re.search(r"[。.;；]", between)
                and not (re.match(r"(?:诉|代诉|陈述|陪|送|发现|reports|states|says|noticed|brought)", between.lstrip()))
            )
        long = cue.key in {"negation_pre"} and (written in _LONG or self._lang not in {"zh", "ja"})
        if cue.key == "suspected_pre" and self._lang == "zh":
            long = False
        if cue.key == "historical_pre":
            if self._lang == "zh" and re.search(r"[，,]", between) and not written.startswith("既往"):
                return False
            present = r"[。.;；]|现|今|目前|now|currently|present|p/w|complain|referred|admitted|\bwho\b"
            return not re.search(present, between) and len(between) < 110
        if long or self._lang not in {"zh", "ja"}:
            stop = next(iter(_stops(self._lang, cue.key == "negation_pre").find(between)), None)
            return stop is None
        return self._reaches_han(between)

    def _reaches_han(self, between: str) -> bool:
        """无发热、咳嗽: to the first comma."""
        return next(iter(_stops(self._lang, False).find(between)), None) is None

    def _reaches_back(self, cue: Mention, end: int) -> bool:
        between = self._text[end : cue.start]
        if len(between) > (24 if self._lang in {"zh", "ja"} else 70) or _ITEM.search(between):
            return False
        if self._lang in {"zh", "ja"}:
            if cue.key == "historical_post":
                return not re.search(r"[，,。；;：:]", between)
            if self._lang == "ja":  # 発熱、咳嗽なし
                return not re.search(r"[。；]|か、|あり|を認め", between)
            return not re.search(r"[，,。；;]", between)
        if cue.key == "historical_post":
            return not re.search(r"[.;,]", between) and len(between) < 30
        return not re.search(r"[.;]|\bbut\b|\bwith\b", between) and (
            "," not in between or (cue.key == "negation_post" and " and " in between)
        )
