"""What is refused before it reaches a workflow: strangers, foreign pages, malformed messages."""

import json
import re
import time
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp.shared.exceptions import MCPError

from tests.conftest import Server
from tests.service.mcp.conftest import TLS, connected, key_of_another_tenant, key_with
from tests.service.mcp.issuing import Issuer

ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


@pytest.fixture
def http(mcp_server: Server) -> Any:
    with httpx.Client(base_url=mcp_server.url, headers=ACCEPT, timeout=20, verify=TLS) as client:
        yield client


def bearer(server: Server) -> dict[str, str]:
    return {"authorization": f"Bearer {server.key}"}


def modern(method: str, **params: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body of a request of 2026-07-28."""
    version = "2026-07-28"
    meta = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
    headers = {"mcp-protocol-version": version, "mcp-method": method}
    if "name" in params:
        headers["mcp-name"] = params["name"]
    return headers, {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": meta, **params}}


def test_a_stranger_is_told_how_to_come_in(mcp_server: Server, http: httpx.Client) -> None:
    for headers in ({}, {"authorization": "Bearer nonsense"}, {"x-api-key": mcp_server.key[:-6] + "wrong1"}):
        answered = http.post("/mcp", json=HELLO, headers=headers)
        assert answered.status_code == 401
        assert answered.headers["www-authenticate"].startswith("Bearer ")
        assert mcp_server.key not in answered.text
    assert http.post("/mcp", json=HELLO, headers={"x-api-key": mcp_server.key}).status_code == 200


def test_a_client_finds_out_who_gives_it_a_token(mcp_server: Server, issuer: Issuer, http: httpx.Client) -> None:
    asked = http.post("/mcp", json=HELLO)
    assert "error=" not in asked.headers["www-authenticate"], "RFC 6750: no error where nothing was shown"
    [where] = re.findall(r'resource_metadata="([^"]+)"', asked.headers["www-authenticate"])
    told = http.get(where).json()
    assert told["resource"] == f"{mcp_server.url}/mcp"
    assert told["authorization_servers"] == [issuer.url]
    assert "consilia:invoke" in told["scopes_supported"]


def test_a_token_is_good_for_this_service_and_its_scopes_only(issuer: Issuer, http: httpx.Client) -> None:
    headers, listed = modern("tools/list")

    def answered(**claims: Any) -> httpx.Response:
        return http.post("/mcp", json=listed, headers={**headers, "authorization": f"Bearer {issuer.token(**claims)}"})

    names = [each["name"] for each in answered(scope="openid consilia:read").json()["result"]["tools"]]
    assert names == ["list_runs", "get_run", "get_file"]
    assert answered(scope="consilia:invoke:slow").json()["result"]["tools"][0]["name"] == "cancel_run"
    for claims in ({"aud": "https://other.example"}, {"exp": time.time() - 60}, {"iss": "http://127.0.0.1:9"}):
        refused = answered(scope="consilia:admin", **claims)
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    nothing = answered(scope="openid")
    assert nothing.status_code == 403
    assert 'error="insufficient_scope"' in nothing.headers["www-authenticate"]


async def test_a_key_does_what_its_scopes_say(mcp_server: Server, version: str) -> None:
    async with connected(mcp_server, version, await key_with(mcp_server, "invoke:asks")) as client:
        waits = await client.call_tool("run_asks", {"amount": 1})
        assert waits.structured_content["state"] == "waiting"
        run_id = waits.structured_content["run_id"]
        for name, given in (
            ("run_slow", {}),
            ("list_runs", {}),
            ("answer_run", {"run_id": run_id, "decision": "approve"}),
        ):
            refused = await client.call_tool(name, given)
            assert refused.is_error
            assert "scope" in refused.content[0].text  # type: ignore[union-attr]
        with pytest.raises(MCPError, match="scope read"):
            await client.list_resources()


def test_foreign_pages_and_names_are_refused(mcp_server: Server, http: httpx.Client) -> None:
    def status(**headers: str) -> int:
        return http.post("/mcp", json=HELLO, headers={**bearer(mcp_server), **headers}).status_code

    assert status(origin="https://evil.example") == 403
    assert status(origin="http://localhost.evil.example") == 403
    assert status(host="evil.example") == 421
    refused = http.post("/mcp", json=HELLO, headers={**bearer(mcp_server), "host": "evil.example"}).json()
    assert "mcp.allowed_hosts" in refused["detail"]
    assert status(origin="http://localhost:3000") == 200
    assert status(host="localhost") == 200


def test_malformed_messages_are_answered_with_the_protocols_errors(mcp_server: Server, http: httpx.Client) -> None:
    def error(content: bytes, **headers: str) -> tuple[int, int]:
        answered = http.post("/mcp", content=content, headers={**bearer(mcp_server), **headers})
        return answered.status_code, answered.json()["error"]["code"]

    assert error(b"{") == (400, -32700)
    assert error(b"[" * 100_000) == (400, -32700)
    assert error(b"[]")[0] == 400
    assert error(b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}')[0] == 400
    headers, body = modern("tools/list")
    body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2099-01-01"
    later = {**headers, "mcp-protocol-version": "2099-01-01"}
    assert error(json.dumps(body).encode(), **later) == (400, -32022)
    headers, body = modern("tools/list")
    assert error(json.dumps(body).encode(), **{**headers, "mcp-method": "tools/call"}) == (400, -32020)
    headers, body = modern("no/such")
    assert error(json.dumps(body).encode(), **headers) == (404, -32601)
    headers, body = modern("tools/call", name="no_such_tool", arguments={})
    assert error(json.dumps(body).encode(), **headers) == (400, -32602)
    headers, body = modern("tools/list", cursor="nonsense")
    assert error(json.dumps(body).encode(), **headers) == (400, -32602)


def test_an_older_client_gets_the_newest_version_it_can_have(mcp_server: Server, http: httpx.Client) -> None:
    for asked, told_version in (("2025-06-18", "2025-06-18"), ("1999-01-01", "2025-11-25")):
        hello = {**HELLO, "params": {**HELLO["params"], "protocolVersion": asked}}
        answered = http.post("/mcp", json=hello, headers=bearer(mcp_server))
        told = json.loads(answered.text.split("data: ", 1)[1].split("\r\n")[0])
        assert told["result"]["protocolVersion"] == told_version


def test_a_body_over_the_limit_is_refused(mcp_server: Server, http: httpx.Client) -> None:
    assert http.post("/mcp", content=b" " * (8 * 1024 * 1024 + 1), headers=bearer(mcp_server)).status_code == 413


async def test_a_session_is_its_openers_alone(mcp_server: Server, http: httpx.Client) -> None:
    opened = http.post("/mcp", json=HELLO, headers=bearer(mcp_server))
    session = {"mcp-session-id": opened.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    theirs = {"authorization": f"Bearer {await key_of_another_tenant(mcp_server)}"}
    assert http.post("/mcp", json=ping, headers={**theirs, **session}).status_code == 404
    assert http.post("/mcp", json=ping, headers=session).status_code == 401
    assert http.post("/mcp", json=ping, headers={**bearer(mcp_server), **session}).status_code == 200


async def test_arguments_that_do_not_fit_are_named_and_not_quoted(mcp_server: Server, version: str) -> None:
    async with connected(mcp_server, version) as client:
        for name, given, told in (
            ("review_contract", {"content": "secret text", "plabook": "nda"}, "plabook"),
            ("review_contract", {"path": "/etc/passwd"}, "over HTTP"),
            ("review_contract", {"content_base64": "!!", "name": "a.txt"}, "not base64"),
            ("review_contract", {"content": "x", "name": "a.exe"}, "is not one of"),
            ("translate_record", {"content": "x", "targets": []}, "targets"),
            ("get_run", {"run_id": "../../etc"}, "there is no run"),
            ("get_run", {"run_id": "x" * 65}, "run_id"),
            ("list_runs", {"limit": 10_000}, "limit"),
            ("run_slow", {"seconds": "long"}, "seconds"),
        ):
            answered = await client.call_tool(name, given)
            assert answered.is_error, name
            assert told in answered.content[0].text  # type: ignore[union-attr]
            assert "secret text" not in str(answered)


async def test_a_question_of_another_call_cannot_be_answered(mcp_server: Server) -> None:
    """What a client carries between two rounds of a call is sealed, and for these arguments and this caller only."""
    url = f"{mcp_server.url}/mcp"
    headers, body = modern("tools/call", name="run_asks", arguments={"amount": 1})
    meta = body["params"]["_meta"]
    meta["io.modelcontextprotocol/clientCapabilities"] = {"elicitation": {"form": {}}}
    answer = {"approval": {"action": "accept", "content": {"decision": "approve"}}}
    async with httpx.AsyncClient(headers={**ACCEPT, **headers}, timeout=20, verify=TLS) as http:

        async def call(key: str, **params: Any) -> dict[str, Any]:
            sent = {**body, "params": {**body["params"], **params}}
            answered = await http.post(url, json=sent, headers={"authorization": f"Bearer {key}"})
            told: dict[str, Any] = answered.json()
            return told

        first = (await call(mcp_server.key))["result"]
        assert first["resultType"] == "input_required"
        state = first["requestState"]
        theirs = await key_of_another_tenant(mcp_server)
        for key, params in (
            (mcp_server.key, {"requestState": state[:-2] + "AA"}),
            (mcp_server.key, {"requestState": state, "arguments": {"amount": 2}}),
            (theirs, {"requestState": state}),
        ):
            assert (await call(key, inputResponses=answer, **params))["error"]["code"] == -32602
        done = (await call(mcp_server.key, inputResponses=answer, requestState=state))["result"]
        assert done["structuredContent"]["state"] == "done"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
METHODS = (
    "initialize",
    "ping",
    "tools/list",
    "tools/call",
    "resources/read",
    "completion/complete",
    "subscriptions/listen",
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=st.sampled_from(METHODS) | st.text(max_size=20), params=ANY, name=ANY, new=st.booleans())
def test_no_message_makes_the_server_fail(
    mcp_server: Server, http: httpx.Client, method: str, params: Any, name: Any, new: bool
) -> None:
    headers = bearer(mcp_server) | ({"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call"} if new else {})
    body = json.dumps({"jsonrpc": "2.0", "id": name, "method": method, "params": params}).encode()
    with http.stream("POST", "/mcp", content=body, headers=headers) as answered:
        assert answered.status_code < 500


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tool=st.sampled_from(["review_contract", "get_run", "list_runs", "answer_run", "get_file", "run_slow", "run_asks"]),
    arguments=st.dictionaries(
        st.sampled_from(
            ["content", "file_id", "run_id", "limit", "cursor", "conversation_id", "answer", "decision", "amount"]
        )
        | st.text(max_size=8),
        ANY,
        max_size=3,
    ),
)
def test_no_arguments_make_a_tool_fail(
    mcp_server: Server, http: httpx.Client, tool: str, arguments: dict[str, Any]
) -> None:
    headers, body = modern("tools/call", name=tool, arguments={**arguments, "background": True})
    answered = http.post("/mcp", content=json.dumps(body).encode(), headers={**headers, **bearer(mcp_server)})
    assert answered.status_code < 500
    assert "internal_error" not in answered.text
    assert answered.json().get("error", {}).get("code") != -32603
