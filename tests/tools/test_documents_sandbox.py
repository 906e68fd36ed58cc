"""Nasty files through the sandbox and the MCP server: each gives its clear error, and nothing outside it suffers."""

import asyncio
import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from mcp import Client

from tests.conftest import ROOT
from tests.tools.documents_made import BODY, ENCRYPTION, TYPES, WORD, W, archive, pdf_file, word_file
from tools.contracts import server as contracts
from tools.contracts.redline import accept_all, plain_text
from tools.documents import sandbox
from tools.documents.document import Document
from tools.documents.limits import Limits
from tools.documents.outline import Outline
from tools.documents.reading import read
from tools.documents.sandbox import ParserName, read_in_sandbox
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


GOOD: dict[str, tuple[str, bytes, dict[str, Any]]] = {
    "document": ("a.txt", b"hello", {}),
    "record": ("a.xml", b'<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Summary</title></ClinicalDocument>', {}),
    "redline": (
        "a.docx",
        word_file(**WORD),
        {
            "document": read(word_file(**WORD), "a.docx").model_dump(mode="json"),
            "amendments": [],
            "author": "A",
            "date": "2026-11-01T00:00:00Z",
        },
    ),
    "playbook": ("nda.toml", (ROOT / "tools/contracts/playbooks/nda.toml").read_bytes(), {}),
    "table": ("a.csv", "fund_id,units\n基金,1\n".encode("gb18030"), {"most": 10}),
    "toml": ("a.toml", "a = '基金'\nb = 1979-05-27".encode("gb18030"), {}),
}
"""A file that each parser takes, and the parser's arguments. Two need a codec that is imported while they run."""

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


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the limits of other systems are fewer")


@ON_LINUX
@pytest.mark.parametrize("parser", ["document", "record", "redline", "playbook", "table", "toml"])
async def test_every_parser_is_confined(parser: str) -> None:
    name, content, arguments = GOOD[parser]
    confinement = (
        await sandbox.parse_in_sandbox(cast(ParserName, parser), content, name, None, **arguments)
    ).confinement
    assert {name for name, was in confinement.items() if was} >= {
        *("memory", "time", "written_files", "open_files", "privileges", "calls", "files")
    }


ATTACKS = {
    "connects": "import socket; socket.create_connection(('127.0.0.1', {port}), 2)",
    "asks a name server": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))",
    "listens": "import socket; socket.create_server(('127.0.0.1', 0))",
    "speaks to a local service": "import socket; socket.socket(socket.AF_UNIX).connect('/run/any')",
    "starts a program": "import os; os.execv('/bin/true', ['true'])",
    "starts a shell": "import os; sys.exit(1 if os.system('true > {folder}/shell') else 0)",
    "forks": "import os; os.fork()",
    "ends the service": "import os, signal; os.kill({victim}, signal.SIGKILL)",
    "looks into the service": "open('/proc/{victim}/environ').read()",
    "lifts the service's limits": "import resource; resource.prlimit({victim}, resource.RLIMIT_NOFILE, (0, 0))",
    "reads passwords": "open('/etc/passwd').read()",
    "reads the service's secrets": "open('{folder}/pepper').read()",
    "lists a folder": "import os; os.listdir('{folder}')",
    "writes a file": "open('{folder}/written', 'w').write('x')",
    "removes a file": "import os; os.unlink('{folder}/pepper')",
    "makes a namespace": "import os; os.unshare(0x10000000) if hasattr(os, 'unshare') else sys.exit(1)",
    "takes all memory": "held = bytearray(2 * 1024**3)",
    "opens too many files": "import os; held = [os.dup(1) for _ in range(40)]",
    "never ends": "while True: pass",
}
"""What somebody who has taken a parser over would try. Each must fail in that very process."""

ATTACKED = """
import sys
sys.path.insert(0, {root!r})
import encodings.idna, os, resource, signal, socket
from tools.documents.confinement import confine
from tools.documents.limits import Limits
confine(Limits(max_seconds=1, max_memory=1024**3))
{attack}
print("it succeeded")
"""


@ON_LINUX
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_parser_that_was_taken_over_gets_nowhere(attack: str, tmp_path: Path) -> None:
    (tmp_path / "pepper").write_text("planted")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        named = {"port": listener.getsockname()[1], "folder": tmp_path, "victim": os.getpid()}
        program = ATTACKED.format(root=str(ROOT), attack=ATTACKS[attack].format(**named))
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0, f"{attack}: {done.stdout}"
    assert "it succeeded" not in done.stdout
    assert "planted" not in done.stdout + done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["pepper"]
    told = done.stderr.rstrip().rsplit("\n", 1)[-1]
    refused = ("PermissionError", "MemoryError", "OSError: [Errno 24]", "OSError: [Errno 101]", "BlockingIOError")
    assert done.returncode in (1, -signal.SIGKILL, -signal.SIGXCPU, -signal.SIGXFSZ), told
    assert not told or told.startswith(refused), f"{attack}: {told}"


