"""Thinking on, off and bounded, for every family and server: as fields of a request, and as users write it."""

import re
from collections.abc import Sequence
from typing import Any, Final, Literal

from agents.completion import CLOSE, OPEN
from agents.dialects import Dialect
from agents.model import Model

_SOFT: Final = re.compile(r"(?<!\S)/(no_think|think)(?!\S)")
HURRY: Final = (
    "\n\nConsidering the limited time by the user, I have to give the solution based on the thinking directly now.\n"
)
"""What closes a thinking that is over its budget (Qwen3 Technical Report, arXiv 2505.09388, section 4.3)."""

Messages = Sequence[dict[str, Any]]


def soft_switch(messages: Messages) -> Literal["think", "no_think"] | None:
    """The last `/think` or `/no_think` that a user or a system message holds (Qwen3's model card: the latest wins)."""
    for message in reversed(messages):
        if message.get("role") not in ("user", "system"):
            continue
        found = _SOFT.findall(_text(message.get("content")))
        if found:
            return "no_think" if found[-1] == "no_think" else "think"
    return None


def without_switches(messages: Messages) -> list[dict[str, Any]]:
    """The messages with every soft switch taken out, for a model that was not trained on them."""
    return [
        {**message, "content": _SOFT.sub("", message["content"]).strip()}
        if isinstance(message.get("content"), str) and _SOFT.search(message["content"])
        else dict(message)
        for message in messages
    ]


def thinking_fields(model: Model, dialect: Dialect, thinking: bool) -> dict[str, Any]:
    """The request fields that turn thinking on or off; none for a model that always or never thinks."""
    if model.thinking != "switchable":
        return {}
    if dialect.switch == "template":
        return {"chat_template_kwargs": {"enable_thinking": thinking}}
    if dialect.switch == "effort":
        return {"reasoning_effort": "medium" if thinking else "none"}
    return {}


def switched(messages: Messages, model: Model, dialect: Dialect, thinking: bool) -> list[dict[str, Any]]:
    """The messages as this model and server want them.

    A server without a switch of its own gets Qwen3's soft switch at the end of the last user message. DeepSeek-R1 of
    January 2025 and its distills get no system prompt: it goes before the first user message (the model card: "Avoid
    adding a system prompt; all instructions should be contained within the user prompt").
    """
    found = [dict(message) for message in messages]
    if model.thinking == "switchable" and dialect.switch == "prompt":
        last = max((i for i, each in enumerate(found) if each["role"] == "user"), default=None)
        if last is not None and isinstance(found[last].get("content"), str):
            found[last]["content"] += " /think" if thinking else " /no_think"
    if not takes_system_prompt(model) and found and found[0]["role"] == "system":
        system = found.pop(0)
        first = next((each for each in found if each["role"] == "user"), None)
        if first is None:
            found.insert(0, {"role": "user", "content": system.get("content")})
        else:
            first["content"] = f"{_text(system.get('content'))}\n\n{_text(first.get('content'))}"
    return found


def takes_system_prompt(model: Model) -> bool:
    """DeepSeek-R1-0528's card takes its advice against system prompts back; the first R1 and its distills keep it."""
    return model.family not in ("deepseek-r1", "deepseek-r1-distill") or model.name == "deepseek-r1-0528"


def continuable(model: Model, dialect: Dialect) -> bool:
    """Whether a thinking that was cut off can be closed and gone on from: the server continues a partial answer, and
    the model's template keeps the thinking in it. DeepSeek's templates cut everything up to `</think>`."""
    return dialect.continues is not None and not model.family.startswith("deepseek")


def closed(thinking: str) -> str:
    """A partial answer that holds a thinking, closed."""
    return f"{OPEN}\n{thinking}{HURRY}{CLOSE}\n\n"


def _text(content: Any) -> str:
    """The text of a message's content, of its text parts where it has several."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [f"{part.get('text') or ''}" for part in content if isinstance(part, dict)]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        return "\n".join(parts)  # pyright: ignore[reportUnknownArgumentType]
    return ""
