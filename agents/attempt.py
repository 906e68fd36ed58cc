"""One attempt at an answer: a request as this model and its servers want it, and all that came back.

A thinking that has a budget is bounded by the server where it can, else in two passes: the model thinks for so many
tokens; if it has not come to an end, the thinking is closed for it and the answer is generated from there (Qwen3
Technical Report, arXiv 2505.09388, section 4.3).
"""

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, cast

import orjson

from agents.completion import Completion, Draft, Price
from agents.continuing import after_text, after_thinking, as_text, constrained, resumable, two_passes
from agents.dialects import Dialect
from agents.exchange import Call, Exchange, Restarted, Try
from agents.faults import RequestRefused
from agents.hearing import Hear, Hearing
from agents.model import Model
from agents.pool import Pool
from agents.routing import Route
from agents.thinking import switched, thinking_fields


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked. format: the `response_format`. answer_tokens: room for the answer, beside that for thinking.
    affinity, elsewhere: see `Call`. salt: keeps a tenant's prefixes apart in vLLM's cache. priority: lower is earlier
    (vLLM). more: further fields of the request (tools, stop, …), which win over the route's sampling."""

    messages: Sequence[dict[str, Any]]
    answer_tokens: int
    format: dict[str, Any] | None = None
    affinity: str | None = None
    salt: str | None = None
    priority: int = 0
    more: dict[str, Any] = field(default_factory=dict[str, Any])
    elsewhere: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What came back. lost: endpoints that were asked in vain before. ttft_ms: until the first token of any kind."""

    completion: Completion
    endpoint: str
    lost: tuple[Try, ...]
    duration_ms: float
    ttft_ms: float | None
    passes: int = 1


@dataclass(slots=True)
class _Asker:
    pool: Pool
    route: Route
    wanted: Wanted
    hear: Hear | None
    anew: bool
    started: float = field(default_factory=time.monotonic)
    first: float | None = None
    lost: list[Try] = field(default_factory=list[Try])
    endpoint: str = ""

    async def send(self, body: dict[str, Any], thinks: bool, bounded: bool = False) -> Completion:
        model = self.pool.models[self.route.model]
        dialect = self.pool.dialect(model.name)
        opened = thinks and model.facts.thinking == "always"
        draft = Draft(dialect.thought, opened)
        closed = not thinks and body["messages"][-1]["role"] == "assistant"
        goes_on = closed
        hearing = self._hearing(body, dialect, bounded)

        def resume() -> dict[str, Any] | None:
            nonlocal goes_on
            if closed and not draft.completion(Price()).text:
                again: dict[str, Any] | None = body  # of what it went on to write nothing has come
            else:
                again = resumed(body, draft, model.facts, dialect, hearing.hold)
            if again is not None:
                hearing.drop()
                draft.drop_calls()
                goes_on = True
            return again

        call = Call(
            model.name,
            body,
            self.wanted.affinity,
            self.route.adapter,
            resume=resume if self.hear else None,
            elsewhere=None if self.first else self.wanted.elsewhere,
        )
        exchange: Exchange = self.pool.exchange(call)
        async with aclosing(exchange.pieces()) as pieces:
            async for piece in pieces:
                if isinstance(piece, Restarted):
                    await hearing.anew(piece)
                    draft, goes_on = Draft(draft.thought, opened), closed
                    continue
                if goes_on:
                    as_text(piece, dialect.thought)
                draft.take(piece)
                await hearing.take(piece)
                if self.first is None and draft.begun:
                    self.first = time.monotonic()
        await hearing.flush()
        self.lost += exchange.lost
        self.endpoint = exchange.endpoint.url if exchange.endpoint else ""
        return draft.completion(exchange.price)

    def _hearing(self, body: dict[str, Any], dialect: Dialect, bounded: bool) -> Hearing:
        model = self.pool.models[self.route.model]
        stuck = not self.anew and len(model.endpoints) > 1 and not resumable(body, model.facts, dialect)
        return Hearing(self.hear, constrained(body) or stuck, self.pool.settings.hold_back, bounded)

    def said(self, completion: Completion, passes: int = 1) -> Said:
        now = time.monotonic()
        first = None if self.first is None else (self.first - self.started) * 1000
        return Said(completion, self.endpoint, tuple(self.lost), (now - self.started) * 1000, first, passes)


async def attempt(pool: Pool, route: Route, wanted: Wanted, hear: Hear | None = None, *, anew: bool = True) -> Said:
    """Ask the model of the route. hear: gets the pieces as they come, as `agents.hearing` has it. anew: whether its
    listener can begin a message anew. Raises what `Exchange.pieces` does."""
    model, dialect = pool.models[route.model].facts, pool.dialect(route.model)
    body = request_fields(pool, route, wanted, model, dialect)
    asker = _Asker(pool, route, wanted, hear, anew)
    if not route.thinking or route.budget is None:
        return asker.said(await asker.send(body, route.thinking))
    body["max_tokens"] = wanted.answer_tokens + route.budget
    if dialect.budget and route.model not in pool.without_budget:
        try:
            bounded = await asker.send({**body, dialect.budget: route.budget}, thinks=True)
        except RequestRefused as refused:
            if dialect.budget not in refused.message:
                raise
            pool.without_budget.add(route.model)  # vLLM without --reasoning-parser and --reasoning-config
        else:
            if bounded.usage.tokens_thinking <= route.budget * 1.25 + 64:
                return asker.said(bounded)
            pool.without_budget.add(route.model)  # taken, but not kept to
            if bounded.text or bounded.tool_calls or not two_passes(body, model, dialect):
                return asker.said(bounded)
            return asker.said(await _second_pass(asker, body, bounded, dialect), passes=2)
    if not two_passes(body, model, dialect):
        return asker.said(await asker.send(body, thinks=True))
    first = await asker.send({**body, "max_tokens": route.budget}, thinks=True, bounded=True)
    if first.finish != "length":
        return asker.said(first)
    return asker.said(await _second_pass(asker, body, first, dialect), passes=2)


async def _second_pass(asker: _Asker, body: dict[str, Any], first: Completion, dialect: Dialect) -> Completion:
    """Close the thinking and generate the answer from there. An answer that had begun is gone on from where that can
    be, else generated anew."""
    model = asker.pool.models[asker.route.model].facts
    begun = first.text if first.text and not first.tool_calls else ""
    again = after_text(body, first.thinking, begun, model, dialect, first.usage.tokens_out) if begun else None
    if again is None:
        held = asker.pool.settings.hold_back and (constrained(body) or not first.text)
        if asker.hear is not None and not held and (first.text or first.tool_calls):
            await asker.hear(Restarted("its thinking was cut off in two passes"))
        begun, again = "", after_thinking(body, first.thinking, dialect, asker.wanted.answer_tokens)
    second = await asker.send(again, thinks=False)
    usage = first.usage + second.usage
    thought = first.usage.tokens_thinking if begun else first.usage.tokens_out
    usage = replace(usage, tokens_thinking=thought, tokens_in=first.usage.tokens_in)
    return Completion(begun + second.text, first.thinking, second.tool_calls, second.finish, usage)


def request_fields(pool: Pool, route: Route, wanted: Wanted, model: Model, dialect: Dialect) -> dict[str, Any]:
    """The request but for thinking's budget."""
    entry = pool.models[route.model]
    known = {"temperature", "top_p", *dialect.sampling}
    messages = switched(wanted.messages, model, dialect, route.thinking)
    body: dict[str, Any] = {
        **{name: value for name, value in route.sampling.items() if name in known},
        **thinking_fields(model, dialect, route.thinking),
        "max_tokens": wanted.answer_tokens,
    }
    if wanted.format is not None and dialect.schema:
        body["response_format"] = wanted.format
    elif wanted.format is not None:
        schema_in_words(messages, wanted.format)
    if dialect.priority and entry.priority_scheduling:
        body["priority"] = wanted.priority
    if dialect.salt and wanted.salt:
        body["cache_salt"] = wanted.salt
    body["messages"] = messages
    body |= wanted.more
    if body.get("tools") and dialect.strict_tools:
        body["tools"] = strict_tools(body["tools"])
    if not dialect.names_tool:
        demand_alone(body)
    return body


