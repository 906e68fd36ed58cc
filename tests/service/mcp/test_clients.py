"""Setting desktop clients up: the right entry, the rest of the file as it was, a copy, a difference without secrets."""

import base64
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from mcp import Client, StdioServerParameters
from typer.testing import CliRunner

from service.commands.mcp import app
from service.mcp import bundle, clients, jsonc
from tests.conftest import ENVIRONMENT, Server

pytestmark = pytest.mark.xdist_group("mcp")

KEY = "csl_0123456789ab_" + "s" * 40
TWICE = """// my servers
{
\t"servers": {
\t\t"other": { "command": "x" }, // keep me
\t},
\t"inputs": [1, 2] /* and me */
}
"""


def install(home: Path, *arguments: str) -> Result:
    """The command in this process: starting one for each call takes seconds."""
    environment = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "COLUMNS": "200"}
    return CliRunner().invoke(app, ["install", *arguments], env=environment)


def test_the_entry_is_written_and_the_rest_kept(tmp_path: Path) -> None:
    path = tmp_path / ".config/Claude/claude_desktop_config.json"
    path.parent.mkdir(parents=True)
    before = '{\n  "globalShortcut": "Ctrl+Space",\n  "mcpServers": {"other": {"command": "other"}}\n}\n'
    path.write_text(before)
    shared = tmp_path / "papers"
    shared.mkdir()
    arguments = ("claude-desktop", "--url", "http://127.0.0.1:8321", "--key", KEY, "--root", str(shared))
    shown = install(tmp_path, *arguments, "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert '+    "consilia"' in shown.stdout
    assert KEY not in shown.stdout, "a key is not shown on the screen"
    assert path.read_text() == before
    done = install(tmp_path, *arguments, "--yes")
    assert done.exit_code == 0, done.output
    written = json.loads(path.read_text())
    assert written["globalShortcut"] == "Ctrl+Space"
    assert written["mcpServers"]["other"] == {"command": "other"}
    entry = written["mcpServers"]["consilia"]
    assert Path(entry["command"]).is_absolute()
    assert entry["args"][-5:] == ["mcp", "--url", "http://127.0.0.1:8321", "--root", str(shared)]
    assert entry["env"] == {"CONSILIA_KEY": KEY}
    assert path.stat().st_mode & 0o077 == 0, "it holds a key"
    [copy] = path.parent.glob("*.bak")
    assert copy.read_text() == before
    assert "has this entry already" in install(tmp_path, *arguments).stdout


async def test_what_was_written_starts_a_server(tmp_path: Path, mcp_server: Server) -> None:
    done = install(tmp_path, "cursor", "--url", mcp_server.url, "--key", mcp_server.key, "--yes")
    assert done.exit_code == 0, done.output
    entry = json.loads((tmp_path / ".cursor/mcp.json").read_text())["mcpServers"]["consilia"]
    process = StdioServerParameters(
        command=entry["command"], args=entry["args"], env={**ENVIRONMENT, **entry["env"]}, cwd="/"
    )
    async with Client(process) as client:
        assert (await client.list_prompts()).prompts


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("cursor", "--url", "http://x"), "needs a key"),
        (("claude-desktop", "--url", "http://x", "--key", KEY, "--http"), "local servers only"),
        (("cursor", "--root", "/no/such/folder"), "no such folder"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    refused = install(tmp_path, *arguments, "--yes")
    assert refused.exit_code == 2
    assert told in refused.output


def test_each_client_has_its_place_and_form() -> None:
    home = {"HOME": "/h", "APPDATA": "/h/roaming"}
    places = {
        (client.value, platform): str(clients.location(client, platform, home))
        for client in clients.Client
        for platform in ("linux", "darwin", "win32")
    }
    assert places["claude-desktop", "darwin"] == "/h/Library/Application Support/Claude/claude_desktop_config.json"
    assert places["claude-desktop", "win32"] == "/h/roaming/Claude/claude_desktop_config.json"
    assert places["vscode", "linux"] == "/h/.config/Code/User/mcp.json"
    assert places["lm-studio", "darwin"] == "/h/.lmstudio/mcp.json"
    wanted = clients.Wanted("http://127.0.0.1:8321", KEY, True, (), None, Path("/var"))
    assert clients.entry(clients.Client.vscode, wanted)["type"] == "http"
    cherry = clients.entry(clients.Client.cherry_studio, wanted)
    link = clients.cherry_link(cherry)
    told = json.loads(base64.b64decode(unquote(link.partition("servers=")[2])))
    assert told["mcpServers"]["consilia"]["baseUrl"] == "http://127.0.0.1:8321/mcp"


def test_comments_and_spacing_of_a_file_that_people_edit_stay() -> None:
    told = jsonc.put(TWICE, ("servers", "consilia"), {"command": "c"})
    assert told.replace('\n\t\t"consilia": {\n\t\t  "command": "c"\n\t\t},', "") == TWICE
    assert jsonc.put(told, ("servers", "consilia"), {"command": "d"}) == told.replace('"c"', '"d"')
    assert json.loads(jsonc.put("", ("mcpServers", "consilia"), {})) == {"mcpServers": {"consilia": {}}}
    for wrong in ("{", '{"a": }', "[]", '{"mcpServers": 1}', "nonsense", '{"a": 1} x', "{" * 5000):
        with pytest.raises(jsonc.NotJson):
            jsonc.put(wrong, ("mcpServers", "consilia"), {})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(), values, max_size=4), st.dictionaries(st.text(), values, max_size=3), st.integers(0, 4)
)
def test_putting_an_entry_changes_nothing_else(whole: dict[str, Any], servers: dict[str, Any], indent: int) -> None:
    before = {**whole, "mcpServers": servers}
    text = json.dumps(before, indent=indent or None, ensure_ascii=False)
    after = json.loads(jsonc.put(text, ("mcpServers", "consilia"), {"command": "c"}))
    assert after == {**before, "mcpServers": {**servers, "consilia": {"command": "c"}}}


