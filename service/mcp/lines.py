"""JSON-RPC on standard input, a message a line: how much is read, and what is answered to what is no message.

Standard library only: `relay` runs from it on desktops that have Python and nothing of ours.
"""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple, cast

LONGEST: Final = 64 * 1024 * 1024
"""Longest message of a client that is taken, bytes."""
PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
_PIECE: Final = 1024 * 1024


class Refusal(NamedTuple):
    """A JSON-RPC error. request_id: null where the message has none that can be told."""

    request_id: str | int | None
    code: int
    message: str

    def reply(self) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": self.request_id, "error": {"code": self.code, "message": self.message}}


TOO_LONG: Final = Refusal(None, INVALID_REQUEST, f"a message has {LONGEST // 1024 // 1024} MiB at most")


def bounded(source: BinaryIO, longest: int = LONGEST) -> Iterator[bytes | None]:
    """The lines that are not empty; None in the place of one that is longer, of which no more than that is held."""
    while line := source.readline(longest + 1):
        if len(line) <= longest or line.endswith(b"\n"):
            if line.strip():
                yield line
            continue
        while line and not line.endswith(b"\n"):
            line = source.readline(_PIECE)
        yield None


def parsed(line: bytes) -> dict[str, Any] | Refusal:
    """The message in a line, or why it is none (JSON-RPC 2.0, sections 4 and 5; MCP has no batches and no null ids)."""
    try:
        told: Any = json.loads(line)
    except (ValueError, RecursionError):
        return Refusal(None, PARSE_ERROR, "Parse error: the line is not JSON in UTF-8")
    if not isinstance(told, dict):
        return Refusal(None, INVALID_REQUEST, "Invalid request: a message is one JSON object")
    fields = cast(dict[str, Any], told)
    given = fields.get("id")
    known = given if isinstance(given, str | int) and not isinstance(given, bool) else None
    why = _fault(fields, known)
    return fields if why is None else Refusal(known, INVALID_REQUEST, f"Invalid request: {why}")


def _fault(fields: dict[str, Any], known: str | int | None) -> str | None:
    if fields.get("jsonrpc") != "2.0":
        return 'jsonrpc is not "2.0"'
    if "id" in fields and known is None:
        return "id is neither a string nor an integer"
    if "method" not in fields:
        answers = "id" in fields and ("result" in fields or "error" in fields)
        return None if answers else "it has neither a method nor a result"
    if not isinstance(fields["method"], str):
        return "method is not a string"
    return None if isinstance(fields.get("params", {}), dict) else "params is not an object"
