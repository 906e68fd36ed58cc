"""The embedded engine's translation: a sentence whole, by term base and phrase templates, or not at all.

What cannot be translated whole stays in the source language and is listed. Nothing is guessed. Between Chinese,
English, Spanish, French, German and Japanese.
"""

import re
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field

from tools.medicine import alignment
from tools.medicine.alarms import Span, span
from tools.medicine.grammar import LONGEST, Reader
from tools.medicine.lexicon import IDEOGRAPHIC, fold, language
from tools.medicine.phrases import Slot
from tools.medicine.term_base import LANGUAGES, TermBase
from tools.medicine.tree import Filled, Listed, Node, Word, write

_ENUMERATION = re.compile(r"\s*(?:\(?\d{1,2}[.)、)](?!\d)|[-•*])\s*")
_ITEM = re.compile(r"(?<=[\s。;；])\d{1,2}[.、)]\s*(?=[^\s\d])")
"""Where a numbered item begins inside a line: "1.高血压 2.糖尿病"."""
_LABEL = re.compile(r"\s*([^:\n]{1,60}?)\s*:\s*")
_STOP = {"。": ".", "！": "!", "？": "?", ".": "。", "!": "！", "?": "？"}


class Translation(BaseModel):
    """text: the segment with what could be translated; untranslated: the spans of `text` that are still in the source
    language; coverage: the share of the source's letters and digits that was translated, 0 to 1."""

    model_config = ConfigDict(frozen=True)

    text: str
    untranslated: tuple[Span, ...] = ()
    coverage: float = Field(ge=0, le=1)

    @property
    def whole(self) -> bool:
        """Whether nothing is left in the source language."""
        return not self.untranslated


def translate(segment: str, source: str, target: str, term_base: TermBase) -> Translation:
    """Translate a segment (a line, a sentence or a paragraph); languages are BCP 47 codes.

    The unit is the sentence: it is translated whole or left as it is. A section's label before a colon is a unit of its
    own. Between languages that the term base does not cover, all is left.
    """
    mine, theirs = language(source), language(target)
    if mine == theirs:
        return Translation(text=segment, coverage=1.0)
    known = mine in LANGUAGES and theirs in LANGUAGES
    pieces: list[tuple[str, bool]] = []
    at = 0
    for start, end in _units(segment):
        pieces.append((_gap(segment[at:start], pieces, theirs), True))
        written = _sentence(segment[start:end], mine, theirs, term_base) if known else None
        pieces.append((segment[start:end], False) if written is None else (written, True))
        at = end
    pieces.append((segment[at:], True))
    return _assembled(pieces, segment)


def _assembled(pieces: list[tuple[str, bool]], segment: str) -> Translation:
    text = "".join(piece for piece, _ in pieces)
    left: list[Span] = []
    at = 0
    for piece, done in pieces:
        if not done and any(c.isalnum() for c in piece):
            left.append(span(text, at, at + len(piece)))
        at += len(piece)
    total = sum(c.isalnum() for c in segment)
    remaining = sum(c.isalnum() for each in left for c in each.text)
    return Translation(text=text, untranslated=tuple(left), coverage=1 - remaining / total if total else 1.0)


def _units(segment: str) -> list[tuple[int, int]]:
    """Sentences, with a label before a colon and the number of a list item cut off."""
    found: list[tuple[int, int]] = []
    for start, end in alignment.sentences(segment):
        marks = [
            start,
            *(m.start() for m in re.finditer(r"(?<=[\s。;；])\d{1,2}[.、)]\s*(?=[^\s\d])", segment[start:end])),
        ]
        cuts = [start, *(start + each for each in marks[1:]), end]
        found += pairwise(cuts)
    return [(a, b) for a, b in found if segment[a:b].strip()]


def _gap(text: str, before: list[tuple[str, bool]], lang: str) -> str:
    """White space between sentences: Latin scripts need one space where Chinese has none."""
    needs = before and not text and lang not in IDEOGRAPHIC and before[-1][0] and not before[-1][0][-1].isspace()
    return " " if needs else text


