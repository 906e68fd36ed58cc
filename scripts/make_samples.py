"""Build the sample contracts and the sample record in samples/ from the texts in samples/sources/.

    python scripts/make_samples.py [--without-pdf]

A source is Markdown with a small front matter (`key: value` lines between two `---`) and these blocks, one a line:

    # title    % centred line    ## clause heading    ### schedule heading    === next paragraph starts a page
    - clause (1.1)    -- sub-clause (a)    > indented paragraph    | table | row |    [signatures] before a table
    anything else is a body paragraph; **bold** works everywhere

`layout: numbered` lets Word number headings, clauses and sub-clauses; `layout: typed` and `layout: chinese` keep the
numbers typed in the source. Dates and archive timestamps are fixed, so a rebuild gives the same DOCX bytes; the PDF is
printed by LibreOffice and gives the same text.
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Length, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
SOURCES = SAMPLES / "sources"
WORD_SAMPLES = ("master-services-agreement", "设备采购与服务合同", "会诊病历")
PDF_SAMPLES = ("distribution-agreement",)
TEXT_SAMPLES = ("mutual-nda.md", "software-licence.txt")

MARKS = {
    "# ": "title",
    "% ": "centred",
    "## ": "heading",
    "### ": "schedule",
    "- ": "clause",
    "-- ": "subclause",
    "> ": "indented",
}
STYLES = {
    "title": "Title",
    "centred": "Centred",
    "heading": "Heading 1",
    "schedule": "Heading 2",
    "clause": "Clause",
    "subclause": "Subclause",
    "indented": "Indented",
    "body": "Normal",
}
NUMBERED_LEVELS = (
    # style id, number format, number text, left indent and hanging indent in twips (1/1440 inch)
    ("Heading1", "decimal", "%1.", 709, 709),
    ("Clause", "decimal", "%1.%2", 709, 709),
    ("Subclause", "lowerLetter", "(%3)", 1276, 567),
)


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, table or signature table of a source; rows is empty unless it is a table."""

    kind: str
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    starts_page: bool = False


def read_source(path: Path) -> tuple[dict[str, str], list[Block]]:
    """The front matter and the blocks of a source file."""
    _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
    settings = dict(line.split(": ", 1) for line in front.strip().splitlines())
    blocks: list[Block] = []
    rows: list[tuple[str, ...]] = []
    table_kind, starts_page = "table", False
    for line in [*body.splitlines(), ""]:
        if line.startswith("|"):
            rows.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
            continue
        if rows:
            blocks.append(Block(table_kind, rows=tuple(rows)))
            rows, table_kind = [], "table"
        if line == "[signatures]":
            table_kind = "signatures"
        elif line == "===":
            starts_page = True
        elif line:
            mark = next((mark for mark in MARKS if line.startswith(mark)), "")
            blocks.append(Block(MARKS.get(mark, "body"), line.removeprefix(mark), starts_page=starts_page))
            starts_page = False
    return settings, blocks


def add_text(paragraph: Paragraph, text: str) -> None:
    """Append text to the paragraph, with **bold** as bold runs."""
    for position, piece in enumerate(text.split("**")):
        if piece:
            paragraph.add_run(piece).bold = True if position % 2 else None


def add_field(paragraph: Paragraph, instruction: str) -> None:
    """Append a Word field such as PAGE, with 1 as the value shown until Word computes it."""
    paragraph._p.append(
        parse_xml(f'<w:fldSimple {nsdecls("w")} w:instr="{instruction}"><w:r><w:t>1</w:t></w:r></w:fldSimple>')
    )


def set_font(style: ParagraphStyle, latin: str, east_asian: str, size: float, *, bold: bool = False) -> None:
    style.font.name, style.font.size, style.font.bold = latin, Pt(size), bold
    style.font.color.rgb = RGBColor(0, 0, 0)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    fonts.set(qn("w:eastAsia"), east_asian)
    fonts.set(qn("w:cs"), latin)


def set_spacing(style: ParagraphStyle, before: float, after: float, *, left: float = 0, first: float = 0) -> None:
    """Spacing in points; left and first-line indent in centimetres (first < 0 hangs)."""
    layout = style.paragraph_format
    layout.space_before, layout.space_after, layout.line_spacing = Pt(before), Pt(after), 1.15
    layout.left_indent, layout.first_line_indent = Cm(left), Cm(first)


def set_language(document: WordDocument, latin: str) -> None:
    """Proofing languages; without zh-CN a reader that lacks SimSun may fall back to Traditional Chinese glyphs."""
    defaults = document.styles.element.find(f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}")
    language = defaults.find(qn("w:lang"))
    language.set(qn("w:val"), latin)
    language.set(qn("w:eastAsia"), "zh-CN")


