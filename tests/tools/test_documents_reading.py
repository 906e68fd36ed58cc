"""PDF, text and Markdown through the real reader, and what holds for every document."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tools.documents_made import pdf_file, word_file
from tools.documents.document import DOCX, MARKDOWN, PDF, TEXT, Document
from tools.documents.limits import Limits
from tools.documents.outline import outline
from tools.documents.reading import read
from tools.errors import ConsiliaError

ROOT = Path(__file__).resolve().parents[2]
CUAD = ROOT.parent / "shared" / "data" / "cuad"
SAMPLES = sorted(path for path in (ROOT / "samples").glob("*.*") if path.suffix in (".docx", ".pdf", ".txt", ".md"))


def assert_sound(document: Document) -> None:
    """What every reader of a Document relies on."""
    assert document.pages[0].start == 0
    assert document.pages[-1].end == len(document.text)
    assert all(before.end == after.start for before, after in zip(document.pages, document.pages[1:], strict=False))
    at = 0
    for block in document.blocks:
        assert at <= block.start < block.end <= len(document.text)
        assert document.text[block.start : block.end].strip()
        assert block.page == document.page_at(block.start)
        at = block.end
        if document.media_type == DOCX:
            assert [run.index for run in block.runs] == sorted({run.index for run in block.runs})
            runs = "".join(document.text[run.start : run.end] for run in block.runs)
            assert runs == document.text[block.start : block.end]
    outside = document.text
    for block in reversed(document.blocks):
        outside = outside[: block.start] + outside[block.end :]
    assert not outside.strip() or document.media_type == MARKDOWN


def document_or_error(content: bytes, name: str) -> Document | ConsiliaError:
    try:
        return read(content, name, Limits(max_chars=100_000))
    except ConsiliaError as error:
        return error


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_is_read_soundly(path: Path) -> None:
    document = read(path.read_bytes(), path.name)
    assert_sound(document)
    assert document.language == ("en" if path.name.isascii() else "zh")
    assert outline(document).headings


@pytest.mark.skipif(not CUAD.exists(), reason="the CUAD contracts are not here")
def test_the_words_of_real_pdfs_are_those_of_their_transcripts() -> None:
    for path in sorted((CUAD / "pdf").glob("*.pdf"))[:8]:
        document = read(path.read_bytes(), path.name)
        assert_sound(document)
        transcript = set(re.findall(r"[a-z]{4,}", (CUAD / "contracts" / f"{path.stem}.txt").read_text().lower()))
        words = set(re.findall(r"[a-z]{4,}", document.text.lower()))
        assert len(words & transcript) >= 0.9 * len(transcript), path.name


def test_a_pdf_keeps_pages_and_lines() -> None:
    document = read(pdf_file("1. PAYMENT\nThe Buyer shall pay.\nThe Seller shall not.", "Second page"), "a.pdf")
    assert document.media_type == PDF
    assert document.text == "1. PAYMENT\nThe Buyer shall pay.\nThe Seller shall not.\nSecond page"
    assert [(page.number, page.start) for page in document.pages] == [(1, 0), (2, document.text.index("Second"))]
    assert [block.kind for block in document.blocks] == ["heading", "paragraph", "paragraph"]
    assert_sound(document)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "甲方应当付款。“确认”"),
        ("utf-8-sig", "The parties agree."),
        ("utf-16", "甲方应当付款。"),
        ("gb18030", "甲方应当在十日内向乙方支付合同价款。"),
        (
            "cp1252",
            "The “Buyer” shall pay the Seller’s fees – without delay – and in full, as Schedule 1 to this deed says.",
        ),
    ],
)
def test_text_is_decoded(encoding: str, text: str) -> None:
    document = read(text.encode(encoding), "a.txt")
    assert document.text == text
    assert document.media_type == TEXT


def test_form_feeds_are_page_breaks() -> None:
    document = read(b"One.\r\nMore.\fTwo.", "a.txt")
    assert document.text == "One.\nMore.\fTwo."
    assert [(page.start, page.end) for page in document.pages] == [(0, 11), (11, 15)]
    assert_sound(document)


def test_markdown_headings_and_lists_are_blocks_and_the_text_is_literal() -> None:
    text = "# Agreement\n\n## 1. Term\nThe term is *one* year.\n\n- first\n- second\n  goes on\n\nSigning\n-------\n"
    document = read(text.encode(), "a.md")
    assert document.text == text
    kinds = [(block.kind, block.level) for block in document.blocks]
    heading, item = "heading", "list_item"
    assert kinds == [(heading, 0), (heading, 1), ("paragraph", None), (item, 0), (item, 0), (heading, 1)]
    [agreement] = outline(document).headings
    assert [child.title for child in agreement.children] == ["1. Term", "Signing"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (
            "The Supplier shall deliver the goods to the Customer and the Customer shall pay for the goods in time. "
            * 3,
            "en",
        ),
        ("甲方应向乙方支付货款，违约金为每日万分之五。", "zh"),
        ("Der Verkäufer haftet nicht für Schäden, die der Käufer durch eigene Schuld verursacht hat. " * 3, "de"),
        ("Le vendeur n'est pas responsable des dommages causés par l'acheteur pendant le transport. " * 3, "fr"),
        ("売主は買主に対し、本契約に定める商品を引き渡すものとする。", "ja"),
        ("1234 5678", "und"),
    ],
)
def test_the_language_is_told(text: str, language: str) -> None:
    assert read(text.encode(), "a.txt").language == language


VALID = {
    "a.docx": word_file(),
    "a.pdf": pdf_file("1. TERM\nThe parties agree.", "Second page"),
    "a.md": b"# Title\n\n- one\n- two\n\n```\ncode\n```\n",
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(sorted(VALID)),
    cut=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=12),
)
def test_a_damaged_file_gives_a_document_or_a_clear_error(
    name: str, cut: float, changes: list[tuple[float, int]]
) -> None:
    damaged = bytearray(VALID[name])
    for place, byte in changes:
        damaged[int(place * len(damaged))] = byte
    damaged = damaged[: max(1, int((0.5 + cut) * len(damaged)))]
    outcome = document_or_error(bytes(damaged), name)
    if isinstance(outcome, ConsiliaError):
        assert 400 <= outcome.status < 500
        assert outcome.message
    else:
        assert_sound(outcome)


@settings(max_examples=100, deadline=None)
@given(
    text=st.text(st.sampled_from("aB1. #-*`~=\n\f\r\t一第条、 "), min_size=1, max_size=200),
    name=st.sampled_from(["a.md", "a.txt"]),
)
def test_any_text_is_read_soundly(text: str, name: str) -> None:
    outcome = document_or_error(text.encode(), name)
    if isinstance(outcome, ConsiliaError):
        assert outcome.code == "empty_document"
    else:
        assert_sound(outcome)
