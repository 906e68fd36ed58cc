"""A new DOCX for a contract that came as PDF, text or Markdown: its text typeset, the amendments tracked in it."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from docx import Document as new_docx
from docx.document import Document as Docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import ParagraphStyle

from tools.contracts.contract import Amendment
from tools.contracts.redline import redline
from tools.contracts.redline_edits import UNWRITABLE, check
from tools.contracts.word_package import open_package
from tools.contracts.wordml import W, new, parse, serialise
from tools.documents.document import MARKDOWN, Block, Document

LATIN, EAST_ASIAN = "Times New Roman", "SimSun"
HAN = re.compile("[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
HASHES = re.compile(r" {0,3}#{1,6}[ \t]+")
FULL_LINE = 45  # columns from which a line of the source counts as wrapped rather than ended on purpose


@dataclass(frozen=True, slots=True)
class Reflowed:
    """The document as it is typeset, and where each offset of the source (its end included) has gone."""

    document: Document
    moved: tuple[int, ...]


def new_document(document: Document, amendments: Sequence[Amendment], author: str, date: datetime, title: str) -> bytes:
    """A DOCX with the contract's text, a paragraph a block, and the amendments as tracked changes and comments.

    Wrapped lines are joined and blank lines become the space between paragraphs; all else of the text stays. title: for
    the page's head and the file's properties. Raises what `redline` raises.
    """
    check(document, amendments)
    reflowed = _reflow(document)
    docx = _typeset(reflowed.document, title, author)
    shifted = [_shift(amendment, document, reflowed) for amendment in amendments]
    return redline(docx, reflowed.document, shifted, author, date)


def _reflow(document: Document) -> Reflowed:
    text = UNWRITABLE.sub(" ", document.text)
    moved = [0] * (len(text) + 1)
    kept: list[str] = []
    blocks: list[Block] = []
    length = done = 0
    for block in _covering(text, document.blocks):
        if blocks:
            kept.append("\n")
            length += 1
            moved[done + 1 : block.start] = [length] * max(block.start - done - 1, 0)
        start, body = length, text[block.start : block.end]
        hashes = HASHES.match(body) if document.media_type == MARKDOWN and block.kind == "heading" else None
        wrapped = _wrapped(body)
        for at, letter in enumerate(body):
            moved[block.start + at] = length
            if hashes and at < hashes.end():
                continue
            kept.append(_joint(body, at) if at in wrapped else letter)
            length += len(kept[-1])
        done = block.end
        moved[done] = length
        blocks.append(block.model_copy(update={"start": start, "end": length, "paragraph": len(blocks), "runs": ()}))
    moved[done:] = [length] * (len(moved) - done)
    reflowed = document.model_copy(update={"text": "".join(kept), "blocks": tuple(blocks)})
    return Reflowed(reflowed, tuple(moved))


def _covering(text: str, blocks: Sequence[Block]) -> list[Block]:
    """The blocks, and one for each line of text that stands in none."""
    covering: list[Block] = []
    done = 0
    for block in [*blocks, None]:
        stop = len(text) if block is None else block.start
        for line in re.finditer(r"[^\s\n][^\n]*", text[done:stop]):
            covering.append(Block(start=done + line.start(), end=done + line.end(), page=1))
        if block is not None:
            covering.append(block)
            done = block.end
    return covering


def _wrapped(text: str) -> set[int]:
    """The line feeds that only wrap: those after a line that is full (a Chinese character takes two columns)."""
    wrapped: set[int] = set()
    start = 0
    for feed in re.finditer("\n", text):
        line = text[start : feed.start()]
        start = feed.end()
        if len(line) + len(HAN.findall(line)) >= FULL_LINE and text[start : start + 1] not in ("\n", ""):
            wrapped.add(feed.start())
    return wrapped


def _joint(text: str, at: int) -> str:
    """What joins two lines: a space, but nothing between Chinese characters or beside a space."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return "" if before.isspace() or after.isspace() or (HAN.match(before) and HAN.match(after)) else " "


def _shift(amendment: Amendment, document: Document, reflowed: Reflowed) -> Amendment:
    """The amendment in the reflowed text, its own lines joined alike."""
    text = reflowed.document.text
    start, end = reflowed.moved[amendment.start], reflowed.moved[amendment.end]
    wording = text[start:end]
    if amendment.old != amendment.new:
        wrapped = _wrapped(amendment.new) if "\n" in amendment.old else set[int]()
        parts = [_joint(amendment.new, i) if i in wrapped else c for i, c in enumerate(amendment.new)]
        wording = re.sub(r"\n\s*\n", "\n", "".join(parts))
        if end == len(text) and amendment.end > 0:
            wording = wording.rstrip("\n")
            if start == end and wording and document.text[amendment.start - 1] == "\n" and text:
                wording = "\n" + wording.lstrip("\n")
    return Amendment(start=start, end=end, old=text[start:end], new=wording, comment=amendment.comment)


def _typeset(document: Document, title: str, author: str) -> bytes:
    docx = new_docx()
    docx.core_properties.title = UNWRITABLE.sub(" ", title)[:255]
    docx.core_properties.author = UNWRITABLE.sub(" ", author)[:255]
    section = docx.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Cm(2.5)
    _set_styles(docx)
    section.header.paragraphs[0].text = UNWRITABLE.sub(" ", title)
    section.footer.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.CENTER
    for block in document.blocks:
        text = document.text[block.start : block.end]
        if block.kind == "heading":
            docx.add_paragraph(text, style=f"Heading {min(max(block.level or 0, 0), 8) + 1}")
            continue
        paragraph = docx.add_paragraph(text)
        if block.kind == "list_item":
            paragraph.paragraph_format.left_indent = Cm(0.75 * (1 + min(block.level or 0, 8)))
    buffer = io.BytesIO()
    docx.save(buffer)
    return _with_fonts(buffer.getvalue())


def _set_styles(docx: Docx) -> None:
    sizes = {"Normal": 11.0, "Header": 9.0, "Footer": 9.0, "Heading 1": 14.0, "Heading 2": 12.0}
    for name in (*sizes, *(f"Heading {level}" for level in range(3, 10))):
        style = docx.styles[name]
        if isinstance(style, ParagraphStyle):
            style.font.name = LATIN
            style.font.size = Pt(sizes.get(name, 11.0))
            style.font.color.rgb = RGBColor(0, 0, 0)
            if name.startswith("Heading"):
                style.font.bold, style.font.italic = True, False
                style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(12), Pt(6)
            elif name == "Normal":
                style.paragraph_format.space_after, style.paragraph_format.line_spacing = Pt(6), 1.15


def _with_fonts(docx: bytes) -> bytes:
    """Name the East Asian font, for which python-docx has no setting, and put the page's number in the foot."""
    package = open_package(docx)
    styles = parse(package.parts["word/styles.xml"], "word/styles.xml")
    for fonts in styles.iter(W + "rFonts"):
        for key in [key for key in fonts.attrib if key.endswith("Theme")]:
            del fonts.attrib[key]  # a theme's font would win over the named one
        for slot, font in (("ascii", LATIN), ("hAnsi", LATIN), ("cs", LATIN), ("eastAsia", EAST_ASIAN)):
            fonts.set(W + slot, font)
    package.parts["word/styles.xml"] = serialise(styles)
    for name in [name for name in package.parts if re.fullmatch(r"word/footer\d+\.xml", name)]:
        footer = parse(package.parts[name], name)
        for paragraph in footer.iter(W + "p"):
            paragraph.append(new("fldSimple", {"instr": "PAGE"}, [new("r", children=[new("t")])]))
        package.parts[name] = serialise(footer)
    return package.save()
