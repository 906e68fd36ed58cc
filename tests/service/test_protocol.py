"""The streaming protocol: commands and event streams by the real SDK and by hand, over both databases."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langgraph_sdk import get_client, get_sync_client

from service.api.protocol_stream import EventFilter
from tests.conftest import Server, start_server
from tests.service.hosting import declared, new_database, stop

ALL: dict[str, Any] = {"channels": ["values", "updates", "messages", "tools", "custom", "lifecycle", "input", "tasks"]}
LOG: dict[str, Any] = {"log": []}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def replicas(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """One service over SQLite, two over PostgreSQL."""
    folder = tmp_path_factory.mktemp("hosted")
    url = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with new_database(folder, url) as database:
        graphs = str(declared(folder / "graphs"))
        environment = {"CONSILIA_LANGGRAPH_JSON": graphs, "CONSILIA_DATABASE": database}
        servers = [start_server(folder / "var", **environment) for _ in range(1 if url is None else 2)]
        yield servers
        for server in servers:
            stop(server)


@pytest.fixture
def hosted(replicas: list[Server]) -> Server:
    return replicas[0]


@pytest.fixture
async def http(hosted: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with _calling(hosted) as client:
        yield client


@asynccontextmanager
async def _calling(server: Server, key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"x-api-key": key or server.key}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=30) as client:
        yield client


async def command(http: httpx.AsyncClient, thread: str, method: str, params: Any = None) -> dict[str, Any]:
    answer = await http.post(f"/threads/{thread}/commands", json={"id": 7, "method": method, "params": params})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told["id"] == 7
    return told


async def started(http: httpx.AsyncClient, graph: str, input: Any, thread: str | None = None) -> str:
    """A thread on which a run was started."""
    thread = thread or str(uuid4())
    told = await command(http, thread, "run.start", {"assistant_id": graph, "input": input})
    assert told["type"] == "success", told
    return thread


def over(times: int = 1) -> Callable[[dict[str, Any]], bool]:
    """Says of which event on so many runs have ended."""
    left = times

    def ended(event: dict[str, Any]) -> bool:
        nonlocal left
        about = event["params"]
        ends = about["data"].get("event") if event["method"] == "lifecycle" and about["namespace"] == [] else None
        left -= ends in ("completed", "failed", "interrupted")
        return left == 0

    return ended


async def follow(
    http: httpx.AsyncClient, thread: str, last: Callable[[dict[str, Any]], bool], **asked: Any
) -> list[dict[str, Any]]:
    """The events until that one."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(20), http.stream("POST", f"/threads/{thread}/stream/events", json=ALL | asked) as stream:
        assert stream.status_code == 200
        frame: dict[str, str] = {}
        async for line in stream.aiter_lines():
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                frame[name] = value
            elif frame:
                event = json.loads(frame["data"])
                assert (frame["id"], frame["event"]) == (str(event["seq"]), event["method"])
                found.append(event)
                frame = {}
                if last(event):
                    return found
    raise AssertionError("the stream ended")


def told(events: list[dict[str, Any]], method: str) -> list[Any]:
    return [each["params"]["data"] for each in events if each["method"] == method]


async def test_a_run_is_started_and_told_on_every_channel(http: httpx.AsyncClient):
    thread = await started(http, "nested", LOG)
    events = await follow(http, thread, over())
    assert [each["seq"] for each in events] == list(range(1, len(events) + 1))
    assert len({each["event_id"] for each in events}) == len(events)
    here = [each for each in events if each["params"]["namespace"] == []]
    assert told(here, "values") == [{"log": []}, {"log": ["first", "told"]}, {"log": ["first", "told", "last"]}]
    assert [each["params"]["node"] for each in here if each["method"] == "updates"] == ["part0", "last"]
    assert told(events, "custom") == [{"payload": {"progress": 0.5}}]
    assert [data["event"] for data in told(events, "lifecycle")] == ["running", "started", "completed", "completed"]
    assert {"input", "result"} <= {key for data in told(events, "tasks") for key in data}
    run = (await http.get(f"/threads/{thread}/runs")).json()[0]
    assert run["status"] == "success"


