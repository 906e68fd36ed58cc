"""A paragraph's text as pieces of its runs, so that character offsets become places in the XML and runs can be cut.

What counts as text is what tools/documents/word.py reads: `w:t`, a tab, a line break; runs in links, fields, content
controls and insertions too, but no deleted or hidden ones, and no page break.
"""

from collections.abc import Collection, Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from tools.contracts.wordml import SPACE, Element, W, name_of, shell_of

LEFT_OUT = frozenset({"del", "moveFrom", "rt", "p", "pPr", "rPr"})
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
LETTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}
STRIKABLE = frozenset(
    {"t", "tab", "br", "cr", "noBreakHyphen", "softHyphen", "sym", "ptab", "ruby", "lastRenderedPageBreak"}
)
FIELD = frozenset({"fldChar", "instrText"})
KEPT = frozenset({"commentReference", "annotationRef", "delText", "delInstrText"})

PieceKind = Literal["text", "field", "object", "kept"]


@dataclass(slots=True, eq=False)
class Piece:
    """A run and its span in the paragraph's text.

    kind: "text" can be struck; "field" is the machinery of a field; "object" (a footnote's number, a drawing) is struck
    with the text around it; "kept" is never struck. result: for a field's machinery, the span of the field's result.
    """

    run: Element
    start: int
    end: int
    kind: PieceKind
    result: tuple[int, int] | None = None

    def struck_by(self, start: int, end: int) -> bool:
        """Whether a deletion of [start, end) strikes this piece. A field goes only with the whole of its result."""
        if self.kind == "text" and self.start < self.end:
            return start <= self.start and self.end <= end
        if self.kind == "field":
            return self.result is not None and start <= self.result[0] < self.result[1] <= end
        return self.kind != "kept" and start < self.start < end


def letters(element: Element) -> str:
    """The text of one child of a run."""
    name = name_of(element)
    if name == "t":
        return element.text or ""
    if name == "br" and element.get(W + "type") == "page":
        return ""
    if name == "ruby":
        return "".join(t.text or "" for base in element.iter(W + "rubyBase") for t in base.iter(W + "t"))
    return LETTERS.get(name, "")


def runs_of(container: Element) -> Iterator[Element]:
    """The runs that count, in order; text boxes inside a run are paragraphs of their own."""
    for child in container:
        name = name_of(child)
        if name == "r":
            if not _is_hidden(child):
                yield child
        elif name not in LEFT_OUT and child.tag != FALLBACK:
            yield from runs_of(child)


def _is_hidden(run: Element) -> bool:
    vanish = run.find(f"{W}rPr/{W}vanish")
    return vanish is not None and vanish.get(W + "val") not in ("0", "false", "off")


def paragraphs_of(body: Element) -> Iterator[Element]:
    """Every `w:p` that is read, in document order: tables' and text boxes' too, but not the fallback of a text box."""
    for paragraph in body.iter(W + "p"):
        if next(paragraph.iterancestors(FALLBACK), None) is None:
            yield paragraph


def paragraph_text(paragraph: Element) -> str:
    return "".join(letters(child) for run in runs_of(paragraph) for child in run)


def child_kind(element: Element) -> PieceKind:
    name = name_of(element)
    if name in STRIKABLE:
        return "text"
    if name in FIELD:
        return "field"
    return "kept" if name in KEPT else "object"


def pieces_of(paragraph: Element) -> list[Piece]:
    """One piece a run; a run of mixed content takes the kind that is to be left most alone."""
    pieces: list[Piece] = []
    offset = 0
    for run in runs_of(paragraph):
        kinds = {child_kind(child) for child in run if name_of(child) != "rPr"}
        kind: PieceKind = "text"
        for gentler in ("object", "field", "kept"):
            if gentler in kinds:
                kind = gentler
        length = sum(len(letters(child)) for child in run)
        pieces.append(Piece(run, offset, offset + length, kind))
        offset += length
    _find_fields(pieces)
    return pieces


def _find_fields(pieces: list[Piece]) -> None:
    """Give every piece of an outermost field's machinery the span of the field's result."""
    depth, start, machinery = 0, 0, list[Piece]()
    for piece in pieces:
        if piece.kind != "field":
            continue
        machinery.append(piece)
        for mark in piece.run.iter(W + "fldChar"):
            kind = mark.get(W + "fldCharType")
            depth += {"begin": 1, "end": -1}.get(kind or "", 0)
            if kind == "separate" and depth == 1:
                start = piece.end
            if kind == "end" and depth == 0:
                for part in machinery:
                    part.result = (start, piece.start)
                machinery = []


def cut(paragraph: Element, offsets: Collection[int], spans: Collection[tuple[int, int]]) -> list[Piece]:
    """Cut the runs at the offsets, and those in the spans (closed) by kind; the other runs stay as they are."""
    for piece in pieces_of(paragraph):
        inside = {offset for offset in offsets if piece.start < offset < piece.end}
        touched = any(start <= piece.end and piece.start <= end for start, end in spans)
        kinds = {child_kind(child) for child in piece.run if name_of(child) != "rPr"}
        if inside or (touched and len(kinds) > 1):
            _cut_run(piece, inside)
    return pieces_of(paragraph)


def _cut_run(piece: Piece, offsets: Collection[int]) -> None:
    groups: list[list[Element]] = []
    kind: PieceKind | None = None
    position = piece.start
    properties = piece.run.find(W + "rPr")
    for child in [child for child in piece.run if name_of(child) != "rPr"]:
        for part in _cut_text(child, [offset - position for offset in sorted(offsets)]):
            if kind != child_kind(part) or position in offsets or not groups:
                groups.append([])
            kind = child_kind(part)
            groups[-1].append(part)
            position += len(letters(part))
    last = piece.run
    for group in groups[1:]:
        run = shell_of(piece.run)
        if properties is not None:
            run.append(deepcopy(properties))
        for child in group:
            run.append(child)
        run.tail, last.tail = last.tail, None
        last.addnext(run)
        last = run


def _cut_text(element: Element, offsets: list[int]) -> list[Element]:
    """The element, a `w:t` cut at the offsets (relative to its start) that fall inside it."""
    text = letters(element)
    inside = [offset for offset in offsets if 0 < offset < len(text)] if name_of(element) == "t" else []
    if not inside:
        return [element]
    parts = [element]
    for start, end in zip(inside, [*inside[1:], len(text)], strict=True):
        part = shell_of(element)
        part.text = text[start:end]
        part.set(SPACE, "preserve")
        parts.append(part)
    element.text = text[: inside[0]]
    element.set(SPACE, "preserve")
    for before, part in pairwise(parts):
        before.addnext(part)
    return parts
