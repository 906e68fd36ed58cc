"""A backup, made as docs/production.md says, is good for a restore: on either database, with runs under way."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.conftest import ENVIRONMENT, Server, start_server
from tests.service.hosting import declared, new_database, postgresql_program, stop

SECRET = "Zhang-Wei-of-Lane-4711"


@dataclass(frozen=True)
class Kept:
    """A service whose runs wait: one for a file that never comes, one for a person."""

    folder: Path
    server: Server
    database: str
    http: httpx.Client

    def told(self, method: str, path: str, **given: Any) -> Any:
        response = self.http.request(method, path, **given)
        assert response.status_code < 300, response.text
        return response.json()


def _environment(folder: Path, database: str) -> dict[str, str]:
    return {
        "CONSILIA_LANGGRAPH_JSON": str(declared(folder / "graphs")),
        "CONSILIA_DATABASE": database,
        "CONSILIA_SEALING__WORKFLOWS": '["gated"]',
        "CONSILIA_LIMITS__STALLED_SECONDS": "2",
        "CONSILIA_LIMITS__HEARTBEAT_SECONDS": "0.5",
        "GATE": str(folder / "gate"),
    }


def _copied(kept: Kept, postgresql: str | None, elsewhere: Path) -> str:
    """Back up while the service runs and restore, as docs/production.md says; the new database's URL."""
    if postgresql is None:
        copy = elsewhere / "copy.db"
        command = [sys.executable, "-m", "service.cli", "db", "backup", str(copy)]
        environment = {**ENVIRONMENT, "CONSILIA_DATA_DIR": str(kept.server.data_dir), "COLUMNS": "200"}
        environment["CONSILIA_DATABASE"] = kept.database
        subprocess.run(command, env=environment, capture_output=True, check=True)
        assert subprocess.run(command, env=environment, capture_output=True).returncode == 2, "it overwrites nothing"
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert SECRET.encode() not in copy.read_bytes()
        return f"sqlite:///{copy}"
    dump, name = elsewhere / "consilia.dump", "restored_" + os.urandom(4).hex()
    command = [postgresql_program("pg_dump"), "--format=custom", f"--file={dump}", kept.database]
    subprocess.run(command, capture_output=True, check=True)
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = re.sub(r"/postgres\?", f"/{name}?", postgresql)
    options = ["--clean", "--if-exists", "--no-owner", f"--dbname={url}", str(dump)]
    subprocess.run([postgresql_program("pg_restore"), *options], capture_output=True, check=True)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Kept, str | None]]:
    postgresql: str | None = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with new_database(tmp_path, postgresql) as database:
        server = start_server(tmp_path / "var", **_environment(tmp_path, database))
        with httpx.Client(base_url=server.url, headers={"x-api-key": server.key}, timeout=60) as http:
            yield Kept(tmp_path, server, database, http), postgresql
        if server.process.poll() is None:
            stop(server)


def test_a_restored_backup_has_everything_and_goes_on_where_it_was(kept: tuple[Kept, str | None]):
    """The copy and the data folder's secrets make the service whole again elsewhere, with its runs under way."""
    old, postgresql = kept
    file = old.told("POST", "/files", files={"file": ("a.txt", SECRET.encode())})["file_id"]
    made = old.told("POST", "/keys", json={"name": "of a robot", "scopes": ["read"]})
    thread = old.told("POST", "/threads", json={"metadata": {"a": 1}})["thread_id"]
    running = old.told("POST", f"/threads/{thread}/runs", json={"assistant_id": "gated", "input": {"log": [SECRET]}})
    asking = old.told("POST", "/threads", json={})["thread_id"]
    old.told("POST", f"/threads/{asking}/runs/wait", json={"assistant_id": "asking", "input": {"log": []}})
    deadline = time.monotonic() + 60
    while (old.told("GET", f"/threads/{thread}/state")["values"] or {}).get("log") != [SECRET, "first"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    elsewhere = old.folder / "elsewhere"
    (elsewhere / "var").mkdir(parents=True)
    url = _copied(old, postgresql, elsewhere)
    old.told("POST", "/threads", json={})  # which the backup does not have
    old.server.process.kill()
    old.server.process.wait(20)
    for secret in ("pepper", "sealing-keys", "webhook-secret", "first-key"):
        shutil.copy(old.server.data_dir / secret, elsewhere / "var" / secret)
    (elsewhere / "gate").touch()
    server = start_server(elsewhere / "var", **_environment(elsewhere, url))
    try:
        with httpx.Client(base_url=server.url, headers={"x-api-key": server.key}, timeout=90) as http:
            new = Kept(elsewhere, server, url, http)
            assert http.get(f"/files/{file}").content == SECRET.encode(), "sealed at rest, opened again"
            assert http.get(f"/files/{file}", headers={"x-api-key": made["key"]}).status_code == 200
            assert http.post("/threads", json={}, headers={"x-api-key": made["key"]}).status_code == 403
            assert new.told("GET", f"/threads/{thread}")["metadata"]["a"] == 1
            done = new.told("GET", f"/threads/{thread}/runs/{running['run_id']}/join")
            assert done["log"] == [SECRET, "first", "through", "last"], "it went on after its last checkpoint"
            answer = {"assistant_id": "asking", "command": {"resume": "yes"}}
            assert new.told("POST", f"/threads/{asking}/runs/wait", json=answer)["log"] == ["first", "told yes", "last"]
            verified = new.told("GET", "/audit/verification")
            assert verified["fault"] is None
            assert verified["events"] > 4
    finally:
        stop(server)
        if postgresql is not None:
            name = re.findall(r"restored_\w+", url)
            with psycopg.connect(postgresql, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name[0]} WITH (FORCE)".encode())
