"""What a person is asked before a tool writes or reaches out, and what the answer means."""

from dataclasses import dataclass
from typing import Any, cast

import orjson

from tools.host.listing import visible


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's answer."""

    yes: bool
    reason: str = ""


def question(server: str, tool: str, arguments: dict[str, Any], why: str, *, private: bool) -> dict[str, Any]:
    """The interrupt's value, in the form of the workflows' own approvals. arguments: as the record has them."""
    shown: dict[str, Any] = {}
    for name, value in arguments.items():
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        shown[visible(name, 100)] = visible(text, 2000)
    return {
        "kind": "tool_approval",
        "title": "A tool that acts",
        "question": f"Call {server}/{tool}? It needs approval, since {why}.",
        "evidence": [{"server": server, "tool": tool, "arguments": shown, "private": private}],
        "schema": {
            "type": "object",
            "properties": {
                "decision": {"enum": ["approve", "reject"]},
                "reason": {"type": "string", "maxLength": 2000},
            },
            "required": ["decision"],
        },
    }


def approved(answer: Any) -> Approval:
    """What was answered; only "approve" or true, by itself or as `decision`, is a yes."""
    reason = ""
    if isinstance(answer, dict):
        told = cast(dict[str, Any], answer)
        reason, answer = str(told.get("reason") or "")[:2000], told.get("decision")
    return Approval(answer is True or answer == "approve", reason)
