"""`consilia mcp` over stdio: on a running service, and self-contained; files within the client's roots only."""

import json
import os
import queue
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult, ListRootsResult, Root, TextContent
from pydantic import FileUrl

from service.mcp.carrying import Service
from service.mcp.relay import Relay
from tests.conftest import ENVIRONMENT, Server
from tests.service.mcp.conftest import VERSIONS
from tests.service.mcp.raw import MALFORMED, Raw, raw
from tests.service.mcp.test_tools import CONTRACT


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that a client shares, with a contract in it, and secrets beside it."""
    folder = tmp_path / "shared"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "Zürich contract.txt").write_text(CONTRACT)
    (tmp_path / "secret.txt").write_text("a secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "folder-link").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.txt")
    return folder


@asynccontextmanager
async def over(transport: Any, version: str, roots: Path | None = None, **options: Any) -> AsyncIterator[Client]:
    """A client over a transport. roots: what it shares; None: it knows no roots."""

    async def listed(context: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root(uri=FileUrl(roots.as_uri()), name="shared")] if roots else [])

    known = {"list_roots_callback": listed} if roots is not None else {}
    async with Client(transport, mode=VERSIONS[version], read_timeout_seconds=60, **known, **options) as client:
        yield client


@asynccontextmanager
async def started(
    arguments: list[str], version: str, folder: Path, roots: Path | None = None, **options: Any
) -> AsyncIterator[Client]:
    """A client of a process of `consilia mcp`."""
    environment = {**ENVIRONMENT, "CONSILIA_DATA_DIR": str(folder / "var")}
    process = StdioServerParameters(command=sys.executable, args=arguments, env=environment, cwd=str(folder))
    async with over(process, version, roots, **options) as client:
        yield client


def relaying(url: str, key: str, *roots: Path) -> list[str]:
    """What starts a relay at once: what `consilia mcp --url` runs, which test_clients starts as clients do."""
    start = "import sys; from pathlib import Path; from service.mcp.relay import relay; "
    start += f"sys.exit(relay({url!r}, {key!r}, [Path(each) for each in sys.argv[1:]]))"
    return ["-c", start, *(str(each) for each in roots)]


def said(result: Any) -> str:
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


async def review(client: Client, path: Path | str) -> Any:
    return await client.call_tool("review_contract", {"path": str(path)})


async def check_files(client: Client, shared: Path) -> None:
    """What lies within the roots is read, and nothing else."""
    contract = shared / "inner" / "Zürich contract.txt"
    for path in (contract, "inner/Zürich contract.txt", contract.as_uri()):
        read = await client.call_tool("review_contract", {"path": str(path), "playbook": "no-such"})
        assert "no playbook" in said(read), "it was read: what comes after it failed"
    for path in (
        shared.parent / "secret.txt",
        shared / ".." / "secret.txt",
        "../secret.txt",
        shared / "link.txt",
        shared / "folder-link" / "secret.txt",
        "file:///etc/passwd",
        "file://elsewhere/etc/passwd",
        "/etc/passwd",
        shared / "pipe.txt",
        shared / "inner",
        shared,
        "inner/none.txt",
        "a\0b",
    ):
        refused = await review(client, path)
        assert refused.is_error, path
        assert "secret" not in said(refused).replace("secret.txt", "")


async def check_whole(client: Client, shared: Path) -> str:
    """Tools, files, a review, refusals; the id of a run that goes on."""
    assert client.protocol_version == "2025-11-25"
    tools = {each.name: each for each in (await client.list_tools()).tools}
    assert "path" in tools["translate_record"].input_schema["properties"]
    await check_files(client, shared)
    with pytest.raises(MCPError, match=r"U\+0456 CYRILLIC SMALL LETTER"):
        await client.call_tool("rev\u0456ew_contract", {})
    done = await review(client, "inner/Zürich contract.txt")
    assert done.structured_content["result"]["document"] == "Zürich contract.txt"
    begun = await client.call_tool("run_slow", {"seconds": 60, "background": True})
    return str(begun.structured_content["run_id"])


async def test_self_contained_in_both_versions_on_one_database(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "graphs.py").write_text((Path(__file__).parent / "graphs.py").read_text())
    (tmp_path / "consilia.toml").write_text('[workflows]\nslow = "./graphs.py:slow"\n[limits]\ndrain_seconds = 0\n')
    command = ["-m", "service.cli", "mcp"]
    async with raw([sys.executable, *command], tmp_path, tmp_path / "log", interrupt=True) as first:
        await first.check_malformed()
        async with over(first.streams(), "2025-11-25", shared) as client:
            cut_off = await check_whole(client, shared)
    log = (tmp_path / "log").read_text()
    assert log.count("MCP message refused") == len(MALFORMED)
    assert "MCP request refused" in log
    async with started(command, "2026-07-28", tmp_path, shared) as client:
        await check_files(client, shared)
        again = (await client.call_tool("get_run", {"run_id": cut_off})).structured_content
        assert again["state"] in ("queued", "running"), "the run that was cut off goes on"
        stopped = await client.call_tool("cancel_run", {"run_id": cut_off})
        assert stopped.structured_content["state"] == "cancelled", "by this process"


@asynccontextmanager
async def malformed_first(process: Raw) -> AsyncIterator[None]:
    await process.check_malformed()
    yield


async def test_on_a_running_service(version: str, mcp_server: Server, shared: Path, tmp_path: Path) -> None:
    arguments = relaying(mcp_server.url, mcp_server.key)
    asked: list[Any] = []
    steps: list[str | None] = []

    async def person(context: Any, params: Any) -> ElicitResult:
        asked.append(params)
        return ElicitResult(action="accept", content={"decision": "approve"})

    async def progress(done: float, total: float | None, message: str | None) -> None:
        steps.append(message)

    async with (
        raw([sys.executable, *arguments], tmp_path, tmp_path / "log") as relay,
        malformed_first(relay),
        over(relay.streams(), version, shared, elicitation_callback=person) as client,
    ):
        assert client.protocol_version == version
        tools = {each.name: each for each in (await client.list_tools()).tools}
        assert "path" in tools["review_contract"].input_schema["properties"]
        await check_files(client, shared)
        done = await client.call_tool("run_asks", {"amount": 1}, progress_callback=progress)
        assert done.structured_content["state"] == "done"
        assert asked
        assert "Ask" in steps
        assert (await client.read_resource("consilia://playbooks/nda")).contents
        with anyio.move_on_after(0.5):
            await client.call_tool("run_slow", {"seconds": 60})
        newest = (await client.call_tool("list_runs", {"workflow": "slow", "limit": 1})).structured_content["runs"][0]
        ended = await client.call_tool("get_run", {"run_id": newest["run_id"], "wait_seconds": 10})
        assert ended.structured_content["state"] == "cancelled"
    assert (tmp_path / "log").read_text().count("is refused") == len(MALFORMED)


async def test_a_session_that_the_service_has_forgotten_is_opened_anew(mcp_server: Server) -> None:
    """As after its restart, or an idle half hour: the client's program goes on, and notices nothing."""
    receiving, sending = os.pipe()
    told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    relay = Relay(Service(mcp_server.url, mcp_server.key), [], lambda line: told.put(json.loads(line)))
    carrying = threading.Thread(target=relay.run, args=[os.fdopen(receiving, "rb")], daemon=True)
    carrying.start()

    def ask(number: int, method: str, **params: Any) -> dict[str, Any]:
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        os.write(sending, json.dumps(message).encode() + b"\n")
        while (answer := told.get(timeout=20)).get("id") != number:
            pass
        return answer

    who = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    assert "result" in ask(1, "initialize", **who)
    os.write(sending, b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    assert ask(2, "tools/list")["result"]["tools"]
    lost = str(relay._session)
    headers = {"authorization": f"Bearer {mcp_server.key}", "mcp-session-id": lost}
    assert httpx.delete(f"{mcp_server.url}/mcp", headers=headers).status_code == 200
    assert ask(3, "tools/list")["result"]["tools"]
    assert relay._session not in (lost, None)
    assert ask(4, "no/such")["error"]["code"] == -32601
    os.close(sending)
    carrying.join(20)
    assert not carrying.is_alive()


async def test_a_document_survives_the_rounds_of_a_call(mcp_server: Server, version: str, tmp_path: Path) -> None:
    """Roots and a sign-off asked for in one call: on 2026-07-28 that is three rounds of it."""
    (tmp_path / "record.txt").write_text("Diagnosis: hypertension. Amlodipine 5 mg once daily.")

    async def clinician(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"decision": "reject", "reason": "not mine"})

    command = ["-m", "service.mcp.relay"]
    environment = {"CONSILIA_MCP_URL": mcp_server.url, "CONSILIA_KEY": mcp_server.key}
    process = StdioServerParameters(command=sys.executable, args=command, env={**ENVIRONMENT, **environment})

    async def listed(context: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root(uri=FileUrl(tmp_path.as_uri()))])

    async with Client(
        process, mode=VERSIONS[version], list_roots_callback=listed, elicitation_callback=clinician
    ) as client:
        done = await client.call_tool("translate_record", {"path": "record.txt", "targets": ["fr"]})
        assert done.structured_content["result"]["outcome"] == "rejected", said(done)


