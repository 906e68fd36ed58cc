"""Word documents (DOCX): the body's paragraphs with their runs, numbers, headings and pages."""

from collections.abc import Iterator
from itertools import count
from typing import Final
from xml.etree.ElementTree import Element

from tools.documents.draft import BlockKind, Draft, DraftBlock, check_length, check_pages
from tools.documents.faults import CorruptDocument, UnsupportedDocumentType
from tools.documents.file_types import check_archive_type
from tools.documents.limits import Limits
from tools.documents.numbering import Numbering, read_numbering
from tools.documents.package import Package
from tools.documents.styles import Styles, read_styles, value_of, w

_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SIGNS: Final = {w("tab"): "\t", w("br"): "\n", w("cr"): "\n", w("noBreakHyphen"): "\u2011", w("ptab"): "\t"}
_LEFT_OUT: Final = frozenset({w("del"), w("moveFrom"), w("rt"), w("p"), w("pPr"), w("rPr"), _FALLBACK})
_NEW_PAGE_SECTIONS: Final = frozenset({None, "nextPage", "oddPage", "evenPage"})
_PAGE_BREAK: Final = "\f"


def read_word(content: bytes, name: str, limits: Limits) -> Draft:
    """Every paragraph of the body in document order, those of tables and text boxes included.

    Headers, footers, footnotes and comments are left out. Tracked insertions count as text, deletions do not. A page
    begins where Word last drew one (`w:lastRenderedPageBreak`) or where the author broke one.
    """
    package = Package.open(content, limits)
    check_archive_type(package.names, package.part("[Content_Types].xml"), name)
    main = package.related("", "officeDocument") or "word/document.xml"
    root = package.xml(main)
    if root is None:
        raise CorruptDocument(f"the Word document is damaged: it has no main part {main!r}")
    if "purl.oclc.org" in root.tag:
        message = f"{name!r} is a Strict Open XML document; save it as an ordinary Word document (DOCX) and send that"
        raise UnsupportedDocumentType(message, name=name, found="Strict Open XML document")
    body = root.find(w("body"))
    if body is None:
        raise CorruptDocument(f"the Word document is damaged: its main part {main!r} has no body")
    styles = read_styles(package.xml(package.related(main, "styles") or ""))
    numbering = read_numbering(package.xml(package.related(main, "numbering") or ""), styles)
    return _Reader(styles, numbering, limits).read(body)


class _Reader:
    """One pass over a body: text, page and list counters move forward together."""

    def __init__(self, styles: Styles, numbering: Numbering, limits: Limits) -> None:
        self._styles = styles
        self._numbering = numbering
        self._limits = limits
        self._parts: list[str] = []
        self._offset = 0
        self._page_starts = [0]
        self._page_has_text = False
        self._break_waits = False
        self._blocks: list[DraftBlock] = []

    def read(self, body: Element) -> Draft:
        for ordinal, (paragraph, row, repeated) in enumerate(_paragraphs(body)):
            if not repeated:
                self._read_paragraph(paragraph, ordinal, row)
        return Draft(
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "".join(self._parts),
            tuple(self._page_starts),
            tuple(self._blocks),
        )

    def _read_paragraph(self, paragraph: Element, ordinal: int, row: int | None) -> None:
        in_table = row is not None
        properties = paragraph.find(w("pPr"))
        if self._styles.breaks_before(properties):
            self._break_waits = True
        numbered = self._styles.numbering(properties)
        label = self._numbering.next_label(numbered) if numbered else None
        start = self._offset
        runs: list[tuple[int, int, int]] = []
        for index, run in enumerate(text_runs(paragraph)):
            begun = self._offset
            for piece in _pieces(run):
                self._add(piece)
            if self._offset > begun:
                runs.append((index, begun, self._offset))
        if runs:
            heading = self._styles.heading_level(properties)
            kind: BlockKind = "table_cell" if in_table else "paragraph"
            level = heading
            if heading is not None:
                kind = "heading"
            elif numbered and self._numbering.is_list(numbered):
                level = self._numbering.level_of(numbered)
                kind = "table_cell" if in_table else "list_item"
            self._blocks.append(DraftBlock(start, self._offset, kind, level, label, ordinal, tuple(runs), row))
        self._parts.append("\n")
        self._offset += 1
        check_length(self._offset, self._limits)
        section = None if properties is None else properties.find(w("sectPr"))
        if section is not None and value_of(section, "type") in _NEW_PAGE_SECTIONS:
            self._break_waits = True

    def _add(self, piece: str) -> None:
        """Text, or a page break: breaks with nothing between them are one, as Word marks a typed break twice."""
        if piece == _PAGE_BREAK:
            self._break_waits = True
            return
        if not piece.isspace():
            if self._break_waits and self._page_has_text:
                self._page_starts.append(self._offset)
                check_pages(len(self._page_starts), self._limits)
            self._break_waits = False
            self._page_has_text = True
        self._parts.append(piece)
        self._offset += len(piece)


def text_runs(paragraph: Element) -> Iterator[Element]:
    """The `w:r` of a paragraph that show, in order: those in links, fields and insertions too, deleted ones not.

    `Block.runs` counts along this. Hidden runs (`w:vanish`) do not show, nor do those of a text box's own paragraphs.
    Works on lxml elements as well.
    """
    for child in paragraph:
        if child.tag == w("r"):
            if not _is_hidden(child):
                yield child
        elif child.tag not in _LEFT_OUT:
            yield from text_runs(child)


def run_text(run: Element) -> str:
    """A run's text as it shows: `w:t` literally, a tab as `\\t`, a line break as `\\n`; a page break has none."""
    return "".join(piece for piece in _pieces(run) if piece != _PAGE_BREAK)


def _pieces(run: Element) -> Iterator[str]:
    for child in run:
        if child.tag == w("t"):
            if child.text:
                yield child.text.replace(_PAGE_BREAK, " ")
        elif child.tag == w("lastRenderedPageBreak"):
            yield _PAGE_BREAK
        elif child.tag == w("br") and child.get(w("type")) in ("page", "column"):
            yield _PAGE_BREAK if child.get(w("type")) == "page" else "\n"
        elif child.tag in _SIGNS:
            yield _SIGNS[child.tag]
        elif child.tag == w("ruby"):
            for run_of_base in child.iterfind(f"{w('rubyBase')}/{w('r')}"):
                yield from _pieces(run_of_base)


def _is_hidden(run: Element) -> bool:
    properties = run.find(w("rPr"))
    vanish = None if properties is None else properties.find(w("vanish"))
    return vanish is not None and vanish.get(w("val"), "1") not in ("0", "false", "off")


def _paragraphs(body: Element) -> Iterator[tuple[Element, int | None, bool]]:
    """Every `w:p` in document order: itself, the table row it is in, whether it repeats a text box (fallback)."""
    rows = count()
    stack: list[tuple[Element, int | None, bool]] = [(body, None, False)]
    while stack:
        element, row, repeated = stack.pop()
        if element.tag == w("p"):
            yield element, row, repeated
        if element.tag == w("tr"):
            row = next(rows)
        repeated = repeated or element.tag == _FALLBACK
        stack.extend((child, row, repeated) for child in reversed(element))
