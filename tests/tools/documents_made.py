"""Files made by hand for the documents tests."""

import zipfile
from io import BytesIO

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override '
    'PartName="/word/document.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
BODY = f'<w:document xmlns:w="{W}"><w:body><w:p><w:r><w:t>The parties agree.</w:t></w:r></w:p></w:body></w:document>'

WORD = {
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="word/document.xml"/></Relationships>'
    )
}
"""What a Word file has beside its text, and redlining needs."""


def archive(parts: dict[str, str | bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return buffer.getvalue()


def word_file(body: str = BODY, **more: str | bytes) -> bytes:
    parts = {name.replace("__", "/").replace("_xml", ".xml"): content for name, content in more.items()}
    return archive({"[Content_Types].xml": TYPES, "word/document.xml": body, **parts})


def pdf_file(*pages: str, extra: str = "") -> bytes:
    """A PDF by hand (ISO 32000-1, 7.5): a page for each text, a line for each of its lines; `extra` for the trailer.

    A text of None-like "" leaves a page blank; "IMAGE" paints a picture instead.
    """
    objects: list[str] = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    image = (
        "<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>"
    )
    objects.append(f"{image}\nstream\n0\nendstream")
    kids: list[str] = []
    for page in pages:
        lines = "".join(f"({line}) Tj T*\n" for line in page.split("\n"))
        stream = "q 600 0 0 800 0 0 cm /I Do Q" if page == "IMAGE" else f"BT /F 11 Tf 14 TL 72 720 Td\n{lines}ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        resources = "/Resources << /Font << /F 3 0 R >> /XObject << /I 4 0 R >> >>"
        contents = f"/Contents {len(objects)} 0 R"
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] {resources} {contents} >>")
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    written, offsets = "%PDF-1.4\n", list[int]()
    for number, content in enumerate(objects, start=1):
        offsets.append(len(written))
        written += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    trailer = f"trailer << /Size {size} /Root 1 0 R {extra} >>\nstartxref\n{len(written)}\n%%EOF\n"
    return (written + f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}").encode("latin-1")


ENCRYPTION = f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{'41' * 32}> /U <{'42' * 32}> /P -4 >> /ID [<00> <00>]"
"""The standard security handler (ISO 32000-1, 7.6.3) with a user password that nobody knows."""
