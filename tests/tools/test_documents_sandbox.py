"""Nasty files through the sandbox and the MCP server: each gives its clear error, and nothing outside it suffers."""

import asyncio
import base64
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.tools.documents_made import BODY, ENCRYPTION, TYPES, W, archive, pdf_file, word_file
from tools.documents import sandbox
from tools.documents.document import Document
from tools.documents.limits import Limits
from tools.documents.outline import Outline
from tools.documents.sandbox import confined_reading, read_in_sandbox
from tools.documents.server import server
from tools.errors import ConsiliaError
from tools.host import ToolHost
from tools.serving import ERROR_META

XXE = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>{BODY}'
LAUGHS = f'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "{"&a;" * 50}">]>{BODY}'
DEEP = f'<w:document xmlns:w="{W}"><w:body><w:p>{"<w:ins>" * 5_000}{"</w:ins>" * 5_000}</w:p></w:body></w:document>'
EXTERNAL = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://x/styles" Target="http://127.0.0.1:9/evil.dotx" TargetMode="External"/></Relationships>'
)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MACROS = TYPES.replace("openxmlformats-officedocument.wordprocessingml.document", "ms-word.document.macroEnabled")


def twice() -> bytes:
    """A DOCX with two main parts: a parser that takes the first and one that takes the last see different texts."""
    return word_file(**{"word/documenX.xml": BODY}).replace(b"word/documenX.xml", b"word/document.xml")


