"""Assistants, the store and crons through the front door: a real server, the real langgraph-sdk, either database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from service.database.engine import open_database
from service.database.sealing import sealer
from service.database.tables import DEFAULT_TENANT
from service.runs.schedule import InvalidSchedule, next_date
from service.runs.store import DatabaseStore
from service.settings import Sealing
from tests.conftest import Server
from tests.service.hosting import new_database, serve, stop


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    postgresql: str | None = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with new_database(tmp_path_factory.mktemp("database"), postgresql) as url:
        yield url


@pytest.fixture(scope="module")
def service(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = serve(tmp_path_factory.mktemp("service"), database)
    yield server
    stop(server)


@pytest.fixture
async def client(service: Server) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=service.url, api_key=service.key) as client:
        yield client


async def test_an_assistant_is_made_changed_and_put_back(client: LangGraphClient):
    made = await client.assistants.create("echo", context={"tone": "dry"}, metadata={"a": 1}, name="First")
    assistant_id = made["assistant_id"]
    assert made["config"] == {"configurable": {"tone": "dry"}}
    changed = await client.assistants.update(assistant_id, graph_id="nested", name="Second", metadata={"b": True})
    assert (changed["version"], changed["graph_id"], changed["metadata"]) == (2, "nested", {"a": 1, "b": True})
    versions = await client.assistants.get_versions(assistant_id)
    assert [version["name"] for version in versions] == ["Second", "First"]
    back = await client.assistants.set_latest(assistant_id, 1)
    assert (back["version"], back["graph_id"], back["context"]) == (1, "echo", {"tone": "dry"})
    again = await client.assistants.update(assistant_id, description="third")
    assert (again["version"], again["name"]) == (3, "First")
    with pytest.raises(NotFoundError):
        await client.assistants.set_latest(assistant_id, 9)
    await client.assistants.delete(assistant_id)
    with pytest.raises(NotFoundError):
        await client.assistants.get(assistant_id)


async def test_concurrent_changes_make_a_version_each(client: LangGraphClient):
    assistant_id = (await client.assistants.create("echo"))["assistant_id"]
    await asyncio.gather(*(client.assistants.update(assistant_id, name=f"n{n}") for n in range(4)))
    versions = await client.assistants.get_versions(assistant_id)
    assert [version["version"] for version in versions] == [5, 4, 3, 2, 1]


async def test_assistants_are_found_by_what_they_are(client: LangGraphClient):
    mark = uuid4().hex
    for n in range(3):
        await client.assistants.create(
            "echo", name=f"{mark} {n}_%", metadata={"mark": mark, "n": n, "even": n % 2 == 0}
        )
    found = await client.assistants.search(name=mark.upper(), sort_by="name", sort_order="asc", select=["name"])
    assert found == [{"name": f"{mark} {n}_%"} for n in range(3)]
    assert await client.assistants.search(name=f"{mark}%2") == []
    assert await client.assistants.count(metadata={"mark": mark, "even": True}) == 2
    assert await client.assistants.count(metadata={"mark": mark, "n": 1}) == 1
    assert await client.assistants.count(metadata={"mark": mark, "n": "1"}) == 0
    page = await client.assistants.search(metadata={"mark": mark}, limit=2, response_format="object")
    assert (len(page["assistants"]), page["next"]) == (2, "2")
    with pytest.raises(NotFoundError, match="Expected one of"):
        await client.assistants.search(graph_id="nope")


async def test_an_assistant_that_exists_is_refused_or_returned(client: LangGraphClient):
    made = await client.assistants.create("echo", name="one")
    with pytest.raises(ConflictError):
        await client.assistants.create("echo", assistant_id=made["assistant_id"])
    same = await client.assistants.create("echo", assistant_id=made["assistant_id"], if_exists="do_nothing", name="two")
    assert same["name"] == "one"


async def test_graph_schemas_and_subgraphs_are_shown(client: LangGraphClient):
    graph = await client.assistants.get_graph("nested", xray=True)
    assert {"sub:x", "sub:y", "z"} <= {node["id"] for node in graph["nodes"]}
    assert set((await client.assistants.get_schemas("echo"))["state_schema"]["properties"]) == {"text", "log"}
    assert list(await client.assistants.get_subgraphs("nested")) == ["sub"]
    assert await client.assistants.get_subgraphs("nested", "nope") == {}


async def test_deleting_an_assistant_can_take_its_threads(client: LangGraphClient):
    made = await client.assistants.create("echo")
    thread = await client.threads.create()
    await client.runs.wait(thread["thread_id"], made["assistant_id"], input={"text": "x"})
    await client.assistants.delete(made["assistant_id"], delete_threads=True)
    with pytest.raises(NotFoundError):
        await client.threads.get(thread["thread_id"])


async def test_the_store_keeps_finds_and_forgets(client: LangGraphClient):
    root = uuid4().hex
    for n in range(4):
        await client.store.put_item([root, str(n % 2)], key=f"k{n}", value={"n": n, "t": f"t{n}", "in": {"a": n}})
    await client.store.put_item([root + "x"], key="other", value={})
    item = await client.store.get_item([root, "1"], key="k1")
    assert (item["namespace"], item["value"]["n"]) == ([root, "1"], 1)

    async def keys(**filter: object) -> list[str]:
        return [each["key"] for each in (await client.store.search_items([root], filter=filter))["items"]]

    assert await keys() == ["k3", "k2", "k1", "k0"]
    assert await keys(n={"$gt": 0, "$lte": 2}) == ["k2", "k1"]
    assert await keys(n={"$ne": 1}) == ["k3", "k2", "k0"]
    assert await keys(t="t2") == ["k2"]
    assert await keys(t={"$gte": "t2"}) == ["k3", "k2"]
    assert await keys(**{"in": {"a": 3}}) == ["k3"]
    assert await keys(absent={"$gt": 1}) == []
    found = await client.store.list_namespaces(prefix=[root])
    assert found["namespaces"] == [[root, "0"], [root, "1"]]
    assert (await client.store.list_namespaces(prefix=[root], max_depth=1))["namespaces"] == [[root]]
    await client.store.delete_item([root, "1"], key="k1")
    assert await client.store.get_item([root, "1"], key="k1") is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"namespace": [], "key": "k", "value": {}}, 400),
        ({"namespace": ["langgraph"], "key": "k", "value": {}}, 400),
        ({"namespace": ["a.b"], "key": "k", "value": {}}, 422),
        ({"namespace": ["a"], "key": "k", "value": [1]}, 422),
        ({"namespace": ["a"], "key": "k", "value": {"x": "\0"}}, 422),
        ({"namespace": ["a"], "key": "k", "value": {}, "ttl": -1}, 422),
    ],
)
async def test_the_store_refuses_what_it_cannot_keep(service: Server, body: dict[str, object], status: int):
    async with httpx.AsyncClient(base_url=service.url, headers={"x-api-key": service.key}) as http:
        answer = await http.put("/store/items", json=body)
    assert answer.status_code == status
    assert answer.json()["detail"]


async def test_a_graph_sees_the_same_store_and_time_to_live_ends(
    client: LangGraphClient, database: str, service: Server
):
    root = uuid4().hex
    await client.store.put_item([root], key="k", value={"n": 1})
    async with open_database(database, seals=sealer(Sealing(), service.data_dir)) as opened:
        store = DatabaseStore(opened, DEFAULT_TENANT)
        assert (await store.aget((root,), "k")).value == {"n": 1}
        assert await asyncio.to_thread(store.get, (root,), "none") is None
        await store.aput((root,), "brief", {"n": 2}, ttl=0.4 / 60)
        assert len(await store.asearch((root,), refresh_ttl=False)) == 2
        await asyncio.sleep(0.6)
        assert [item.key for item in await store.asearch((root,))] == ["k"]
        assert await store.alist_namespaces(prefix=(root,)) == [(root,)]
        assert await DatabaseStore(opened, "another tenant").aget((root,), "k") is None
        await store.adelete((root,), "k")
    assert await client.store.get_item([root], key="k") is None


async def test_a_cron_is_made_changed_found_and_deleted(client: LangGraphClient):
    cron = await client.crons.create("echo", schedule="0 9 * * *", timezone="Europe/Berlin", metadata={"m": 1})
    assert cron["payload"]["config"]["configurable"] == {"cron_id": cron["cron_id"]}
    changed = await client.crons.update(cron["cron_id"], schedule="0 10 * * *", enabled=False, metadata={"n": 2})
    assert (changed["enabled"], changed["metadata"], changed["schedule"]) == (False, {"m": 1, "n": 2}, "0 10 * * *")
    thread = await client.threads.create()
    on_thread = await client.crons.create_for_thread(thread["thread_id"], "echo", schedule="@daily")
    found = await client.crons.search(thread_id=thread["thread_id"])
    assert [each["cron_id"] for each in found] == [on_thread["cron_id"]]
    assert await client.crons.count(metadata={"m": 1}) >= 1
    await client.crons.delete(cron["cron_id"])
    with pytest.raises(NotFoundError):
        await client.crons.delete(cron["cron_id"])


@pytest.mark.parametrize("schedule", ["zz", "61 * * * *", "0 0 31 2 *", "", "* * *"])
async def test_a_malformed_cron_is_refused(client: LangGraphClient, schedule: str):
    with pytest.raises(UnprocessableEntityError, match="Invalid cron schedule"):
        await client.crons.create("echo", schedule=schedule)
    with pytest.raises(UnprocessableEntityError, match="Invalid timezone"):
        await client.crons.create("echo", schedule="@daily", timezone="../etc/passwd")


def test_a_schedule_follows_the_clock_of_its_zone():
    before_change, after_change = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert next_date("0 9 * * *", "Europe/Berlin", before_change) == datetime(2026, 3, 29, 7, tzinfo=UTC)
    assert next_date("0 9 * * *", "Europe/Berlin", after_change) == datetime(2026, 3, 30, 7, tzinfo=UTC)
    assert next_date("0 9 * * *", None, before_change, end=before_change) is None
    with pytest.raises(InvalidSchedule):
        next_date("0 9 * * *", "Mars/X", before_change)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_each_date_is_started_once_by_however_many_processes_and_a_missed_one_after_a_restart(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path
):
    postgresql: str | None = request.getfixturevalue("postgresql") if kind == "postgresql" else None
    with ExitStack() as stack:
        database = stack.enter_context(new_database(tmp_path, postgresql))
        both = [serve(tmp_path, database) for _ in range(2 if postgresql else 1)]  # SQLite lets only one in
        try:
            async with get_client(url=both[0].url, api_key=both[0].key) as client:
                thread = await client.threads.create()
                cron = await client.crons.create_for_thread(
                    thread["thread_id"], "echo", schedule="* * * * * */2", input={"text": "tick"}
                )
                await asyncio.sleep(6)
                before = await _dates(client, thread["thread_id"])
        finally:
            for server in both:
                stop(server)
        assert 2 <= len(before) <= 4
        await asyncio.sleep(8)
        restarted = stack.enter_context(_stopping(serve(tmp_path, database)))
        async with get_client(url=restarted.url, api_key=restarted.key) as client:
            await client.crons.update(cron["cron_id"], enabled=False)
            await asyncio.sleep(0.5)
            after = await _dates(client, thread["thread_id"])
        assert len(after) == len(set(after)), "each date is started once"
        assert 1 <= len(after) - len(before) <= 3, "of several missed dates one is started"


async def _dates(client: LangGraphClient, thread_id: str) -> list[str]:
    return [run["metadata"]["cron_date"] for run in await client.runs.list(thread_id, limit=100)]


@contextmanager
def _stopping(server: Server) -> Iterator[Server]:
    yield server
    stop(server)
