"""Setting desktop clients up: the right entry, the rest of the file as it was, a copy, a difference without secrets."""

import base64
import io
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client, StdioServerParameters
from typer.testing import CliRunner

from service.commands.mcp import app
from service.mcp import bundle, clients, jsonc, links
from tests.conftest import ENVIRONMENT, Server

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
        (("claude-desktop", "--link"), "has no links"),
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


def test_the_settings_of_this_folder_are_those_of_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client starts us in a folder of its own, where neither the workflows nor the database would be found."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "consilia.toml").write_text('database = "sqlite:///runs.db"\n')
    assert install(tmp_path, "cursor", "--yes").exit_code == 0
    entry = json.loads((tmp_path / ".cursor/mcp.json").read_text())["mcpServers"]["consilia"]
    assert entry["args"][-3:] == ["mcp", "--config", str(tmp_path / "consilia.toml")]
    whole = {"CONSILIA_DATA_DIR": str(tmp_path / "var"), "CONSILIA_DATABASE": f"sqlite:///{tmp_path / 'runs.db'}"}
    assert entry["env"] == whole


def test_programs_that_have_moved_are_found_where_they_are(tmp_path: Path) -> None:
    packaged = tmp_path / "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude"
    moved = tmp_path / "models of mine"
    home = {"HOME": str(tmp_path), "APPDATA": str(tmp_path / "AppData/Roaming")}
    pointer = tmp_path / ".lmstudio-home-pointer"

    def place(client: clients.Client) -> Path | None:
        return clients.location(client, "win32", home)

    pointer.write_text(f"{moved}\n")
    assert place(clients.Client.claude_desktop) == tmp_path / "AppData/Roaming/Claude/claude_desktop_config.json"
    assert place(clients.Client.lm_studio) == tmp_path / ".lmstudio/mcp.json", (
        "a pointer to what is gone is not followed"
    )
    packaged.mkdir(parents=True)
    moved.mkdir()
    assert place(clients.Client.claude_desktop) == packaged / "claude_desktop_config.json"
    assert place(clients.Client.lm_studio) == moved / "mcp.json"
    pointer.unlink()
    (tmp_path / ".cache/lm-studio").mkdir(parents=True)
    assert place(clients.Client.lm_studio) == tmp_path / ".cache/lm-studio/mcp.json"


CHERRY_FIELDS = (
    {"name", "description", "type", "baseUrl", "headers"},
    {"name", "description", "type", "command", "args", "env"},
)
"""What Cherry Studio 2 takes by a link, of a remote and of a local server; with anything else it refuses the link."""


@pytest.mark.parametrize("http", [True, False])
def test_a_link_holds_the_whole_entry(http: bool) -> None:
    wanted = clients.Wanted("http://127.0.0.1:8321", KEY, http, (), None, Path("/var"))
    for client in set(clients.Client) - {clients.Client.claude_desktop}:
        told = clients.entry(client, wanted)
        link = str(links.link(client, told))
        assert link.isascii()
        assert " " not in link
        assert urlsplit(link).scheme == {"lm-studio": "lmstudio", "cherry-studio": "cherrystudio"}.get(client, client)
        query = urlsplit(link).query
        if client is clients.Client.vscode:
            assert json.loads(unquote(query)) == {"name": "consilia", **told}
            continue
        given = {name: value for name, [value] in parse_qs(query, strict_parsing=True).items()}
        packed = json.loads(base64.b64decode(given.get("config") or given["servers"], validate=True))
        if client is clients.Client.cherry_studio:
            assert packed == {"mcpServers": {"consilia": told}}
            assert set(told) <= CHERRY_FIELDS[not http]
        else:
            assert (given["name"], packed) == ("consilia", told)
    assert links.link(clients.Client.claude_desktop, {}) is None