async def test_it_goes_on_after_any_event_on_any_replica(replicas: list[Server]):
    async with _calling(replicas[0]) as here, _calling(replicas[-1]) as there:
        thread = await started(here, "slow", {**LOG, "seconds": 0.5})
        live = asyncio.create_task(follow(there, thread, over(3)))
        await started(there, "slow", LOG, thread)
        await here.post(
            f"/threads/{thread}/runs", json={"assistant_id": "slow", "input": LOG, "stream_mode": "updates"}
        )
        whole = await live
        assert [each["seq"] for each in whole] == list(range(1, len(whole) + 1))
        assert await follow(here, thread, over(3)) == whole
        for cut in (1, 4, len(whole) // 2, len(whole) - 1):
            left = sum(over()(each) for each in whole[cut:])
            assert await follow(here, thread, over(left), since=whole[cut - 1]["seq"]) == whole[cut:]
        ends = [each for each in whole if each["method"] == "lifecycle"]
        assert await follow(there, thread, over(3), channels=["lifecycle"]) == ends


async def test_namespaces_and_depth_filter(http: httpx.AsyncClient):
    thread = await started(http, "nested", LOG)
    whole = await follow(http, thread, over())
    inner = [each for each in whole if each["params"]["namespace"]]
    last = inner[-1]["seq"]
    found = await follow(http, thread, lambda each: each["seq"] == last, namespaces=[["part0"]])
    assert found == inner
    here = [each for each in whole if not each["params"]["namespace"]]
    assert await follow(http, thread, over(), namespaces=[[]], depth=0) == here


@pytest.mark.parametrize(
    ("namespaces", "depth", "namespace", "fits"),
    [
        (None, 0, ("a:1", "b:2"), True),
        ([["a"]], None, ("a:1", "b:2"), True),
        ([["a:2"]], None, ("a:1", "b:2"), False),
        ([["a"]], 0, ("a:1", "b:2"), False),
        ([["a"]], 1, ("a:1", "b:2"), True),
        ([["a", "b", "c"]], None, ("a:1", "b:2"), False),
        ([["x"], []], 2, ("a:1", "b:2"), True),
    ],
)
def test_the_filter_is_the_sdk_s(namespaces: Any, depth: int | None, namespace: tuple[str, ...], fits: bool):
    from langgraph_sdk.stream.subscription import namespace_matches

    wanted = EventFilter(channels=["values"], namespaces=namespaces, depth=depth)
    assert wanted._is_near(namespace) is fits  # pyright: ignore[reportPrivateUsage]
    assert namespace_matches(list(namespace), namespaces, depth) is fits


async def test_messages_are_content_blocks(http: httpx.AsyncClient):
    thread = await started(http, "talking", {"messages": [{"role": "user", "content": "hi", "id": "m1"}]})
    events = await follow(http, thread, over())
    pieces = told(events, "messages")
    assert [pieces[0]["event"], pieces[-1]["event"]] == ["message-start", "message-finish"]
    assert "".join(each["delta"]["text"] for each in pieces if "delta" in each) == "hello big world"
    assert {each["params"]["node"] for each in events if each["method"] == "messages"} == {"speak"}
    assert told(events, "values")[0] == {"messages": [{"type": "human", "content": "hi", "id": "m1"}]}


async def test_tool_calls_are_told(http: httpx.AsyncClient):
    events = await follow(http, await started(http, "tooling", LOG), over())
    begun, done = told(events, "tools")
    assert begun == {
        "event": "tool-started",
        "tool_call_id": "call-1",
        "tool_name": "add",
        "input": {"a": 2, "b": 3},
    }
    assert (done["event"], done["tool_call_id"], done["output"]["content"]) == ("tool-finished", "call-1", "5")


async def test_a_question_in_a_subgraph_is_answered(http: httpx.AsyncClient):
    thread = await started(http, "within", LOG)
    events = await follow(http, thread, over())
    [asked] = [each for each in events if each["method"] == "input.requested"]
    [namespace] = asked["params"]["namespace"]
    assert namespace.startswith("part0:")
    assert asked["params"]["data"]["payload"] == {"question": "go on?"}
    tree = (await command(http, thread, "agent.getTree"))["result"]["tree"]
    assert (tree["status"], tree["children"][0]["status"]) == ("interrupted", "interrupted")

    answer = {"namespace": [namespace], "interrupt_id": asked["params"]["data"]["interrupt_id"], "response": "yes"}
    unknown = await command(http, thread, "input.respond", {**answer, "interrupt_id": "f" * 32})
    assert (unknown["type"], unknown["error"]) == ("error", "no_such_interrupt")
    assert (await command(http, thread, "input.respond", answer))["type"] == "success"
    again = await command(http, thread, "input.respond", answer)
    assert (again["type"], again["error"]) == ("error", "no_such_interrupt")
    after = await follow(http, thread, over(), since=events[-1]["seq"])
    assert told(after, "values")[-1] == {"log": ["first", "told yes", "last"]}


async def test_the_input_of_a_run_is_the_answer_where_one_is_awaited(http: httpx.AsyncClient):
    thread = await started(http, "asking", LOG)
    await follow(http, thread, over())
    await started(http, "asking", "by all means", thread)
    assert told(await follow(http, thread, over(2)), "values")[-1] == {"log": ["first", "told by all means", "last"]}


async def test_failure_and_cancellation_are_told(http: httpx.AsyncClient):
    events = await follow(http, await started(http, "failing", LOG), over())
    assert told(events, "lifecycle")[-1] == {"event": "failed", "graph_name": "failing", "error": "a planned failure"}
    thread = await started(http, "slow", {**LOG, "seconds": 20})
    await follow(http, thread, lambda event: event["params"]["data"] == {"seconds": 20, "log": ["first"]})
    [run] = (await http.get(f"/threads/{thread}/runs")).json()
    await http.post(f"/threads/{thread}/runs/{run['run_id']}/cancel?wait=true")
    assert told(await follow(http, thread, over()), "lifecycle")[-1]["event"] == "interrupted"


async def test_states_are_read_and_forked(http: httpx.AsyncClient):
    thread = await started(http, "slow", LOG)
    first = await follow(http, thread, over())
    state = (await command(http, thread, "state.get", {"namespace": [], "keys": ["log", "none"]}))["result"]
    assert state["values"] == {"log": ["first", "waited", "last"]}
    assert (await command(http, thread, "state.get", {"namespace": ["nowhere"]}))["error"] == "no_such_namespace"
    listed = (await command(http, thread, "state.listCheckpoints", {"limit": 2}))["result"]["checkpoints"]
    assert [each["step"] for each in listed] == [3, 2]
    assert listed[0]["id"] == state["checkpoint"]["id"]
    older = await command(http, thread, "state.listCheckpoints", {"before": listed[1]["id"]})
    forked = await command(http, thread, "state.fork", {"checkpoint_id": older["result"]["checkpoints"][0]["id"]})
    assert forked["result"]["thread_id"] == thread
    after = await follow(http, thread, over(), since=first[-1]["seq"])
    assert [each["params"]["node"] for each in after if each["method"] == "updates"] == ["wait", "last"]
    nowhere = {"id": 7, "method": "state.fork", "params": {"checkpoint_id": str(uuid4())}}
    refused = await http.post(f"/threads/{thread}/commands", json=nowhere)
    assert refused.json()["error"] == "no_such_checkpoint"


@pytest.mark.parametrize(
    ("body", "status", "number", "code"),
    [
        (b"", 400, None, "invalid_argument"),
        (b"nonsense", 400, None, "invalid_argument"),
        (b"[]", 400, None, "invalid_argument"),
        (b'{"method": "run.start"}', 400, None, "invalid_argument"),
        (b'{"id": "a", "method": "run.start"}', 400, None, "invalid_argument"),
        (b'{"id": true, "method": "run.start"}', 400, None, "invalid_argument"),
        (b'{"id": 1, "method": 5}', 400, 1, "invalid_argument"),
        (b'{"id": 1, "method": "nonsense"}', 200, 1, "unknown_command"),
        (b'{"id": 1, "method": "subscription.subscribe"}', 200, 1, "not_supported"),
        (b'{"id": 1, "method": "run.start"}', 200, 1, "invalid_argument"),
        (b'{"id": 1, "method": "run.start", "params": []}', 200, 1, "invalid_argument"),
        (b'{"id": 1, "method": "run.start", "params": {"assistant_id": "none"}}', 200, 1, "invalid_argument"),
        (
            b'{"id": 1, "method": "run.start", "params": {"assistant_id": "slow", "input": "x"}}',
            200,
            1,
            "invalid_argument",
        ),
        (
            b'{"id": 1, "method": "run.start", "params": {"assistant_id": "slow", "input": {"log": 5}}}',
            200,
            1,
            "invalid_argument",
        ),
        (b'{"id": 1, "method": "input.respond", "params": {}}', 200, 1, "invalid_argument"),
        (b'{"id": 1, "method": "input.respond", "params": {"responses": []}}', 200, 1, "invalid_argument"),
        (b'{"id": 1, "method": "input.respond", "params": {"interrupt_id": "x"}}', 200, 1, "no_such_interrupt"),
        (b'{"id": 1, "method": "agent.getTree"}', 200, 1, "no_such_run"),
    ],
)
async def test_a_bad_command_is_told_what_is_wrong(
    http: httpx.AsyncClient, body: bytes, status: int, number: Any, code: str
):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    answer = await http.post(f"/threads/{thread}/commands", content=body, headers={"content-type": "application/json"})
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["type"], told["id"], told["error"]) == (status, "error", number, code)
    assert told["message"]
    assert (await http.get(f"/threads/{thread}/runs")).json() == []


