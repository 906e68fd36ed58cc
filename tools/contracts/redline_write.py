"""Writes edits and comments into the paragraphs: strike first, then write from the end to the start.

Writing backwards keeps every place to the left as it was, so no offset is ever recomputed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.contracts.contract import Amendment
from tools.contracts.redline_edits import Edit, RedlineError, edits_of
from tools.contracts.redline_place import Paragraph, follows, marks_between, paragraph_at, slot, split_above
from tools.contracts.wordml import (
    Element,
    W,
    name_of,
    new,
    parent_of,
    plain_paragraph_properties,
    plain_properties,
    rename_texts,
    run_of,
    set_mark,
)


@dataclass(slots=True)
class Writing:
    """Something to write at an offset of a paragraph: an edit's new text, or the start or end of a comment's range.

    order: the offset; then what ends there before points before what starts there; then the amendment; then its turn.
    """

    order: tuple[int, int, int, int]
    paragraph: Paragraph
    edit: Edit | None = None
    starts: int | None = None
    ends: int | None = None


@dataclass(slots=True, eq=False)
class Redliner:
    """One redlining of one body: who writes, when (`w:date`), and the last revision number (`w:id`) in use."""

    paragraphs: list[Paragraph]
    author: str
    date: str
    revision: int
    # What was written here, by identity: it never counts as belonging to the text before it.
    own: dict[int, Element] = field(default_factory=dict[int, Element])

    def take_revision(self) -> str:
        self.revision += 1
        return str(self.revision)

    def change(self, name: str) -> Element:
        """A new `w:ins` or `w:del`."""
        return new(name, {"id": self.take_revision(), "author": self.author, "date": self.date})

    def write(self, amendments: Sequence[Amendment], comments: Sequence[int | None]) -> None:
        """Write the amendments (ordered and checked) and the ranges of their comments (an id or None, one each)."""
        edits = [[self._on_whole_paragraphs(edit) for edit in edits_of(amendment)] for amendment in amendments]
        self._cut(amendments, edits)
        for group in edits:
            for edit in group:
                self._strike(edit)
        writings = [
            writing
            for number, (amendment, comment) in enumerate(zip(amendments, comments, strict=True))
            for writing in self._writings(number, amendment, comment, edits[number])
        ]
        for writing in sorted(writings, key=lambda writing: writing.order, reverse=True):
            if writing.edit is not None:
                self._insert(writing.paragraph, writing.order[0], writing.edit)
            else:
                self._mark_comment(writing)

    def _follows(self, element: Element) -> bool:
        return follows(element) and id(element) not in self.own

    def _on_whole_paragraphs(self, edit: Edit) -> Edit:
        """Strike "paragraph and its mark" rather than "the mark before it and paragraph", where both say the same."""
        if edit.new or edit.start == edit.end:
            return edit
        first, last = self._reach(edit)
        if first == last or last + 1 == len(self.paragraphs):
            return edit
        above, below = self.paragraphs[first], self.paragraphs[last]
        second, beyond = self.paragraphs[first + 1], self.paragraphs[last + 1]
        if (edit.start, edit.end) != (above.end, below.end) or above.start == above.end:
            return edit
        try:
            marks_between(below.element, beyond.element)
        except RedlineError:
            return edit
        return Edit(second.start, beyond.start, "")

    def _reach(self, edit: Edit) -> tuple[int, int]:
        """The numbers of the first and last paragraph that the edit touches."""
        return paragraph_at(self.paragraphs, edit.start), paragraph_at(self.paragraphs, edit.end)

    def _cut(self, amendments: Sequence[Amendment], edits: Sequence[Sequence[Edit]]) -> None:
        """Cut runs where an edit or a comment starts or ends, in the paragraphs that are touched and no others."""
        offsets: dict[int, set[int]] = {}
        spans: dict[int, set[tuple[int, int]]] = {}
        for amendment, group in zip(amendments, edits, strict=True):
            for offset in (amendment.start, amendment.end):
                offsets.setdefault(paragraph_at(self.paragraphs, offset), set()).add(offset)
            for edit in group:
                first, last = self._reach(edit)
                for number in range(first, last + 1):
                    offsets.setdefault(number, set()).update((edit.start, edit.end))
                    spans.setdefault(number, set()).add((edit.start, edit.end))
        for number, places in offsets.items():
            self.paragraphs[number].cut(places, spans.get(number, set()))

    def _strike(self, edit: Edit) -> None:
        if edit.start == edit.end:
            return
        first, last = self._reach(edit)
        for number in range(first, last + 1):
            paragraph = self.paragraphs[number]
            start, end = edit.start - paragraph.start, edit.end - paragraph.start
            wrapper: Element | None = None
            for piece in [piece for piece in paragraph.pieces if piece.struck_by(start, end)]:
                if wrapper is None or wrapper.getnext() is not piece.run:
                    wrapper = self.change("del")
                    piece.run.addprevious(wrapper)
                wrapper.append(piece.run)
                rename_texts(piece.run, deleted=True)
            if number < last:
                whole = edit.start <= paragraph.start and not edit.new
                for element in marks_between(paragraph.element, self.paragraphs[number + 1].element, whole=whole):
                    set_mark(element, self.change("del"))

    def _writings(self, number: int, amendment: Amendment, comment: int | None, edits: Sequence[Edit]) -> list[Writing]:
        def order(offset: int, turn: int) -> tuple[int, int, int, int]:
            ended, point = amendment.start < offset, amendment.start == amendment.end
            return offset, 0 if ended else 1 if point else 2, number, turn

        writings: list[Writing] = []
        for turn, edit in enumerate(edits, 1):
            if edit.new:
                # New text stands behind what is struck in the first paragraph, not behind what is struck in the last.
                paragraph = self.paragraphs[paragraph_at(self.paragraphs, edit.start)]
                writings.append(Writing(order(min(edit.end, paragraph.end), turn), paragraph, edit))
        if comment is not None:
            end = amendment.end
            if amendment.start < end == self.paragraphs[paragraph_at(self.paragraphs, end)].start:
                end -= 1  # a range that takes a paragraph's mark along does not reach into the next paragraph
            for at, turn in ((amendment.start, 0), (end, len(edits) + 1)):
                paragraph = self.paragraphs[paragraph_at(self.paragraphs, at)]
                starts, ends = (comment, None) if turn == 0 else (None, comment)
                writings.append(Writing(order(at, turn), paragraph, starts=starts, ends=ends))
        return writings

    def _insert(self, paragraph: Paragraph, offset: int, edit: Edit) -> None:
        properties = self._properties(paragraph, offset, edit)
        top, after = slot(paragraph, offset, self._follows, replacing=edit.start < edit.end)
        if after is not None:
            foreign = [a for a in after.iterancestors() if name_of(a) in ("ins", "moveTo")]
            if foreign:  # another author's insertion: ours stands beside it, not in it
                after = split_above(after, parent_of(foreign[-1]), self.take_revision)
        lines = edit.new.split("\n")
        if len(lines) > 1 and after is not None:
            after = split_above(after, top, self.take_revision)
        if len(lines) > 1:
            self._split(paragraph, top, after, lines[:-1], properties)
            after = None
        if lines[-1]:
            self._put(self._insertion(lines[-1], properties), top, after)

    def _properties(self, paragraph: Paragraph, offset: int, edit: Edit) -> Element | None:
        """The formatting of new text: that of the struck text, else of its neighbours, else of the paragraph's mark."""
        start, end = edit.start - paragraph.start, edit.end - paragraph.start
        struck = [piece.run for piece in paragraph.pieces if piece.start < piece.end and piece.struck_by(start, end)]
        before, after = paragraph.before(offset), paragraph.after(offset)
        neighbours = [piece.run for piece in (before, after) if piece is not None]
        links = [next(run.iterancestors(W + "hyperlink"), None) for run in neighbours]
        inside = len(links) == 2 and links[0] is not None and links[0] is links[1]
        free = [run for run, link in zip(neighbours, links, strict=True) if link is None or inside]
        for run in [*struck[:1], *free]:
            return plain_properties(run.find(W + "rPr"))
        mark = paragraph.element.find(f"{W}pPr/{W}rPr")
        return plain_properties(mark)

    def _insertion(self, text: str, properties: Element | None) -> Element:
        insertion = self.change("ins")
        insertion.append(run_of(text, properties))
        return insertion

    def _put(self, element: Element, top: Element, after: Element | None) -> None:
        """Put an element after another; where there is none, first in the paragraph."""
        self.own[id(element)] = element
        if after is not None:
            element.tail, after.tail = after.tail, None
            after.addnext(element)
        else:
            properties = top.find(W + "pPr")
            top.insert(0 if properties is None else top.index(properties) + 1, element)

    def _split(
        self,
        paragraph: Paragraph,
        top: Element,
        after: Element | None,
        lines: Sequence[str],
        properties: Element | None,
    ) -> None:
        """Put new paragraphs before `top`; the first takes over what stands in `top` up to `after`."""
        moved: list[Element] = []
        if after is not None:
            children = [child for child in top if name_of(child) != "pPr"]
            moved = children[: next(i for i, child in enumerate(children) if child is after) + 1]
        for number, line in enumerate(lines):
            fresh = new("p")
            if (inherited := plain_paragraph_properties(top.find(W + "pPr"))) is not None:
                fresh.append(inherited)
            set_mark(fresh, self.change("ins"))
            for element in moved if number == 0 else ():
                fresh.append(element)
            if line:
                insertion = self._insertion(line, properties)
                self.own[id(insertion)] = insertion
                fresh.append(insertion)
            top.addprevious(fresh)
            if number == 0 and top is paragraph.head:
                paragraph.head = fresh

    def _mark_comment(self, writing: Writing) -> None:
        top, after = slot(writing.paragraph, writing.order[0], self._follows)
        if after is not None:
            struck = [a for a in after.iterancestors() if name_of(a) == "del"]
            after = struck[-1] if struck else after
        if writing.starts is not None:
            self._put(new("commentRangeStart", {"id": str(writing.starts)}), top, after)
            return
        end = new("commentRangeEnd", {"id": str(writing.ends)})
        self._put(end, top, after)
        while parent_of(end) is not top:
            end = parent_of(end)
        style = new("rPr", children=[new("rStyle", {"val": "CommentReference"})])
        self._put(new("r", children=[style, new("commentReference", {"id": str(writing.ends)})]), top, end)
