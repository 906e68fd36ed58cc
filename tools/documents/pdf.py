"""PDF files with text, read by PDFium."""

# pypdfium2 ships without type information; what it returns is annotated here at each call.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import ctypes
import re
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import Final

import pypdfium2
import pypdfium2.raw as pdfium

from tools.documents.draft import Draft, DraftBlock, check_length, check_pages
from tools.documents.faults import CorruptDocument, EmptyDocument, EncryptedPdf, ScannedPdf
from tools.documents.limits import Limits
from tools.documents.text import plain_block

_LOCKED: Final = frozenset({pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY})
_SCAN_CHARS_A_PAGE: Final = 15
_PARAGRAPH_PITCH: Final = 1.35
_LINE_END_HYPHEN: Final = re.compile("[\ufffe\x02]")
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\uffff]")


def read_pdf(content: bytes, limits: Limits) -> Draft:
    """The text page by page in PDFium's reading order, a line a line, a blank line where the page shows a gap.

    Raises EncryptedPdf, CorruptDocument, ScannedPdf, EmptyDocument, TooManyPages or DocumentTooLarge.
    """
    try:
        pdf = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if error.err_code in _LOCKED:
            message = (
                "the PDF is protected with a password; remove the protection (print it to a new PDF) and send that"
            )
            raise EncryptedPdf(message) from None
        raise CorruptDocument(
            f"the PDF is damaged and cannot be opened ({error}); make it anew and send that"
        ) from None
    try:
        return _read_pages(pdf, limits)
    except pypdfium2.PdfiumError as error:
        raise CorruptDocument(f"the PDF is damaged: a page cannot be read ({error}); make it anew") from None
    finally:
        pdf.close()


def _read_pages(pdf: pypdfium2.PdfDocument, limits: Limits) -> Draft:
    count: int = len(pdf)
    if count == 0:
        raise CorruptDocument("the PDF is damaged: it has no page that can be found; make it anew and send that")
    check_pages(count, limits)
    pages: list[str] = []
    page_starts: list[int] = []
    offset = images = visible = 0
    for index in range(count):
        page = pdf[index]
        text = _page_text(page)
        visible += len(re.findall(r"\S", text))
        if visible <= _SCAN_CHARS_A_PAGE * (index + 1):
            images += any(True for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3))
        page.close()
        page_starts.append(offset)
        pages.append(text if index == count - 1 else text + "\n")
        offset += len(pages[-1])
        check_length(offset, limits)
    if visible <= _SCAN_CHARS_A_PAGE * count and images:
        message = f"the PDF is a scan: its {count} page(s) are pictures without text; run OCR on it and send the result"
        raise ScannedPdf(message, pages=count)
    if not visible:
        raise EmptyDocument(f"the PDF has {count} page(s) but no text on them", pages=count)
    text = "".join(pages)
    return Draft("application/pdf", text, tuple(page_starts), tuple(_blocks(text, page_starts)))


def _page_text(page: pypdfium2.PdfPage) -> str:
    """A page's lines; where the step between two baselines is wider than the page's usual one, a blank line."""
    textpage = page.get_textpage()
    raw: str = textpage.get_text_range()
    lines: list[tuple[str, float | None]] = []
    at = 0
    for line in raw.split("\r\n"):
        filled = len(line) - len(line.lstrip())
        lines.append((_cleaned(line), _baseline(textpage, at + filled) if line.strip() else None))
        at += len(line) + 2
    textpage.close()
    filled_lines = [(line, baseline) for line, baseline in lines if line]
    steps = [
        (above - below) if above is not None and below is not None else 0.0
        for (_, above), (_, below) in pairwise(filled_lines)
    ]
    down = [step for step in steps if step > 1.0]
    usual = median(down) if down else 0.0
    text = filled_lines[0][0] if filled_lines else ""
    for (line, _), step in zip(filled_lines[1:], steps, strict=False):
        gap = step > _PARAGRAPH_PITCH * usual or step < -1.0
        text += ("\n\n" if gap else "\n") + line
    return text


def _cleaned(line: str) -> str:
    """PDFium writes a hyphen at a line's end as a mark of its own; other marks that cannot be printed become
    spaces, and so do no-break spaces, which browsers print for every space."""
    return _UNPRINTABLE.sub(" ", _LINE_END_HYPHEN.sub("-", line)).replace("\xa0", " ").strip()


def _baseline(textpage: pypdfium2.PdfTextPage, index: int) -> float | None:
    """The height of a character's origin on the page, in points from the bottom."""
    x, y = ctypes.c_double(), ctypes.c_double()
    found = pdfium.FPDFText_GetCharOrigin(textpage.raw, index, ctypes.byref(x), ctypes.byref(y))
    return y.value if found else None


def _blocks(text: str, page_starts: list[int]) -> Iterator[DraftBlock]:
    """Lines between blank lines; a heading line at the head of its group stands alone. No block crosses a page."""
    for start, end in zip(page_starts, [*page_starts[1:], len(text)], strict=True):
        for group in re.finditer(r"[^\n]+(?:\n[^\n]+)*", text[start:end]):
            begin, stop = start + group.start(), start + group.end()
            first_line = text.find("\n", begin, stop)
            if first_line > 0 and (heading := plain_block(text, begin, first_line)).kind == "heading":
                yield heading
                begin = first_line + 1
            yield plain_block(text, begin, stop)