def define_styles(document: WordDocument, settings: dict[str, str]) -> None:
    """The paragraph styles of the contract: fonts, spacing, indents."""
    latin, chinese = settings["font"], settings["layout"] == "chinese"
    body_font, heading_font = ("SimSun", "SimHei") if chinese else (latin, latin)
    size = 11 if chinese else 10.5
    for name in ("Clause", "Subclause", "Indented", "Centred"):
        document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH).base_style = document.styles["Normal"]
    set_language(document, "en-US" if settings["layout"] == "typed" else "en-GB")
    for name in STYLES.values():
        set_font(document.styles[name], latin, body_font, size)
        document.styles[name].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    set_font(document.styles["Title"], latin, heading_font, 18, bold=True)
    set_font(document.styles["Heading 1"], latin, heading_font, size + 0.5, bold=True)
    set_font(document.styles["Heading 2"], latin, heading_font, size + 1.5, bold=True)
    for name in ("Header", "Footer"):
        set_font(document.styles[name], latin, body_font, 8.5)
    indents = {"Clause": (0, 0.77), "Subclause": (0.77, 0)} if chinese else {}
    indents = indents or {"Clause": (1.25, -1.25), "Subclause": (2.25, -1)}
    set_spacing(document.styles["Normal"], 0, 6)
    set_spacing(document.styles["Clause"], 0, 6, left=indents["Clause"][0], first=indents["Clause"][1])
    set_spacing(document.styles["Subclause"], 0, 4, left=indents["Subclause"][0], first=indents["Subclause"][1])
    set_spacing(document.styles["Indented"], 0, 5, left=0.77 if chinese else 1.25)
    set_spacing(document.styles["Centred"], 0, 10)
    hanging = settings["layout"] == "typed"
    set_spacing(document.styles["Heading 1"], 12, 6, left=1.25 * hanging, first=-1.25 * hanging)
    set_spacing(document.styles["Heading 2"], 10, 8)
    set_spacing(document.styles["Title"], 6, 10)
    document.styles["Heading 1"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.LEFT
    for name in ("Title", "Centred", "Heading 2"):
        document.styles[name].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    border = document.styles["Title"].element.pPr.find(qn("w:pBdr"))
    if border is not None:
        document.styles["Title"].element.pPr.remove(border)


def define_numbering(document: WordDocument) -> None:
    """A multi-level list tied to the styles: Heading 1 is 1., Clause is 1.1, Subclause is (a)."""
    levels = "".join(
        f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{number_format}"/><w:pStyle w:val="{style}"/>'
        f'<w:lvlText w:val="{text}"/><w:lvlJc w:val="left"/><w:pPr><w:tabs><w:tab w:val="num" w:pos="{left}"/></w:tabs>'
        f'<w:ind w:left="{left}" w:hanging="{hanging}"/></w:pPr></w:lvl>'
        for level, (style, number_format, text, left, hanging) in enumerate(NUMBERED_LEVELS)
    )
    numbering = document.part.numbering_part.element
    abstract = parse_xml(
        f'<w:abstractNum {nsdecls("w")} w:abstractNumId="90">'
        f'<w:multiLevelType w:val="multilevel"/>{levels}</w:abstractNum>'
    )
    numbering.insert(len(numbering.findall(qn("w:abstractNum"))), abstract)
    number = numbering.add_num(90)
    for level, (style, *_, left, hanging) in enumerate(NUMBERED_LEVELS):
        properties = next(s for s in document.styles if s.style_id == style).element.get_or_add_pPr()
        numbered = properties.get_or_add_numPr()
        numbered.get_or_add_ilvl().val = level
        numbered.get_or_add_numId().val = number.numId
        properties.ind_left, properties.first_line_indent = Pt(left / 20), Pt(-hanging / 20)


def column_widths(block: Block) -> list[Length]:
    """The 16 cm of the text area, shared by the longest cell of each column (within limits) or equally to sign in."""
    if block.kind == "signatures":
        return [Cm(16 / len(block.rows[0]))] * len(block.rows[0])
    # a Chinese character is as wide as two Latin letters
    longest = [max(len(cell.encode("gb18030")) for cell in column) for column in zip(*block.rows, strict=True)]
    shares = [min(max(length + 2, 13), 32) for length in longest]
    return [Cm(16 * share / sum(shares)) for share in shares]


def add_table(document: WordDocument, block: Block) -> None:
    """A ruled table with a bold first row that repeats on each page, or an unruled signature table."""
    ruled = block.kind == "table"
    table = document.add_table(len(block.rows), len(block.rows[0]), "Table Grid" if ruled else None)
    table.autofit = False
    for column, width in zip(table.columns, column_widths(block), strict=True):
        for cell in column.cells:
            cell.width = column.width = width
    for index, row in enumerate(block.rows):
        properties = table.rows[index]._tr.get_or_add_trPr()
        properties.append(parse_xml(f"<w:cantSplit {nsdecls('w')}/>"))
        if ruled and index == 0:
            properties.append(parse_xml(f"<w:tblHeader {nsdecls('w')}/>"))
        for cell, text in zip(table.rows[index].cells, row, strict=True):
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.LEFT
            paragraph.paragraph_format.space_before = Pt(2 if ruled else 7)
            paragraph.paragraph_format.space_after = Pt(2)
            paragraph.paragraph_format.keep_with_next = index < len(block.rows) - 1
            add_text(paragraph, f"**{text}**" if ruled and index == 0 else text)
            if ruled and index == 0:
                cell._tc.get_or_add_tcPr().append(parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:fill="E7ECF2"/>'))
    document.add_paragraph()


def add_block(document: WordDocument, block: Block, layout: str) -> None:
    if block.rows:
        if block.kind == "signatures":
            document.paragraphs[-1].paragraph_format.keep_with_next = True
        add_table(document, block)
    else:
        text = block.text
        if layout == "typed" and block.kind in ("heading", "clause", "subclause"):
            text = text.replace(" ", "\t", 1)  # the typed number hangs in the margin, as a typist would do it
        paragraph = document.add_paragraph(style=STYLES[block.kind])
        paragraph.paragraph_format.page_break_before = True if block.starts_page else None
        add_text(paragraph, text)


def add_header_and_footer(document: WordDocument, settings: dict[str, str]) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.5)
    section.top_margin = section.bottom_margin = Cm(2.4)
    section.header.paragraphs[0].text = settings["header"]
    section.header.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for piece in re.split(r"(\{PAGE\}|\{NUMPAGES\})", settings["footer"]):
        if piece.startswith("{"):
            add_field(footer, piece.strip("{}"))
        else:
            footer.add_run(piece)


def build_word(source: Path, target: Path) -> None:
    """Write the source as a DOCX whose bytes depend on nothing but the source and this script."""
    settings, blocks = read_source(source)
    document = Document()
    define_styles(document, settings)
    if settings["layout"] == "numbered":
        define_numbering(document)
    add_header_and_footer(document, settings)
    for block in blocks:
        add_block(document, block, settings["layout"])
    properties = document.core_properties
    properties.title, properties.author, properties.comments = settings["title"], "Consilia samples", ""
    properties.language = "zh-CN" if settings["layout"] == "chinese" else "en-GB"
    properties.created = properties.modified = datetime.fromisoformat(settings["date"])
    document.save(str(target))
    fix_timestamps(target)


def fix_timestamps(archive: Path) -> None:
    """Rewrite the ZIP archive with one fixed time on every member."""
    with zipfile.ZipFile(archive) as written:
        members = {name: written.read(name) for name in written.namelist()}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as fixed:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            fixed.writestr(member, content)


def build_pdf(source: Path, target: Path) -> None:
    """Print the source through a temporary DOCX with LibreOffice; raises CalledProcessError if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        word = Path(folder) / f"{target.stem}.docx"
        build_word(source, word)
        profile = f"-env:UserInstallation=file://{folder}/profile"
        command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", folder, str(word)]
        fixed_date = {"SOURCE_DATE_EPOCH": "1767225600"}  # 2026-01-01
        subprocess.run(command, check=True, capture_output=True, timeout=180, env=os.environ | fixed_date)
        shutil.copyfile(word.with_suffix(".pdf"), target)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Build the sample contracts and the sample record in samples/ from samples/sources/."
    )
    parser.add_argument("--without-pdf", action="store_true", help="skip the PDF, which needs LibreOffice (soffice)")
    arguments = parser.parse_args()
    for name in WORD_SAMPLES:
        build_word(SOURCES / f"{name}.md", SAMPLES / f"{name}.docx")
    for name in TEXT_SAMPLES:
        shutil.copyfile(SOURCES / name, SAMPLES / name)
    if not arguments.without_pdf:
        for name in PDF_SAMPLES:
            build_pdf(SOURCES / f"{name}.md", SAMPLES / f"{name}.pdf")


if __name__ == "__main__":
    main()
