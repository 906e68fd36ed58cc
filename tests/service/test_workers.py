"""Runs over PostgreSQL: API replicas and workers as processes of their own, killed, stopped and cut off."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import orjson
import psycopg
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from tests.conftest import ENVIRONMENT, Server, start_server, start_until
from tests.service.hosting import declared, end, new_database, stop
from tests.service.receiving import receiving


@dataclass
class Installation:
    """A database, and an API replica that all tests ask."""

    folder: Path
    database: str
    environment: dict[str, str]
    api: Server


class House:
    """One test's workers and further replicas, started when they are asked for."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.marks = folder / "marks"
        self.database = installation.database
        self.api = installation.api
        self.data_dir = installation.folder / "var"
        self.environment = {**installation.environment, "MARKS": str(self.marks)}
        self._folder = folder
        self._replicas: list[Server] = []
        self._workers: list[subprocess.Popen[str]] = []

    def replica(self) -> Server:
        server = start_server(self.data_dir, **self.environment)
        self._replicas.append(server)
        return server

    def worker(self) -> "subprocess.Popen[str]":
        process, _ = start_until(
            "worker is ready",
            [sys.executable, "-m", "service.cli", "worker"],
            self._folder / f"worker-{len(self._workers)}.log",
            environment={**ENVIRONMENT, **self.environment, "CONSILIA_DATA_DIR": str(self.data_dir)},
        )
        self._workers.append(process)
        return process

    def marked(self) -> int:
        return len(self.marks.read_text().splitlines()) if self.marks.exists() else 0

    async def until_marked(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while self.marked() < count:
            assert time.monotonic() < deadline, f"{self.marked()} of {count} runs have begun"
            await asyncio.sleep(0.02)

    def close(self) -> None:
        living = [*self._workers, *(each.process for each in self._replicas)]
        with ExitStack() as ending:  # each, also after one that did not end by itself
            for process in (each for each in living if each.poll() is None):
                process.send_signal(signal.SIGCONT)
                process.terminate()  # all at once: they end side by side
                ending.callback(end, process)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, postgresql: str) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("installation")
    with new_database(folder, postgresql) as database:
        environment = {
            "CONSILIA_LANGGRAPH_JSON": str(declared(folder / "graphs")),
            "CONSILIA_DATABASE": database,
            "CONSILIA_EXECUTE": "false",
            "CONSILIA_WEBHOOKS__BACKOFF_SECONDS": "0.5",
            "CONSILIA_WEBHOOKS__ALLOW_NETWORKS": '["127.0.0.0/8"]',
        }
        api = start_server(folder / "var", **environment)
        yield Installation(folder, database, environment, api)
        stop(api)


@pytest.fixture
def house(installation: Installation, tmp_path: Path) -> Iterator[House]:
    house = House(installation, tmp_path)
    yield house
    house.close()


@pytest.fixture
async def sdk(house: House) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=house.api.url, api_key=house.api.key) as client:
        yield client


async def _start(sdk: LangGraphClient, graph: str, **input: Any) -> tuple[str, str]:
    thread = await sdk.threads.create()
    run = await sdk.runs.create(thread["thread_id"], graph, input={"log": [], **input})
    return thread["thread_id"], run["run_id"]


async def test_a_worker_executes_what_the_api_accepts_and_streams_resume_on_another_replica(
    house: House, sdk: LangGraphClient
):
    house.worker()
    assert await sdk.runs.wait(None, "slow", input={"log": []}) == {"log": ["first", "waited", "last"]}
    thread_id, run_id = await _start(sdk, "slow", seconds=1)
    seen: list[str | None] = []
    async for part in sdk.runs.join_stream(thread_id, run_id, stream_mode="updates"):
        seen.append(part.id)
        if part.event == "updates":
            break
    other = house.replica()
    async with get_client(url=other.url, api_key=house.api.key) as elsewhere:
        async for part in elsewhere.runs.join_stream(thread_id, run_id, stream_mode="updates", last_event_id=seen[-1]):
            seen.append(part.id)
    ids = [int(each) for each in seen if each]
    assert ids == sorted(set(ids))
    again = [part.id async for part in sdk.runs.join_stream(thread_id, run_id, stream_mode="updates")]
    assert [each for each in again if each] == [str(each) for each in ids], "no gap and no duplicate"


async def test_a_worker_that_dies_is_replaced_within_ten_seconds_and_repeats_no_finished_node(
    house: House, sdk: LangGraphClient
):
    first = house.worker()
    started = [await _start(sdk, "marking", seconds=3) for _ in range(6)]
    await house.until_marked(6)
    await asyncio.sleep(0.3)
    first.kill()
    killed = time.monotonic()
    house.worker()
    for thread_id, run_id in started:
        result: Any = await sdk.runs.join(thread_id, run_id)
        assert result["log"] == ["marked", "waited", "last"]
        run: Any = await sdk.runs.get(thread_id, run_id)
        assert (run["status"], run["attempt"]) == ("success", 2)
    assert time.monotonic() - killed < 10 + 3
    assert house.marked() == 6


