"""An HL7 CDA document as text: its title, who it is about, and each section with its heading, lists and tables.

Clinical Document Architecture, Release 2 (ISO/HL7 27932:2009): the human-readable narrative of each section is in
`text` (section 4.3.5); what is coded in `entry` repeats it and is left out.
"""

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from tools.documents.document import Block
from tools.errors import ConsiliaError
from tools.medicine.narrative import Narrative

NAMESPACE: Final = "urn:hl7-org:v3"
_DEEPEST: Final = 100
_LINE: Final = frozenset({"paragraph", "caption", "td", "th", "item", "content", "list", "table", "tr", "br", "text"})
_LABELS: Final = {
    "zh": ("姓名", "性别", "出生日期", "病历号"),
    "en": ("Name", "Sex", "Date of birth", "Record number"),
}


class InvalidClinicalDocument(ConsiliaError):
    """XML that is not well formed, or no CDA document."""

    code = "invalid_clinical_document"
    status = 422


def is_clinical_document(content: bytes) -> bool:
    """Whether a file looks like CDA."""
    head = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"<") and b"ClinicalDocument" in head and NAMESPACE.encode() in head


def read_clinical_document(content: bytes) -> tuple[str, list[Block], str | None]:
    """The text, its blocks, and its language where `languageCode` says it. Raises InvalidClinicalDocument."""
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InvalidClinicalDocument(f"the XML has {type(error).__name__}, which is not read") from None
    except (ParseError, ValueError, LookupError) as error:  # LookupError: an encoding that nobody knows
        raise InvalidClinicalDocument(f"the XML is not well formed: {error}") from None
    if root.tag != f"{{{NAMESPACE}}}ClinicalDocument":
        raise InvalidClinicalDocument("the XML is no HL7 CDA document: its root is not ClinicalDocument")
    code = root.find(_path("languageCode"))
    language = code.get("code") if code is not None else None
    writer = Narrative()
    title = root.findtext(_path("title"))
    if title and title.strip():
        writer.add(title, "heading", 0)
    for line in _patient(root, language or "en"):
        writer.add(line, "paragraph")
    body = root.find(_path("component/structuredBody"))
    for component in [] if body is None else body.findall(_path("component")):
        for section in component.findall(_path("section")):
            _section(writer, section, 1)
    if not writer.blocks:
        raise InvalidClinicalDocument(
            "the CDA document has no narrative text; a document that is only coded is not read"
        )
    return writer.text, writer.blocks, language


def _path(names: str) -> str:
    return "/".join(f"{{{NAMESPACE}}}{name}" for name in names.split("/"))


def _patient(root: Element, language: str) -> Iterator[str]:
    """The patient in labelled lines, so that de-identification finds them."""
    role = root.find(_path("recordTarget/patientRole"))
    if role is None:
        return
    labels = _LABELS["zh" if language.startswith("zh") else "en"]
    name = role.find(_path("patient/name"))
    sex = role.find(_path("patient/administrativeGenderCode"))
    born = role.find(_path("patient/birthTime"))
    number = role.find(_path("id"))
    values = (
        " ".join(part.strip() for part in name.itertext() if part.strip()) if name is not None else "",
        (sex.get("displayName") or sex.get("code") or "") if sex is not None else "",
        re.sub(r"^(\d{4})(\d\d)(\d\d).*", r"\1-\2-\3", born.get("value") or "") if born is not None else "",
        (number.get("extension") or "") if number is not None else "",
    )
    for label, value in zip(labels, values, strict=True):
        if value:
            yield f"{label}：{value}" if labels is _LABELS["zh"] else f"{label}: {value}"


def _section(writer: Narrative, section: Element, level: int) -> None:
    if level > _DEEPEST:
        raise InvalidClinicalDocument(f"the CDA document nests sections more than {_DEEPEST} deep")
    writer.add(section.findtext(_path("title")) or "", "heading", level)
    text = section.find(_path("text"))
    if text is not None:
        for line, kind, row in _lines(text, len(writer.blocks)):
            writer.add(line, kind, row=row)
    for component in section.findall(_path("component")):
        for inner in component.findall(_path("section")):
            _section(writer, inner, level + 1)


def _lines(text: Element, first_row: int) -> list[tuple[str, str, int | None]]:
    """The narrative line by line: paragraphs, list items, and table cells with their row."""
    found: list[tuple[str, str, int | None]] = []
    line: list[str] = []
    kind = "paragraph"
    row = first_row

    def broken(following: str) -> None:
        nonlocal kind
        if "".join(line).strip():
            found.append(("".join(line), kind, row if kind == "table_cell" else None))
        line.clear()
        kind = following

    stack: list[tuple[Element, bool]] = [(text, False)]
    while stack:
        element, closing = stack.pop()
        name = str(element.tag).rsplit("}", 1)[-1]
        row += name == "tr" and not closing
        breaks = name in _LINE - {"content"}
        if closing:
            if breaks:
                broken("paragraph")
            if element is not text:
                line.append(element.tail or "")
            continue
        if breaks:
            broken({"td": "table_cell", "th": "table_cell", "item": "list_item"}.get(name, kind))
        line.append(element.text or "")
        stack.append((element, True))
        stack += [(child, False) for child in reversed(element)]
    return found
