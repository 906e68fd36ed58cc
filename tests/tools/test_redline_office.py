"""LibreOffice opens our redlines, sees the tracked changes and comments, and prints them; new documents for PDFs."""

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import docx as python_docx
import pytest
from docx.oxml.ns import qn
from lxml import etree

from tests.tools.redline_made import DATE, amended, assert_sound, change, insertion, read, saved
from tools.contracts.contract import Amendment
from tools.contracts.redline import accept_all, redline, reject_all
from tools.contracts.redline_new import new_document
from tools.documents.document import MARKDOWN, PDF, TEXT, Block, Document, MediaType, Page

OFFICE = shutil.which("soffice")
needs_office = pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
ODF_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
ODF_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"


def converted(docx: bytes, kind: str, folder: Path) -> bytes:
    source = folder / "redline.docx"
    source.write_bytes(docx)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = [str(OFFICE), profile, "--headless", "--convert-to", kind, "--outdir", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return (folder / f"redline.{kind}").read_bytes()


def contract() -> bytes:
    docx = python_docx.Document()
    docx.add_heading("Master Services Agreement", 1)
    docx.add_paragraph("The Supplier shall pay all damages without limit.", style="List Number")
    docx.add_paragraph("This Agreement renews automatically.", style="List Number")
    table = docx.add_table(rows=1, cols=2, style="Table Grid")
    table.cell(0, 0).text, table.cell(0, 1).text = "Fee", "EUR 1,000 a month"
    paragraph = docx.add_paragraph("违约金为合同总价款的")
    paragraph.add_run("百分之三十").bold = True
    paragraph.add_run("。")
    return saved(docx)


def amendments_of(text: str) -> list[Amendment]:
    return [
        change(text, "without limit", "up to the fees paid in the last 12 months", "Uncapped liability."),
        change(text, "This Agreement renews automatically.\n", "", "No automatic renewal."),
        change(text, "1,000", "900", "Budget."),
        change(text, "百分之三十", "百分之十", "违约金过高。"),
        insertion(len(text) - 1, "\nGoverning law: Germany.", "Missing clause."),
        change(text, "Master Services", "Master Services", "Check the title."),
    ]


@needs_office
def test_libreoffice_sees_every_change_and_comment(tmp_path: Path) -> None:
    source = contract()
    document = read(source)
    changes = amendments_of(document.text)
    result = redline(source, document, changes, "Consilia", DATE)
    assert_sound(result)
    with zipfile.ZipFile(io.BytesIO(converted(result, "odt", tmp_path))) as archive:
        root = etree.fromstring(archive.read("content.xml"))
    regions = list(root.iter(ODF_TEXT + "changed-region"))
    assert {type_.tag.removeprefix(ODF_TEXT) for region in regions for type_ in region} == {"insertion", "deletion"}
    notes = ["".join(note.itertext()) for note in root.iter(ODF_OFFICE + "annotation")]
    assert all(any(change.comment in note for note in notes) for change in changes)


@needs_office
@pytest.mark.parametrize("accept", [True, False])
def test_libreoffice_reads_the_resolved_text_as_we_do(tmp_path: Path, accept: bool) -> None:
    source = contract()
    document = read(source)
    result = redline(source, document, amendments_of(document.text), "Consilia", DATE)
    resolved = accept_all(result) if accept else reject_all(result)
    text = converted(resolved, "txt", tmp_path).decode("utf-8-sig")
    expected = amended(document.text, amendments_of(document.text)) if accept else document.text
    for line in expected.splitlines():
        assert line in text


def made(text: str, media_type: MediaType, blocks: list[tuple[str, str]]) -> Document:
    """A document whose blocks are the quoted passages, with their kinds."""
    spans: list[Block] = []
    for quote, kind in blocks:
        start = text.index(quote)
        fields = {"start": start, "end": start + len(quote), "page": 1, "kind": kind, "level": 0}
        spans.append(Block.model_validate(fields))
    pages = (Page(number=1, start=0, end=len(text)),)
    return Document(
        name="c", media_type=media_type, sha256="", language="en", text=text, pages=pages, blocks=tuple(spans)
    )


PDF_TEXT = (
    "SERVICES AGREEMENT\n\n"
    "1. Liability. The Supplier shall be liable for all damages\nwithout any limit whatsoever.\n\n"
    "By: ____\nName: ____\n\n本合同项下的违约金为合同总价款的百分之三十，并且不影响其他\n救济。\n"
)
WRAPPED = "1. Liability. The Supplier shall be liable for all damages\nwithout any limit whatsoever."


@pytest.mark.parametrize("media_type", [PDF, TEXT])
def test_a_new_document_holds_the_contract_with_its_lines_joined(media_type: MediaType) -> None:
    chinese = PDF_TEXT[PDF_TEXT.index("本合同") :].strip()
    blocks = [("SERVICES AGREEMENT", "heading"), (WRAPPED, "paragraph"), ("By: ____\nName: ____", "paragraph")]
    document = made(PDF_TEXT, media_type, [*blocks, (chinese, "paragraph")])
    wording = WRAPPED.replace("without any limit whatsoever", "up to the fees paid")
    changes = [
        Amendment(start=PDF_TEXT.index(WRAPPED), end=PDF_TEXT.index(WRAPPED) + len(WRAPPED), old=WRAPPED, new=wording),
        change(PDF_TEXT, "三十", "十", "过高"),
        insertion(len(PDF_TEXT), "\n\n9. Governing law. Germany.\n", "Missing."),
    ]
    result = new_document(document, changes, "Consilia", DATE, "Services Agreement")
    assert_sound(result)
    text = (
        "SERVICES AGREEMENT\n1. Liability. The Supplier shall be liable for all damages without any limit whatsoever.\n"
        "By: ____\nName: ____\n本合同项下的违约金为合同总价款的百分之三十，并且不影响其他救济。\n"
    )
    assert read(reject_all(result)).text == text
    changed = text.replace("without any limit whatsoever", "up to the fees paid").replace("三十", "十")
    assert read(accept_all(result)).text == changed + "9. Governing law. Germany.\n"
    docx = python_docx.Document(io.BytesIO(result))
    assert docx.paragraphs[0].style.name == "Heading 1"
    assert docx.core_properties.title == "Services Agreement"
    fonts = docx.styles["Normal"].element.rPr.rFonts
    assert fonts.get(qn("w:eastAsia")) == "SimSun"


def test_a_new_document_of_markdown_has_headings_without_hashes() -> None:
    text = "# Agreement\n\nOne.\n\n---\n\n- two\n"
    document = made(text, MARKDOWN, [("# Agreement", "heading"), ("One.", "paragraph"), ("- two", "list_item")])
    result = new_document(document, [change(text, "One", "1"), insertion(0, "", "hm")], "Consilia", DATE, "T")
    assert read(reject_all(result)).text == "Agreement\nOne.\n---\n- two\n"
    assert read(accept_all(result)).text == "Agreement\n1.\n---\n- two\n"


def test_a_new_document_of_nothing_takes_an_insertion() -> None:
    result = new_document(made("", TEXT, []), [insertion(0, "All.")], "Consilia", DATE, "T")
    assert read(accept_all(result)).text == "All.\n"