def _sentence(text: str, source: str, target: str, terms: TermBase) -> str | None:
    trailing = text[len(text.rstrip()) :]
    body = text.rstrip()
    head = ""
    if match := _ENUMERATION.match(body):
        head, body = match.group(), body[match.end() :]
        if target not in IDEOGRAPHIC:
            head = re.sub(r"[.、]\s*$", ". ", head)
    label = _LABEL.match(fold(body))
    if label:
        found = Reader(terms, source).read("heading", label[1])
        name = write(found, target) if found else None
    else:
        name = None
    if label and name:
        colon = "：" if target in IDEOGRAPHIC else " : " if target == "fr" else ": "
        head, body = f"{head}{_capital(name, target)}{colon}", body[label.end() :]
    stop = body[-1:] if body[-1:] in _STOP else ""
    body = body[: len(body) - len(stop)]
    if not body.strip():
        return (head.rstrip() if not stop else head + stop) + trailing
    if terms.find(body, source, ("unit",)) and terms.find(body, target, ("unit",)):
        return head + body + stop + trailing  # a unit that is written so in both
    written = _clauses(body, source, target, terms)
    if written is None:
        return None
    if stop and (stop.isascii() == (target in IDEOGRAPHIC)):
        stop = _STOP[stop]
    return f"{head}{_capital(written, target)}{stop}{trailing}"


def _capital(text: str, lang: str) -> str:
    first = re.match(r"[^\W\d_]+(?![/\w])", text)  # "mmol/L" keeps its case
    plain = first and first.group().islower() and len(first.group()) > 1
    return text[:1].upper() + text[1:] if lang not in IDEOGRAPHIC and plain else text


def _clauses(body: str, source: str, target: str, terms: TermBase) -> str | None:
    """The clauses between commas, each read as far as it goes."""
    folded = fold(body)
    marks = [(m.start(), m.end()) for m in re.finditer(r"\s*[,;](?!\d)\s*|\s*[，；](?=\d)\s*", folded)]
    marks += [
        (m.start(), m.end())
        for m in re.finditer(r"[，；]|、(?=[无未否伴])", body)
        if all(m.start() != s for s, _ in marks)
    ]
    marks.sort()
    starts, ends = [0, *(end for _, end in marks)], [*(start for start, _ in marks), len(folded)]
    reader = Reader(terms, source)
    nodes: list[Node] = []
    texts: list[str] = []
    joints: list[str] = []
    at = 0
    while at < len(starts):
        for last in range(_furthest(starts[at], ends), at - 1, -1):
            node = reader.read("clause", folded[starts[at] : ends[last]])
            if node is not None:
                break
        else:
            return None
        written = write(node, target)
        if written is None or (nodes and _unclear(nodes[-1], node)):
            return None
        nodes.append(node)
        texts.append(written)
        joints.append(body[ends[last] : starts[last + 1]].strip() if last + 1 < len(starts) else "")
        at = last + 1
    return _joined(texts, joints, target)


def _furthest(start: int, ends: list[int]) -> int:
    """The last mark up to which a clause that starts here may go on."""
    return max((at for at, end in enumerate(ends) if start <= end <= start + LONGEST), default=-1)


def _unclear(before: Node, node: Node) -> bool:
    """Whether a bare finding stands after a negation: "无发热，咳嗽" does not say whether there is a cough."""
    while (
        isinstance(node, Filled)
        and node.slots
        and node.phrase.write == {lang: (Slot(node.slots[0][0]),) for lang in LANGUAGES}
    ):
        node = node.slots[0][1]
    bare = isinstance(node, Word | Listed) or (isinstance(node, Filled) and node.phrase.makes == "finding")
    return bare and isinstance(before, Filled) and before.phrase.negates


def _joined(texts: list[str], joints: list[str], lang: str) -> str:
    wide = lang in IDEOGRAPHIC
    text = ""
    for written, joint in zip(texts, joints, strict=True):
        semicolon = joint in {";", "；"}
        text += written
        if joint:
            text += ("；" if semicolon else "，" if lang == "zh" else "、") if wide else ("; " if semicolon else ", ")
    return text
