"""What a model server answered: text, thinking and tool calls apart, with usage; read from chunks or from one body."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import orjson

OPEN: Final = "<think>"
CLOSE: Final = "</think>"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; all zero for the embedded engine. cost: in the currency of the pool's prices."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_thinking: int = 0
    tokens_cached: int = 0
    cost: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.tokens_thinking + other.tokens_thinking,
            self.tokens_cached + other.tokens_cached,
            self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True)
class CalledTool:
    """A tool call as the model wrote it. arguments: JSON text, which may be malformed."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Completion:
    """One whole answer. finish: stop, length, tool_calls, content_filter, or what else the server said."""

    text: str
    thinking: str
    tool_calls: tuple[CalledTool, ...]
    finish: str
    usage: Usage


@dataclass(slots=True)
class _ToolParts:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Draft:
    """An answer while it arrives. opened: the template has opened the thinking itself, so no `<think>` comes. Where the
    server tells no usage (one that is broken off, or KTransformers), the chunks are counted for tokens.

    thought: the fields that may hold thinking, best first (`agents.dialects.Dialect.thought`).
    """

    thought: tuple[str, ...] = ("reasoning", "reasoning_content")
    opened: bool = False
    finish: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict[str, Any])
    _chunks: int = 0
    _text: list[str] = field(default_factory=list[str])
    _thinking: list[str] = field(default_factory=list[str])
    _tools: dict[int, _ToolParts] = field(default_factory=dict[int, _ToolParts])

    @property
    def begun(self) -> bool:
        """Whether anything of the answer has come."""
        return bool(self._text or self._thinking or self._tools)

    @property
    def generated(self) -> int:
        """Chunks that carried something: at most as many tokens, where the server tells no count."""
        return self._chunks

    def drop_calls(self) -> None:
        """Forget the tool calls that were begun: their server is lost, and the text is gone on from."""
        self._tools.clear()

    def take(self, chunk: Mapping[str, Any]) -> None:
        """Add a chunk of a stream, or a whole body, of the first choice."""
        if isinstance(usage := chunk.get("usage"), dict):
            self.usage = cast(dict[str, Any], usage)
        for choice in cast(list[dict[str, Any]], chunk.get("choices") or []):
            if (choice.get("index") or 0) != 0:
                continue
            part = cast(dict[str, Any], choice.get("delta") or choice.get("message") or {})
            self._chunks += bool(part.get("content") or part.get("tool_calls") or any(map(part.get, self.thought)))
            if thinking := next((part[name] for name in self.thought if part.get(name)), None):
                self._thinking.append(str(thinking))
            if content := part.get("content"):
                self._text.append(str(content))
            for position, call in enumerate(cast(list[dict[str, Any]], part.get("tool_calls") or [])):
                self._take_tool(call, position)
            self.finish = choice.get("finish_reason") or self.finish

    def _take_tool(self, call: dict[str, Any], position: int) -> None:
        index = call.get("index")
        parts = self._tools.setdefault(index if isinstance(index, int) else position, _ToolParts())
        function = cast(dict[str, Any], call.get("function") or {})
        parts.id = str(call.get("id") or parts.id)
        parts.name = str(function.get("name") or parts.name)
        arguments = function.get("arguments") or ""
        parts.arguments += arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()

    def completion(self, price: "Price") -> Completion:
        """The answer so far, as a whole one."""
        text, thinking = "".join(self._text), "".join(self._thinking)
        if not thinking:
            thinking, text = split_thinking(text, self.opened)
        calls = tuple(
            CalledTool(parts.id or f"call_{index}", parts.name, parts.arguments)
            for index, parts in sorted(self._tools.items())
        )
        return Completion(text, thinking, calls, self.finish or "", self._counted(text, thinking, price))

    def _counted(self, text: str, thinking: str, price: "Price") -> Usage:
        told = self.usage
        prompt = count(told.get("prompt_tokens"))
        generated = count(told.get("completion_tokens")) if told else self._chunks
        inputs, outputs = told.get("prompt_tokens_details"), told.get("completion_tokens_details")
        thought = count(cast(dict[str, Any], outputs).get("reasoning_tokens")) if isinstance(outputs, dict) else 0
        if not thought:  # a server that does not tell: by the share of the characters
            written = len(text) + len(thinking)
            thought = round(generated * len(thinking) / written) if written else 0
        cached = count(cast(dict[str, Any], inputs).get("cached_tokens")) if isinstance(inputs, dict) else 0
        return Usage(prompt, generated, thought, cached, price.of(prompt, generated))


def count(value: Any) -> int:
    """A count of tokens that a server told; 0 where it is none."""
    return value if isinstance(value, int) and 0 <= value < 2**31 else 0


@dataclass(frozen=True, slots=True)
class Price:
    """Of a million tokens; or of an hour of the endpoint, for the `share` of it, in seconds, that the call took."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0
    hour: float = 0.0
    share: float = 0.0

    def of(self, prompt: int, generated: int) -> float:
        return (prompt * self.tokens_in + generated * self.tokens_out) / 1e6 + self.hour * self.share / 3600


def split_thinking(text: str, opened: bool = False) -> tuple[str, str]:
    """(thinking, answer) of a text whose server does not keep them apart.

    The tags are DeepSeek-R1's and Qwen3's. A `</think>` without `<think>` closes what the template opened; an opened
    one that is not closed leaves no answer.
    """
    stripped = text.lstrip()
    begun = stripped.startswith(OPEN)
    if not begun and not opened:
        return "", text
    inner = stripped[len(OPEN) :] if begun else text
    thinking, closed, answer = inner.partition(CLOSE)
    if not closed and not begun:
        return "", text
    return thinking.strip(), answer.lstrip() if closed else ""