def test_cherry_studio_is_opened_and_asks_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its servers are in a store of its own, which only it writes: the system is told to open its link."""
    opener = tmp_path / "bin/xdg-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", str(opener.parent), prepend=":")
    arguments = ("cherry-studio", "--url", "http://127.0.0.1:8321", "--key", KEY, "--http")
    shown = install(tmp_path, *arguments, "--dry-run").output
    assert '+    "consilia"' in shown
    assert KEY not in shown
    assert not (tmp_path / "opened").exists()
    done = install(tmp_path, *arguments, "--yes")
    assert (done.exit_code, "confirm it in cherry-studio" in done.output) == (0, True), done.output
    assert (tmp_path / "opened").read_text() == install(tmp_path, *arguments, "--link").stdout.strip()
    opener.write_text("#!/bin/sh\nexit 3\n")
    told = install(tmp_path, *arguments, "--yes").output
    assert "could not be opened" in told
    assert "cherrystudio://mcp/install?servers=" in told


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


@settings(max_examples=50, deadline=None)
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


SEMVER = r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
MANIFEST = {
    "": "manifest_version name display_name version description long_description author license server tools "
    "tools_generated prompts prompts_generated keywords compatibility user_config",
    "author": "name",
    "server": "type entry_point mcp_config",
    "server.mcp_config": "command args env platform_overrides",
    "server.mcp_config.platform_overrides.win32": "command",
    "compatibility": "platforms runtimes",
    "compatibility.runtimes": "python",
    "tools.0": "name description",
    "prompts.0": "name description arguments text",
    "user_config.url": "type title description required default",
    "user_config.key": "type title description required sensitive",
    "user_config.folders": "type title description required default multiple",
}
"""Fields of ours, all of which the specification (MCPB 0.3) has; hosts refuse a manifest with any other."""


def test_the_manifest_keeps_the_rules_of_its_specification() -> None:
    told = bundle.manifest()
    assert told["manifest_version"] == "0.3", "the version that hosts take by default"
    for where, fields in MANIFEST.items():
        part: Any = told
        for name in where.split(".") if where else []:
            part = part[int(name)] if name.isdigit() else part[name]
        assert set(part) == set(fields.split()), where
    assert re.fullmatch(SEMVER, told["version"])
    names = zipfile.ZipFile(io.BytesIO(bundle.bundle())).namelist()
    assert names[0] == "manifest.json"
    assert told["server"]["entry_point"] in names
    run = told["server"]["mcp_config"]
    used = set(re.findall(r"\$\{user_config\.(\w+)\}", json.dumps(run)))
    assert used == set(told["user_config"]), "each value that is asked for is used, and no other"
    assert {each["type"] for each in told["user_config"].values()} <= {
        "string",
        "number",
        "boolean",
        "directory",
        "file",
    }


@pytest.mark.parametrize(
    ("told", "semantic"),
    [
        ("0.1.0", "0.1.0"),
        ("1.2", "1.2.0"),
        ("1.0.0rc2", "1.0.0-rc.2"),
        ("1.0.dev3", "1.0.0-dev.3"),
        ("2.0.1.post4", "2.0.1+post.4"),
    ],
)
def test_versions_are_told_as_semantic_versioning_has_them(told: str, semantic: str) -> None:
    assert bundle.semver(told) == semantic
    assert re.fullmatch(SEMVER, semantic)


@pytest.mark.parametrize("service", [None, "https://consilia.example.org/"])
def test_the_registry_entry_keeps_the_registrys_rules(service: str | None) -> None:
    """Those of its schema of 2025-12-11, and what the official registry asks of an mcpb package besides."""
    where = "https://github.com/example/consilia/releases/download/v0.1.0/consilia.mcpb"
    told = bundle.server_json("org.example/consilia", where, b"x", service)
    assert told["$schema"] == "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
    assert set(told) - {"remotes"} == {"$schema", "name", "title", "description", "version", "packages"}
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", told["name"])
    assert 3 <= len(told["name"]) <= 200
    assert 1 <= len(told["description"]) <= 100
    assert 1 <= len(told["title"]) <= 100
    assert re.fullmatch(SEMVER, told["version"]), "one exact version"
    [package] = told["packages"]
    assert package == {
        "registryType": "mcpb",
        "identifier": where,
        "fileSha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
        "transport": {"type": "stdio"},
    }, "no registryBaseUrl and no version: the address is the package"
    for remote in told.get("remotes", ()):
        assert remote["type"] in ("streamable-http", "sse")
        assert re.fullmatch(r"https?://[^\s]+", remote["url"])
        assert remote["url"] == "https://consilia.example.org/mcp"
        [header] = remote["headers"]
        assert header["isSecret"]
        assert set(re.findall(r"\{(\w+)\}", header["value"])) == set(header["variables"])
        assert header["variables"]["key"]["isSecret"]
    assert ("remotes" in told) is (service is not None)