@pytest.mark.parametrize(
    "body", [{}, {"channels": []}, {"channels": ["debug"]}, {"channels": ["custom:"]}, ALL | {"since": -1}, []]
)
async def test_a_bad_filter_is_refused(http: httpx.AsyncClient, body: Any):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    answer = await http.post(f"/threads/{thread}/stream/events", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_another_s_thread_is_as_unknown_as_one_that_is_not_there(http: httpx.AsyncClient, hosted: Server):
    thread = await started(http, "asking", LOG)
    tenant = (await http.post("/tenants", json={"name": f"other-{uuid4()}"})).json()["tenant_id"]
    made = await http.post("/keys", json={"name": "theirs", "scopes": ["admin"], "tenant": tenant})
    async with _calling(hosted, made.json()["key"]) as theirs:
        for where in (thread, str(uuid4())):
            assert (await theirs.post(f"/threads/{where}/stream/events", json=ALL)).status_code == 404
            for method in ("input.respond", "agent.getTree", "state.get", "state.listCheckpoints", "state.fork"):
                params = {"interrupt_id": "x", "namespace": [], "checkpoint_id": str(uuid4())}
                sent = {"id": 1, "method": method, "params": params}
                answer = await theirs.post(f"/threads/{where}/commands", json=sent)
                assert (answer.status_code, answer.json()["error"]) == (404, "no_such_run")
        sent = {"id": 1, "method": "run.start", "params": {"assistant_id": "slow", "input": LOG}}
        assert (await theirs.post(f"/threads/{thread}/commands", json=sent)).status_code == 404
    assert len((await http.get(f"/threads/{thread}/runs")).json()) == 1


async def test_scopes_are_kept(http: httpx.AsyncClient, hosted: Server):
    thread = await started(http, "asking", LOG)
    await follow(http, thread, over())
    invokes = (await http.post("/keys", json={"name": "i", "scopes": ["invoke:slow"]})).json()["key"]
    reads = (await http.post("/keys", json={"name": "r", "scopes": ["read"]})).json()["key"]
    async with _calling(hosted, invokes) as limited, _calling(hosted, reads) as reader:
        await started(limited, "slow", LOG)
        sent = {"id": 1, "method": "run.start", "params": {"assistant_id": "asking", "input": "yes"}}
        for method, params in (("run.start", sent["params"]), ("state.get", {"namespace": []})):
            answer = await limited.post(
                f"/threads/{thread}/commands", json={**sent, "method": method, "params": params}
            )
            assert (answer.status_code, answer.json()["error"]) == (403, "permission_denied")
        assert (await limited.post(f"/threads/{thread}/stream/events", json=ALL)).status_code == 403
        assert (await reader.post(f"/threads/{thread}/commands", json=sent)).status_code == 403
        assert await follow(reader, thread, over())


async def test_the_sdk_s_thread_stream(hosted: Server):
    async with get_client(url=hosted.url, api_key=hosted.key) as client, asyncio.timeout(20):
        async with client.threads.stream(assistant_id="asking") as thread:
            await thread.run.start(input=LOG)
            # They begin with the state of the moment; the SDK learns of the interrupt on another stream, and ends them.
            snapshots = [each async for each in thread.values]
            assert [each for each in snapshots if each not in ({}, {"log": []}, {"log": ["first"]})] == []
            while not thread.interrupts:
                await asyncio.sleep(0.02)
            async with aclosing(aiter(thread.values)) as waiting:
                assert await anext(waiting) == {"log": ["first"]}
            await thread.run.respond("yes")
            assert await thread.output == {"log": ["first", "told yes", "last"]}
        async with client.threads.stream(assistant_id="talking") as thread:
            await thread.run.start(input={"messages": [{"role": "user", "content": "hi"}]})
            [message] = [each async for each in thread.messages]
            assert await message.text == "hello big world"
        async with client.threads.stream(assistant_id="tooling") as thread:
            await thread.run.start(input=LOG)
            assert [call.name async for call in thread.tool_calls] == ["add"]
        async with client.threads.stream(assistant_id="nested") as thread:
            await thread.run.start(input=LOG)
            assert [each.graph_name async for each in thread.subgraphs] == ["part0"]


def test_the_sync_sdk_s_thread_stream(hosted: Server):
    client = get_sync_client(url=hosted.url, api_key=hosted.key)
    with client.threads.stream(assistant_id="slow") as thread:
        thread.run.start(input=LOG)
        assert list(thread.values)[-1] == {"log": ["first", "waited", "last"]}
