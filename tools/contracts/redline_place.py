"""Places in a Word document by character offset: which paragraph, which runs, and where between them to write."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from tools.contracts.redline_edits import AmendmentMismatch, RedlineError
from tools.contracts.word_text import Piece, cut, paragraph_text, paragraphs_of
from tools.contracts.wordml import Element, W, name_of, new, parent_of, shell_of
from tools.documents.document import Document

FOLLOWS = frozenset({"bookmarkEnd", "commentRangeEnd", "proofErr"})
FOLLOWING_CONTENT = frozenset({"footnoteReference", "endnoteReference", "commentReference", "annotationRef"})
BETWEEN_PARAGRAPHS = frozenset({"bookmarkStart", "bookmarkEnd", "commentRangeStart", "commentRangeEnd", "proofErr"})


@dataclass(slots=True, eq=False)
class Paragraph:
    """A `w:p` and its span in the document's text. head: the first of the paragraphs that insertions split it into."""

    element: Element
    start: int
    end: int
    head: Element
    pieces: list[Piece] = field(default_factory=list[Piece])

    def cut(self, offsets: Collection[int], spans: Collection[tuple[int, int]]) -> None:
        start = self.start
        self.pieces = cut(self.element, {k - start for k in offsets}, {(a - start, b - start) for a, b in spans})

    def before(self, offset: int) -> Piece | None:
        """The last piece with text that ends at or before the offset (of the document's text)."""
        local = offset - self.start
        return next((p for p in reversed(self.pieces) if p.start < p.end <= local), None)

    def after(self, offset: int) -> Piece | None:
        """The first piece with text that starts at or after the offset."""
        local = offset - self.start
        return next((p for p in self.pieces if local <= p.start < p.end), None)


def find_paragraphs(document: Document, body: Element) -> list[Paragraph]:
    """Every paragraph with its span; raises AmendmentMismatch where the DOCX does not hold the document's text."""
    elements = list(paragraphs_of(body))
    if not elements:
        elements = [new("p")]
        body.insert(0, elements[0])
    paragraphs: list[Paragraph] = []
    start = 0
    for number, element in enumerate(elements):
        text = paragraph_text(element)
        end = start + len(text)
        if document.text[start:end] != text or document.text[end : end + 1] not in ("\n", ""):
            raise AmendmentMismatch(
                f"paragraph {number} of the DOCX does not hold the document's text at [{start}, {end}): "
                "the document was read from another file; read this DOCX anew"
            )
        paragraphs.append(Paragraph(element, start, end, element))
        start = end + 1
    if start < len(document.text):
        raise AmendmentMismatch(
            f"the DOCX ends at {start} but the document's text at {len(document.text)}; read it anew"
        )
    return paragraphs


def paragraph_at(paragraphs: Sequence[Paragraph], offset: int) -> int:
    """The number of the paragraph that holds the offset, its end included."""
    return min(bisect_left(paragraphs, offset, key=lambda paragraph: paragraph.end), len(paragraphs) - 1)


def marks_between(first: Element, last: Element, *, whole: bool = False) -> list[Element]:
    """The paragraphs whose marks stand between the two, `first` included; RedlineError where they cannot be joined.

    whole: `first` goes altogether, so that it may stand before a table: there is nothing to be joined.
    """
    found = [first]
    for sibling in first.itersiblings():
        if sibling is last:
            return found
        if name_of(sibling) == "p":
            found.append(sibling)
        elif name_of(sibling) == "tbl" and whole and next(sibling.iter(W + "p"), None) is last:
            return found
        elif name_of(sibling) not in BETWEEN_PARAGRAPHS:
            break
    raise RedlineError(
        "the amendment removes the border between two table cells, or between a table and the text around it; "
        "amend each paragraph for itself"
    )


def follows(element: Element) -> bool:
    """Whether the element belongs to the text before it: the end of a bookmark, a footnote's number, a field's end."""
    if name_of(element) in FOLLOWS:
        return True
    content = [child for child in element if name_of(child) != "rPr"]
    return name_of(element) == "r" and bool(content) and all(_follows_text(child) for child in content)


def _follows_text(child: Element) -> bool:
    if name_of(child) == "fldChar":
        return child.get(W + "fldCharType") == "end"
    return name_of(child) in FOLLOWING_CONTENT


def split_above(after: Element, top: Element, next_revision: Callable[[], str]) -> Element:
    """Cut the containers of `after` behind it, up to `top`, and give back the child of `top` that ends there."""
    while (parent := parent_of(after)) is not top:
        rest = list(after.itersiblings())
        if rest:
            if name_of(parent) in ("sdt", "sdtContent"):
                raise RedlineError("the amendment puts a paragraph's end inside a content control; amend around it")
            shell = shell_of(parent)
            if shell.get(W + "id") is not None and name_of(parent) in ("ins", "moveTo"):
                shell.set(W + "id", next_revision())
            for element in rest:
                shell.append(element)
            parent.addnext(shell)
        after = parent
    return after


def slot(
    paragraph: Paragraph, offset: int, follow: Callable[[Element], bool], *, replacing: bool = False
) -> tuple[Element, Element | None]:
    """Where to write at the offset: the `w:p`, and the element after which (None: first in the paragraph).

    It is behind the text that ends there, in the innermost element that also holds the text that follows; when
    replacing, directly behind the `w:del`, so that what replaces a hyperlink's words stays in the hyperlink. Elements
    for which `follow` is true are passed.
    """
    before = paragraph.before(offset)
    if before is None:
        return paragraph.head, None
    top = next(before.run.iterancestors(W + "p"))
    node = before.run
    if replacing and name_of(parent_of(node)) == "del":
        node = parent_of(node)
    else:
        shared = _shared(node, paragraph.after(offset), top)
        while (parent := parent_of(node)) is not top and parent is not shared:
            node = parent
    while (following := node.getnext()) is not None and follow(following):
        node = following
    return top, node


def _shared(run: Element, following: Piece | None, top: Element) -> Element:
    """The innermost element that holds the run and the following piece; `top` where there is none."""
    if following is not None:
        holders = list(following.run.iterancestors())
        for ancestor in run.iterancestors():
            if any(ancestor is holder for holder in holders):
                return ancestor
    return top
