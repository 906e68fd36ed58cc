"""Contract review through the front door: a real service process, the real langgraph-sdk, real files."""

import asyncio
import io
import json
import sqlite3
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client, get_sync_client
from langgraph_sdk.client import LangGraphClient

from tests.conftest import SAMPLES, Server
from tools.contracts.redline import plain_text, reject_all

NO_FILE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
async def sdk(server: Server) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=server.url, api_key=server.key) as client:
        yield client


@pytest.fixture
def http(server: Server) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers={"x-api-key": server.key}, timeout=120)


def _upload(http: httpx.Client, name: str, content: bytes) -> str:
    response = http.post("/files", files={"file": (name, content)})
    assert response.status_code == 201, response.text
    return response.json()["file_id"]


def _sample(http: httpx.Client, name: str) -> str:
    return _upload(http, name, (SAMPLES / name).read_bytes())


def _rows(server: Server, query: str, *values: object) -> list[dict[str, Any]]:
    connection = sqlite3.connect(server.data_dir / "consilia.db")
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(query, values)]
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("name", "party", "playbook", "planted"),
    [
        ("master-services-agreement.docx", "Customer", "commercial", {"renewal_term", "ip_ownership_assignment"}),
        ("distribution-agreement.pdf", "Distributor", "commercial", {"liquidated_damages", "cap_on_liability"}),
        ("设备采购与服务合同.docx", "甲方", "chinese", {"payment_terms", "jurisdiction", "standard_terms"}),
        ("software-licence.txt", "Licensee", "commercial", set[str]()),
        ("mutual-nda.md", None, "nda", set[str]()),
    ],
)
async def test_a_contract_of_each_kind_is_reviewed_and_every_quote_is_literal(
    sdk: LangGraphClient, http: httpx.Client, name: str, party: str | None, playbook: str, planted: set[str]
):
    file_id = _sample(http, name)
    given = {"file_id": file_id, "party": party, "playbook": playbook}
    result: Any = await sdk.runs.wait(None, "contract_review", input=given)
    review = result["review"]
    assert review["engine"] == "embedded"
    assert planted <= {each["category"] for each in review["findings"]}
    assert review["counts"]["total"] == len(review["findings"]) > 0
    for finding in review["findings"]:
        assert finding["rule"].split(".")[0] in finding["rule"]
        assert finding["reason"]
        assert (finding["start"] is None) == (finding["kind"] == "missing")
    for key, kind in (("redline", b"PK"), ("html", b"<!"), ("json", b"{")):
        response = http.get(f"/files/{result['files'][key]}")
        assert response.status_code == 200
        assert response.content.lstrip().startswith(kind)
    written = json.loads(http.get(f"/files/{result['files']['json']}").content)
    assert written["findings"] == review["findings"]
    quotes = [each["quote"] for each in (*review["findings"], *review["passages"]) if each["quote"]]
    source = _text_of(name, http.get(f"/files/{result['files']['redline']}").content)
    folded = "".join(source.split())
    for quote in quotes:
        assert "".join(quote.replace("#", "").split()) in folded.replace("#", ""), quote


def _text_of(name: str, redline: bytes) -> str:
    """The contract's text: of the original where it is text, else of the redline with every change rejected."""
    if name.endswith((".txt", ".md")):
        return (SAMPLES / name).read_text()
    return plain_text(reject_all(redline))


async def test_rejecting_every_change_of_the_redline_gives_back_the_original(http: httpx.Client, sdk: LangGraphClient):
    original = (SAMPLES / "master-services-agreement.docx").read_bytes()
    file_id = _upload(http, "msa.docx", original)
    result: Any = await sdk.runs.wait(None, "contract_review", input={"file_id": file_id, "party": "Customer"})
    redline = http.get(f"/files/{result['files']['redline']}").content
    assert plain_text(redline) != plain_text(original)
    assert plain_text(reject_all(redline)) == plain_text(original)