NASTY: dict[str, tuple[str, bytes | Callable[[], bytes], str]] = {
    "nothing": ("a.pdf", b"", "empty_document"),
    "white space": ("a.txt", b" \n\t ", "empty_document"),
    "a DOCX without words": (
        "a.docx",
        word_file(f'<w:document xmlns:w="{W}"><w:body/></w:document>'),
        "empty_document",
    ),
    "a PDF without words": ("a.pdf", pdf_file(""), "empty_document"),
    "a scan": ("a.pdf", pdf_file("IMAGE", "IMAGE"), "scanned_pdf"),
    "a PDF with a password": ("a.pdf", pdf_file("secret", extra=ENCRYPTION), "encrypted_pdf"),
    "a PDF of noise": ("a.pdf", b"%PDF-1.7\n" + b"\x01\x80\xff" * 900, "corrupt_document"),
    "2,000 pages": ("a.pdf", lambda: pdf_file(*["x"] * 2_000), "too_many_pages"),
    "a cut DOCX": ("a.docx", word_file()[:-30], "corrupt_document"),
    "a DOCX without body": ("a.docx", word_file("<x/>"), "corrupt_document"),
    "a DOCX of broken XML": ("a.docx", word_file(BODY[:-9]), "corrupt_document"),
    "elements nested too deep": ("a.docx", word_file(DEEP), "corrupt_document"),
    "two parts of one name": ("a.docx", twice, "corrupt_document"),
    "a bomb of one part": ("a.docx", lambda: word_file(word__styles_xml=b" " * 30_000_000), "zip_bomb"),
    "a bomb of size": ("a.docx", lambda: word_file(word__media__a=b"\0" * 270_000_000), "zip_bomb"),
    "a bomb of parts": ("a.docx", word_file(**{f"p{n}": b"" for n in range(2_100)}), "zip_bomb"),
    "external entities": ("a.docx", word_file(XXE), "external_entities"),
    "a billion laughs": ("a.docx", word_file(LAUGHS), "external_entities"),
    "entities in another part": ("a.docx", word_file(docProps__app_xml=XXE), "external_entities"),
    "entities in UTF-16": (
        "a.docx",
        word_file(XXE.replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16")),
        "external_entities",
    ),
    "macros": ("a.docx", archive({"[Content_Types].xml": MACROS, "word/document.xml": BODY}), "macro_document"),
    "hidden macros": ("a.docx", word_file(word__vbaProject_bin=b"", **{"word/vbaProject.bin": b"x"}), "macro_document"),
    "a legacy DOC": ("a.doc", OLE + b"\0" * 600, "unsupported_document_type"),
    "a DOCX with a password": ("a.docx", OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted_document"),
    "an RTF": ("a.rtf", b"{\\rtf1 hello}", "unsupported_document_type"),
    "a picture": ("a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 60, "unsupported_document_type"),
    "a PDF called DOCX": ("a.docx", pdf_file("hello"), "type_mismatch"),
    "a DOCX called PDF": ("a.pdf", word_file(), "type_mismatch"),
    "a picture called PDF": ("a.pdf", b"\xff\xd8\xff\xe0" + b"\0" * 60, "type_mismatch"),
    "a text called PDF": ("a.pdf", b"Hello, I am a text.", "type_mismatch"),
    "an archive called DOCX": ("a.docx", archive({"a.txt": "x"}), "type_mismatch"),
    "a program": ("a.bin", b"\x7fELF" + b"\0" * 90, "unsupported_document_type"),
    "noise": ("a", bytes(range(1, 32)) * 40, "unsupported_document_type"),
    "no known encoding": ("a.txt", "Smlouva číslo žluťoučký kůň".encode("iso-8859-2"), "undecodable_text"),
    "half a UTF-16": ("a.txt", "hello".encode("utf-16")[:-1], "undecodable_text"),
}


@pytest.mark.parametrize("kind", NASTY)
async def test_a_nasty_file_gives_its_clear_error(kind: str) -> None:
    name, content, code = NASTY[kind]
    with pytest.raises(ConsiliaError) as caught:
        await read_in_sandbox(content if isinstance(content, bytes) else content(), name)
    assert caught.value.code == code
    assert 400 <= caught.value.status < 500
    assert len(caught.value.message) > 20


async def test_a_type_that_lies_is_called_by_both_names() -> None:
    with pytest.raises(ConsiliaError, match=r"'a\.docx' claims to be a Word DOCX .* content is a PDF"):
        await read_in_sandbox(pdf_file("hello"), "a.docx")


async def test_external_relationships_are_passed_over() -> None:
    document = await read_in_sandbox(word_file(word___rels__document_xml=EXTERNAL), "a.docx")
    assert document.text == "The parties agree.\n"


async def test_too_large_a_file_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ConsiliaError) as caught:
        await read_in_sandbox(b"x" * 2_000, "a.txt", Limits(max_bytes=1_000))
    assert (caught.value.code, caught.value.status) == ("document_too_large", 413)


async def test_too_long_a_text_is_refused() -> None:
    with pytest.raises(ConsiliaError) as caught:
        await read_in_sandbox(b"word " * 2_000, "a.txt", Limits(max_chars=5_000))
    assert caught.value.code == "document_too_large"


async def test_a_parser_that_needs_too_much_memory_is_ended() -> None:
    paragraphs = "<w:p><w:r><w:t>x</w:t></w:r></w:p>" * 900_000
    content = word_file(f'<w:document xmlns:w="{W}"><w:body>{paragraphs}</w:body></w:document>')
    with pytest.raises(ConsiliaError) as caught:
        await read_in_sandbox(content, "a.docx", Limits(max_memory=300 * 1024 * 1024, max_ratio=1e9))
    assert caught.value.code == "parser_memory"


async def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    """Let the sandbox start another program: what a parser does that an attacker has taken over."""
    path = tmp_path / "parser"
    path.write_text(f"#!/bin/sh\ncat > /dev/null\n{program}\n")
    path.chmod(0o755)
    monkeypatch.setattr(sandbox.sys, "executable", str(path))


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("kill -SEGV $$", "parser_crash"),
        ("exit 3", "parser_crash"),
        ("echo nonsense", "parser_crash"),
        ("kill -XCPU $$", "parser_timeout"),
    ],
)
async def test_a_parser_that_dies_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, code: str
) -> None:
    await stand_in(monkeypatch, tmp_path, program)
    with pytest.raises(ConsiliaError) as caught:
        await read_in_sandbox(b"hello", "a.txt")
    assert caught.value.code == code


def is_gone(process: str) -> bool:
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().split()[2] == "Z"


