"""Idempotency-Key: a repeated request makes its runs once, over both databases."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from service.database import assistants, runs
from service.database.tables import DEFAULT_TENANT
from service.database.writer import Write
from service.house import open_house
from service.runs import idempotency
from service.runs.submit import Order, submit
from service.settings import Settings
from tests.conftest import Server, start_server
from tests.service.hosting import declared, on_either, stop

BODY = {"assistant_id": "slow", "input": {"log": []}}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hosted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with on_either(request, tmp_path_factory, MARKS="marks") as (server, _):
        yield server


@pytest.fixture
async def http(hosted: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hosted.url, headers={"x-api-key": hosted.key}, timeout=60) as client:
        yield client


def _key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


async def test_the_same_request_gives_the_same_run(http: httpx.AsyncClient):
    key = _key()
    first = (await http.post("/runs", json=BODY, headers=key)).json()
    rewritten = b'{"input":{"log":[]},  "assistant_id":"slow"}'
    again = await http.post("/runs", content=rewritten, headers={**key, "content-type": "application/json"})
    assert again.status_code == 200
    assert again.json()["run_id"] == first["run_id"]
    other = (await http.post("/runs", json=BODY, headers=_key())).json()
    assert other["run_id"] != first["run_id"]


async def test_a_wait_that_was_cut_off_is_joined_by_its_repetition(http: httpx.AsyncClient):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    key, body = _key(), {**BODY, "input": {"log": [], "seconds": 1}}
    with pytest.raises(httpx.ReadTimeout):
        await http.post(f"/threads/{thread}/runs/wait", json=body, headers=key, timeout=0.3)
    answer = await http.post(f"/threads/{thread}/runs/wait", json=body, headers=key)
    assert answer.json() == {"seconds": 1, "log": ["first", "waited", "last"]}
    assert len((await http.get(f"/threads/{thread}/runs")).json()) == 1
    after = await http.post(f"/threads/{thread}/runs/wait", json=body, headers=key)
    assert after.json() == answer.json()


async def test_a_repeated_stream_is_that_of_the_first_run_from_its_start(http: httpx.AsyncClient):
    key = _key()
    first = await http.post("/runs/stream", json=BODY, headers=key)
    again = await http.post("/runs/stream", json=BODY, headers=key)
    assert again.text == first.text
    assert "event: metadata" in first.text


async def test_twenty_at_once_make_one_run(http: httpx.AsyncClient):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    key = _key()
    answers = await asyncio.gather(*(http.post(f"/threads/{thread}/runs", json=BODY, headers=key) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert len((await http.get(f"/threads/{thread}/runs")).json()) == 1


async def test_a_batch_gives_the_same_runs(http: httpx.AsyncClient):
    key = _key()
    bodies = [{**BODY, "metadata": {"number": number}} for number in range(3)]
    first = (await http.post("/runs/batch", json=bodies, headers=key)).json()
    again = (await http.post("/runs/batch", json=bodies, headers=key)).json()
    assert [run["run_id"] for run in again] == [run["run_id"] for run in first]
    assert [run["metadata"]["number"] for run in again] == [0, 1, 2]


async def test_what_a_crash_kept_from_being_made_of_a_batch_is_made_at_its_repetition(tmp_path: Path):
    settings = Settings(data_dir=tmp_path / "var", langgraph_json=declared(tmp_path / "graphs"))
    asked = idempotency.request(DEFAULT_TENANT, "batch", "POST", "/runs/batch", b"[]")
    alive = False

    async with open_house(settings) as house:
        assistant = await assistants.get(house.database, DEFAULT_TENANT, assistants.default_id("slow"))
        assert assistant is not None

        async def make(number: int, run_id: str, along: tuple[Write, ...]) -> None:
            if number == 1 and not alive:
                raise ConnectionResetError("the process dies here")
            about = {"number": number}
            order = Order(assistant, {"log": []}, None, {}, {}, about, ["values"], run_id=run_id, along=along)
            await submit(house, DEFAULT_TENANT, order, None)

        with pytest.raises(ConnectionResetError):
            await idempotency.once(house, asked, 3, make)
        alive = True
        run_ids = await idempotency.once(house, asked, 3, make)
        made = [await runs.get(house.database, DEFAULT_TENANT, run_id) for run_id in run_ids]
        assert [row and row["metadata"]["number"] for row in made] == [0, 1, 2]
        every = ["pending", "running", "success", "error"]
        assert sorted(await runs.ids_with_status(house.database, DEFAULT_TENANT, every)) == sorted(run_ids)


@pytest.mark.parametrize(
    ("path", "body"),
    [("/runs", {**BODY, "input": {"log": ["x"]}}), ("/runs/wait", BODY)],
    ids=["another body", "another path"],
)
async def test_the_key_of_another_request_is_refused(http: httpx.AsyncClient, path: str, body: Any):
    key = _key()
    await http.post("/runs", json=BODY, headers=key)
    refused = await http.post(path, json=body, headers=key)
    assert refused.status_code == 422
    assert refused.json()["code"] == "idempotency_key_reused"


async def test_a_request_that_was_refused_may_be_repeated_with_its_key(http: httpx.AsyncClient):
    key = _key()
    assert (await http.post("/runs", json={**BODY, "assistant_id": "nobody"}, headers=key)).status_code == 404
    assert (await http.post("/runs", json=BODY, headers=key)).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_that_is_none_is_refused(http: httpx.AsyncClient, key: str):
    assert (await http.post("/runs", json=BODY, headers={"Idempotency-Key": key})).status_code == 422


async def test_a_deleted_run_is_not_made_again(http: httpx.AsyncClient):
    key = _key()
    run = (await http.post("/runs", json=BODY, headers=key)).json()
    await http.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}/join")
    assert (await http.delete(f"/threads/{run['thread_id']}/runs/{run['run_id']}")).status_code == 204
    assert (await http.post("/runs", json=BODY, headers=key)).status_code == 404


async def test_keys_are_forgotten_in_time(tmp_path: Path):
    server = start_server(
        tmp_path / "var",
        CONSILIA_LANGGRAPH_JSON=str(declared(tmp_path / "graphs")),
        CONSILIA_IDEMPOTENCY_HOURS="0.0003",
    )
    try:
        async with httpx.AsyncClient(base_url=server.url, headers={"x-api-key": server.key}, timeout=60) as client:
            key = _key()
            first = (await client.post("/runs", json=BODY, headers=key)).json()
            await asyncio.sleep(1.3)
            again = (await client.post("/runs", json=BODY, headers=key)).json()
            assert again["run_id"] != first["run_id"]
    finally:
        stop(server)
