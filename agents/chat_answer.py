"""The answer to somebody's chat, as the OpenAI API has it: whole, or chunk by chunk.

A thinking that has a budget is bounded by the server where it can, else in two passes, as in `agents.attempt`; here the
second pass follows the first within one stream. What a caller gets to see is decided by `agents.relay`.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from agents.attempt import demand_alone, schema_in_words, strict_tools
from agents.chatting import Chat, Decided, affinity
from agents.completion import CLOSE, Completion, Draft, Price, Usage, count
from agents.continuing import after_thinking, as_text, two_passes, without_echo
from agents.exchange import Call, Exchange, Restarted
from agents.faults import RequestRefused
from agents.pool import Pool
from agents.relay import Relay
from agents.thinking import HURRY, closed, switched, thinking_fields, without_switches

_OURS: Final = frozenset(
    {"model", "stream", "stream_options", "priority", "cache_salt", "thinking_token_budget", "request_id"}
    | {"kv_transfer_params", "ec_transfer_params", "vllm_xargs", "session_id", "user", "reasoning_effort"}
    | {"chat_template", "logits_processors"}
)
"""Fields that the pool sets itself, or that reach into a server's workings; a caller's are dropped."""


@dataclass(slots=True)
class ChatAnswer:
    """One answer, asked for once by `whole` or `chunks`. given: the caller's request. Both raise what
    `Exchange.pieces` does, `chunks` also AnswerLost."""

    pool: Pool
    chat: Chat
    decided: Decided
    given: Mapping[str, Any]
    _passes: list[tuple[Draft, Exchange]] = field(default_factory=list[tuple[Draft, Exchange]])

    @property
    def endpoint(self) -> str | None:
        """Who answered."""
        last = self._passes[-1][1].endpoint if self._passes else None
        return last.url if last else None

    @property
    def begun(self) -> bool:
        """Whether anything of the answer has come."""
        return any(draft.begun for draft, _ in self._passes)

    def completion(self) -> Completion | None:
        """What came, with the usage of all passes; None where nothing was asked."""
        if not self._passes:
            return None
        said = [draft.completion(exchange.price) for draft, exchange in self._passes]
        if len(said) == 1:
            return said[0]
        first, last = said[0], said[-1]
        usage = replace(sum((each.usage for each in said), Usage()), tokens_in=first.usage.tokens_in)
        usage = replace(usage, tokens_thinking=max(usage.tokens_thinking, first.usage.tokens_thinking))
        return replace(last, thinking=first.thinking, usage=usage)

    async def whole(self) -> dict[str, Any]:
        """The body of the answer."""
        while True:
            body = self._body()
            try:
                if self._in_two_passes:
                    return await self._whole_in_two(body)
                answer = await self._one(body, False)
            except RequestRefused as refused:
                self._know_refusal(refused)
                continue
            self._check_budget()
            return answer

    async def _whole_in_two(self, body: dict[str, Any]) -> dict[str, Any]:
        room = _room(body)
        first = await self._one(self._bounded(body), False)
        said = self._passes[-1][0].completion(Price())
        if said.finish != "length" or (room is not None and room <= self._budget):
            return first
        dialect = self.pool.dialect(self.decided.route.model)
        left = None if room is None else max(1, room - self._budget)
        second = as_text(await self._one(after_thinking(body, said.thinking, dialect, left), True), dialect.thought)
        without_echo(second, closed(said.thinking))
        for choice in cast(list[dict[str, Any]], second.get("choices") or []):
            if isinstance(message := choice.get("message"), dict) and choice.get("index", 0) == 0:
                message[dialect.thought[0]] = said.thinking
        second["usage"] = _together(first.get("usage"), second.get("usage"))
        return second

    async def chunks(self) -> AsyncGenerator[dict[str, Any]]:
        """The chunks of the answer; an empty one now and then while something is kept back. Close it."""
        while True:
            body, two = self._body(), self._in_two_passes
            try:
                async with aclosing(self._two_passes(body) if two else self._streamed(self._relay(body))) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except RequestRefused as refused:
                self._know_refusal(refused)
                continue
            if not two:
                self._check_budget()
            return

    async def _two_passes(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        room = _room(body)
        relay = self._relay(self._bounded(body))
        relay.bounded = room is None or room > self._budget
        async with aclosing(self._streamed(relay)) as chunks:
            async for chunk in chunks:
                yield chunk
        if not relay.cut:
            return
        said = relay.draft.completion(Price())
        left = None if room is None else max(1, room - self._budget)
        unclosed = bool(said.thinking) and not said.text and not said.tool_calls
        again = None if unclosed or not relay.text else relay.continued(left)
        second = self._relay(again or after_thinking(body, said.thinking, relay.dialect, left), goes_on=True)
        if unclosed and relay.text:  # its thinking came as text, and is closed as text
            yield {"choices": [{"index": 0, "delta": {"content": f"{HURRY}{CLOSE}\n\n"}, "finish_reason": None}]}
        elif relay.text and again is None:
            second.expect(relay.text)
        async with aclosing(self._streamed(second)) as chunks:
            async for chunk in chunks:
                if not chunk.get("choices") and chunk.get("usage"):
                    chunk["usage"] = _together(relay.draft.usage, chunk["usage"])
                yield chunk

    async def _streamed(self, relay: Relay) -> AsyncGenerator[dict[str, Any]]:
        exchange = self._exchange(relay.body, relay)
        at = len(self._passes)
        self._passes.append((relay.draft, exchange))
        async with aclosing(exchange.pieces()) as pieces:
            async for piece in pieces:
                for chunk in relay.take(piece):
                    yield chunk
                self._passes[at] = (relay.draft, exchange)
        if not relay.cut:
            for chunk in relay.flush():
                yield chunk

    async def _one(self, body: dict[str, Any], goes_on: bool) -> dict[str, Any]:
        exchange = self._exchange(body, None)
        draft = self._draft(goes_on)
        self._passes.append((draft, exchange))
        answer: dict[str, Any] = {}
        async with aclosing(exchange.pieces()) as pieces:
            async for piece in pieces:
                if not isinstance(piece, Restarted):
                    answer = piece
        draft.take(answer)
        return answer

    def _exchange(self, body: dict[str, Any], relay: Relay | None) -> Exchange:
        route, first = self.decided.route, not self._passes
        call = Call(
            route.model,
            body,
            affinity(self.chat.messages),
            route.adapter,
            relay is not None,
            relay.resume if relay else None,
            self.decided.elsewhere if first else None,
        )
        return self.pool.exchange(call)

    def _relay(self, body: dict[str, Any], goes_on: bool = False) -> Relay:
        name = self.decided.route.model
        hold = self.pool.settings.hold_back
        model, dialect = self.pool.models[name], self.pool.dialect(name)
        others = len(model.endpoints) - 1
        return Relay(body, model.facts, dialect, self._draft(goes_on), hold, others, goes_on=goes_on)

    def _draft(self, goes_on: bool) -> Draft:
        route = self.decided.route
        always = self.pool.models[route.model].facts.thinking == "always"
        return Draft(self.pool.dialect(route.model).thought, route.thinking and always and not goes_on)

    def _body(self) -> dict[str, Any]:
        """What is sent: the caller's fields, the makers' sampling where the caller names none, and our own."""
        pool, route, given = self.pool, self.decided.route, self.given
        model, dialect = pool.models[route.model].facts, pool.dialect(route.model)
        body: dict[str, Any] = {name: value for name, value in given.items() if name not in _OURS and value is not None}
        for name, value in route.sampling.items():
            if name in ("temperature", "top_p") or name in dialect.sampling:
                body.setdefault(name, value)
        fields = thinking_fields(model, dialect, route.thinking)
        template = given.get("chat_template_kwargs")
        if isinstance(template, dict):
            theirs = cast(dict[str, Any], template)
            fields = {**fields, "chat_template_kwargs": {**theirs, **fields.get("chat_template_kwargs", {})}}
        body |= fields
        if route.thinking and self._budget and dialect.budget and not self._in_two_passes:
            body[dialect.budget] = self._budget
        if dialect.salt and self.chat.salt:
            body["cache_salt"] = self.chat.salt
        if body.get("tools") and dialect.strict_tools:
            body["tools"] = strict_tools(body["tools"])
        if not dialect.names_tool:
            demand_alone(body)
        body["messages"] = switched(without_switches(self.chat.messages), model, dialect, route.thinking)
        format_ = body.get("response_format")
        if not dialect.schema and isinstance(format_, dict) and "json_schema" in format_:
            del body["response_format"]
            schema_in_words(body["messages"], cast(dict[str, Any], format_))
        return body

    @property
    def _budget(self) -> int:
        return self.decided.route.budget or 0

    @property
    def _in_two_passes(self) -> bool:
        """Whether thinking is to be bounded and the server does not do it, but can go on from a closed one."""
        route = self.decided.route
        model, dialect = self.pool.models[route.model].facts, self.pool.dialect(route.model)
        bounds = dialect.budget is not None and route.model not in self.pool.without_budget
        return route.thinking and bool(route.budget) and not bounds and two_passes(dict(self.given), model, dialect)

    def _bounded(self, body: dict[str, Any]) -> dict[str, Any]:
        room = _room(body)
        least = self._budget if room is None else min(room, self._budget)
        return {name: value for name, value in body.items() if name != "max_completion_tokens"} | {"max_tokens": least}

    def _know_refusal(self, refused: RequestRefused) -> None:
        """A vLLM without --reasoning-parser and --reasoning-config refuses the budget: remembered, else raised."""
        name = self.decided.route.model
        budget = self.pool.dialect(name).budget
        if not budget or budget not in refused.message or name in self.pool.without_budget:
            raise refused
        self.pool.without_budget.add(name)
        self._passes.clear()

    def _check_budget(self) -> None:
        """A server may take the field and not keep to it: the next question is bounded in two passes."""
        route = self.decided.route
        if not route.thinking or not route.budget:
            return
        spent = self._passes[-1][0].completion(Price()).usage.tokens_thinking
        if spent > route.budget * 1.25 + 64:
            self.pool.without_budget.add(route.model)


def _room(body: Mapping[str, Any]) -> int | None:
    """The tokens that a caller allows, thinking and answer together."""
    given = [body[name] for name in ("max_tokens", "max_completion_tokens") if isinstance(body.get(name), int)]
    return min(given) if given else None


def _together(first: Mapping[str, Any] | None, second: Mapping[str, Any] | None) -> dict[str, Any]:
    """The usage of two passes: the prompt of the first, what both wrote."""
    one, two = dict(first or {}), dict(second or {})
    prompt = count(one.get("prompt_tokens"))
    written = count(one.get("completion_tokens")) + count(two.get("completion_tokens"))
    return {**two, **one, "prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}
