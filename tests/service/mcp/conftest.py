"""One service process for all tests here, and clients of both protocol versions on it."""

import json
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from service.auth import Keys
from service.database import tenants
from service.database.engine import open_database
from service.database.tables import new_id
from tests.conftest import Server, start_server
from tests.service.mcp.issuing import AUDIENCE, Issuer, issuing

TLS = ssl.create_default_context()
"""Made once: making it for each client costs more than most calls do."""
VERSIONS = {"2025-11-25": "legacy", "2026-07-28": "2026-07-28"}


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with issuing() as opened:
        yield opened


@pytest.fixture(scope="session")
def mcp_server(issuer: Issuer) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(Path(__file__).parent / "graphs.py", Path(folder) / "graphs.py")
        declared = Path(folder) / "langgraph.json"
        graphs = {
            name: {"path": f"./graphs.py:{name}", "description": f"The {name} flow"}
            for name in ("slow", "asks", "talk")
        }
        declared.write_text(json.dumps({"dependencies": ["."], "graphs": graphs}))
        trusted = json.dumps([{"url": issuer.url, "audience": AUDIENCE}])
        environment = {"LANGGRAPH_JSON": str(declared), "MCP__PAGE": "5", "AUTH__ISSUERS": trusted}
        started = start_server(Path(folder) / "var", **{f"CONSILIA_{name}": each for name, each in environment.items()})
        yield started
        started.process.terminate()
        started.process.wait(20)


@pytest.fixture(params=list(VERSIONS))
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def connected(server: Server, version: str, key: str | None = None, **options: Any) -> AsyncIterator[Client]:
    """A client over HTTP that speaks the version."""
    headers = {"Authorization": f"Bearer {key or server.key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(30, read=60), verify=TLS) as http,
        Client(
            streamable_http_client(f"{server.url}/mcp", http_client=http), mode=VERSIONS[version], **options
        ) as client,
    ):
        yield client


async def key_of_another_tenant(server: Server) -> str:
    """A key of a tenant of its own, made beside the running service."""
    async with open_database(f"sqlite:///{server.data_dir / 'consilia.db'}") as database:
        tenant = await tenants.create(database, f"tenant {new_id()[:23]}x")
        return (await Keys(database, server.data_dir).create("theirs", ("admin",), tenant["tenant_id"])).key


async def key_with(server: Server, *scopes: str) -> str:
    """A key of the default tenant with these scopes."""
    async with open_database(f"sqlite:///{server.data_dir / 'consilia.db'}") as database:
        return (await Keys(database, server.data_dir).create("some", scopes)).key