async def test_a_worker_that_was_given_up_for_dead_writes_nothing_more(house: House, sdk: LangGraphClient):
    first = house.worker()
    thread_id = (await sdk.threads.create())["thread_id"]
    given: Any = {"log": [], "seconds": 2}
    run_id = (await sdk.runs.create(thread_id, "marking", input=given, stream_mode="updates"))["run_id"]
    await house.until_marked(1)
    first.send_signal(signal.SIGSTOP)
    house.worker()
    result: Any = await sdk.runs.join(thread_id, run_id)
    first.send_signal(signal.SIGCONT)
    await asyncio.sleep(3)
    assert result["log"] == ["marked", "waited", "last"]
    run: Any = await sdk.runs.get(thread_id, run_id)
    assert (run["status"], run["attempt"]) == ("success", 2)
    state: Any = await sdk.threads.get_state(thread_id)
    assert state["values"]["log"] == ["marked", "waited", "last"]
    parts = [part async for part in sdk.runs.join_stream(thread_id, run_id, stream_mode="updates")]
    assert [list(part.data) for part in parts if part.event == "updates"] == [["mark"], ["wait"], ["last"]]
    assert first.poll() is None, "it lives, and takes new runs"


async def test_a_killed_api_loses_nothing_that_it_accepted(house: House, sdk: LangGraphClient):
    killed = house.replica()
    async with get_client(url=killed.url, api_key=house.api.key) as there:
        started = [await _start(there, "slow", seconds=0.5) for _ in range(5)]
    killed.process.kill()
    house.worker()
    for thread_id, run_id in started:
        result: Any = await sdk.runs.join(thread_id, run_id)
        assert result["log"] == ["first", "waited", "last"]


async def test_sigterm_hands_running_runs_back_at_once(house: House, sdk: LangGraphClient):
    first = house.worker()
    thread_id, run_id = await _start(sdk, "marking", seconds=1)
    await house.until_marked(1)
    second = house.worker()
    first.terminate()
    asked = time.monotonic()
    result: Any = await sdk.runs.join(thread_id, run_id)
    assert result["log"] == ["marked", "waited", "last"]
    assert time.monotonic() - asked < 5, "no heartbeat had to be missed"
    assert first.wait(20) == 0
    assert second.poll() is None
    assert house.marked() == 1


async def test_runs_of_a_thread_keep_their_order_over_two_workers(house: House, sdk: LangGraphClient):
    house.worker()
    house.worker()
    thread = await sdk.threads.create()
    for _ in range(6):
        await sdk.runs.create(thread["thread_id"], "slow", input={"log": [], "seconds": 0.1})
    for run in await sdk.runs.list(thread["thread_id"]):
        await sdk.runs.join(thread["thread_id"], run["run_id"])
    rows: Any = sorted(await sdk.runs.list(thread["thread_id"]), key=lambda run: run["run_id"])
    assert all(run["status"] == "success" for run in rows)
    for before, after in pairwise(rows):
        assert before["finished_at"] <= after["started_at"]


async def test_runs_are_cancelled_wherever_they_are(house: House, sdk: LangGraphClient):
    thread_id, run_id = await _start(sdk, "slow", seconds=20)
    await sdk.runs.cancel(thread_id, run_id, wait=True)
    waiting: Any = await sdk.runs.get(thread_id, run_id)
    assert (waiting["status"], waiting["attempt"]) == ("interrupted", 1), "no worker was needed"
    house.worker()
    thread_id, run_id = await _start(sdk, "slow", seconds=20)
    await asyncio.sleep(0.5)
    await asyncio.wait_for(sdk.runs.cancel(thread_id, run_id, wait=True), 5)
    assert (await sdk.runs.get(thread_id, run_id))["status"] == "interrupted"
    thread = await sdk.threads.create()
    for _ in range(2):
        await sdk.runs.create(
            thread["thread_id"], "slow", input={"log": [], "seconds": 1}, multitask_strategy="interrupt"
        )
    with pytest.raises(httpx.HTTPStatusError) as refused:
        await sdk.runs.create(thread["thread_id"], "slow", input={"log": []}, multitask_strategy="reject")
    assert refused.value.response.status_code == 409


async def test_an_interrupted_run_goes_on_when_it_is_answered(house: House, sdk: LangGraphClient):
    house.worker()
    thread = await sdk.threads.create()
    asked: Any = await sdk.runs.wait(thread["thread_id"], "asking", input={"log": []})
    assert asked["__interrupt__"][0]["value"] == {"question": "go on?"}
    told: Any = await sdk.runs.wait(thread["thread_id"], "asking", command={"resume": "yes"})
    assert told["log"] == ["first", "told yes", "last"]


async def test_higher_priorities_go_first(house: House, sdk: LangGraphClient):
    server = house.api
    runs: list[dict[str, Any]] = []
    with httpx.Client(base_url=server.url, headers={"x-api-key": server.key}) as http:
        for priority in (-1, 0, 5):
            body = {"assistant_id": "slow", "input": {"log": [], "seconds": 0.3}, "priority": priority}
            runs.append(http.post("/runs", json=body).json())
        house.environment["CONSILIA_LIMITS__CONCURRENT_RUNS"] = "1"
        house.worker()
        for run in runs:
            http.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}/join", timeout=30)
        seen = [http.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}").json() for run in runs]
    order = sorted(seen, key=lambda run: run["started_at"])
    assert [run["kwargs"]["priority"] for run in order] == [5, 0, -1]