async def test_a_parser_that_hangs_is_killed_with_its_children(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    await stand_in(monkeypatch, tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; wait")
    monkeypatch.setattr(sandbox, "_START_SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(ConsiliaError) as caught:
        await read_in_sandbox(b"hello", "a.txt", Limits(max_seconds=0.5))
    assert caught.value.code == "parser_timeout"
    assert time.monotonic() - began < 5
    await asyncio.sleep(0.1)
    assert is_gone((tmp_path / "child").read_text().strip())


async def test_the_parser_sees_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONSILIA_SECRET", "planted")
    await stand_in(monkeypatch, tmp_path, f"env > {tmp_path}/seen; exit 1")
    with pytest.raises(ConsiliaError):
        await read_in_sandbox(b"hello", "a.txt")
    assert "planted" not in (tmp_path / "seen").read_text()


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="the limits of other systems are fewer")
async def test_the_parser_is_confined() -> None:
    confinement = (await confined_reading(b"hello", "a.txt")).confinement
    applied = {name for name, was in confinement.items() if was}
    assert applied >= {"memory", "time", "written_files", "open_files", "privileges"}


async def test_the_tools_answer_over_mcp() -> None:
    arguments = {"content_base64": base64.b64encode(b"# One\n\n## Two\n\ntext\n").decode(), "name": "a.md"}
    async with ToolHost({"documents": server()}) as host:
        document = Document.model_validate(await host.call("documents", "read_document", arguments))
        found = await host.call("documents", "outline", {"document": document.model_dump(mode="json")})
        assert [heading.title for heading in Outline.model_validate(found).headings] == ["One"]
        tools: dict[str, Any] = host.tools()["documents"]
        assert all(tool.title and tool.description and tool.annotations.read_only_hint for tool in tools.values())


async def test_an_error_reaches_the_mcp_client_with_its_code() -> None:
    content = base64.b64encode(pdf_file("IMAGE")).decode()
    async with Client(server()) as client:
        result = await client.call_tool("read_document", {"content_base64": content, "name": "a.pdf"})
        assert result.is_error
        assert (result.meta or {})[ERROR_META]["code"] == "scanned_pdf"
        result = await client.call_tool("read_document", {"content_base64": "?", "name": "a.pdf"})
        assert (result.meta or {})[ERROR_META]["code"] == "invalid_input"


CDA = '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Summary</title>{}</ClinicalDocument>'
BUNDLE = '{{"resourceType": "Bundle", "entry": [{}]}}'
NASTY_RECORDS = {
    "nothing": ("", "empty_document"),
    "a cut CDA document": (CDA.format("<component>")[:-10], "invalid_clinical_document"),
    "a CDA document without words": (CDA.format("").replace("Summary", ""), "invalid_clinical_document"),
    "external entities": (
        '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + CDA.format("&x;"),
        "invalid_clinical_document",
    ),
    "a billion laughs": (LAUGHS.replace(BODY, CDA.format("&b;")), "invalid_clinical_document"),
    "another root": ('<x xmlns="urn:hl7-org:v3"><ClinicalDocument/></x>', "invalid_clinical_document"),
    "an unknown encoding": (f'<?xml version="1.0" encoding="U-8"?>{CDA.format("")}', "invalid_clinical_document"),
    "NUL in XML": (CDA.format("a\0b"), "invalid_clinical_document"),
    "a cut Bundle": (BUNDLE.format('{"resource": {"a": 1'), "invalid_fhir"),
    "a Bundle without words": (BUNDLE.format(""), "invalid_fhir"),
    "a Bundle nested too deep": (BUNDLE.format('{"resource": ' * 3_000 + "1" + "}" * 3_000), "invalid_fhir"),
    "a Bundle of too many resources": (BUNDLE.format(",".join(['{"resource":{"a":1}}'] * 60_000)), "invalid_fhir"),
    "half a surrogate pair": (BUNDLE.format('{"resource": {"a": "\\ud800"}}'), "invalid_fhir"),
}


@pytest.mark.parametrize("kind", NASTY_RECORDS)
async def test_a_nasty_record_gives_its_clear_error(kind: str) -> None:
    text, code = NASTY_RECORDS[kind]
    with pytest.raises(ConsiliaError) as caught:
        await sandbox.parse_in_sandbox("record", text.encode(), "a record")
    assert (caught.value.code, caught.value.status) == (code, 422)
    assert "passwd" not in caught.value.message
    assert len(caught.value.message) > 20


async def test_a_record_is_parsed_in_confinement() -> None:
    parsed = await sandbox.parse_in_sandbox("record", CDA.format("").encode(), "a record")
    assert parsed.fields["text"] == "Summary\n"
    assert {name for name, was in parsed.confinement.items() if was} >= {
        "memory",
        "time",
        "written_files",
        "privileges",
    }
