"""The same calls to LangGraph's own server and to ours: the same status codes, and the same keys with the same types.

Needs CONSILIA_REFERENCE_PYTHON, the python of an environment with langgraph-cli[inmem]; skipped without.
"""

import asyncio
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.service.conftest import Peers
from tests.service.reference import needs_reference

pytestmark = needs_reference

UNKNOWN = "00000000-0000-0000-0000-00000000abcd"
CRON = {"assistant_id": "echo", "schedule": "0 0 1 1 *", "input": {"text": "x"}}

Call = tuple[str, str, Any]

# {id} is the id that the scenario's first call gave.
SCENARIOS: dict[str, list[Call]] = {
    "an assistant's life": [
        ("POST", "/assistants", {"graph_id": "echo", "context": {"a": 1}, "metadata": {"m": 1}}),
        ("GET", "/assistants/{id}", None),
        ("PATCH", "/assistants/{id}", {"name": "two", "metadata": {"n": 1}}),
        ("PATCH", "/assistants/{id}", {"context": {"b": 1}, "config": {"configurable": {"b": 1}}}),
        ("PATCH", "/assistants/{id}", {"graph_id": "nope"}),
        ("PATCH", "/assistants/{id}", {}),
        ("POST", "/assistants/{id}/versions", {}),
        ("POST", "/assistants/{id}/versions", {"limit": 1, "metadata": {"n": 1}}),
        ("POST", "/assistants/{id}/latest", {"version": 1}),
        ("POST", "/assistants/{id}/latest", {"version": 99}),
        ("POST", "/assistants/{id}/latest", {}),
        ("POST", "/assistants/{id}/latest", {"version": "x"}),
        ("GET", "/assistants/{id}/graph", None),
        ("GET", "/assistants/{id}/schemas", None),
        ("GET", "/assistants/{id}/subgraphs", None),
        ("DELETE", "/assistants/{id}", None),
        ("DELETE", "/assistants/{id}", None),
        ("GET", "/assistants/{id}", None),
    ],
    "making assistants": [
        ("POST", "/assistants", {"graph_id": "nope"}),
        ("POST", "/assistants", {}),
        ("POST", "/assistants", {"graph_id": "echo", "assistant_id": "zz"}),
        ("POST", "/assistants", {"graph_id": "echo", "assistant_id": UNKNOWN}),
        ("POST", "/assistants", {"graph_id": "echo", "assistant_id": UNKNOWN}),
        ("POST", "/assistants", {"graph_id": "echo", "assistant_id": UNKNOWN, "if_exists": "do_nothing"}),
        ("POST", "/assistants", {"graph_id": "echo", "if_exists": "zz"}),
        ("POST", "/assistants", {"graph_id": "echo", "context": {"a": 1}, "config": {"configurable": {"a": 1}}}),
        ("DELETE", f"/assistants/{UNKNOWN}", None),
    ],
    "searching assistants": [
        ("POST", "/assistants/search", {}),
        ("POST", "/assistants/search", {"select": ["name", "version"], "sort_by": "name", "sort_order": "asc"}),
        ("POST", "/assistants/search", {"limit": 0}),
        ("POST", "/assistants/search", {"sort_by": "zz"}),
        ("POST", "/assistants/search", {"graph_id": "zz"}),
        ("POST", "/assistants/count", {"metadata": {"created_by": "nobody"}}),
        ("POST", "/assistants/count", {"graph_id": "zz"}),
    ],
    "drawing graphs": [
        ("GET", "/assistants/nested/graph", None),
        ("GET", "/assistants/nested/graph?xray=true", None),
        ("GET", "/assistants/nested/graph?xray=0", None),
        ("GET", f"/assistants/{UNKNOWN}/graph", None),
        ("GET", f"/assistants/{UNKNOWN}/schemas", None),
        ("GET", f"/assistants/{UNKNOWN}/subgraphs", None),
        ("GET", "/assistants/zz/schemas", None),
    ],
    "the store": [
        ("PUT", "/store/items", {"namespace": ["a", "b"], "key": "k", "value": {"n": 1, "in": {"a": None}}}),
        ("PUT", "/store/items", {"namespace": ["a", "c"], "key": "k", "value": {"n": 2}}),
        ("PUT", "/store/items", {"namespace": [], "key": "k", "value": {}}),
        ("PUT", "/store/items", {"namespace": ["langgraph"], "key": "k", "value": {}}),
        ("PUT", "/store/items", {"namespace": ["a.b"], "key": "k", "value": {}}),
        ("PUT", "/store/items", {"namespace": ["a"], "value": {}}),
        ("GET", "/store/items?namespace=a.b&key=k", None),
        ("GET", "/store/items?namespace=a.b&key=none", None),
        ("GET", "/store/items?namespace=a..b&key=k", None),
        ("POST", "/store/items/search", {"namespace_prefix": ["a"], "limit": 5}),
        ("POST", "/store/items/search", {"namespace_prefix": ["a"], "filter": {"n": {"$gt": 1}}}),
        ("POST", "/store/items/search", {"namespace_prefix": ["a"], "filter": {"n": {"$in": [1]}}}),
        ("POST", "/store/namespaces", {"prefix": ["a"]}),
        ("POST", "/store/namespaces", {"suffix": ["b"], "max_depth": 1}),
        ("DELETE", "/store/items", {"namespace": ["a", "b"], "key": "k"}),
        ("DELETE", "/store/items", {"namespace": ["a", "b"], "key": "k"}),
        ("DELETE", "/store/items", {"namespace": ["a", "b"]}),
    ],
    "a cron's life": [
        ("POST", "/runs/crons", {**CRON, "timezone": "Asia/Tokyo", "end_time": "2099-01-01T00:00:00Z"}),
        ("GET", "/runs/crons/{id}", None),
        ("PATCH", "/runs/crons/{id}", {"schedule": "0 5 * * *", "enabled": False, "metadata": {"m": 1}}),
        ("PATCH", "/runs/crons/{id}", {"end_time": None}),
        ("PATCH", "/runs/crons/{id}", {"schedule": "zz"}),
        ("PATCH", "/runs/crons/{id}", {"timezone": "zz"}),
        ("PATCH", "/runs/crons/{id}", {}),
        ("POST", "/runs/crons/search", {}),
        ("POST", "/runs/crons/search", {"select": ["cron_id", "enabled"]}),
        ("POST", "/runs/crons/count", {"assistant_id": UNKNOWN}),
        ("DELETE", "/runs/crons/{id}", None),
        ("DELETE", "/runs/crons/{id}", None),
        ("GET", "/runs/crons/{id}", None),
        ("PATCH", "/runs/crons/{id}", {"enabled": True}),
        ("GET", "/runs/crons/zz", None),
    ],
    "crons that cannot be": [
        ("POST", "/runs/crons", {**CRON, "schedule": "zz"}),
        ("POST", "/runs/crons", {**CRON, "timezone": "Mars/X"}),
        ("POST", "/runs/crons", {**CRON, "assistant_id": UNKNOWN}),
        ("POST", "/runs/crons", {**CRON, "on_run_completed": "zz"}),
        ("POST", f"/threads/{UNKNOWN}/runs/crons", CRON),
    ],
    "a cron on a thread": [("POST", "/threads", {}), ("POST", "/threads/{id}/runs/crons", CRON)],
}


