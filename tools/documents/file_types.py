"""What type a file is, told by its content; what its name claims is only compared with it."""

import re
from pathlib import PurePosixPath
from typing import Final, Literal, NoReturn

from tools.documents.faults import (
    EncryptedDocument,
    MacroDocument,
    TypeMismatch,
    UnsupportedDocumentType,
)

FileType = Literal["pdf", "zip", "text"]
SUPPORTED: Final = "PDF, DOCX, TXT and Markdown files are read"

_CLAIMS: Final = {
    ".pdf": "PDF",
    ".docx": "Word DOCX",
    ".docm": "Word DOCM with macros",
    ".doc": "legacy Word DOC",
    ".rtf": "RTF",
    ".txt": "plain text",
    ".text": "plain text",
    ".md": "Markdown",
    ".markdown": "Markdown",
    ".odt": "OpenDocument text",
    ".xlsx": "Excel workbook",
    ".pptx": "PowerPoint presentation",
    ".html": "HTML page",
    ".htm": "HTML page",
    ".png": "PNG image",
    ".jpg": "JPEG image",
    ".jpeg": "JPEG image",
    ".tif": "TIFF image",
    ".tiff": "TIFF image",
    ".bmp": "BMP image",
    ".heic": "HEIF or WebP image",
    ".webp": "HEIF or WebP image",
    ".dcm": "DICOM image",
    ".zip": "ZIP archive",
}
_OFFICE_REMEDY: Final = "open it in Word or LibreOffice, save it as DOCX and send that"
_IMAGE_REMEDY: Final = "it is a picture of a document: run OCR on it and send the PDF or text that OCR gives"
_ARCHIVE_REMEDY: Final = "unpack it and send the document itself"
_MAGIC: Final = (
    (b"{\\rtf", "RTF", _OFFICE_REMEDY),
    (b"\x89PNG\r\n\x1a\n", "PNG image", _IMAGE_REMEDY),
    (b"\xff\xd8\xff", "JPEG image", _IMAGE_REMEDY),
    (b"GIF8", "GIF image", _IMAGE_REMEDY),
    (b"BM", "BMP image", _IMAGE_REMEDY),
    (b"II*\x00", "TIFF image", _IMAGE_REMEDY),
    (b"MM\x00*", "TIFF image", _IMAGE_REMEDY),
    (b"\x1f\x8b", "gzip archive", _ARCHIVE_REMEDY),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archive", _ARCHIVE_REMEDY),
    (b"Rar!\x1a\x07", "RAR archive", _ARCHIVE_REMEDY),
    (b"%!PS", "PostScript file", "print it to PDF and send that"),
    (b"\x7fELF", "program", SUPPORTED),
    (b"MZ\x90\x00", "program", SUPPORTED),
)
_HEIF: Final = frozenset(b"ftyp" + brand for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif"))
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE: Final = "EncryptedPackage".encode("utf-16-le")
_HTML: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,200}<(?:!doctype\s+html|html|\?xml)[\s>]", re.IGNORECASE)
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


def file_type(content: bytes, name: str) -> FileType:
    """The type of the content; a ZIP archive's own type is told by `check_archive_type` once it has been opened.

    Raises UnsupportedDocumentType (EncryptedDocument for a Word file with a password), or TypeMismatch where the
    name's suffix claims something else.
    """
    if b"%PDF-" in content[:1024]:
        _compare(name, "PDF")
        return "pdf"
    if content.startswith(b"PK\x03\x04"):
        return "zip"
    if content.startswith(_OLE):
        if _ENCRYPTED_PACKAGE in content:
            message = f"{name!r} is protected with a password; remove it in Word (File, Info, Protect Document)"
            raise EncryptedDocument(message, name=name)
        _refuse(name, "legacy Word DOC", _OFFICE_REMEDY)
    if content[4:12] in _HEIF or (content[:4] == b"RIFF" and content[8:12] == b"WEBP") or content[128:132] == b"DICM":
        found = "DICOM image" if content[128:132] == b"DICM" else "HEIF or WebP image"
        _refuse(name, found, _IMAGE_REMEDY)
    for magic, found, remedy in _MAGIC:
        if content.startswith(magic) and (magic != b"BM" or content[6:10] == bytes(4)):
            _refuse(name, found, remedy)
    if _HTML.match(content):
        _refuse(name, "HTML page", "save it as DOCX or print it to PDF and send that")
    if (
        not content.startswith(_UTF16_MARKS)
        and len(_CONTROLS.findall(content, 0, 65_536)) > len(content[:65_536]) // 100
    ):
        _refuse(name, "unknown binary file", SUPPORTED)
    _compare(name, "plain text")
    return "text"


def check_archive_type(names: frozenset[str], content_types: bytes, name: str) -> None:
    """Accept a DOCX; raise MacroDocument, UnsupportedDocumentType or TypeMismatch for another kind of ZIP archive.

    names: of the archive's entries. content_types: its part `[Content_Types].xml`, empty where there is none.
    """
    if b"macroEnabled" in content_types or any(each.lower().endswith("vbaproject.bin") for each in names):
        message = f"{name!r} is a Word document with macros; save it as DOCX without macros and send that"
        raise MacroDocument(message, name=name, found="Word DOCM with macros")
    if b"wordprocessingml.document.main" in content_types or b"wordprocessingml.template.main" in content_types:
        _compare(name, "Word DOCX")
        return
    if any(each.startswith("xl/") for each in names):
        _refuse(name, "Excel workbook", SUPPORTED)
    if any(each.startswith("ppt/") for each in names):
        _refuse(name, "PowerPoint presentation", SUPPORTED)
    if "mimetype" in names and "content.xml" in names:
        _refuse(name, "OpenDocument text", _OFFICE_REMEDY)
    _refuse(name, "ZIP archive", _ARCHIVE_REMEDY)


def is_markdown(name: str) -> bool:
    """Whether the name says that a text file is Markdown; its content cannot."""
    return _CLAIMS.get(PurePosixPath(name.lower()).suffix) == "Markdown"


def _claimed(name: str) -> str | None:
    return _CLAIMS.get(PurePosixPath(name.lower()).suffix)


def _compare(name: str, found: str) -> None:
    claimed = _claimed(name)
    if claimed in (None, found) or (claimed == "Markdown" and found == "plain text"):
        return
    message = (
        f"{name!r} claims to be a {claimed} by its name, but its content is a {found}; send the right file or name"
    )
    raise TypeMismatch(message, name=name, claimed=claimed, found=found)


def _refuse(name: str, found: str, remedy: str) -> NoReturn:
    claimed = _claimed(name)
    if claimed is not None and claimed != found:
        message = f"{name!r} claims to be a {claimed} by its name, but its content is a {found}; {remedy}"
        raise TypeMismatch(message, name=name, claimed=claimed, found=found)
    message = f"{name!r} is a {found}, which is not read here: {remedy}"
    raise UnsupportedDocumentType(message, name=name, found=found)
