"""A DOCX as its parts: those that are not touched are written back byte for byte."""

import io
import posixpath
import struct
import zipfile
import zlib
from dataclasses import dataclass

from tools.contracts.wordml import MAX_XML_BYTES, BrokenDocx, Element, W, foreign, new, parse, serialise

RELATIONSHIPS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
CONTENT_TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
_ZIP_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError),
    *(ValueError, OverflowError, KeyError, OSError),
)
"""What `zipfile` raises for a damaged archive, by its source and by `make fuzz`."""
COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.comments+xml"


@dataclass(slots=True)
class WordPackage:
    """The parts of a DOCX in the file's order, and the name of the main one ("word/document.xml" nearly always)."""

    parts: dict[str, bytes]
    main: str

    def save(self) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.parts.items():
                # A fixed time makes the same redline the same bytes.
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
        return buffer.getvalue()


def open_package(docx: bytes) -> WordPackage:
    """Read a DOCX; raises BrokenDocx where it is none, or unpacks to more than MAX_XML_BYTES."""
    try:
        with zipfile.ZipFile(io.BytesIO(docx)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
            size = sum(entry.file_size for entry in entries)
            if size > MAX_XML_BYTES:
                raise BrokenDocx(f"the DOCX unpacks to {size} bytes; {MAX_XML_BYTES} are allowed")
            parts = {entry.filename: archive.read(entry) for entry in entries}
    except _ZIP_FAULTS as fault:
        raise BrokenDocx(f"the DOCX cannot be unpacked: {fault}; save it anew in Word") from fault
    if "_rels/.rels" not in parts:
        raise BrokenDocx("the DOCX has no _rels/.rels, so its main part cannot be found; save it anew in Word")
    for relation in parse(parts["_rels/.rels"], "_rels/.rels"):
        if relation.get("Type") == OFFICE + "officeDocument":
            main = (relation.get("Target") or "").lstrip("/")
            if main in parts:
                return WordPackage(parts, main)
    raise BrokenDocx("the DOCX has no main document part (strict Open XML is not read); save it as Word document")


def body_of(root: Element) -> Element:
    body = root.find(W + "body")
    if body is None:
        raise BrokenDocx("the DOCX's main part has no w:body")
    return body


def comments_part(package: WordPackage) -> tuple[str, Element]:
    """The part of the comments and its root; where there is none, one is made with its relationship and type."""
    folder, file = posixpath.split(package.main)
    relations_name = posixpath.join(folder, "_rels", file + ".rels")
    if relations_name in package.parts:
        relations = parse(package.parts[relations_name], relations_name)
    else:
        relations = foreign(RELATIONSHIPS + "Relationships", {})
    for relation in relations:
        if relation.get("Type") == OFFICE + "comments":
            target = relation.get("Target") or ""
            name = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            if name in package.parts:
                return name, parse(package.parts[name], name)
            relations.remove(relation)
    name = posixpath.join(folder, "comments.xml")
    taken = {relation.get("Id") for relation in relations}
    identity = next(f"rId{number}" for number in range(1, len(taken) + 2) if f"rId{number}" not in taken)
    relations.append(
        foreign(RELATIONSHIPS + "Relationship", {"Id": identity, "Type": OFFICE + "comments", "Target": "comments.xml"})
    )
    types = parse(package.parts["[Content_Types].xml"], "[Content_Types].xml")
    if not any(entry.get("PartName") == "/" + name for entry in types):
        types.append(foreign(CONTENT_TYPES + "Override", {"PartName": "/" + name, "ContentType": COMMENTS_TYPE}))
    package.parts["[Content_Types].xml"] = serialise(types)
    package.parts[relations_name] = serialise(relations)
    return name, new("comments")
