"""What the redline tests share: documents built and read, amendments by words, and the checks of a sound redline."""

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import docx as python_docx
from docx.document import Document as Docx
from lxml import etree

from tools.contracts.contract import Amendment
from tools.documents.document import Document
from tools.documents.limits import Limits
from tools.documents.word import read_word

DATE = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def read(docx: bytes) -> Document:
    """As `reading.read` does, in this process."""
    fields = read_word(docx, "contract.docx", Limits()).fields("en")
    return Document.model_validate({**fields, "name": "contract.docx", "sha256": ""})


def saved(docx: Docx) -> bytes:
    buffer = io.BytesIO()
    docx.save(buffer)
    return buffer.getvalue()


def built(*paragraphs: str | Sequence[tuple[str, bool]]) -> bytes:
    """A DOCX of paragraphs: a text, or runs with whether they are bold."""
    docx = python_docx.Document()
    for runs in paragraphs:
        paragraph = docx.add_paragraph()
        for text, bold in [(runs, False)] if isinstance(runs, str) else runs:
            paragraph.add_run(text).bold = bold or None
    return saved(docx)


BARE = {
    "[Content_Types].xml": """<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/word/document.xml"
 ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>""",
    "_rels/.rels": """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Target="word/document.xml"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>""",
}


def bare(body: str) -> bytes:
    """A DOCX of nothing but a main part with this body; `w:` and `r:` are declared."""
    main = (
        f'<w:document xmlns:w="{W[1:-1]}" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        f"<w:body>{body}<w:sectPr/></w:body></w:document>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {**BARE, "word/document.xml": main}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def run(text: str, bold: bool = False) -> str:
    """The XML of a run, tabs and line breaks as their elements."""
    inner = "".join(
        {"\t": "<w:tab/>", "\n": "<w:br/>"}.get(part, f'<w:t xml:space="preserve">{escape(part)}</w:t>')
        for part in re.split("([\t\n])", text)
        if part
    )
    return f"<w:r>{'<w:rPr><w:b/></w:rPr>' if bold else ''}{inner}</w:r>"


def change(text: str, old: str, new: str, comment: str = "") -> Amendment:
    start = text.index(old)
    return Amendment(start=start, end=start + len(old), old=old, new=new, comment=comment)


def insertion(at: int, new: str, comment: str = "") -> Amendment:
    return Amendment(start=at, end=at, old="", new=new, comment=comment)


def amended(text: str, amendments: Sequence[Amendment]) -> str:
    ordered = sorted((a for a in amendments if a.old != a.new), key=lambda a: (a.start, a.end))
    for amendment in ordered[::-1]:  # not reverse=True, which would keep those at one place in order
        text = text[: amendment.start] + amendment.new + text[amendment.end :]
    return text


def part(docx: bytes, name: str = "word/document.xml") -> etree._Element:
    with zipfile.ZipFile(io.BytesIO(docx)) as archive:
        return etree.fromstring(archive.read(name))


def struck_and_inserted(docx: bytes) -> tuple[list[str], list[str]]:
    root = part(docx)
    struck = ["".join(t.text or "" for t in d.iter(W + "delText")) for d in root.iter(W + "del") if len(d)]
    inserted = ["".join(t.text or "" for t in i.iter(W + "t")) for i in root.iter(W + "ins") if len(i)]
    return struck, inserted


def assert_sound(docx: bytes) -> None:
    """Unique revision numbers, the schema's order, spaces preserved, every comment's range whole and in order."""
    root = part(docx)
    ids = [e.get(W + "id") for e in root.iter(W + "ins", W + "del")]
    assert len(ids) == len(set(ids))
    for properties in root.iter(W + "rPr"):
        names = [etree.QName(child).localname for child in properties]
        marks = [name for name in names if name in ("ins", "del")]
        assert names[: len(marks)] == marks == sorted(marks, reverse=True)
        assert properties.getparent().tag == W + "pPr" or properties.getparent().index(properties) == 0
    for properties in root.iter(W + "pPr"):
        assert properties.getparent().index(properties) == 0
        names = [etree.QName(child).localname for child in properties]
        assert [name for name in names if name in ("rPr", "sectPr", "pPrChange")] == names[-1:] or "rPr" not in names[
            :-2
        ]
    for text in root.iter(W + "t", W + "delText"):
        spaced = (text.text or "") != (text.text or "").strip()
        assert not spaced or text.get("{http://www.w3.org/XML/1998/namespace}space") == "preserve"
    for deleted in root.iter(W + "del"):
        assert not list(deleted.iter(W + "t"))
    place = {element: number for number, element in enumerate(root.iter())}
    for start in root.iter(W + "commentRangeStart"):
        number = start.get(W + "id")
        ends = [e for e in root.iter(W + "commentRangeEnd") if e.get(W + "id") == number]
        references = [e for e in root.iter(W + "commentReference") if e.get(W + "id") == number]
        assert len(ends) == len(references) == 1
        assert place[start] < place[ends[0]] < place[references[0]]
