"""A conversation kept within a model's context: what is oldest among the tool results is shortened first."""

from collections.abc import Sequence
from typing import Any, Final

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage, ToolMessage

from agents.chatting import AUTO, base_of, whole_text
from agents.messages import to_openai
from agents.pool import Pool

_SPARE: Final = 512
"""Tokens that a chat template puts around messages and tools, at a guess that is not too small."""
_LEAST: Final = 200
"""Characters of a shortened message that stay."""


async def fitted(
    pool: Pool,
    model: str,
    messages: Sequence[AnyMessage],
    around: Sequence[AnyMessage],
    tools: Sequence[dict[str, Any]],
    share: float = 1.0,
) -> list[AnyMessage]:
    """The messages, shortened where they and what stands around them (instructions, tools) are longer than the largest
    context that may answer, less room for the answer. share: of that room, 0 to 1, to use.
    """
    base = None if model == AUTO else base_of(pool, model)
    rooms = [each.room for each in pool.candidates() if base in (None, each.name)]
    if not rooms:
        return list(messages)
    room = int((max(rooms) - pool.settings.routing.answer_tokens - _SPARE) * share)
    text = whole_text(to_openai([*around, *messages]), tools)
    tokens, _ = await pool.tokens(text, room)
    if tokens <= room:
        return list(messages)
    size = len(text.encode())
    return shortened(messages, size - int(size / tokens * room * 0.95))


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
