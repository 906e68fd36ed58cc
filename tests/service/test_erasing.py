"""Erasing really erases, and retention keeps no longer."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from sqlalchemy import text

from service.database import tenants
from service.database.engine import open_database
from service.database.tables import DEFAULT_TENANT, Table, now
from service.runs.retention import keep_no_longer
from tests.conftest import ENVIRONMENT, Server, start_server
from tests.service.hosting import declared, new_database, stop

SECRET = "Zhang-Wei-of-Lane-4711"
SUBJECT = "patient-0815"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hosted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    folder = tmp_path_factory.mktemp("hosted")
    url = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with new_database(folder, url) as database:
        graphs = str(declared(folder / "graphs"))
        server = start_server(
            folder / "var", CONSILIA_LANGGRAPH_JSON=graphs, CONSILIA_DATABASE=database, CONSILIA_SEALING__WORKFLOWS="[]"
        )
        yield server, database
        stop(server)


async def _left(url: str) -> list[str]:
    """Where the secret or the subject still stands, in any row of any table."""
    found: list[str] = []
    async with open_database(url) as database, database.reading() as connection:
        for name in Table.metadata.tables:
            for row in (await connection.execute(text(f'SELECT * FROM "{name}"'))).mappings():
                for column, value in row.items():
                    told = value.decode("utf-8", "ignore") if isinstance(value, bytes) else str(value)
                    if SECRET in told or SUBJECT in told:
                        found.append(f"{name}.{column}")
    return found


async def _about(server: Server, metadata: dict[str, Any]) -> tuple[str, list[str]]:
    """A thread with two runs that hold the secret, one of them reading an upload; (its id, its runs')."""
    headers = {"x-api-key": server.key}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as http:
        uploaded = await http.post("/files", files={"file": ("a.txt", SECRET.encode())})
    async with get_client(url=server.url, api_key=server.key) as sdk:
        thread = (await sdk.threads.create(metadata=metadata))["thread_id"]
        log = [SECRET, "x" * 30_000, uploaded.json()["file_id"]]
        made: list[str] = []
        for graph, asked in (("slow", {"input": {"log": log}}), ("asking", {"input": {"log": [SECRET]}})):
            run = await sdk.runs.create(thread, graph, **asked)
            await sdk.runs.join(thread, run["run_id"])
            made.append(run["run_id"])
        await sdk.crons.create_for_thread(thread, "slow", schedule="0 0 1 1 *", input={"log": [SECRET]}, enabled=False)
        return thread, made


async def test_erasing_a_subject_leaves_nothing_in_any_table_or_file(hosted: tuple[Server, str]):
    server, url = hosted
    await _about(server, {"subject": SUBJECT})
    async with get_client(url=server.url, api_key=server.key) as sdk:
        await sdk.runs.wait(None, "slow", input={"log": [SECRET]}, metadata={"subject": SUBJECT})
        await sdk.store.put_item(["people", SUBJECT], key="note", value={"name": SECRET})
        kept = (await sdk.threads.create(metadata={"subject": "somebody else"}))["thread_id"]
    assert len(set(await _left(url))) > 8
    environment = {
        **ENVIRONMENT,
        "CONSILIA_DATA_DIR": str(server.data_dir),
        "CONSILIA_DATABASE": url,
        "COLUMNS": "200",
    }
    command = [sys.executable, "-m", "service.cli", "erase", "--subject", SUBJECT, "--yes", "--json"]
    done = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert await _left(url) == []
    assert told["erased"]["threads"] == 2
    assert told["erased"]["runs"] == 3
    for table in ("run_events", "checkpoints", "checkpoint_values", "files", "file_contents", "crons", "store_items"):
        assert told["erased"][table] >= 1, table
    assert any("backups" in each for each in told["remains"])
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        for each in path.parent.glob(path.name + "*"):
            if each.is_file():
                assert SECRET.encode() not in each.read_bytes(), each.name
    async with httpx.AsyncClient(base_url=server.url, headers={"x-api-key": server.key}) as http:
        assert (await http.get(f"/threads/{kept}")).status_code == 200
        again = await http.post("/erasures", json={"subject": SUBJECT})
        assert (again.status_code, again.json()["code"]) == (404, "nothing_to_erase")
        event = (await http.get("/audit", params={"action": "erase."})).json()[0]
        assert event["action"] == "erase.subject"
        assert SUBJECT not in json.dumps(event)


async def test_erasing_a_run_keeps_the_thread_s_other_runs_and_says_what_may_hold_of_it(hosted: tuple[Server, str]):
    server, url = hosted
    thread, [first, second] = await _about(server, {})
    async with httpx.AsyncClient(base_url=server.url, headers={"x-api-key": server.key}, timeout=60) as http:
        early = (await http.post("/erasures", json={"run_id": first})).json()
        assert "later runs" in early["remains"][0]
        assert (await http.get(f"/threads/{thread}/runs/{first}")).status_code == 404
        assert (await http.get(f"/threads/{thread}/runs/{second}")).status_code == 200
        last = (await http.post("/erasures", json={"run_id": second})).json()
        assert last["erased"]["threads"] == 1, "nothing else ran on the thread"
        assert (await http.get(f"/threads/{thread}")).status_code == 404
        for wrong, code in (({"run_id": first}, 404), ({}, 422), ({"run_id": first, "subject": "x"}, 422)):
            assert (await http.post("/erasures", json=wrong)).status_code == code
        slow = {"assistant_id": "slow", "input": {"seconds": 30, "log": []}}
        running = (await http.post("/runs", json=slow)).json()
        refused = await http.post("/erasures", json={"thread_id": running["thread_id"]})
        assert (refused.status_code, refused.json()["code"]) == (409, "run_in_flight")
        await http.post(f"/threads/{running['thread_id']}/runs/{running['run_id']}/cancel?wait=true")
        assert (await http.post("/erasures", json={"thread_id": running["thread_id"]})).status_code == 200
    assert SECRET not in str(await _left(url))


async def test_retention_keeps_each_workflow_s_threads_as_long_as_its_tenant_or_the_settings_say(
    hosted: tuple[Server, str],
):
    server, url = hosted
    async with get_client(url=server.url, api_key=server.key) as sdk:
        ids: dict[str, str] = {}
        for graph in ("slow", "failing"):
            ids[graph] = (await sdk.threads.create())["thread_id"]
            await sdk.runs.wait(ids[graph], graph, input={"log": []}, raise_error=False)
        async with open_database(url) as database:

            async def left() -> set[str]:
                found = await asyncio.gather(*(sdk.threads.search(ids=[each]) for each in ids.values()))
                return {name for name, rows in zip(ids, found, strict=True) if rows}

            await keep_no_longer(database, {"slow": 10}, now() + timedelta(days=9))
            assert await left() == {"slow", "failing"}
            await keep_no_longer(database, {"slow": 10}, now() + timedelta(days=11))
            assert await left() == {"failing"}
            await tenants.change(database, DEFAULT_TENANT, {"retention_days": {"failing": 100}})
            await keep_no_longer(database, {"*": 1, "failing": 1}, now() + timedelta(days=99))
            assert await left() == {"failing"}, "the tenant's rule goes before the settings'"
            await keep_no_longer(database, {}, now() + timedelta(days=101))
            assert await left() == set()
            await tenants.change(database, DEFAULT_TENANT, {"retention_days": None})
