"""A bundle (.mcpb, manifest 0.3) that carries a desktop client to a running service, and its entry for a registry."""

import hashlib
import io
import json
import re
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from service.mcp.prompts import listed
from service.mcp.tools import tools

_ROOT: Final = Path(__file__).parent.parent.parent
_CARRIED: Final = (
    "service/__init__.py",
    *(f"service/mcp/{each}.py" for each in ("__init__", "relay", "carrying", "lines", "local_documents", "roots")),
)
"""What the bundle carries of us: the relay, which needs the standard library only."""
_MOMENT: Final = (2026, 1, 1, 0, 0, 0)
"""The time of every file in the bundle, so that one version always has the same hash."""
_BEFORE: Final = {"a": "alpha", "b": "beta", "rc": "rc", "dev": "dev"}
SCHEMA: Final = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
DESCRIPTION: Final = "Contract review, medical translation, financial advice and your own workflows on open models."


def semver(told: str) -> str:
    """A version of ours (PEP 440) as semantic versioning has it: Claude Desktop does not start with another."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?\.?(?:(a|b|rc|dev|post)(\d+))?", told)
    if found is None:
        raise ValueError(f"{told!r} is no version")
    major, minor, patch, kind, number = found.groups()
    end = "" if kind is None else f"+post.{number}" if kind == "post" else f"-{_BEFORE[kind]}.{number}"
    return f"{major}.{minor}.{patch or 0}{end}"


def manifest() -> dict[str, Any]:
    """The bundle's manifest: what the user is asked for, and how the relay is started."""
    run = {
        "command": "python3",
        "args": ["-m", "service.mcp.relay", "${user_config.folders}"],
        "env": {
            "PYTHONPATH": "${__dirname}/server",
            "CONSILIA_MCP_URL": "${user_config.url}",
            "CONSILIA_KEY": "${user_config.key}",
        },
        "platform_overrides": {"win32": {"command": "python"}},
    }
    return {
        "manifest_version": "0.3",
        "name": "consilia",
        "display_name": "Consilia",
        "version": semver(version("consilia")),
        "description": DESCRIPTION,
        "long_description": "Carries Claude Desktop to a running Consilia service (`consilia serve`). Documents are "
        "read from the folders you choose and sent to that service only.",
        "author": {"name": "The Consilia authors"},
        "license": "Apache-2.0",
        "server": {"type": "python", "entry_point": "server/service/mcp/relay.py", "mcp_config": run},
        "tools": [{"name": each.name, "description": str(each.title)} for each in tools(paths=True)],
        "tools_generated": True,
        "prompts": [
            {
                "name": each.name,
                "description": str(each.description),
                "arguments": [one.name for one in each.arguments or []],
                "text": str(each.description),
            }
            for each in listed().prompts
        ],
        "prompts_generated": True,
        "keywords": ["contracts", "medical translation", "finance", "workflows"],
        "compatibility": {"platforms": ["darwin", "win32", "linux"], "runtimes": {"python": ">=3.11"}},
        "user_config": {
            "url": {
                "type": "string",
                "title": "Service",
                "description": "Address of the Consilia service",
                "required": True,
                "default": "http://127.0.0.1:8321",
            },
            "key": {
                "type": "string",
                "title": "Key",
                "description": "Your Consilia key (csl_…)",
                "required": True,
                "sensitive": True,
            },
            "folders": {
                "type": "directory",
                "title": "Folders",
                "description": "Folders whose documents may be read",
                "multiple": True,
                "required": False,
                "default": [],
            },
        },
    }


def bundle() -> bytes:
    """The .mcpb file: the same bytes for the same version."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, content: bytes) -> None:
            info = zipfile.ZipInfo(name, _MOMENT)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, content)

        add("manifest.json", json.dumps(manifest(), indent=2, ensure_ascii=False).encode())
        for name in _CARRIED:
            add(f"server/{name}", (_ROOT / name).read_bytes())
    return buffer.getvalue()


def server_json(name: str, bundle_url: str, content: bytes, service: str | None) -> dict[str, Any]:
    """The entry for a registry of MCP servers. name: in reverse DNS, such as org.example/consilia.

    bundle_url: where the bundle lies. service: the public address of a service, which is then listed too.
    """
    described: dict[str, Any] = {
        "$schema": SCHEMA,
        "name": name,
        "title": "Consilia",
        "description": DESCRIPTION,
        "version": semver(version("consilia")),
        "packages": [
            {
                "registryType": "mcpb",
                "identifier": bundle_url,
                "fileSha256": hashlib.sha256(content).hexdigest(),
                "transport": {"type": "stdio"},
            }
        ],
    }
    if service is not None:
        header = {
            "name": "Authorization",
            "description": "Your Consilia key",
            "value": "Bearer {key}",
            "isRequired": True,
            "isSecret": True,
            "variables": {"key": {"description": "A key csl_…", "isRequired": True, "isSecret": True}},
        }
        remote = {"type": "streamable-http", "url": f"{service.rstrip('/')}/mcp", "headers": [header]}
        described["remotes"] = [remote]
    return described
