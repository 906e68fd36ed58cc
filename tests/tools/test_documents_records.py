"""Records that come as photographs, in mixed encodings, or empty."""

import io

import pypdfium2 as pdfium
import pytest

from tools.documents.faults import EmptyDocument, TypeMismatch, UndecodableText, UnsupportedDocumentType
from tools.documents.reading import read

ZH = "主诉：咳嗽3天。现病史：患者无发热，咳嗽咳痰，胸痛气促，双下肢无水肿。\n"


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("record.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG image"),
        ("record.jpg", b"\xff\xd8\xff\xe0" + bytes(50), "JPEG image"),
        ("IMG_0001.HEIC", b"\0\0\0\x18ftypheic" + bytes(100), "HEIF or WebP image"),
        ("record.webp", b"RIFF\x10\0\0\0WEBPVP8 " + b"\0\1\2" * 100, "HEIF or WebP image"),
        ("record.bmp", b"BM\x36\x10\0\0" + bytes(4) + b"\0\1\2" * 100, "BMP image"),
        ("chest.dcm", bytes(128) + b"DICM" + bytes(60), "DICOM image"),
    ],
)
def test_a_photograph_of_a_record_is_refused_saying_that_text_is_needed(name: str, content: bytes, found: str):
    with pytest.raises(UnsupportedDocumentType, match=f"{found}.*run OCR on it and send the PDF or text"):
        read(content, name)


def test_a_photograph_under_a_text_s_name_is_seen():
    with pytest.raises(TypeMismatch, match=r"its content is a JPEG image; .*run OCR"):
        read(b"\xff\xd8\xff\xe0" + bytes(50), "record.txt")


def test_a_pdf_without_text_is_refused():
    document = pdfium.PdfDocument.new()
    document.new_page(595, 842)
    saved = io.BytesIO()
    document.save(saved)
    with pytest.raises(EmptyDocument, match="no text on them"):
        read(saved.getvalue(), "scan.pdf")


@pytest.mark.parametrize("first", ["utf-8", "gb18030"])
def test_lines_of_gb18030_among_lines_of_utf_8_are_read(first: str):
    second = "gb18030" if first == "utf-8" else "utf-8"
    content = ZH.encode(first) * 20 + b"BP 120/80 mmHg\n" + ZH.encode(second) * 3
    document = read(content, "record.txt")
    assert document.text == ZH * 20 + "BP 120/80 mmHg\n" + ZH * 3
    assert document.language == "zh"


def test_gb18030_alone_stays_gb18030_even_where_a_line_looks_like_utf_8():
    text = "联通\n" + ZH + "联通\n"
    assert read(text.encode("gb18030"), "record.txt").text == text


def test_bytes_that_are_no_text_are_refused_with_their_place():
    with pytest.raises(UndecodableText, match="save it as UTF-8"):
        read(ZH.encode() + b"\x81\xff\xfe\xff\x81\xff\n" * 9, "record.txt")


@pytest.mark.parametrize("content", [b"", b" \n\t\n"])
def test_an_empty_record_is_refused(content: bytes):
    with pytest.raises(EmptyDocument):
        read(content, "record.txt")