async def test_the_bundle_serves_on_a_desktop_without_us(mcp_server: Server, tmp_path: Path) -> None:
    """Unpacked and started as its manifest says, by a Python that finds none of our packages."""
    content = bundle.bundle()
    assert content == bundle.bundle(), "one version has one hash"
    zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    run = manifest["server"]["mcp_config"]
    values = {"__dirname": str(tmp_path), "user_config.url": mcp_server.url, "user_config.key": mcp_server.key}

    def filled(text: str) -> str:
        for name, value in values.items():
            text = text.replace("${" + name + "}", value)
        return text

    (tmp_path / "nda.txt").write_text("NON-DISCLOSURE AGREEMENT between A Ltd and B Ltd. Each party keeps secrets.")
    arguments = [str(tmp_path) if each == "${user_config.folders}" else filled(each) for each in run["args"]]
    environment = {name: filled(value) for name, value in run["env"].items()}
    process = StdioServerParameters(command=sys.executable, args=["-S", *arguments], env=environment, cwd=str(tmp_path))
    async with Client(process) as client:
        names = {each["name"] for each in manifest["tools"]}
        assert names <= {each.name for each in (await client.list_tools()).tools}
        done = await client.call_tool("review_contract", {"path": "nda.txt", "playbook": "nda"})
        assert done.structured_content["state"] == "done"


def test_the_registry_entry_names_the_bundle_by_its_hash() -> None:
    told = bundle.server_json(
        "org.example/consilia", "https://example.org/c.mcpb", b"x", "https://consilia.example.org/"
    )
    assert len(told["description"]) <= 100
    assert told["packages"][0]["fileSha256"] == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert told["remotes"][0]["url"] == "https://consilia.example.org/mcp"
    Draft202012Validator({"required": ["$schema", "name", "description", "version"]}).validate(told)
