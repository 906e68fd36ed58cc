"""A conversation that somebody else leads: routed by what can be told of it, and turned into a request."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, cast

import orjson

from agents.attempt import Wanted
from agents.faults import UnknownPoolModel
from agents.pool import Pool
from agents.pool_settings import PoolModel
from agents.routing import Needs, Route
from agents.signals import TEMPLATE, Failure, Signals, measure
from agents.thinking import soft_switch, without_switches
from tools.errors import ConsiliaError, InvalidInput

AUTO: Final = "auto"
_SAMPLE: Final = 4_500
_PREFIX: Final = 2_048


class NoModelConfigured(ConsiliaError):
    """A chat wants a model, and the pool has none: the embedded engine answers only the workflows' own questions."""

    code = "no_model_configured"
    status = 409


@dataclass(frozen=True, slots=True)
class Chat:
    """messages: OpenAI's. model: "auto" or a name. thinking: None leaves it to `/think`, `/no_think` and the model.
    more: further fields of the request."""

    messages: Sequence[dict[str, Any]]
    model: str = AUTO
    thinking: bool | None = None
    max_tokens: int | None = None
    more: dict[str, Any] = field(default_factory=dict[str, Any])
    salt: str | None = None
    priority: int = 0

    @property
    def wish(self) -> bool | None:
        """Whether the caller wants thinking: said outright, or by the last soft switch."""
        if self.thinking is not None:
            return self.thinking
        switch = soft_switch(self.messages)
        return None if switch is None else switch == "think"

    def wanted(self, pool: Pool) -> Wanted:
        """The request. Soft switches are taken out: what they say is in the route, and other families know none."""
        room = self.max_tokens or pool.settings.routing.answer_tokens
        more = dict(self.more)
        format_ = cast(dict[str, Any] | None, more.pop("response_format", None))
        plain = format_ is not None and format_.get("type") != "json_schema"
        if plain:
            more["response_format"] = format_
        return Wanted(
            without_switches(self.messages),
            room,
            None if plain else format_,
            affinity(self.messages),
            self.salt,
            self.priority,
            more,
        )


@dataclass(frozen=True, slots=True)
class Decided:
    """elsewhere: whether another model could take the chat now; None where it must wait for this one."""

    route: Route
    elsewhere: Callable[[], bool] | None = None


async def decide(pool: Pool, chat: Chat, full: Sequence[str] = ()) -> Decided:
    """Who answers. full: models that were waited for in vain (ModelFull).

    Raises NoModelConfigured, UnknownPoolModel, NoCapableModel, NoModelAvailable.
    """
    if pool.embedded:
        raise NoModelConfigured("no model server is configured: add [[pool.models]] to consilia.toml")
    if not chat.messages:
        raise InvalidInput("messages is empty; at least one message is wanted")
    text = whole_text(chat.messages, chat.more.get("tools") or ())
    asked = next((_text(each) for each in reversed(chat.messages) if each.get("role") == "user"), "")
    named = None if chat.model == AUTO else chat.model
    check_adapter(pool, named)
    signals = Signals() if named else measure(asked[:_SAMPLE])
    tokens, exact = await pool.tokens(text, _enough(pool))
    needs = Needs(
        reasoning=bool(chat.wish),
        languages=(),
        tools=bool(chat.more.get("tools")),
        adapter=adapter_of(pool, named),
    )
    failures = tuple(Failure(name, "full") for name in full)
    signals = replace(signals, tokens=tokens + TEMPLATE, exact=exact, failures=failures)
    route = await pool.routed(needs, signals, only=base_of(pool, named))
    moves = named is None and not full and len(pool.models) > 1
    return Decided(route, partial(pool.elsewhere, needs, signals, route.model) if moves else None)


def adapter_of(pool: Pool, name: str | None) -> str | None:
    """The adapter of a name such as `qwen3/contract-review`."""
    return name.split("/", 1)[1] if name and name not in pool.models and "/" in name else None


def check_adapter(pool: Pool, name: str | None) -> None:
    """Raises UnknownPoolModel for an adapter that the named model is not configured with."""
    adapter, base = adapter_of(pool, name), base_of(pool, name)
    if adapter is not None and base in pool.models and adapter not in pool.models[base].adapters:
        known = ", ".join(pool.models[base].adapters) or "none"
        raise UnknownPoolModel(f"model {base!r} has no adapter {adapter[:200]!r}; it has {known}", model=base)


def base_of(pool: Pool, name: str | None) -> str | None:
    """The pool's model of a name that may name an adapter too."""
    return name.split("/", 1)[0] if name and adapter_of(pool, name) else name


def names(pool: Pool) -> list[tuple[str, PoolModel | None]]:
    """Every name that a chat may ask for: auto, the models, and each with each of its adapters."""
    found: list[tuple[str, PoolModel | None]] = [(AUTO, None)] if pool.models else []
    for name, model in pool.models.items():
        found += [(name, model), *((f"{name}/{adapter}", model) for adapter in model.adapters)]
    return found


def affinity(messages: Sequence[dict[str, Any]]) -> str | None:
    """What sends a conversation, and others that begin alike, to one endpoint: a hash of how it begins."""
    begin = "\0".join(_text(message)[:_PREFIX] for message in messages[:2])
    return hashlib.blake2b(begin.encode(), digest_size=16).hexdigest() if len(begin) >= 512 else None


def whole_text(messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> str:
    """All that a server puts before the model: the messages' text, the calls that they made, and the tools."""
    parts = [_text(each) for each in messages]
    parts += [orjson.dumps(each["tool_calls"]).decode() for each in messages if each.get("tool_calls")]
    parts += [orjson.dumps(list(tools)).decode()] if tools else []
    return "\n".join(parts)


def _enough(pool: Pool) -> int:
    """Tokens up to which every model of the pool has room, so that none need count."""
    policy = pool.settings.routing
    return min(each.room for each in pool.candidates()) - policy.answer_tokens - policy.thinking_tokens - TEMPLATE


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = cast(list[Any], content)
        return "\n".join(str(cast(dict[str, Any], part).get("text", "")) for part in parts if isinstance(part, dict))
    return ""