def test_the_run_is_in_sql_with_its_questions_tool_calls_and_events(server: Server, http: httpx.Client):
    file_id = _sample(http, "software-licence.txt")
    with get_sync_client(url=server.url, api_key=server.key) as sdk:
        thread = sdk.threads.create(metadata={"case": "42"})
        sdk.runs.wait(thread["thread_id"], "contract_review", input={"file_id": file_id})
        state: Any = sdk.threads.get_state(thread["thread_id"])
        assert state["next"] == []
        assert state["values"]["document"]["name"] == "software-licence.txt"
        found = sdk.threads.search(metadata={"case": "42"})
        assert [each["thread_id"] for each in found] == [thread["thread_id"]]
        run = sdk.runs.list(thread["thread_id"])[0]
        assert sdk.runs.get(thread["thread_id"], run["run_id"])["status"] == "success"
    [row] = _rows(server, "SELECT * FROM runs WHERE run_id = ?", run["run_id"])
    assert (row["status"], row["engine"], row["attempt"]) == ("success", "embedded", 1)
    assert json.loads(row["input"]) == {"file_id": file_id}
    assert json.loads(row["output"])["review"]["document"] == "software-licence.txt"
    questions = _rows(server, "SELECT * FROM model_calls WHERE run_id = ? ORDER BY started_at", run["run_id"])
    assert [each["question"].split(".")[1] for each in questions] == ["identify", "find_clauses", "judge", "amend"]
    assert all(each["engine"] == "embedded" and json.loads(each["reasons"]) for each in questions)
    tools = _rows(server, "SELECT * FROM tool_calls WHERE run_id = ? ORDER BY started_at", run["run_id"])
    assert [each["tool"] for each in tools] == [
        "read_document",
        "split_clauses",
        "identify_contract",
        "find_clauses",
        "check_playbook",
        "redline",
    ]
    events = _rows(server, "SELECT seq, kind FROM run_events WHERE run_id = ? ORDER BY seq", run["run_id"])
    assert [each["seq"] for each in events] == list(range(1, len(events) + 1))
    assert {"metadata", "node", "tool_call", "model_call", "values"} <= {each["kind"] for each in events}


async def test_a_critical_risk_waits_for_a_person_when_the_caller_asked_for_it(
    sdk: LangGraphClient, http: httpx.Client
):
    contract = (
        "SERVICES AGREEMENT\n\nThis Agreement is between Alpha Ltd (the “Customer”) and Beta Inc (the “Supplier”).\n\n"
        "1. Liability. The liability of the Customer under this Agreement is unlimited and the Customer is liable for "
        "all damages without limitation.\n\n2. Indemnity. The Customer shall indemnify the Supplier against all "
        "losses.\n\n3. Governing Law. This Agreement is governed by the laws of England.\n"
    )
    playbook = (SAMPLES.parent / "tools/contracts/playbooks/commercial.toml").read_text()
    strict = playbook.replace('severity = "high"', 'severity = "critical"')
    own = _upload(http, "strict.toml", strict.encode())
    given = {"file_id": _upload(http, "c.txt", contract.encode()), "party": "Alpha Ltd", "playbook": own}
    thread = await sdk.threads.create()
    waiting: Any = await sdk.runs.wait(thread["thread_id"], "contract_review", input={**given, "approval": "critical"})
    [asked] = waiting["__interrupt__"]
    assert asked["value"]["schema"]["required"] == ["decision"]
    assert all(each["severity"] == "critical" for each in asked["value"]["evidence"])
    assert (await sdk.threads.get(thread["thread_id"]))["status"] == "interrupted"
    done: Any = await sdk.runs.wait(
        thread["thread_id"], "contract_review", command={"resume": {"decision": "approve", "reason": "seen"}}
    )
    assert done["decision"] == {"decision": "approve", "reason": "seen"}
    assert (await sdk.threads.get(thread["thread_id"]))["status"] == "idle"


def _bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b" " * 300_000_000)
    return packed.getvalue()


def _external_entities() -> bytes:
    packed = io.BytesIO()
    body = (
        '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>&x;'
        "</w:t></w:r></w:p></w:body></w:document>"
    )
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr("word/document.xml", body)
    return packed.getvalue()


