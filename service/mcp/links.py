"""The links by which desktop clients add a server themselves, after asking their user.

A link holds all of the entry, so also the key.
"""

import base64
import json
from typing import Any
from urllib.parse import quote

from service.mcp.clients import NAME, Client


def link(client: Client, told: dict[str, Any]) -> str | None:
    """The client's link to the entry; None for a client that has none."""
    match client:
        case Client.cherry_studio:
            return f"cherrystudio://mcp/install?servers={_packed({'mcpServers': {NAME: told}})}"
        case Client.cursor:
            return f"cursor://anysphere.cursor-deeplink/mcp/install?name={NAME}&config={_packed(told)}"
        case Client.lm_studio:
            return f"lmstudio://add_mcp?name={NAME}&config={_packed(told)}"
        case Client.vscode:
            return f"vscode:mcp/install?{quote(json.dumps({'name': NAME, **told}), safe='')}"
        case Client.claude_desktop:
            return None


def _packed(told: dict[str, Any]) -> str:
    return quote(base64.b64encode(json.dumps(told).encode()).decode(), safe="")
