"""The same requests on threads and runs to LangGraph's own server and to ours: the same status codes, and every key
that it answers with, of the same type. What differs on purpose is in docs/agent-server-api.md and is not asked here."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.service.conftest import Peers
from tests.service.reference import needs_reference

pytestmark = needs_reference

UNKNOWN = "00000000-0000-0000-0000-00000000abcd"
ECHO = {"assistant_id": "echo", "input": {"text": "x"}}
SUPERSTEPS = [{"updates": [{"values": {"text": name}, "as_node": name}]} for name in ("a", "b")]

Call = tuple[str, str, Any]

# {thread} and {run} are the ids that the scenario's first answers gave.
SCENARIOS: dict[str, list[Call]] = {
    "a thread's life": [
        ("POST", "/threads", {"metadata": {"m": 1}, "ttl": {"ttl": 60}}),
        ("GET", "/threads/{thread}", None),
        ("GET", "/threads/{thread}?include=ttl", None),
        ("PATCH", "/threads/{thread}", {"metadata": {"n": 1}}),
        ("PATCH", "/threads/{thread}", {"ttl": {"ttl": 5, "strategy": "keep_latest"}}),
        ("PATCH", "/threads/{thread}", {"ttl": 5}),
        ("GET", "/threads/{thread}/history", None),
        ("POST", "/threads/{thread}/state", {"values": {"text": "y"}}),
        ("DELETE", "/threads/{thread}", None),
        ("DELETE", "/threads/{thread}", None),
        ("GET", "/threads/{thread}", None),
        ("PATCH", "/threads/{thread}", {"metadata": {}}),
    ],
    "making threads": [
        ("POST", "/threads", {"thread_id": UNKNOWN}),
        ("POST", "/threads", {"thread_id": UNKNOWN}),
        ("POST", "/threads", {"thread_id": UNKNOWN, "if_exists": "do_nothing"}),
        ("POST", "/threads", {"thread_id": "zz"}),
        ("POST", "/threads", {"if_exists": "zz"}),
        ("POST", "/threads", {"ttl": {"ttl": 1, "strategy": "zz"}}),
        ("POST", "/threads", {"metadata": {"graph_id": "echo"}, "supersteps": SUPERSTEPS}),
        ("POST", "/threads", {"metadata": {"graph_id": "echo"}, "supersteps": [{"updates": [{"as_node": "zz"}]}]}),
        ("POST", "/threads", {"supersteps": [{}]}),
        ("DELETE", f"/threads/{UNKNOWN}", None),
    ],
    "a thread with a history": [
        ("POST", "/threads", {"metadata": {"graph_id": "echo", "of": "history"}, "supersteps": SUPERSTEPS}),
        ("GET", "/threads/{thread}/state", None),
        ("GET", "/threads/{thread}/history?limit=5", None),
        ("POST", "/threads/{thread}/history", {}),
        ("POST", "/threads/{thread}/history", {"limit": 5, "metadata": {"source": "update"}}),
        ("POST", "/threads/{thread}/history", {"limit": 0}),
        ("POST", "/threads/{thread}/state", {"values": {"text": "z"}, "as_node": "a"}),
        ("POST", "/threads/{thread}/state", {"values": {"text": "z"}, "as_node": "zz"}),
        ("POST", "/threads/{thread}/state/checkpoint", {}),
        ("POST", "/threads/search", {"metadata": {"of": "history"}}),
        ("POST", "/threads/search", {"metadata": {"of": "history"}, "select": ["thread_id", "values"]}),
        (
            "POST",
            "/threads/search",
            {"metadata": {"of": "history"}, "extract": {"t": "values.text", "z": "values.q[0]"}},
        ),
        ("POST", "/threads/search", {"extract": {"t": "zz.text"}}),
        ("POST", "/threads/search", {"select": ["zz"]}),
        ("POST", "/threads/search", {"sort_by": "zz"}),
        ("POST", "/threads/search", {"status": "zz"}),
        ("POST", "/threads/search", {"limit": 0}),
        ("POST", "/threads/count", {"metadata": {"of": "history"}}),
        ("POST", "/threads/{thread}/copy", None),
        ("POST", "/threads/prune", {"thread_ids": [UNKNOWN]}),
        ("POST", "/threads/prune", {"thread_ids": [UNKNOWN], "strategy": "zz"}),
        ("POST", "/threads/prune", {}),
    ],
    "runs": [
        ("POST", "/threads", {}),
        ("POST", "/threads/{thread}/runs", ECHO),
        ("GET", "/threads/{thread}/runs/{run}/join", None),
        ("GET", "/threads/{thread}/runs/{run}", None),
        ("GET", "/threads/{thread}/runs", None),
        ("GET", "/threads/{thread}/runs?select=run_id&select=status", None),
        ("GET", "/threads/{thread}/runs?select=zz", None),
        ("GET", "/threads/{thread}/runs?limit=0", None),
        ("GET", "/threads/{thread}/runs?status=success", None),
        ("POST", "/threads/{thread}/runs/wait", ECHO),
        ("POST", "/threads/{thread}/runs/{run}/cancel", None),
        ("POST", f"/threads/{{thread}}/runs/{UNKNOWN}/cancel", None),
        ("GET", f"/threads/{{thread}}/runs/{UNKNOWN}", None),
        ("GET", "/threads/{thread}/runs/zz", None),
        ("GET", "/threads/{thread}/state", None),
        ("GET", "/threads/{thread}/storage", None),
        ("DELETE", "/threads/{thread}/runs/{run}", None),
        ("DELETE", "/threads/{thread}/runs/{run}", None),
    ],
    "runs that cannot be": [
        ("POST", "/threads", {}),
        ("POST", "/threads/{thread}/runs", {}),
        ("POST", "/threads/{thread}/runs", {**ECHO, "stream_mode": "zz"}),
        ("POST", "/threads/{thread}/runs", {**ECHO, "multitask_strategy": "zz"}),
        ("POST", "/threads/{thread}/runs", {**ECHO, "durability": "zz"}),
        ("POST", "/threads/{thread}/runs", {**ECHO, "webhook": ""}),
        ("POST", "/threads/{thread}/runs", {**ECHO, "webhook": "http://127.0.0.1/"}),
        ("POST", "/threads/{thread}/runs", {**ECHO, "webhook": "ftp://example.org/"}),
        ("POST", "/threads/{thread}/runs", {**ECHO, "metadata": 5}),
        ("POST", "/threads/{thread}/runs", {**ECHO, "config": 5}),
        ("POST", "/threads/{thread}/runs", {**ECHO, "assistant_id": UNKNOWN}),
        ("POST", f"/threads/{UNKNOWN}/runs", ECHO),
        ("POST", "/threads/zz/runs", ECHO),
        ("POST", "/runs", {**ECHO, "assistant_id": UNKNOWN}),
        ("POST", "/runs/batch", []),
        ("POST", "/runs/cancel", {}),
        ("POST", "/runs/cancel", {"thread_id": UNKNOWN, "run_ids": [UNKNOWN]}),
    ],
    "the system": [
        ("GET", "/ok", None),
        ("GET", "/ok?check_db=1", None),
        ("GET", "/info", None),
        ("GET", "/metrics?format=json", None),
        ("GET", "/metrics", None),
        ("GET", "/nowhere", None),
    ],
}


@pytest.fixture(scope="module")
def reference(peers_with_sample_graphs: Peers) -> str:
    return peers_with_sample_graphs[0]


@pytest.fixture(scope="module")
def ours(peers_with_sample_graphs: Peers) -> Server:
    return peers_with_sample_graphs[1]


async def _answers(url: str, headers: dict[str, str], calls: list[Call]) -> list[tuple[int, Any]]:
    answers: list[tuple[int, Any]] = []
    names = {"thread": "", "run": ""}
    async with httpx.AsyncClient(base_url=url, headers={**headers, "connection": "close"}, timeout=30) as http:
        for method, path, body in calls:
            answer = await http.request(method, path.format(**names), json=body)
            found: Any = None
            if answer.headers.get("content-type", "").startswith("application/json") and answer.content:
                found = answer.json()
            if isinstance(found, dict):
                names = {kind: known or found.get(f"{kind}_id", "") for kind, known in names.items()}
            answers.append((answer.status_code, found))
    return answers


def missing(there: Any, here: Any, path: str = "") -> list[str]:
    """Where our answer lacks what the reference's has, or has it with another type."""
    if path.endswith((".kwargs", ".metadata", ".by_channel")) or (path == "" and "detail" in _keys(there)):
        return [] if path or "detail" in _keys(here) else [f"no detail: {here}"]
    if isinstance(there, dict) and isinstance(here, dict):
        return [
            fault
            for key, value in there.items()
            if key != "langsmith_session_name"
            for fault in (missing(value, here[key], f"{path}.{key}") if key in here else [f"{path}.{key} is missing"])
        ]
    if isinstance(there, list) and isinstance(here, list):
        return missing(there[0], here[0], f"{path}[0]") if there and here else []
    numbers = isinstance(there, int | float) and isinstance(here, int | float)
    return [] if type(there) is type(here) or numbers else [f"{path}: {there!r} there, {here!r} here"]


def _keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, dict) else set()


@pytest.mark.parametrize("name", SCENARIOS)
async def test_we_answer_as_the_reference_does(name: str, reference: str, ours: Server):
    calls = SCENARIOS[name]
    there, here = await asyncio.gather(
        _answers(reference, {}, calls), _answers(ours.url, {"x-api-key": ours.key}, calls)
    )
    differences = [
        (call, status, our_status, faults)
        for call, (status, found), (our_status, our_found) in zip(calls, there, here, strict=True)
        if (faults := missing(found, our_found)) or status != our_status
    ]
    assert differences == []
