"""Reading what a server lists, and refusing what cannot be used safely."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
from mcp import Client
from mcp_types import Tool

from tools.host.faults import ServerUnavailable

LARGEST_DEFINITION: Final = 128 * 1024
"""Bytes of one tool's definition as JSON: it goes into prompts and into the database."""

_NAMES: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
"""Characters of a tool's name (MCP 2025-11-25, server/tools, Tool Names)."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A server's tools by name, and why others that it lists cannot be used (by their name made visible)."""

    tools: Mapping[str, Tool]
    refused: Mapping[str, str]


async def listing(server: str, client: Client, most: int) -> Listing:
    """All pages of the list. Raises ServerUnavailable when there are more than `most` tools or the pages never end."""
    found: list[Tool] = []
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        page = await client.list_tools(cursor=cursor)
        found.extend(page.tools)
        if len(found) > most:
            raise ServerUnavailable(
                f"server {server!r} lists more than {most:,} tools and is not used; tools.servers.{server}.most_tools "
                "can allow more",
                server=server,
            )
        cursor = page.next_cursor
        if cursor is None:
            return checked(found)
        if cursor in seen or len(seen) >= most:
            raise ServerUnavailable(f"server {server!r} lists its tools without an end", server=server)
        seen.add(cursor)


def checked(found: list[Tool]) -> Listing:
    """Tell the usable tools from those that are refused: by name, by size, and both of two with one name."""
    tools: dict[str, Tool] = {}
    refused: dict[str, str] = {}
    for tool in found:
        name = visible(tool.name)
        why = name_fault(tool.name) or _size_fault(tool)
        if tool.name in tools or (tool.name in refused and why is None):
            tools.pop(tool.name, None)
            why = "it is listed twice; which one is meant cannot be told"
        if why is None:
            tools[tool.name] = tool
        else:
            refused[name] = why
    return Listing(tools, refused)


def name_fault(name: str) -> str | None:
    """Why a tool cannot have this name, or None. Look-alike letters and hidden characters are named."""
    if not 1 <= len(name) <= 128:
        return f"its name has {len(name)} characters; 1 to 128 are allowed"
    odd = sorted({each for each in name if each not in _NAMES})
    if not odd:
        return None
    told = ", ".join(f"U+{ord(each):04X} {unicodedata.name(each, 'without a name')}" for each in odd[:5])
    return f"its name holds {told}; letters A to Z, digits, '_', '-' and '.' are allowed"


def visible(text: str, longest: int = 200) -> str:
    """Text from outside with hidden, control and direction-changing characters shown as code points, cut if long."""
    shown = "".join(
        each if each == " " or each.isprintable() else f"\\u{{{ord(each):x}}}" for each in text[: longest + 1]
    )
    return shown if len(text) <= longest else f"{shown[:longest]}…"


def without_hidden(text: str) -> str:
    """Text for a model, without characters that a person who reads it would not see (format, private, unassigned)."""
    return "".join(
        each for each in text if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cf", "Co", "Cn", "Cs")
    )


def shown_schema(schema: Any) -> Any:
    """A tool's input schema for a model: its titles and descriptions without hidden characters, all else as it is."""
    match schema:
        case dict():
            whole = cast(dict[str, Any], schema)
            return {
                name: without_hidden(value)
                if name in ("title", "description") and isinstance(value, str)
                else shown_schema(value)
                for name, value in whole.items()
            }
        case list():
            return [shown_schema(each) for each in cast(list[Any], schema)]
        case _:
            return schema


def _size_fault(tool: Tool) -> str | None:
    size = len(orjson.dumps(tool.model_dump(mode="json", by_alias=True, exclude_none=True)))
    return (
        f"its definition has {size:,} bytes; {LARGEST_DEFINITION:,} are allowed" if size > LARGEST_DEFINITION else None
    )