def _pages(count: int) -> bytes:
    """A PDF with `count` pages of text, written by hand."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    stream = b"BT /F1 12 Tf 72 700 Td (This Agreement is made between the parties.) Tj ET"
    objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    kids: list[bytes] = []
    for _ in range(count):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, b" ".join(kids))
    out, offsets = bytearray(b"%PDF-1.4\n"), list[int]()
    for number, each in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


FRENCH = (
    "CONTRAT DE PRESTATION DE SERVICES\n\nEntre les soussignés, la société Alpha, ci-après le client, et la société "
    "Bêta, il a été convenu ce qui suit. Le prestataire s'engage à fournir les services décrits dans l'annexe. Le "
    "présent contrat est régi par le droit français et les tribunaux de Paris sont seuls compétents pour tout litige.\n"
) * 5


@pytest.mark.parametrize(
    ("name", "content", "more", "code"),
    [
        ("broken.docx", b"PK\x03\x04 this is no archive", {}, "corrupt_document"),
        ("bomb.docx", _bomb(), {}, "zip_bomb"),
        ("entities.docx", _external_entities(), {}, "external_entities"),
        ("long.pdf", _pages(2000), {}, "too_many_pages"),
        ("lies.docx", _pages(1), {}, "type_mismatch"),
        ("white.txt", b"  \n \n", {}, "empty_document"),
        ("french.txt", FRENCH.encode(), {}, "unsupported_language"),
        ("good.txt", (SAMPLES / "software-licence.txt").read_bytes(), {"party": "Nobody plc"}, "unknown_party"),
        ("good.txt", (SAMPLES / "software-licence.txt").read_bytes(), {"playbook": "nonsense"}, "unknown_playbook"),
        ("good.txt", (SAMPLES / "software-licence.txt").read_bytes(), {"playbook": "/etc/x.toml"}, "unknown_playbook"),
    ],
)
def test_bad_input_is_a_clear_error_and_the_failed_run_is_on_record(
    server: Server, http: httpx.Client, name: str, content: bytes, more: dict[str, str], code: str
):
    file_id = _upload(http, name, content)
    response = http.post("/runs/wait", json={"assistant_id": "contract_review", "input": {"file_id": file_id, **more}})
    assert 400 <= response.status_code < 500, response.text
    body = response.json()
    assert body["code"] == code
    assert body["detail"] == body["__error__"]["message"]
    run_id = response.headers["content-location"].rsplit("/", 1)[1]
    [row] = _rows(server, "SELECT status, error, output FROM runs WHERE run_id = ?", run_id)
    assert (row["status"], json.loads(row["error"])["code"], row["output"]) == ("error", code, None)
    assert _rows(server, "SELECT * FROM files WHERE run_id = ?", run_id) == [], "nothing is left half-written"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"assistant_id": "contract_review", "input": {}}, 422, "file_id"),
        ({"assistant_id": "contract_review", "input": {"file_id": 7}}, 422, "file_id"),
        ({"assistant_id": "contract_review", "input": {"file_id": "x", "colour": "red"}}, 422, "colour"),
        ({"assistant_id": "contract_review", "input": {"file_id": "x", "approval": "later"}}, 422, "approval"),
        ({"assistant_id": "nonsense", "input": {}}, 404, "contract_review"),
        ({"input": {}}, 422, "assistant_id"),
        ({"assistant_id": "contract_review", "input": {"file_id": "x"}, "stream_mode": "loud"}, 422, "stream_mode"),
        (
            {"assistant_id": "contract_review", "input": {"file_id": "00000000-0000-0000-0000-000000000000"}},
            404,
            "0000",
        ),
    ],
)
def test_a_request_that_cannot_be_met_says_what_is_wrong_with_it(
    http: httpx.Client, body: dict[str, Any], status: int, said: str
):
    response = http.post("/runs/wait", json=body)
    assert response.status_code == status, response.text
    assert said in response.json()["detail"]


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("empty.docx", b"", 422, "empty_document"),
        ("program.exe", b"MZ", 415, "unsupported_document_type"),
        ("huge.txt", b"x" * (50 * 1024 * 1024 + 1), 413, "upload_too_large"),
    ],
)
def test_an_upload_that_cannot_be_kept_is_refused(
    http: httpx.Client, name: str, content: bytes, status: int, code: str
):
    response = http.post("/files", files={"file": (name, content)})
    assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.parametrize("key", [None, "csl_nonsense", "csl_000000000000_" + "a" * 43 + "bbbbbb", "", "ключ"])
def test_nothing_is_open_without_a_key(server: Server, key: str | None):
    headers = {"x-api-key": key.encode()} if key is not None else {}
    for path in ("/threads/search", "/assistants/search", "/runs/wait"):
        response = httpx.post(server.url + path, json={"assistant_id": "contract_review"}, headers=headers)  # type: ignore[arg-type]
        assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
    assert httpx.get(server.url + "/ok").json()["ok"] is True


async def test_the_workflow_is_found_described_and_drawn(sdk: LangGraphClient):
    found = await sdk.assistants.search(graph_id="contract_review")
    assistant = await sdk.assistants.get("contract_review")
    assert found[0]["assistant_id"] == assistant["assistant_id"]
    schemas: Any = await sdk.assistants.get_schemas(assistant["assistant_id"])
    assert schemas["input_schema"]["required"] == ["file_id"]
    graph: Any = await sdk.assistants.get_graph(assistant["assistant_id"])
    names = [each["id"] for each in graph["nodes"]]
    assert names[1:-1] == ["ingest", "split", "identify", "find", "judge", "amend", "assemble", "approve"]


def test_the_file_name_cannot_climb_out_of_a_folder(http: httpx.Client):
    response = http.post("/files", files={"file": ("../../etc/passwd.txt", b"text of a contract")})
    assert response.json()["name"] == "passwd.txt"
    headers = http.get(f"/files/{response.json()['file_id']}").headers
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"


async def test_a_review_that_is_cancelled_ends(sdk: LangGraphClient, http: httpx.Client):
    file_id = _sample(http, "master-services-agreement.docx")
    for delay in (0.02, 0.1, 0.3):
        thread = await sdk.threads.create()
        run = await sdk.runs.create(thread["thread_id"], "contract_review", input={"file_id": file_id})
        await asyncio.sleep(delay)
        await sdk.runs.cancel(thread["thread_id"], run["run_id"], wait=True)
        assert (await sdk.runs.get(thread["thread_id"], run["run_id"]))["status"] == "interrupted"
