"""A service with runs of every kind, for the tests of the admin's window, and its keys of every role."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from service.auth import Keys
from service.database import tenants
from service.database.engine import open_database
from tests.conftest import Server, start_server
from tests.service.hosting import declared

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\" onmouseover='alert(3)' {{7*7}} javascript:alert(4)"


@dataclass(frozen=True)
class Hosted:
    server: Server
    keys: dict[str, str]
    runs: dict[str, str]

    def api(self, role: str = "admin") -> httpx.Client:
        return httpx.Client(base_url=self.server.url, headers={"x-api-key": self.keys[role]}, timeout=30)

    def signed_in(self, role: str = "admin") -> httpx.Client:
        answer = httpx.post(f"{self.server.url}/admin/sign-in", data={"key": self.keys[role]})
        assert answer.status_code == 303, answer.text
        cookie = {"consilia_admin": answer.cookies["consilia_admin"]}
        return httpx.Client(base_url=self.server.url, cookies=cookie, timeout=30)

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.server.data_dir / "consilia.db")) as connection:
            return connection.execute(query, values).fetchall()

    def many(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with closing(sqlite3.connect(self.server.data_dir / "consilia.db", timeout=30)) as connection:
            connection.executemany(statement, rows)
            connection.commit()


async def _more_keys(server: Server) -> dict[str, str]:
    async with open_database(f"sqlite:///{server.data_dir / 'consilia.db'}") as database:
        keys = Keys(database, server.data_dir)
        other = await tenants.create(database, "another tenant")
        made = {
            "viewer": await keys.create("viewer", ["read"]),
            "operator": await keys.create("operator", ["read", "invoke", "approve"]),
            "invoker": await keys.create("invoker", ["invoke"]),
            "stranger": await keys.create("stranger", ["admin"], other["tenant_id"]),
        }
        return {role: key.key for role, key in made.items()}


@pytest.fixture(scope="session")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    folder = tmp_path_factory.mktemp("admin")
    server = start_server(
        folder / "var",
        CONSILIA_LANGGRAPH_JSON=str(declared(folder / "graphs")),
        CONSILIA_LIMITS__INPUT_BYTES="12000000",
        CONSILIA_LIMITS__BODY_BYTES="12000000",
        CONSILIA_ADMIN__HIDDEN_WORKFLOWS='["within"]',
        MARKS="marks",
    )
    with ThreadPoolExecutor(1) as thread:  # Playwright runs an event loop in this one
        keys = {"admin": server.key, **thread.submit(asyncio.run, _more_keys(server)).result()}
    runs: dict[str, str] = {}
    with httpx.Client(base_url=server.url, headers={"x-api-key": server.key}, timeout=30) as client:
        for name in ("slow", "asking", "failing", "nested"):
            answer = client.post("/runs/wait", json={"assistant_id": name, "input": {"log": []}})
            runs[name] = answer.headers["content-location"].rsplit("/", 1)[1]
        told = {"log": [HOSTILE, "patient@example.org", "csl_0123456789ab_" + "x" * 43], "password": "hunter2"}
        answer = client.post("/runs/wait", json={"assistant_id": "slow", "input": told, "metadata": {"m": HOSTILE}})
        runs["hostile"] = answer.headers["content-location"].rsplit("/", 1)[1]
    yield Hosted(server, keys, runs)
    server.process.terminate()
    server.process.wait(20)


def token(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]
