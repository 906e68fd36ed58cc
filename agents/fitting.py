"""A conversation kept within a model's context: the tools' words are shortened first, then the oldest tool results."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage, ToolMessage

from agents.chatting import AUTO, base_of, whole_text
from agents.messages import to_openai
from agents.pool import Pool

_SPARE: Final = 512
"""Tokens that a chat template puts around messages and tools, at a guess that is not too small."""
_LEAST: Final = 200
"""Characters of a shortened message that stay."""


_TOOLS: Final = 0.5
"""The share of a room that descriptions of tools may take before they are shortened."""


async def fitted(
    pool: Pool,
    model: str,
    messages: Sequence[AnyMessage],
    around: Sequence[AnyMessage],
    tools: Sequence[dict[str, Any]],
    share: float = 1.0,
) -> tuple[list[AnyMessage], list[dict[str, Any]]]:
    """The messages and the tools, shortened where they and what stands around them (instructions) are longer than the
    largest context that may answer, less room for the answer. share: of that room, 0 to 1, to use.
    """
    base = None if model == AUTO else base_of(pool, model)
    rooms = [each.room for each in pool.candidates() if base in (None, each.name)]
    if not rooms:
        return list(messages), list(tools)
    room = int((max(rooms) - pool.settings.routing.answer_tokens - _SPARE) * share)
    text = whole_text(to_openai([*around, *messages]), tools)
    tokens, _ = await pool.tokens(text, room)
    if tokens <= room:
        return list(messages), list(tools)
    offered = list(tools)
    for shorten in (without_titles, without_descriptions, in_a_sentence):
        if (await pool.tokens(whole_text([], offered), int(room * _TOOLS)))[0] <= room * _TOOLS:
            break
        offered = [shorten(tool) for tool in offered]
    text = whole_text(to_openai([*around, *messages]), offered)
    tokens, _ = await pool.tokens(text, room)
    if tokens <= room:
        return list(messages), offered
    size = len(text.encode())
    return shortened(messages, size - int(size / tokens * room * 0.95)), offered


def without_titles(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool whose parameters have no titles, which only repeat their names."""
    return _told(tool, {"parameters": _without(tool["function"]["parameters"], "title")})


def without_descriptions(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool whose parameters have no descriptions; its own stays."""
    return _told(tool, {"parameters": _without(tool["function"]["parameters"], "description", "examples")})


def in_a_sentence(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool whose description is its first sentence."""
    first = str(tool["function"]["description"]).split(". ", 1)[0].split("\n", 1)[0]
    return _told(tool, {"description": first[:_LEAST]})


def _told(tool: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {**tool, "function": {**tool["function"], **changes}}


def _without(schema: Any, *words: str) -> Any:
    """A JSON schema without these annotations; a property may have such a name and stays."""
    if isinstance(schema, list):
        return [_without(each, *words) for each in cast(list[Any], schema)]
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Any] = {}
    for key, value in cast(Mapping[str, Any], schema).items():
        if key in ("properties", "$defs", "definitions", "patternProperties") and isinstance(value, Mapping):
            named = cast(Mapping[str, Any], value)
            kept[key] = {name: _without(each, *words) for name, each in named.items()}
        elif key in ("enum", "const", "default"):
            kept[key] = value
        elif key not in words:
            kept[key] = _without(value, *words)
    return kept


def shortened(messages: Sequence[AnyMessage], over: int) -> list[AnyMessage]:
    """The messages with at least `over` bytes less, as far as that goes: of tool results, the oldest first, then of
    what people wrote, the longest first and in its middle. Each says that it was shortened."""
    kept = list(messages)
    results = [at for at, each in enumerate(kept) if isinstance(each, ToolMessage)]
    written = [at for at, each in enumerate(kept) if isinstance(each, HumanMessage | SystemMessage)]
    for at in [*results, *sorted(written, key=lambda at: -len(kept[at].text))]:
        if over <= 0:
            break
        text = str(kept[at].text)
        cut = _cut(text, over, middle=at in written)
        over -= len(text.encode()) - len(cut.encode())
        kept[at] = kept[at].model_copy(update={"content": cut})
    return kept


def _cut(text: str, over: int, middle: bool) -> str:
    size = len(text.encode())
    stay = max(_LEAST, int(len(text) * (size - over - 2 * _LEAST) / size)) if size else 0
    if stay + _LEAST >= len(text):
        return text
    said = f"… ({len(text) - stay:,} characters left out here, to keep within the model's context) …"
    return f"{text[: stay // 2]}{said}{text[len(text) - stay // 2 :]}" if middle else f"{text[:stay]}{said}"