async def test_cut_connections_lose_no_run(house: House, sdk: LangGraphClient):
    house.worker()
    started = [await _start(sdk, "marking", seconds=1.5) for _ in range(5)]
    await house.until_marked(5)
    with psycopg.connect(house.database, autocommit=True) as connection:
        for _ in range(3):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await asyncio.sleep(0.4)
    for thread_id, run_id in started:
        for _ in range(50):
            run: Any = await sdk.runs.get(thread_id, run_id)
            if run["status"] not in ("pending", "running"):
                break
            await asyncio.sleep(0.4)
        assert run["status"] == "success", run["error"]
    assert (await sdk.runs.wait(None, "slow", input={"log": []})) == {"log": ["first", "waited", "last"]}


def test_a_worker_needs_postgresql(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "worker"],
        env={**ENVIRONMENT, "CONSILIA_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "needs PostgreSQL" in done.stderr


async def test_a_run_goes_on_after_its_connection_was_cut_while_it_was_taken_up_again(
    house: House, sdk: LangGraphClient, postgresql: str
):
    """The error of that very read once ended the job and left the run `running` for ever."""
    first = house.worker()
    thread_id, run_id = await _start(sdk, "marking", seconds=2)
    await house.until_marked(1)
    first.kill()
    name = re.search(r"(/test_\w+)\?", house.database)
    assert name
    with psycopg.connect(postgresql.replace("/postgres?", f"{name[1]}?")) as locking:
        locking.execute("LOCK TABLE run_events IN ACCESS EXCLUSIVE MODE")
        house.worker()
        with psycopg.connect(postgresql, autocommit=True) as cutting:
            query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
            query += " AND wait_event_type = 'Lock' AND query LIKE 'SELECT max(run_events%%'"
            async with asyncio.timeout(90):
                while cutting.execute(query.encode(), (name[1][1:],)).fetchone() == (0,):
                    await asyncio.sleep(0.05)
    async with asyncio.timeout(90):
        while (row := await sdk.runs.get(thread_id, run_id))["status"] in ("pending", "running"):
            await asyncio.sleep(0.1)
    assert row["status"] == "success"


async def test_webhooks_are_called_once_by_whichever_process_and_outlive_a_killed_one(
    house: House, sdk: LangGraphClient
):
    with receiving() as receiver:
        receiver.answers = [503] * 12 + [200]
        first = house.worker()
        runs: Any = await asyncio.gather(
            *(sdk.runs.create(None, "slow", input={"log": [], "seconds": 0}, webhook=receiver.url) for _ in range(12))
        )
        await _until(lambda: len(receiver.bodies) >= 12)
        await asyncio.sleep(0.3)  # so that the refusals are recorded; else a lease must run out first
        first.kill()
        house.worker()
        await _until(lambda: len(receiver.bodies) >= 24)
        await asyncio.sleep(1)
        told = [orjson.loads(body)["run_id"] for body in receiver.bodies]
    assert sorted(told[12:]) == sorted(run["run_id"] for run in runs), "after 12 refusals each of the runs is told once"


async def _until(reached: Callable[[], bool], seconds: float = 90) -> None:
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def test_a_worker_says_over_http_whether_it_is_well_and_what_it_did(house: House, postgresql: str):
    house.environment["CONSILIA_PROBE_PORT"] = str(port := _free_port())
    house.worker()
    replica = house.replica()
    async with get_client(url=replica.url, api_key=replica.key) as client:
        await client.runs.wait(None, "marking", input={"log": []})
    name = re.search(r"/(test_\w+)\?", house.database)
    assert name
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
        assert (await http.get("/live")).json() == {"live": True}
        assert (await http.get("/ready")).json() == {"ready": True, "database": "ok", "models": "embedded"}
        assert 'consilia_runs_total{status="success",workflow="marking"} 1.0' in (await http.get("/metrics")).text
        assert (await http.get("/threads/x")).status_code == 404, "nothing else is there"
        with psycopg.connect(postgresql, autocommit=True) as connection, ExitStack() as back:
            connection.execute(f"ALTER DATABASE {name[1]} ALLOW_CONNECTIONS false".encode())
            back.callback(connection.execute, f"ALTER DATABASE {name[1]} ALLOW_CONNECTIONS true".encode())
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name[1],))
            for process in (str(http.base_url), replica.url):
                for path in ("/ready", "/ok"):
                    away = await http.get(f"{process.rstrip('/')}{path}")
                    assert (away.status_code, away.json()["code"]) == (503, "not_ready")
                living = await http.get(f"{process.rstrip('/')}/live")
                assert living.status_code == 200, "a database that is away is no reason to start anew"
        deadline = time.monotonic() + 20
        while (await http.get("/ready")).status_code != 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
