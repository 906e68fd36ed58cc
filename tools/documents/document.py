"""What a read document is: one text, and where each part of it stood in the source.

All offsets are character offsets (Python `str` indices) into `Document.text`, half open: `text[start:end]`.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

MediaType = Literal[
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "text/plain",
    "text/markdown",
]
PDF: MediaType = "application/pdf"
DOCX: MediaType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TEXT: MediaType = "text/plain"
MARKDOWN: MediaType = "text/markdown"


class Page(BaseModel):
    """One page: its 1-based number and its span in the text. A file without pages is one page."""

    model_config = ConfigDict(frozen=True)

    number: int
    start: int
    end: int


class Run(BaseModel):
    """One `w:r` of a DOCX paragraph: its 0-based index among the paragraph's text runs, and its span."""

    model_config = ConfigDict(frozen=True)

    index: int
    start: int
    end: int


class Block(BaseModel):
    """One paragraph of the source: a heading, a list item, a table cell's paragraph, or plain text.

    paragraph: for DOCX the 0-based ordinal of the `w:p` among all `w:p` of the body in document order, else None.
    label: the number that Word computes for an automatically numbered paragraph ("2.1", "第三条"); it is not in the
    text. level: heading or list level, 0-based, where the source says so. row: for a table cell of a DOCX the ordinal
    of its table row in the document.
    """

    model_config = ConfigDict(frozen=True)

    start: int
    end: int
    page: int
    kind: Literal["heading", "paragraph", "list_item", "table_cell"] = "paragraph"
    level: int | None = None
    label: str | None = None
    paragraph: int | None = None
    row: int | None = None
    runs: tuple[Run, ...] = ()


class Document(BaseModel):
    """A document as read: its text with pages and blocks, its language (BCP 47: `en`, `zh`, …) and its source."""

    model_config = ConfigDict(frozen=True)

    name: str
    media_type: MediaType
    sha256: str
    language: str
    text: str
    pages: tuple[Page, ...]
    blocks: tuple[Block, ...]

    def page_at(self, offset: int) -> int:
        """The 1-based number of the page that holds the character at `offset`."""
        low, high = 0, len(self.pages) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.pages[middle].start <= offset:
                low = middle
            else:
                high = middle - 1
        return self.pages[low].number

    def labels(self) -> dict[int, str]:
        """Computed paragraph numbers by the offset of their paragraph, for `split_clauses`."""
        return {block.start: block.label for block in self.blocks if block.label}
