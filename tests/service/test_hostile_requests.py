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
    assert http.get("/ok").json() == {"ok": True}


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
