"""Desktop clients: where each keeps its MCP servers, in which form, and writing an entry there."""

import difflib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from service.mcp import jsonc
from tools.errors import ConsiliaError, InvalidInput

NAME = "consilia"


_CLAUDE_STORE = "Claude_pzs8sxrjxfjjc"
"""Claude Desktop's family as a package of Windows (MSIX), which redirects its settings into a folder of its own."""


class Client(StrEnum):
    claude_desktop = "claude-desktop"
    cursor = "cursor"
    vscode = "vscode"
    cherry_studio = "cherry-studio"
    lm_studio = "lm-studio"


class ConfigUnwritable(ConsiliaError):
    code = "config_unwritable"
    status = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a client is to reach Consilia. url: a running service; None: self-contained, with its data in data_dir, and
    its database where `database` says, if the settings do.

    http: over Streamable HTTP, without a process of its own; then files are not read. roots: folders that may be read.
    """

    url: str | None
    key: str
    http: bool
    roots: Sequence[Path]
    config: Path | None
    data_dir: Path
    database: str = ""


def location(client: Client, platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The client's file of this user; None for Cherry Studio, which keeps its servers in a store of its own."""
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or Path.home())
    if platform == "darwin":
        programs = home / "Library" / "Application Support"
    elif platform == "win32":
        programs = Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
    else:
        programs = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    match client:
        case Client.claude_desktop:
            store = home / "AppData" / "Local" / "Packages" / _CLAUDE_STORE / "LocalCache" / "Roaming" / "Claude"
            folder = store if platform == "win32" and store.is_dir() else programs / "Claude"
            return folder / "claude_desktop_config.json"
        case Client.cursor:
            return home / ".cursor" / "mcp.json"
        case Client.vscode:
            return programs / "Code" / "User" / "mcp.json"
        case Client.lm_studio:
            return _lm_studio(home) / "mcp.json"
        case Client.cherry_studio:
            return None


def _lm_studio(home: Path) -> Path:
    """LM Studio's folder: where its pointer file says, else where the program has always been."""
    try:
        told = Path((home / ".lmstudio-home-pointer").read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError):
        told = home / ".cache" / "lm-studio"
    return told if told.is_absolute() and told.is_dir() else home / ".lmstudio"


def entry(client: Client, wanted: Wanted) -> dict[str, Any]:
    """The client's entry. Raises InvalidInput for what the client cannot do."""
    if wanted.http:
        if wanted.url is None:
            raise InvalidInput("--http needs --url, the service to speak to")
        if client is Client.claude_desktop:
            raise InvalidInput("Claude Desktop's file takes local servers only; leave --http out")
        url, headers = f"{wanted.url.rstrip('/')}/mcp", {"Authorization": f"Bearer {wanted.key}"}
        match client:
            case Client.vscode:
                return {"type": "http", "url": url, "headers": headers}
            case Client.cherry_studio:
                return {"name": "Consilia", "type": "streamableHttp", "baseUrl": url, "headers": headers}
            case _:
                return {"url": url, "headers": headers}
    arguments = ["mcp"]
    environment: dict[str, str] = {}
    if wanted.url is not None:
        arguments += ["--url", wanted.url]
        environment["CONSILIA_KEY"] = wanted.key
    elif wanted.config is not None:
        arguments += ["--config", str(wanted.config)]
    if wanted.url is None:  # clients start us in a folder of their choosing
        environment["CONSILIA_DATA_DIR"] = str(wanted.data_dir)
        if wanted.database.startswith("sqlite:///"):
            where = Path(wanted.database.removeprefix("sqlite:///")).absolute()
            environment["CONSILIA_DATABASE"] = f"sqlite:///{where}"
    for root in wanted.roots:
        arguments += ["--root", str(root)]
    program, *before = command()
    told: dict[str, Any] = {"command": program, "args": [*before, *arguments], "env": environment}
    match client:
        case Client.vscode:
            return {"type": "stdio", **told}
        case Client.cherry_studio:
            return {"name": "Consilia", "type": "stdio", **told}
        case _:
            return told


def command() -> list[str]:
    """How this program is started from anywhere: clients do not have the shell's PATH."""
    own = Path(sys.argv[0])
    if own.stem == NAME and own.is_file():
        return [str(own.absolute())]
    found = shutil.which(NAME, path=str(Path(sys.executable).parent))
    return [found] if found else [sys.executable, "-m", "service.cli"]


def path_of(client: Client) -> tuple[str, str]:
    """The keys that lead to our entry in the client's file."""
    return ("servers" if client is Client.vscode else "mcpServers", NAME)


def read(path: Path) -> str:
    """The file's text, empty where there is none. Raises ConfigUnwritable."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigUnwritable(f"{path} cannot be read: {error}") from None


def changed(client: Client, text: str, told: dict[str, Any]) -> str:
    """The file's text with our entry. Raises NotJson."""
    return jsonc.put(text, path_of(client), told)


def difference(path: Path, before: str, after: str, secret: str) -> list[str]:
    """What changes, as a unified diff with the key's secret part left out."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), str(path), str(path), lineterm="", n=2)
    return [line.replace(secret, f"{secret[:16]}…") if secret else line for line in lines]


def write(path: Path, before: str, after: str) -> Path | None:
    """Write the file whole or not at all, readable by the user alone; the copy of what was there. Raises
    ConfigUnwritable."""
    real = Path(os.path.realpath(path))
    copy: Path | None = None
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        if before:
            copy = real.with_name(f"{real.name}.{datetime.now().astimezone():%Y%m%d-%H%M%S}.bak")
            shutil.copy2(real, copy)
        descriptor, part = tempfile.mkstemp(prefix=real.name, dir=real.parent)  # mode 0600: it holds a key
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(after)
        os.replace(part, real)
    except OSError as error:
        raise ConfigUnwritable(f"{path} cannot be written: {error.strerror}") from None
    return copy
