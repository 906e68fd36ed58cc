"""A document as a parser leaves it: plain values, so that the parser's process need not load pydantic."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tools.documents.faults import DocumentTooLarge, TooManyPages
from tools.documents.limits import Limits

if TYPE_CHECKING:
    from tools.documents.document import MediaType

BlockKind = Literal["heading", "paragraph", "list_item", "table_cell"]


@dataclass(frozen=True, slots=True)
class DraftBlock:
    """As `document.Block`, its page not yet known; runs: (index, start, end)."""

    start: int
    end: int
    kind: BlockKind = "paragraph"
    level: int | None = None
    label: str | None = None
    paragraph: int | None = None
    runs: tuple[tuple[int, int, int], ...] = ()
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """page_starts: the offset at which each page begins, rising, the first 0; a page ends where the next begins."""

    media_type: "MediaType"
    text: str
    page_starts: tuple[int, ...]
    blocks: tuple[DraftBlock, ...]

    def fields(self, language: str) -> dict[str, object]:
        """The fields of a `Document`, JSON types only, but for its `name` and `sha256`."""
        ends = (*self.page_starts[1:], len(self.text))
        return {
            "media_type": self.media_type,
            "language": language,
            "text": self.text,
            "pages": [
                {"number": number, "start": start, "end": end}
                for number, (start, end) in enumerate(zip(self.page_starts, ends, strict=True), start=1)
            ],
            "blocks": [
                {
                    "start": block.start,
                    "end": block.end,
                    "page": bisect_right(self.page_starts, block.start),
                    "kind": block.kind,
                    "level": block.level,
                    "label": block.label,
                    "paragraph": block.paragraph,
                    "row": block.row,
                    "runs": [{"index": index, "start": start, "end": end} for index, start, end in block.runs],
                }
                for block in self.blocks
            ],
        }


def check_pages(count: int, limits: Limits) -> None:
    """Raises TooManyPages."""
    if count > limits.max_pages:
        message = f"the document has {count} pages; at most {limits.max_pages} are read: split it or send a part"
        raise TooManyPages(message, pages=count, max_pages=limits.max_pages)


def check_length(count: int, limits: Limits) -> None:
    """Raises DocumentTooLarge where the text has too many characters."""
    if count > limits.max_chars:
        message = f"the document's text has over {limits.max_chars} characters; split it or send the part needed"
        raise DocumentTooLarge(message, max_chars=limits.max_chars)
