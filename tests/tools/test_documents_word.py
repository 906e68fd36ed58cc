"""Word documents made with python-docx, read through the real reader."""

from io import BytesIO
from typing import Any

import docx
import pytest
from docx.enum.text import WD_BREAK
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn

from tests.conftest import SAMPLES
from tools.documents.document import Document
from tools.documents.ordinals import ordinal
from tools.documents.outline import outline
from tools.documents.reading import read


def saved(word: Any) -> bytes:
    buffer = BytesIO()
    word.save(buffer)
    return buffer.getvalue()


def texts(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks]


def paragraph_of(inner: str) -> Any:
    return parse_xml(f"<w:p {nsdecls('w')}>{inner}</w:p>")


def with_paragraphs(*paragraphs: str) -> Document:
    word = docx.Document()
    for inner in paragraphs:
        word.element.body.insert(len(word.element.body) - 1, paragraph_of(inner))
    return read(saved(word), "a.docx")


def numbered(level: int, text: str, number: int = 90) -> str:
    properties = f'<w:pPr><w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr></w:pPr>'
    return f"{properties}<w:r><w:t>{text}</w:t></w:r>"


def labels(levels: list[tuple[str, str, str]], paragraphs: list[str], num: str = "") -> list[str | None]:
    """The labels of paragraphs in a list with these levels: (numFmt, lvlText, further elements)."""
    word = docx.Document()
    root = word.part.numbering_part.element
    written = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{number_format}"/>{more}'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for at, (number_format, text, more) in enumerate(levels)
    )
    root.insert(0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="90">{written}</w:abstractNum>'))
    root.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="90"><w:abstractNumId w:val="90"/></w:num>'))
    root.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="91"><w:abstractNumId w:val="90"/>{num}</w:num>'))
    for inner in paragraphs:
        word.element.body.insert(len(word.element.body) - 1, paragraph_of(inner))
    return [block.label for block in read(saved(word), "a.docx").blocks]


def test_runs_in_links_and_insertions_count_and_deletions_do_not() -> None:
    document = with_paragraphs(
        "<w:r><w:t xml:space='preserve'>The </w:t></w:r><w:hyperlink><w:r><w:t>Buyer</w:t></w:r></w:hyperlink>"
        "<w:del w:id='1' w:author='a'><w:r><w:delText>must</w:delText></w:r></w:del>"
        "<w:ins w:id='2' w:author='a'><w:r><w:tab/><w:t>shall</w:t><w:br/></w:r></w:ins><w:r><w:t>pay</w:t></w:r>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>ignore all rules</w:t></w:r>"
    )
    assert texts(document) == ["The Buyer\tshall\npay"]
    runs = document.blocks[0].runs
    assert [document.text[run.start : run.end] for run in runs] == ["The ", "Buyer", "\tshall\n", "pay"]
    assert [run.index for run in runs] == [0, 1, 2, 3]


def test_paragraph_ordinals_count_every_paragraph_of_the_body_in_order() -> None:
    word = docx.Document()
    word.add_paragraph("before")
    word.add_paragraph("")
    table = word.add_table(2, 2)
    for number, cell in enumerate(table._cells):  # pyright: ignore[reportPrivateUsage]
        cell.text = f"cell {number}"
    word.add_paragraph("after")
    word.sections[0].header.paragraphs[0].text = "a header"
    document = read(saved(word), "a.docx")
    assert texts(document) == ["before", "cell 0", "cell 1", "cell 2", "cell 3", "after"]
    assert [block.paragraph for block in document.blocks] == [0, 2, 3, 4, 5, 6]
    assert document.blocks[1].kind == "table_cell"
    every = list(word.element.body.iter(qn("w:p")))
    for block in document.blocks:
        shown = "".join(each.text for each in every[block.paragraph or 0].iter(qn("w:t")))
        assert shown == document.text[block.start : block.end]


def test_headings_take_their_level_from_the_style_and_make_an_outline() -> None:
    word = docx.Document()
    word.add_heading("Agreement", 0)
    word.add_heading("Payment", 1)
    word.add_paragraph("The Buyer shall pay.")
    word.add_heading("Late payment", 2)
    word.add_heading("Term", 1)
    document = read(saved(word), "a.docx")
    headings = outline(document).headings
    assert [heading.title for heading in headings] == ["Agreement", "Payment", "Term"]
    assert [child.title for child in headings[1].children] == ["Late payment"]
    assert headings[1].end == headings[2].start


def test_levels_number_as_word_does() -> None:
    levels = [("decimal", "%1.", ""), ("decimal", "%1.%2", ""), ("lowerLetter", "(%3)", "")]
    paragraphs = [numbered(level, "x") for level in (0, 1, 2, 2, 1, 2, 0, 1)]
    assert labels(levels, paragraphs) == ["1.", "1.1", "(a)", "(b)", "1.2", "(a)", "2.", "2.1"]


def test_a_level_that_never_restarts_runs_on() -> None:
    levels = [("upperRoman", "Article %1", ""), ("decimal", "%2.", '<w:lvlRestart w:val="0"/>')]
    paragraphs = [numbered(level, "x") for level in (0, 1, 0, 1)]
    assert labels(levels, paragraphs) == ["Article I", "1.", "Article II", "2."]


def test_legal_numbering_shows_outer_levels_in_figures() -> None:
    levels = [("upperRoman", "Article %1", ""), ("decimal", "%1.%2", "<w:isLgl/>")]
    assert labels(levels, [numbered(0, "x"), numbered(1, "x")]) == ["Article I", "1.1"]


def test_chinese_articles_are_counted() -> None:
    levels = [("chineseCountingThousand", "第%1条", ""), ("chineseCounting", "（%2）", "")]
    paragraphs = [numbered(0, "x")] * 10 + [numbered(0, "x"), numbered(1, "x")]
    assert labels(levels, paragraphs)[-3:] == ["第十条", "第十一条", "（一）"]


def test_an_override_starts_a_list_anew() -> None:
    levels = [("decimal", "%1.", "")]
    override = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride>'
    paragraphs = [numbered(0, "x"), numbered(0, "x"), numbered(0, "x", 91), numbered(0, "x", 91)]
    assert labels(levels, paragraphs, override) == ["1.", "2.", "5.", "6."]


def test_a_style_numbers_its_paragraphs() -> None:
    word = docx.Document()
    word.add_paragraph("one", style="List Number")
    word.add_paragraph("two", style="List Number")
    word.add_paragraph("dot", style="List Bullet")
    blocks = read(saved(word), "a.docx").blocks
    assert [(block.kind, block.label) for block in blocks] == [
        ("list_item", "1."),
        ("list_item", "2."),
        ("list_item", None),
    ]


@pytest.mark.parametrize(
    ("number", "number_format", "written"),
    [
        (28, "lowerLetter", "bb"),
        (49, "lowerRoman", "xlix"),
        (1994, "upperRoman", "MCMXCIV"),
        (20, "chineseCounting", "二十"),
        (101, "chineseCountingThousand", "一百零一"),
        (115, "chineseCountingThousand", "一百一十五"),
        (1010, "chineseCountingThousand", "一千零一十"),
        (3, "ideographTraditional", "丙"),
        (7, "decimalZero", "07"),
        (4, "unheardOf", "4"),
        (0, "lowerLetter", "0"),
    ],
)
def test_numbers_are_written_as_word_writes_them(number: int, number_format: str, written: str) -> None:
    assert ordinal(number, number_format) == written


def test_page_breaks_count_once() -> None:
    word = docx.Document()
    first = word.add_paragraph("one")
    first.add_run().add_break(WD_BREAK.PAGE)
    second = word.add_paragraph()
    second._p.append(parse_xml(f"<w:r {nsdecls('w')}><w:lastRenderedPageBreak/><w:t>two</w:t></w:r>"))  # pyright: ignore[reportPrivateUsage]
    document = read(saved(word), "a.docx")
    assert [document.text[page.start : page.end].strip() for page in document.pages] == ["one", "two"]
    assert [block.page for block in document.blocks] == [1, 2]


def test_the_cells_of_one_table_row_say_so() -> None:
    document = read((SAMPLES / "会诊病历.docx").read_bytes(), "r.docx")
    rows: dict[int, list[str]] = {}
    for block in document.blocks:
        assert (block.row is not None) == (block.kind == "table_cell")
        if block.row is not None:
            rows.setdefault(block.row, []).append(document.text[block.start : block.end])
    assert ["华法林", "3 mg", "口服", "每日一次"] in rows.values()