async def test_without_roots_only_the_command_line_shares(mcp_server: Server, shared: Path, tmp_path: Path) -> None:
    arguments = relaying(mcp_server.url, mcp_server.key)
    async with started(arguments, "2025-11-25", tmp_path) as client:
        assert "--root" in said(await review(client, shared / "inner" / "Zürich contract.txt"))
    async with started([*arguments, str(shared)], "2026-07-28", tmp_path) as client:
        assert not (await review(client, "inner/Zürich contract.txt")).is_error
        assert (await review(client, shared.parent / "secret.txt")).is_error


async def test_a_service_that_is_away_is_named(tmp_path: Path) -> None:
    arguments = relaying("http://127.0.0.1:9", "csl_x")
    with pytest.RaisesGroup(
        pytest.RaisesExc(MCPError, match=r"http://127\.0\.0\.1:9 does not answer"), flatten_subgroups=True
    ):
        async with started(arguments, "2025-11-25", tmp_path):
            pass


async def test_a_wrong_key_is_told(mcp_server: Server, tmp_path: Path) -> None:
    arguments = relaying(mcp_server.url, "csl_x")
    with pytest.RaisesGroup(pytest.RaisesExc(MCPError, match="401: .*unauthorized"), flatten_subgroups=True):
        async with started(arguments, "2025-11-25", tmp_path):
            pass
