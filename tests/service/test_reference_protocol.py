"""The same commands and event streams of protocol v2 on LangGraph's own server and on ours.

Compared channel by channel, on those that the reference fills: it tells of an interruption before the values that go
with it, and we after. `node`, which its schema has and it leaves out, is not compared.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import Server
from tests.service.reference import needs_reference
from tests.service.test_protocol import command, follow, over
from tests.service.test_reference_runs import alike, ours, reference

pytestmark = needs_reference
__all__ = ("ours", "reference")

LOG: dict[str, Any] = {"log": []}
TALK: dict[str, Any] = {"messages": [{"role": "user", "content": "hi", "id": "m1"}]}
CHANNELS = ["values", "messages", "lifecycle", "input"]

MESSAGE = re.compile(r"lc_run--<id>(-\d)?")

Ask = Callable[[httpx.AsyncClient], Awaitable[Any]]


async def both(reference: str, ours: Server, ask: Ask) -> tuple[Any, Any]:
    async with (
        httpx.AsyncClient(base_url=reference, timeout=30) as there,
        httpx.AsyncClient(base_url=ours.url, headers={"x-api-key": ours.key}, timeout=30) as here,
    ):
        theirs, mine = await asyncio.gather(ask(there), ask(here))
        return theirs, mine


def by_channel(events: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """What each channel tells in each namespace, in order."""
    found: dict[str, list[Any]] = defaultdict(list)
    for event in events:
        about = event["params"]
        namespace = "|".join(about["namespace"]).partition(":")[0]
        found[f"{event['method']} {namespace}"].append(MESSAGE.sub("<message>", repr(alike(about["data"]))))
    return dict(found)


@pytest.mark.parametrize("graph", ["slow", "nested", "talking", "failing", "asking", "within"])
async def test_a_run_is_told_the_same(reference: str, ours: Server, graph: str):
    async def ask(http: httpx.AsyncClient) -> Any:
        thread = str(uuid4())
        input = TALK if graph == "talking" else LOG
        await command(http, thread, "run.start", {"assistant_id": graph, "input": input})
        ended = await follow(http, thread, over(), channels=CHANNELS)
        return by_channel([*ended, *await rest(http, thread, ended[-1]["seq"])])

    there, here = await both(reference, ours, ask)
    assert here == there


async def rest(http: httpx.AsyncClient, thread: str, since: int) -> list[dict[str, Any]]:
    """What comes within a second: the reference tells of a run that waits for a person after its last word too."""
    found: list[dict[str, Any]] = []

    def kept(event: dict[str, Any]) -> bool:
        found.append(event)
        return False

    with suppress(TimeoutError):
        await asyncio.wait_for(follow(http, thread, kept, channels=CHANNELS, since=since), 1)
    return found


async def test_an_answer_goes_the_same_way(reference: str, ours: Server):
    async def ask(http: httpx.AsyncClient) -> Any:
        thread = str(uuid4())
        await command(http, thread, "run.start", {"assistant_id": "asking", "input": LOG})
        events = await follow(http, thread, lambda event: event["method"] == "input.requested", channels=CHANNELS)
        asked = events[-1]["params"]
        await asyncio.sleep(1)  # until the run has ended on both
        wrong = await command(http, thread, "input.respond", {"interrupt_id": "f" * 32, "response": "x"})
        nameless = await command(http, thread, "input.respond", {"response": "x"})
        answer = {"namespace": [], "interrupt_id": asked["data"]["interrupt_id"], "response": "yes"}
        told = await command(http, thread, "input.respond", answer)
        ended = await follow(http, thread, over(2), channels=CHANNELS)
        return [wrong["error"], nameless["error"], told["type"], by_channel(ended)]

    there, here = await both(reference, ours, ask)
    assert here == there


async def test_what_is_wrong_has_the_same_code(reference: str, ours: Server):
    async def ask(http: httpx.AsyncClient) -> Any:
        thread = (await http.post("/threads", json={})).json()["thread_id"]
        told: list[Any] = []
        for body in (
            [],
            {},
            {"id": 1},
            {"method": "run.start"},
            {"id": 1, "method": 5},
            {"id": 1, "method": "nonsense"},
            {"id": 1, "method": "run.start"},
            {"id": 1, "method": "run.start", "params": {"assistant_id": 5}},
            {"id": 1, "method": "input.respond", "params": {"interrupt_id": "x", "response": 1}},
            {"id": 1, "method": "agent.getTree"},
        ):
            answer = await http.post(f"/threads/{thread}/commands", json=body)
            found = answer.json()
            told.append((answer.status_code, found["type"], found["id"], found["error"]))
        return told

    there, here = await both(reference, ours, ask)
    assert here == there
