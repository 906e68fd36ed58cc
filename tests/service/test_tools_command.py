"""`consilia tools list | call | diff | pin`, and the pins on both databases."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from mcp_types import Tool
from typer.testing import CliRunner

from service.cli import app
from service.database import migrate, runs, tool_pins
from service.database.engine import open_database
from service.database.tables import DEFAULT_TENANT
from service.database.tool_pins import DatabasePins
from service.tool_servers import accept, differences
from tests.tools import nasty_server
from tools.host.pins import definition


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command sets up logs for its process, which here is that of other tests too."""
    yield
    structlog.reset_defaults()


def consilia(*arguments: str, status: int = 0, given: str = "") -> str:
    """The command's output; in this process, since starting one takes seconds."""
    done = CliRunner().invoke(app, list(arguments), input=given)
    assert done.exit_code == status, (done.output, done.exception)
    return done.stdout if "--json" in arguments else done.output


def configured(folder: Path) -> None:
    command = json.dumps([sys.executable, "-S", str(Path(nasty_server.__file__)), str(folder)])
    (folder / "consilia.toml").write_text(
        f'[tools.servers.nasty]\ncommand = {command}\nallow = {{ contract_review = ["add"] }}\n'
    )


async def outputs(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What came of the runs, by workflow."""
    found: dict[str, list[dict[str, Any]]] = {}
    async with open_database(f"sqlite:///{folder / 'var' / 'consilia.db'}") as database:
        for row in await runs.search(database, DEFAULT_TENANT, limit=100):
            if row["status"] == "success":
                found.setdefault(row["graph_id"], []).append(row["output"])
    return found


def test_tools_are_listed_called_compared_and_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    configured(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    shown = json.loads(consilia("tools", "list", "nasty", "--json"))
    [sums] = [each for each in shown[0]["tools"] if each["name"] == "add"]
    assert (sums["effects"], sums["pin"], sums["allowed"]) == ("only reads", "pinned", {"contract_review": ""})
    called = json.loads(consilia("tools", "call", "nasty/add", "-", "--json", given='{"a": 1, "b": 2}'))
    assert called["result"] == {"sum": 3}
    refused = consilia("tools", "call", "nasty/write", '{"text": "x"}', status=2)
    assert "tool_rejected" in refused
    assert not (tmp_path / "written").exists()
    run = json.loads(consilia("runs", "show", called["run_id"], "--json"))
    [call] = run["tool_calls"]
    assert (call["tool"], call["result"], run["status"]) == ("add", {"sum": 3}, "success")
    changed = [{**each, "description": "Changed."} if each["name"] == "add" else each for each in nasty_server.TOOLS]
    (tmp_path / "tools.json").write_text(json.dumps(changed))
    assert '+  "description": "Changed."' in consilia("tools", "diff", status=1)
    assert "consilia tools diff nasty/add" in consilia("tools", "call", "nasty/add", status=2)
    assert "accepted: add" in consilia("tools", "pin", "nasty/add")
    assert "as it was pinned" in consilia("tools", "diff", "nasty")
    recorded = asyncio.run(outputs(tmp_path))
    told = [each["graph_id"] for each in json.loads(consilia("runs", "list", "--json"))]
    assert sorted(set(told)) == ["tools call", "tools diff", "tools list", "tools pin"], "each command is a run"
    [offered] = recorded["tools list"][0]["servers"]
    assert (offered["server"], offered["tools"]["add"], offered["fault"]) == ("nasty", "pinned", None)
    [differed] = [each for output in recorded["tools diff"] for each in output["differences"]]
    assert '+  "description": "Changed."' in differed["diff"]
    assert recorded["tools pin"] == [{"accepted": ["add"], "agreed": True, "differences": [differed]}]
    acts = json.loads(consilia("audit", "list", "--json"))
    told = [(each["action"], each["target"]) for each in acts]
    assert ("tools.pin", "nasty/add") in told
    assert ("tools.call", "nasty/write") in told


def tool(description: str) -> Tool:
    return Tool(name="t", description=description, input_schema={"type": "object"})


async def test_pins_are_kept_compared_and_accepted_only_as_they_were_seen(empty_database: str):
    async with open_database(empty_database) as database:
        await migrate.upgrade(database.engine)
        pins = DatabasePins(database)
        first, second, third = (definition(tool(text)) for text in ("one", "two", "three"))
        assert await pins.seen("s", [first], pin_new=True) == {"t": first.digest}
        assert await pins.seen("s", [second], pin_new=True) == {"t": first.digest}, "the first stays pinned"
        [found] = await differences(database)
        assert (found.kind, '+  "description": "two"' in found.diff) == ("changed", True)
        await tool_pins.accept(database, "s", "t", first.digest, "somebody who saw something older")
        assert await pins.pinned("s") == {"t": first.digest}
        assert await accept(database, "s", None, "an admin") == ["t"]
        assert (await pins.pinned("s"), await differences(database)) == ({"t": second.digest}, [])
        await pins.seen("new", [third], pin_new=False)
        assert (await pins.pinned("new"), [each.kind for each in await differences(database, "new")]) == ({}, ["new"])
        await tool_pins.forget(database, "new", "t")
        rows: list[Any] = list(await tool_pins.listing(database))
        assert [(each["server"], each["pinned_by"]) for each in rows] == [("s", "an admin")]
