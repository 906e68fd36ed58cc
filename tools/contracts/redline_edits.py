"""From an amendment to the few words that differ, so that a lawyer sees small edits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from tools.contracts.contract import Amendment
from tools.documents.document import Document
from tools.errors import ConsiliaError

_HAN = "\u3400-\u9fff\uf900-\ufaff"
# A number with its points, a Chinese character, a word with its apostrophes, paragraph ends, spaces, or one sign.
TOKEN = re.compile(
    rf"\d+(?:[.,:/]\d+)*|[{_HAN}]|(?:(?![{_HAN}])[^\W\d_])+(?:['’](?![{_HAN}])[^\W\d_]+)*|\n+|[^\S\n]+|.", re.DOTALL
)
# Everything XML 1.0 cannot hold, and the carriage return, which it does not give back.
UNWRITABLE = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LIKENESS = 0.35


class RedlineError(ConsiliaError):
    """An amendment that cannot be made in this document."""

    code = "amendment_impossible"
    status = 422


class AmendmentsOverlap(RedlineError):
    """Two amendments change the same characters."""

    code = "amendments_overlap"


class AmendmentMismatch(RedlineError):
    """What an amendment calls the old text is not what stands at its place."""

    code = "amendment_mismatch"


@dataclass(frozen=True, slots=True)
class Edit:
    """Strike `text[start:end]` and put `new` after it."""

    start: int
    end: int
    new: str


def check(document: Document, amendments: Sequence[Amendment]) -> list[Amendment]:
    """The amendments by place, each checked against the text and its neighbours.

    Those with `old == new` only carry a comment and may lie anywhere. Raises AmendmentMismatch, AmendmentsOverlap and
    RedlineError (text that a Word file cannot hold).
    """
    ordered = sorted(
        (_before_last_mark(document, a) for a in amendments), key=lambda amendment: (amendment.start, amendment.end)
    )
    reached: Amendment | None = None
    for amendment in ordered:
        place = f"[{amendment.start}, {amendment.end})"
        if not 0 <= amendment.start <= amendment.end <= len(document.text):
            raise AmendmentMismatch(f"the amendment at {place} lies outside the text of 0 to {len(document.text)}")
        if document.text[amendment.start : amendment.end] != amendment.old:
            raise AmendmentMismatch(f"the text at {place} is not the amendment's old text; read the document anew")
        if amendment.old == amendment.new:
            continue
        if control := UNWRITABLE.search(amendment.new):
            raise RedlineError(f"the new text at {place} holds {control.group()!r}, which a Word file cannot hold")
        if reached is not None and amendment.start < reached.end:
            raise AmendmentsOverlap(
                f"the amendments at [{reached.start}, {reached.end}) and {place} overlap; merge them into one"
            )
        reached = amendment
    return ordered


def _before_last_mark(document: Document, amendment: Amendment) -> Amendment:
    """Word's text ends with a line feed, the last paragraph's mark, which stays: what follows it goes before it."""
    size = len(document.text)
    if amendment.end != size or not document.text.endswith("\n"):
        return amendment
    if amendment.start == size:
        added = "\n" + amendment.new.removesuffix("\n") if amendment.new else ""
        return amendment.model_copy(update={"start": size - 1, "end": size - 1, "new": added})
    old, added = amendment.old.removesuffix("\n"), amendment.new.removesuffix("\n")
    return amendment.model_copy(update={"end": size - 1, "old": old, "new": added})


def edits_of(amendment: Amendment) -> list[Edit]:
    """The smallest sensible edits: words (Chinese: characters); two texts with little in common are exchanged whole."""
    if amendment.old == amendment.new:
        return []
    if not amendment.old or not amendment.new:
        return [Edit(amendment.start, amendment.end, amendment.new)]
    old, new = TOKEN.findall(amendment.old), TOKEN.findall(amendment.new)
    places = [amendment.start]
    for token in old:
        places.append(places[-1] + len(token))
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    spans = [span[1:] for span in matcher.get_opcodes() if span[0] != "equal"]
    joined = [spans[0]]
    for span in spans[1:]:
        first, last = joined[-1], span
        between = old[first[1] : last[0]]
        shreds = len("".join(between).strip()) <= 1 and not any("\n" in token for token in between)
        if shreds or (_unlike(old, new, spans) and not any("\n" in token for token in between)):
            joined[-1] = (first[0], last[1], first[2], last[3])
        else:
            joined.append(span)
    return [Edit(places[a], places[b], "".join(new[c:d])) for a, b, c, d in joined]


def _unlike(old: list[str], new: list[str], spans: list[tuple[int, int, int, int]]) -> bool:
    """Whether what stands between the first and last difference has too little in common to be shown word by word."""
    inner_old, inner_new = old[spans[0][0] : spans[-1][1]], new[spans[0][2] : spans[-1][3]]
    changed = sum(len("".join(old[a:b])) for a, b, _, _ in spans)
    length = len("".join(inner_old))
    inserted = sum(len("".join(new[c:d])) for _, _, c, d in spans)
    total = length + len("".join(inner_new))
    return total > 0 and (total - changed - inserted) / total < LIKENESS
