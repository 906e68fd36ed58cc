"""The tool host over Streamable HTTP: both protocols, addresses, redirects, secrets, OAuth, floods, lost sessions."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import structlog
from mcp.server.mcpserver import Context, MCPServer
from pydantic import ValidationError
from structlog.testing import capture_logs

from tests.tools.wicked_server import Wicked, serving
from tools.addresses import AddressRefused, objection, resolved
from tools.errors import ConsiliaError
from tools.host import Foreign, ServerUnavailable, ToolFailed, ToolHost, ToolLimits, ToolTimeout, ToolUnusable
from tools.host.faults import ArgumentsTooLarge
from tools.host.settings import ServerSettings, ToolsSettings

LOOPBACK = ["127.0.0.0/8"]


@pytest.fixture(scope="module")
def wicked() -> Iterator[Wicked]:
    app = Wicked()
    with serving(app) as url:
        app.url = url
        yield app


@pytest.fixture(autouse=True)
def all_logs() -> None:
    """Whatever a command has set up in this process before: what is logged here is looked at."""
    structlog.reset_defaults()


@asynccontextmanager
async def at(url: str, **settings: Any) -> AsyncIterator[ToolHost]:
    given = {"url": url, "allow_networks": LOOPBACK, "seconds": 30, **settings}
    told = ToolsSettings(servers={"web": ServerSettings(**given)}, connect_seconds=30, backoff_seconds=0.05)
    async with ToolHost({}, ToolLimits(), Foreign(told, None, Path())) as host:
        yield host


async def test_private_addresses_are_refused_unless_configured(wicked: Wicked):
    before = len(wicked.seen)
    for name in ("127.0.0.1", "localhost", "[::ffff:7f00:1]"):
        async with at(f"{wicked.url}/mcp".replace("127.0.0.1", name), allow_networks=[]) as host:
            with pytest.raises(ServerUnavailable, match=r"is loopback; tools.servers.web.allow_networks"):
                await host.call("web", "echo", {})
    assert len(wicked.seen) == before, "nothing was sent"


async def test_a_name_is_resolved_once_and_the_connection_goes_to_what_was_checked(
    wicked: Wicked, monkeypatch: pytest.MonkeyPatch
):
    """A name that means a public address when it is checked and loopback a moment later gains nothing."""
    loop = asyncio.get_running_loop()
    answers = [[(0, 0, 0, "", ("93.184.215.14", 80))], [(0, 0, 0, "", ("127.0.0.1", 80))]]

    async def resolve(*about: Any, **more: Any) -> Any:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    assert str(await resolved("rebind.example", 80, [], "it", "x")) == "93.184.215.14"
    with pytest.raises(AddressRefused):
        await resolved("rebind.example", 80, [], "it", "x")
    answers[:] = [[(0, 0, 0, "", ("93.184.215.14", 80)), (0, 0, 0, "", ("10.0.0.1", 80))]]
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1 is not public"):
        await resolved("both.example", 80, [], "it", "x")
    assert objection(ip_address("64:ff9b::7f00:1"), []) == "loopback"
    assert objection(ip_address("10.0.0.1"), [ip_network("10.0.0.0/8")]) is None


async def test_headers_and_no_tenant_reach_the_server_and_no_secret_the_log(wicked: Wicked):
    os.environ["WICKED_TOKEN"] = "s3cret-of-wicked"
    try:
        with capture_logs() as logs:
            header = {"Authorization": {"env": "WICKED_TOKEN", "prefix": "Bearer "}}
            async with at(f"{wicked.url}/mcp", headers=header) as host:
                assert await host.call("web", "echo", {"a": 1}, tenant_id="tenant-7") == {"text": '{"a": 1}'}
                with pytest.raises(ToolFailed) as failed:
                    await host.call("web", "status", {})
    finally:
        del os.environ["WICKED_TOKEN"]
    path, headers, method = wicked.seen[-2]
    assert (path, headers["authorization"]) == ("/mcp", "Bearer s3cret-of-wicked"), method
    assert "tenant" not in str(wicked.calls[-2:])
    assert "s3cret" not in str(logs) + str(failed.value)


def test_a_secret_cannot_be_written_into_the_configuration():
    for name in ("Authorization", "X-API-Key", "Cookie"):
        with pytest.raises(ValidationError, match="holds a secret"):
            ServerSettings(url="https://tools.example.org/mcp", headers={name: "abc"})
    with pytest.raises(ValidationError, match="without user or password"):
        ServerSettings(url="https://me:secret@tools.example.org/mcp")
    with pytest.raises(ValidationError, match="is the name of an in-house server"):
        ToolsSettings(servers={"finance": ServerSettings(command=["x"])})


async def test_client_credentials_are_exchanged_for_a_token_once(wicked: Wicked, tmp_path: Path):
    (tmp_path / "secret").write_text("of-the-client\n")
    told = {"issuer": wicked.url, "client_id": "consilia", "client_secret": {"file": str(tmp_path / "secret")}}
    wicked.protected = True
    try:
        async with at(f"{wicked.url}/mcp", oauth=told) as host:
            assert await host.call("web", "echo", {}) == {"text": "{}"}
            assert await host.call("web", "echo", {}) == {"text": "{}"}
        async with at(f"{wicked.url}/mcp", oauth={**told, "issuer": "https://elsewhere.example"}) as host:
            with pytest.raises(ServerUnavailable, match="authorization failed"):
                await host.call("web", "echo", {})
    finally:
        wicked.protected = False
    assert len(wicked.token_requests) == 1
    assert "grant_type=client_credentials" in wicked.token_requests[0]


async def test_a_misbehaving_answer_costs_its_own_call(wicked: Wicked):
    cases: list[tuple[str, type[ConsiliaError], str]] = [
        ("endless", ToolFailed, "more than 100,000 bytes"),
        ("drop", ToolFailed, "the connection broke"),
        ("redirect", ToolFailed, "it redirects to http://169.254.169.254/latest/meta-data, which is not followed"),
        ("zip", ToolFailed, "it answered compressed"),
        ("status", ToolFailed, "failed"),
    ]
    async with at(f"{wicked.url}/mcp", result_bytes=100_000) as host:
        await host.call("web", "echo", {})
        slow = asyncio.create_task(host.call("web", "slow", {"seconds": 1.0}))
        await asyncio.sleep(0)
        for tool, kind, told in cases:
            with pytest.raises(kind, match=told) as failed:
                await host.call("web", tool, {})
            assert "secret" not in str(failed.value)
        host.sessions["web"].settings.seconds = 0.2
        with pytest.raises(ToolTimeout):
            await host.call("web", "slow", {"seconds": 9})
        assert await slow == {"text": '{"seconds": 1.0}'}
        host.sessions["web"].settings.seconds = 30
        with pytest.raises(ToolFailed):
            await host.call("web", "sse-endless", {})
        assert await host.call("web", "echo", {}) == {"text": "{}"}


async def test_a_session_that_the_server_has_forgotten_is_opened_anew_and_the_call_made(wicked: Wicked):
    async with at(f"{wicked.url}/mcp") as host:
        await host.call("web", "forget", {})
        made = len(wicked.calls)
        assert await host.call("web", "echo", {"n": 1}) == {"text": '{"n": 1}'}
        assert len(wicked.calls) == made + 1
        assert host.sessions["web"].starts == 2


async def test_a_server_that_is_down_is_told_at_once_and_found_again():
    server: MCPServer[Any] = MCPServer("web")

    @server.tool()
    async def hello() -> str:  # pyright: ignore[reportUnusedFunction]
        return "hello"

    with serving(server.streamable_http_app()) as url:
        pass
    async with at(f"{url}/mcp") as host:
        with pytest.raises(ServerUnavailable, match="cannot be reached"):
            await host.call("web", "hello", {})


async def test_the_newer_protocol_is_spoken_and_changes_of_the_list_are_followed():
    server: MCPServer[Any] = MCPServer("web")

    @server.tool()
    async def more(context: Context[Any, Any]) -> str:  # pyright: ignore[reportUnusedFunction]
        server.add_tool(hello)
        await context.notify_tools_changed()
        return "added"

    async def hello() -> str:
        return "hello"

    with serving(server.streamable_http_app()) as url:
        async with at(f"{url}/mcp") as host:
            session = host.sessions["web"]
            assert (await session.client()).protocol_version == "2026-07-28"
            assert set(host.tools()["web"]) == {"more"}
            await host.call("web", "more", {})
            async with asyncio.timeout(30):
                while "hello" not in host.tools()["web"]:
                    await asyncio.sleep(0.02)
            assert await host.call("web", "hello", {}) == {"result": "hello"}


async def test_a_flood_ends_the_session_which_is_opened_anew(wicked: Wicked):
    async with at(f"{wicked.url}/mcp") as host:
        with pytest.raises(ToolFailed, match="more than 100 messages a second that nobody asked for"):
            await host.call("web", "sse-endless", {})
        assert await host.call("web", "echo", {}) == {"text": "{}"}


async def test_what_a_server_lists_is_no_more_trusted_than_over_stdio(wicked: Wicked):
    """Ten thousand tools, look-alike letters, hidden characters, doubles."""
    odd = {"\u0435cho": "CYRILLIC SMALL LETTER IE", "echo\u202e": "RIGHT-TO-LEFT OVERRIDE", "../echo": "SOLIDUS"}
    wicked.also_listed = [*odd, "twice", "twice"]
    try:
        async with at(f"{wicked.url}/mcp") as host:
            assert await host.call("web", "echo", {}) == {"text": "{}"}
            for name, told in {**odd, "twice": "listed twice"}.items():
                with pytest.raises(ToolUnusable, match=told) as refused:
                    await host.call("web", name, {})
                assert refused.value.message.isprintable()
        wicked.also_listed = [f"tool-{number}" for number in range(10_000)]
        async with at(f"{wicked.url}/mcp") as host:
            with pytest.raises(ServerUnavailable, match=r"lists more than 1,000 tools"):
                await host.call("web", "echo", {})
    finally:
        wicked.also_listed = []


async def test_arguments_over_the_limit_are_not_sent(wicked: Wicked):
    async with at(f"{wicked.url}/mcp", argument_bytes=2_000) as host:
        await host.call("web", "echo", {})
        made = len(wicked.calls)
        with pytest.raises(ArgumentsTooLarge, match=r"the limit is 2,000 \(tools.servers.web.argument_bytes\)"):
            await host.call("web", "echo", {"text": "x" * 2_000})
        assert len(wicked.calls) == made
