"""Tools pinned by hash: what a tool says of itself when it is first seen, or accepted, is what it must go on saying.

A server can change a description at any time, and with it what a model makes of the tool (a "rug pull"). So a tool
whose definition is no longer the pinned one is blocked until an admin has seen the difference and accepted it.
"""

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from mcp_types import Tool


@dataclass(frozen=True, slots=True)
class Definition:
    """All that a model or a person is told of a tool, and its hash: SHA-256 of the JSON with sorted keys, in hex."""

    tool: str
    content: dict[str, Any]
    digest: str


def definition(tool: Tool) -> Definition:
    """Name, title, description, schemas and annotations; icons and `_meta` are left out."""
    content = tool.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"icons", "meta", "execution"})
    content.pop("_meta", None)
    packed = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return Definition(tool.name, content, hashlib.sha256(packed).hexdigest())


class PinStore(Protocol):
    """Where pins are kept; the service keeps them in SQL."""

    async def pinned(self, server: str) -> Mapping[str, str]:
        """The digests of the server's pinned tools by name."""
        ...

    async def seen(self, server: str, definitions: Sequence[Definition], *, pin_new: bool) -> Mapping[str, str]:
        """Note what a server lists now; pin_new: pin tools that were never seen before. The digests as `pinned`."""
        ...


def difference(tool: str, pinned: Mapping[str, Any] | None, seen: Mapping[str, Any] | None) -> str:
    """A unified diff of two definitions as indented JSON; empty when they are equal. None: there is none."""
    before, after = _lines(pinned), _lines(seen)
    return "\n".join(difflib.unified_diff(before, after, f"{tool} (pinned)", f"{tool} (now)", lineterm=""))


def _lines(content: Mapping[str, Any] | None) -> list[str]:
    if content is None:
        return []
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode().splitlines()