def schema_in_words(messages: list[dict[str, Any]], format_: dict[str, Any]) -> None:
    """Append the schema to the last message, for a server that constrains nothing by it."""
    schema = orjson.dumps(format_["json_schema"].get("schema")).decode()
    last = messages[-1]
    messages[-1] = {**last, "content": f"{last.get('content') or ''}\n\nThe JSON schema of the answer: {schema}"}


def strict_tools(tools: Any) -> Any:
    """The tools, each held to its schema unless it says itself whether it is (OpenAI's `strict`). What is no list of
    functions stays as it is: the server says what is wrong with it."""
    return [_strict(tool) for tool in cast(list[Any], tools)] if isinstance(tools, list) else tools


def demand_alone(body: dict[str, Any]) -> None:
    """A tool that is demanded by its name is offered alone, and some call demanded: which is the same."""
    choice, tools = body.get("tool_choice"), body.get("tools")
    if not isinstance(choice, dict) or not isinstance(tools, list):
        return
    name = _function(choice).get("name")
    named = [tool for tool in cast(list[Any], tools) if name is not None and _function(tool).get("name") == name]
    if named:
        body["tools"], body["tool_choice"] = named, "required"


def _function(tool: Any) -> dict[str, Any]:
    given = cast(dict[str, Any], tool) if isinstance(tool, dict) else {}
    function = given.get("function")
    return cast(dict[str, Any], function) if isinstance(function, dict) else {}


def _strict(tool: Any) -> Any:
    given = cast(dict[str, Any], tool) if isinstance(tool, dict) else {}
    function = given.get("function")
    if not isinstance(function, dict):
        return cast(Any, tool)
    return {**given, "function": {"strict": True, **cast(dict[str, Any], function)}}


def resumed(
    body: dict[str, Any], draft: Draft, model: Model, dialect: Dialect, held: bool = True
) -> dict[str, Any] | None:
    """The request that lets another server go on with plain text from where this one broke off; None where that cannot
    be: in the middle of thinking, or of an answer that a schema constrains from its first letter. held: nobody has
    heard of the tool call that was begun after the text, so it may come again."""
    so_far = draft.completion(Price())
    if not so_far.text or (so_far.tool_calls and not held):
        return None
    return after_text(body, so_far.thinking, so_far.text, model, dialect, draft.generated)
