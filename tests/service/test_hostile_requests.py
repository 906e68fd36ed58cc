"""Requests that no honest client makes: each gets a clear refusal, and the service goes on."""

import json

import httpx
import pytest

from tests.conftest import Server

PATHS = ("/threads/search", "/threads/count", "/runs/crons/search", "/assistants/search", "/runs/wait", "/threads")


@pytest.fixture
def http(server: Server) -> httpx.Client:
    headers = {"x-api-key": server.key, "content-type": "application/json"}
    return httpx.Client(base_url=server.url, headers=headers, timeout=30)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[1]",
        b"[" * 4000 + b"]" * 4000,
        b'{"metadata":{"a\\u0000":"b"}}',
        b'{"metadata":{"a":"\\ud800"}, "assistant_id": "x"}',
        b'{"offset":9223372036854775808, "limit": -1, "assistant_id": 7, "metadata": 5}',
    ],
)
def test_a_body_that_makes_no_sense_is_refused(http: httpx.Client, path: str, body: bytes):
    response = http.post(path, content=body)
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert response.json()["detail"]
    assert http.get("/ok").json()["ok"] is True


def test_a_whole_surrogate_pair_is_a_character(http: httpx.Client):
    made = http.post("/threads", content=json.dumps({"metadata": {"face": "😀"}}).encode())
    assert made.json()["metadata"] == {"face": "😀"}


def test_a_body_of_undeclared_length_is_bounded_too(http: httpx.Client):
    def endless():
        for _ in range(200):
            yield b" " * 65_536

    response = http.post("/threads/search", content=endless())
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("query", ["limit=-1", "limit=99999999999999999999", "limit=x"])
def test_a_limit_out_of_range_is_refused(http: httpx.Client, query: str):
    thread = http.post("/threads", content=b"{}").json()["thread_id"]
    for path in ("history", "runs"):
        assert http.get(f"/threads/{thread}/{path}?{query}").status_code == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("history", {"before": {"configurable": 5}}),
        ("history", {"before": {"checkpoint_id": {"a": 1}}}),
        ("history", {"checkpoint": {"checkpoint_id": [1]}}),
        ("history", {"checkpoint": {"checkpoint_ns": 5}}),
        ("history", {"checkpoint": {"__pregel_checkpointer": 1}}),
        ("state", {"values": {}, "checkpoint_id": "zz"}),
        ("state", {"values": {}, "checkpoint": {"checkpoint_id": 5}}),
        ("runs/wait", {"assistant_id": "contract_review", "input": {}, "config": {"configurable": 5}}),
        ("runs/wait", {"assistant_id": "contract_review", "input": {}, "config": {"recursion_limit": "x"}}),
        ("runs/wait", {"assistant_id": "contract_review", "input": {}, "config": {"tags": 5}}),
        ("runs/wait", {"assistant_id": "contract_review", "command": {"bogus": 1}}),
        ("runs/wait", {"assistant_id": "contract_review", "command": {"goto": 5}}),
    ],
)
def test_a_checkpoint_config_or_command_of_the_wrong_shape_is_refused(http: httpx.Client, path: str, body: object):
    thread = http.post("/threads", content=b"{}").json()["thread_id"]
    response = http.post(f"/threads/{thread}/{path}", content=json.dumps(body).encode())
    assert response.status_code < 500
    assert response.status_code >= 400 or path == "history"


@pytest.mark.parametrize("value", ["1" + "0" * 25, '{"a":' * 900 + "1" + "}" * 900])
@pytest.mark.parametrize("path", ["/threads", "/threads/search", "/threads/count"])
def test_a_value_that_cannot_be_stored_is_refused(http: httpx.Client, path: str, value: str):
    response = http.post(path, content=f'{{"metadata": {{"a": {value}}}}}'.encode())
    assert response.status_code < 500, response.text


def test_a_filter_of_thousands_of_keys_is_refused(http: httpx.Client):
    filters = {f"k{number}": number for number in range(2000)}
    assert http.post("/threads/search", content=json.dumps({"metadata": filters}).encode()).status_code == 422