@ON_LINUX
def test_the_calls_alone_keep_a_parser_from_the_network(tmp_path: Path) -> None:
    """As in a container whose profile lets nobody make a namespace."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        program = (
            f"import ctypes, socket, sys; sys.path.insert(0, {str(ROOT)!r})\n"
            "from tools.documents.forbidden_calls import forbid_calls\n"
            "libc = ctypes.CDLL(None); libc.prctl(38, 1, 0, 0, 0); assert forbid_calls(libc)\n"
            f"socket.create_connection(('127.0.0.1', {port}), 2)"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.rstrip().endswith("PermissionError: [Errno 1] Operation not permitted")


@ON_LINUX
def test_a_confined_parser_may_still_have_threads() -> None:
    program = (
        f"import sys, threading; sys.path.insert(0, {str(ROOT)!r})\n"
        "from tools.documents.confinement import confine; from tools.documents.limits import Limits\n"
        "confine(Limits()); each = threading.Thread(target=print, args=('ran',)); each.start(); each.join()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("ran\n", 0), done.stderr


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


async def test_a_redline_is_made_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the DOCX is not the one that was read: what lxml meets there, it meets in confinement."""
    document = await read_in_sandbox(word_file(**WORD), "a.docx")
    arguments: dict[str, Any] = {
        "docx_base64": base64.b64encode(word_file(XXE, **WORD)).decode(),
        "document": document.model_dump(mode="json"),
        "amendments": [{"start": 0, "end": 3, "old": "The", "new": "All", "comment": "Better."}],
        "author": "A",
        "date": "2026-11-01T00:00:00Z",
    }
    async with ToolHost({"contracts": contracts.server()}) as host:
        with pytest.raises(ConsiliaError) as caught:
            await host.call("contracts", "redline", arguments)
        assert caught.value.code == "broken_docx"
        whole = {**arguments, "docx_base64": base64.b64encode(word_file(**WORD)).decode()}
        made = await host.call("contracts", "redline", whole)
    changed = plain_text(accept_all(base64.b64decode(made["docx_base64"])))
    assert changed == "All parties agree.\n"
    monkeypatch.setattr(sys, "executable", "/bin/false")
    async with ToolHost({"contracts": contracts.server()}) as host:
        with pytest.raises(ConsiliaError) as caught:
            await host.call("contracts", "redline", whole)
    assert caught.value.code == "parser_crash", "in this process it would have gone on"


NASTY_TABLES = {
    "nothing": ("table", b"", "empty_document"),
    "no known encoding": ("table", b"fund_id,units\n\xff\xfe\xff", "undecodable_text"),
    "a field without end": ("table", b'fund_id,units\n"' + b"x" * 200_000, "corrupt_document"),
    "TOML that is none": ("toml", b"age = ", "invalid_toml"),
    "TOML nested without end": ("toml", b"a = " + b"[" * 5_000, "invalid_toml"),
    "a profile in Latin-1 that is no GB 18030": ("toml", b'a = "\xff"', "undecodable_text"),
    "a playbook that is none": ("playbook", b"x = 1", "invalid_playbook"),
    "a playbook in no UTF-8": ("playbook", b"x = '\xff'", "invalid_playbook"),
    "a playbook nested without end": ("playbook", b"a = " + b"[" * 5_000, "invalid_playbook"),
}


@pytest.mark.parametrize("kind", NASTY_TABLES)
async def test_a_nasty_table_profile_or_playbook_gives_its_clear_error(kind: str) -> None:
    parser, content, code = NASTY_TABLES[kind]
    arguments = {"most": 100} if parser == "table" else {}
    with pytest.raises(ConsiliaError) as caught:
        await sandbox.parse_in_sandbox(cast(ParserName, parser), content, "a.csv", None, **arguments)
    assert caught.value.code == code
    assert 400 <= caught.value.status < 500
    assert len(caught.value.message) > 20


async def test_a_table_of_endless_rows_costs_its_own_process_only() -> None:
    parsed = await sandbox.parse_in_sandbox("table", b"fund_id,units\n" + b"A,1\n" * 900_000, "a.csv", None, most=100)
    assert (parsed.fields["count"], len(parsed.fields["rows"])) == (900_001, 101)