@pytest.fixture(scope="module")
def reference(peers_with_sample_graphs: Peers) -> str:
    return peers_with_sample_graphs[0]


@pytest.fixture(scope="module")
def ours(peers_with_sample_graphs: Peers) -> Server:
    return peers_with_sample_graphs[1]


def shape(value: Any) -> Any:
    """Keys and types; of a list the shapes in it, each once. Errors: only that there is a detail.

    Descriptions are left out: a graph that has none gets one here.
    """
    match value:
        case {"detail": _}:
            return "error"
        case dict():
            return {key: shape(each) for key, each in sorted(value.items()) if key != "description"}
        case list():
            return sorted({repr(shape(each)) for each in value})
        case _:
            return type(value).__name__


async def _answers(url: str, headers: dict[str, str], calls: list[Call]) -> list[tuple[Call, int, Any]]:
    answers: list[tuple[Call, int, Any]] = []
    made = ""
    async with httpx.AsyncClient(base_url=url, headers={**headers, "connection": "close"}, timeout=30) as http:
        for method, path, body in calls:
            answer = await http.request(method, path.format(id=made), json=body)
            found = (
                answer.json() if answer.headers.get("content-type") == "application/json" and answer.content else None
            )
            if not answers and isinstance(found, dict):
                made = next((found[key] for key in ("cron_id", "assistant_id", "thread_id") if key in found), "")
            if path.endswith("/schemas") and isinstance(found, dict) and "detail" not in found:
                found = sorted(found)  # what is in them depends on the versions of pydantic and langgraph
            answers.append(((method, path, body), answer.status_code, shape(found) if path != "/threads" else None))
    return answers


def _known_difference(there: Any, here: Any) -> bool:
    """The reference's store answers some errors in plain text."""
    return there in (None, "NoneType") and here == "error"


@pytest.mark.parametrize("name", SCENARIOS)
async def test_we_answer_as_the_reference_does(name: str, reference: str, ours: Server):
    there, here = await asyncio.gather(
        _answers(reference, {}, SCENARIOS[name]), _answers(ours.url, {"x-api-key": ours.key}, SCENARIOS[name])
    )
    differences = [
        (call, (status, found), (our_status, our_found))
        for (call, status, found), (_, our_status, our_found) in zip(there, here, strict=True)
        if status != our_status or (found != our_found and not _known_difference(found, our_found))
    ]
    assert differences == []
