"""Going on from a part of an answer: the request that lets a server write what is missing, and reading what it says.

Two occasions: an endpoint is lost in the middle of an answer, and a thinking is cut off at its budget and closed (Qwen3
Technical Report, arXiv 2505.09388, section 4.3).
"""

from collections.abc import Sequence
from typing import Any, Final, cast

from agents.completion import CLOSE, OPEN
from agents.dialects import Dialect
from agents.model import Model
from agents.thinking import closed, continuable

_ROOM: Final = ("max_tokens", "max_completion_tokens")


def after_thinking(body: dict[str, Any], thinking: str, dialect: Dialect, room: int | None) -> dict[str, Any]:
    """The request whose thinking is closed, so that the answer comes next. room: tokens for it, None: the server's."""
    partial = {"role": "assistant", "content": closed(thinking)}
    return _going_on(body, [*body["messages"], partial], dialect, room)


def after_text(
    body: dict[str, Any], thinking: str, text: str, model: Model, dialect: Dialect, written: int = 0
) -> dict[str, Any] | None:
    """The request that goes on after a text; None where the server can't, or where a grammar holds from the first
    letter on. written: tokens that have been written, which come off the room.

    DeepSeek's templates cut a thinking off, so its answers go on from the text alone; with tools that is left, as its
    reasoning parser would then take a tool call for thinking.
    """
    if not resumable(body, model, dialect):
        return None
    keeps = continuable(model, dialect)
    messages: list[dict[str, Any]] = body["messages"]
    if not isinstance(messages[-1].get("content") or "", str):
        return None
    begun = messages[-1].get("role") == "assistant" and bool(
        body.get("continue_final_message") or not dialect.continues
    )
    thought = f"{OPEN}\n{thinking}\n{CLOSE}\n\n" if thinking and keeps and not begun else ""
    before = (messages[-1].get("content") or "") if begun else thought
    partial = {"role": "assistant", "content": before + text}
    room = next((body[name] for name in _ROOM if isinstance(body.get(name), int)), None)
    left = None if room is None else max(1, room - written)
    return _going_on(body, [*(messages[:-1] if begun else messages), partial], dialect, left)


def two_passes(body: dict[str, Any], model: Model, dialect: Dialect) -> bool:
    """Whether a thinking of this request can be closed and its answer generated from there."""
    return continuable(model, dialect) and (dialect.continues_held or not constrained(body))


def without_echo(body: dict[str, Any], partial: str) -> dict[str, Any]:
    """A whole answer without the partial one that it went on from: llama.cpp sends it back with what is new."""
    for choice in cast(list[dict[str, Any]], body.get("choices") or []):
        message = cast(dict[str, Any], choice.get("message") or {})
        if isinstance(content := message.get("content"), str):
            message["content"] = content.removeprefix(partial)
    return body


def resumable(body: dict[str, Any], model: Model, dialect: Dialect) -> bool:
    """Whether a text that answers this request could be gone on from, were its server lost."""
    tools_apart = continuable(model, dialect) or not body.get("tools")
    return dialect.continues is not None and tools_apart and not constrained(body)


def constrained(body: dict[str, Any]) -> bool:
    """Whether a grammar holds the answer from its first letter, or there are several: it can't be gone on from."""
    given = body.get("response_format")
    format_ = cast(dict[str, Any], given if isinstance(given, dict) else {})
    choice = body.get("tool_choice") if body.get("tools") else None
    return (
        format_.get("type", "text") != "text"
        or choice not in (None, "auto", "none")
        or any(body.get(name) for name in ("structured_outputs", "guided_json", "guided_regex", "guided_choice"))
        or body.get("n") not in (None, 1)
    )


def as_text(piece: dict[str, Any], thought: Sequence[str]) -> dict[str, Any]:
    """A chunk or body of an answer that went on after its thinking: what the server takes for thinking is the answer,
    as a reasoning parser that waits for `</think>` finds none."""
    for choice in cast(list[dict[str, Any]], piece.get("choices") or []):
        part = cast(dict[str, Any], choice.get("delta") or choice.get("message") or {})
        said = [str(part.pop(name)) for name in thought if part.get(name)]
        if said:
            part["content"] = said[0] + (part.get("content") or "")
    return piece


def _going_on(
    body: dict[str, Any], messages: list[dict[str, Any]], dialect: Dialect, room: int | None
) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name != dialect.budget}
    template = cast(dict[str, Any], body.get("chat_template_kwargs") or {})
    again = {
        **kept,
        **(dialect.continues or {}),
        "messages": messages,
        "chat_template_kwargs": {**template, "enable_thinking": False},
    }
    if room is not None:
        again = {name: value for name, value in again.items() if name not in _ROOM} | {"max_tokens": room}
    return again
