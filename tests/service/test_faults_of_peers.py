"""Faults that users of comparable servers report, and that must not be ours. Each test names where it was reported."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Server, start_server
from tests.service.hosting import declared, stop


class Restartable:
    """A service over SQLite that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            "CONSILIA_LANGGRAPH_JSON": str(declared(folder / "graphs")),
            "MARKS": str(folder / "marks"),
        }
        self.database = folder / "var" / "consilia.db"
        self.server = self._start()

    def _start(self) -> Server:
        return start_server(self._folder / "var", **self._environment)

    def http(self) -> httpx.Client:
        key = (self._folder / "var" / "first-key").read_text()
        return httpx.Client(base_url=self.server.url, headers={"x-api-key": key}, timeout=30)

    def kill_and_start(self) -> None:
        self.server.process.kill()
        self.server.process.wait(10)
        self.server = self._start()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Restartable]:
    service = Restartable(tmp_path)
    yield service
    stop(service.server)


def _body(seconds: float) -> dict[str, Any]:
    return {"assistant_id": "slow", "input": {"log": [], "seconds": seconds}}


def test_a_crash_before_the_first_checkpoint_drops_no_accepted_run(service: Restartable):
    """langgraph #8764."""
    with service.http() as http:
        runs = [http.post("/runs", json={**_body(0), "after_seconds": 3}).json() for _ in range(5)]
        runs += [http.post("/runs", json=_body(0)).json() for _ in range(5)]
    service.kill_and_start()
    with service.http() as http:
        for run in runs:
            path = f"/threads/{run['thread_id']}/runs/{run['run_id']}"
            assert http.get(f"{path}/join").json()["log"] == ["first", "waited", "last"]


def test_rows_that_a_crash_left_running_block_neither_their_thread_nor_the_queue(service: Restartable):
    """bytedance/deer-flow #1087."""
    with service.http() as http:
        thread = http.post("/threads", json={}).json()["thread_id"]
        left = http.post(f"/threads/{thread}/runs", json=_body(1)).json()
        time.sleep(0.5)
        assert http.get(f"/threads/{thread}/runs/{left['run_id']}").json()["status"] == "running"
    service.kill_and_start()
    with service.http() as http:
        result = http.post(f"/threads/{thread}/runs/wait", json=_body(0)).json()
        assert result["log"] == ["first", "waited", "last"] * 2, "first the one that was left, then the new one"
        statuses = [run["status"] for run in http.get(f"/threads/{thread}/runs").json()]
        assert statuses == ["success", "success"]
        assert http.get(f"/threads/{thread}").json()["status"] == "idle"


def test_checkpoints_are_on_disk_while_the_run_goes_on_not_only_at_a_clean_exit(service: Restartable):
    """langgraph #8298."""
    with service.http() as http:
        run = http.post("/runs", json=_body(5)).json()
        time.sleep(1)
        with closing(sqlite3.connect(service.database)) as database:
            query = "SELECT count(*) FROM checkpoints WHERE thread_id = ?"
            assert database.execute(query, (run["thread_id"],)).fetchone()[0] >= 2
        path = f"/threads/{run['thread_id']}/runs/{run['run_id']}"
        assert http.get(path).json()["status"] == "running"


def test_cancelling_loses_nothing_of_the_state_that_was_streamed(service: Restartable):
    """langgraph #5672."""
    with service.http() as http:
        thread = http.post("/threads", json={}).json()["thread_id"]
        run = http.post(f"/threads/{thread}/runs", json={**_body(20), "stream_mode": ["values"]}).json()
        time.sleep(1)
        http.post(f"/threads/{thread}/runs/{run['run_id']}/cancel?wait=true").raise_for_status()
        streamed = http.get(f"/threads/{thread}/runs/{run['run_id']}/stream").text
        assert '"log":["first"]' in streamed
        assert http.get(f"/threads/{thread}/state").json()["values"]["log"] == ["first"]
    service.kill_and_start()
    with service.http() as http:
        assert http.get(f"/threads/{thread}/state").json()["values"]["log"] == ["first"]
