"""An OpenAI-compatible /v1 in front of the pool: `model: "auto"` or a name, with our keys, routing and accounting.

The path of a request is kept short, as its latency is added to every answer: no validation by schema (the model server
does that), chunks are passed on as they come, and the usage is written without anybody waiting for it.
"""

import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route as Path

from agents.chat_answer import ChatAnswer
from agents.chatting import Chat, decide, names
from agents.completion import Usage
from agents.faults import ContextExceeded, ModelFull, RequestRefused
from agents.routing import NoCapableModel, Route
from service.api.access import caller_of
from service.api.openai_errors import error_body
from service.auth import Caller
from service.auth.caller import CHAT
from service.database import usage
from service.database.tables import new_id
from service.house import House
from service.runs.desks import cache_salt
from tools.errors import ConsiliaError, InvalidInput

log = structlog.get_logger(__name__)

_LENGTH: Final = "context_length_exceeded"
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


@dataclass(slots=True)
class _Asked:
    """One request, until it is accounted for."""

    house: House
    caller: Caller
    chat: Chat
    body: dict[str, Any]
    streamed: bool
    call_id: str = field(default_factory=new_id)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.perf_counter)
    route: Route | None = None
    answer: ChatAnswer | None = None
    first: float | None = None
    error: dict[str, Any] | None = None

    async def decide(self, full: list[str]) -> ChatAnswer:
        """Route it. full: models that were waited for in vain."""
        decided = await decide(self.house.pool, self.chat, full)
        self.route = decided.route
        self.answer = ChatAnswer(self.house.pool, self.chat, decided, self.body)
        return self.answer

    def account(self) -> None:
        """Write the usage; a failure to is logged, as the answer is already given."""
        now, route, answer = time.perf_counter(), self.route, self.answer
        completion = answer.completion() if answer else None
        duration_ms = (now - self.clock) * 1000
        ttft_ms = None if self.first is None else (self.first - self.clock) * 1000
        row = {
            "call_id": self.call_id,
            "tenant_id": self.caller.tenant_id,
            "key_id": self.caller.key_id,
            "asked": self.chat.model[:200],
            "model": route.model if route else "none",
            "adapter": route.adapter if route else None,
            "endpoint": answer.endpoint if answer else None,
            "reasons": list(route.reasons) if route else [],
            "thinking": bool(route and route.thinking),
            "streamed": self.streamed,
            "finish": (completion.finish[:40] or None) if completion else None,
            "error": self.error,
            "started_at": self.started,
            "duration_ms": duration_ms,
            "ttft_ms": ttft_ms,
        }
        used = completion.usage if completion else Usage()
        if route:
            code = str(self.error["code"]) if self.error else None
            self.house.meters.chatted(route.model, used, duration_ms, ttft_ms, code)
        writing = self.house.database.writer.submit(usage.chat_call(row, used))
        writing.add_done_callback(lambda done: _written(self.call_id, done.exception()))


def _written(call_id: str, error: BaseException | None) -> None:
    if error is not None:
        log.error("usage of a chat could not be written", call_id=call_id, error_type=type(error).__name__)


async def models(request: Request) -> Response:
    """GET /v1/models."""
    house: House = request.app.state.house
    try:
        await _caller(house, request)
    except ConsiliaError as error:
        return _refusal(error)
    contexts = {each.name: each.room for each in house.pool.candidates()}
    cards = [
        {
            "id": name,
            "object": "model",
            "created": int(house.pool.opened_at),
            "owned_by": "consilia" if model is None else model.facts.name,
            "max_model_len": contexts.get(model.name) if model else None,
        }
        for name, model in names(house.pool)
    ]
    return _json({"object": "list", "data": cards})


async def completions(request: Request) -> Response:
    """POST /v1/chat/completions."""
    house: House = request.app.state.house
    asked: _Asked | None = None
    try:
        caller = await _caller(house, request)
        await house.budgets.check(caller.tenant_id)
        asked = _read(house, caller, await request.body())
        full: list[str] = []
        while True:
            answer = await asked.decide(full)
            try:
                return await (_streamed if asked.streamed else _whole)(asked, answer)
            except ModelFull:  # at most once a model: the next decision passes it over and then waits
                full.append(answer.decided.route.model)
    except ConsiliaError as error:
        if asked is not None:
            asked.error = _kept(error)
            asked.account()
        return _refusal(error)


async def _whole(asked: _Asked, answer: ChatAnswer) -> Response:
    body = await answer.whole()
    route = answer.decided.route
    asked.first = time.perf_counter()
    body["id"], body["model"] = f"chatcmpl-{asked.call_id}", route.model
    asked.account()
    return _json(body, headers=_about(route))


async def _streamed(asked: _Asked, answer: ChatAnswer) -> Response:
    """Start the answer only when the first piece is there, so that what fails before has its proper status."""
    chunks = answer.chunks()
    try:
        first = await anext(chunks, None)
    except BaseException:
        await chunks.aclose()
        raise
    body = _events(asked, answer, chunks, first)
    headers = {**_HEADERS, **_about(answer.decided.route)}
    return StreamingResponse(body, media_type="text/event-stream", headers=headers)


async def _events(
    asked: _Asked, answer: ChatAnswer, chunks: AsyncGenerator[dict[str, Any]], chunk: dict[str, Any] | None
) -> AsyncGenerator[bytes]:
    name, call_id = answer.decided.route.model, f"chatcmpl-{asked.call_id}"
    options = asked.body.get("stream_options")
    wants_usage = isinstance(options, dict) and bool(cast(dict[str, Any], options).get("include_usage"))
    greeted = False
    asked.error = {"code": "client_gone", "message": "the client closed the connection before the end"}
    head = {"id": call_id, "object": "chat.completion.chunk", "created": int(asked.started.timestamp()), "model": name}
    try:
        while chunk is not None:
            if asked.first is None and answer.begun:
                asked.first = time.perf_counter()
            choices = cast(list[dict[str, Any]], chunk.get("choices") or [])
            role_only = bool(choices) and not (choices[0].get("finish_reason") or _speaks(choices[0]))
            if not chunk:
                yield b": the answer is being written\n\n"
            elif (choices or wants_usage) and not (role_only and greeted):
                greeted = True
                if choices and not wants_usage:
                    chunk.pop("usage", None)
                yield b"data: " + orjson.dumps({**chunk, **head}) + b"\n\n"
            chunk = await anext(chunks, None)
        asked.error = None
        yield b"data: [DONE]\n\n"
    except ConsiliaError as error:
        asked.error = _kept(error)
        yield b"data: " + orjson.dumps(_error(error)) + b"\n\n"
    finally:
        try:
            await chunks.aclose()  # a client that is gone cancels this too
        finally:
            asked.account()


def _speaks(choice: dict[str, Any]) -> bool:
    """Whether a chunk carries more than the role."""
    delta = cast(dict[str, Any], choice.get("delta") or {})
    return any(value for name, value in delta.items() if name != "role")


def _read(house: House, caller: Caller, raw: bytes) -> _Asked:
    """The request. Raises InvalidInput for what no model server could read."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is no JSON: {error}") from None
    given = cast(dict[str, Any], body if isinstance(body, dict) else {})
    messages = cast(list[Any], given["messages"] if isinstance(given.get("messages"), list) else [None])
    if not messages or not all(isinstance(each, dict) and "role" in each for each in messages):
        raise InvalidInput("messages must be a list of objects, each with a role")
    tools = cast(list[Any], given.get("tools") or [])
    if not isinstance(tools, list) or not all(isinstance(each, dict) for each in tools):  # pyright: ignore[reportUnnecessaryIsInstance]  # it is a caller's
        raise InvalidInput("tools must be a list of objects, each with a type and a function")
    effort = given.get("reasoning_effort")
    for name, value in (("model", given.get("model")), ("reasoning_effort", effort)):
        if value is not None and not isinstance(value, str):
            raise InvalidInput(f"{name} must be a text")
    template = cast(dict[str, Any], given["chat_template_kwargs"] if _is_object(given, "chat_template_kwargs") else {})
    thinking = template.get("enable_thinking")
    if effort is not None and thinking is None:
        thinking = effort not in ("none", "minimal")
    chat = Chat(
        messages=messages,
        model=str(given.get("model") or "auto"),
        thinking=thinking if isinstance(thinking, bool) else None,
        more={"tools": tools} if tools else {},
        salt=cache_salt(house.secret, caller.tenant_id),
    )
    return _Asked(house, caller, chat, given, bool(given.get("stream")))


def _is_object(given: dict[str, Any], name: str) -> bool:
    return isinstance(given.get(name), dict)


async def _caller(house: House, request: Request) -> Caller:
    """By `Authorization: Bearer csl_…`, as OpenAI's clients send it, or by our x-api-key."""
    bearer = request.headers.get("authorization", "")
    scheme, _, token = bearer.partition(" ")
    shown = token if scheme.casefold() == "bearer" else request.headers.get("x-api-key")
    caller = await caller_of(request, house, shown, request.url.path)
    if request.method == "POST":
        caller.require("invoke", CHAT)
    return caller


def _about(route: Route) -> dict[str, str]:
    """Who answers and why, as headers of ASCII."""
    told = " ".join(route.reasons).encode("ascii", "replace").decode()[:1000]
    return {"x-consilia-model": route.model, "x-consilia-reasons": told.replace("\n", " ").replace("\r", " ")}


def _kept(error: ConsiliaError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message[:500]}


def _error(error: ConsiliaError) -> dict[str, Any]:
    """OpenAI's form of an error; what is too long has OpenAI's code, by which clients shorten and ask again."""
    return error_body(_status(error), _LENGTH if _too_long(error) else error.code, error.message)


def _too_long(error: ConsiliaError) -> bool:
    return isinstance(error, ContextExceeded) or (isinstance(error, NoCapableModel) and error.of_length)


def _status(error: ConsiliaError) -> int:
    return 400 if isinstance(error, RequestRefused | InvalidInput) or _too_long(error) else error.status


def _refusal(error: ConsiliaError) -> Response:
    again = str(error.details.get("retry_after", 1))
    headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": again}, 503: {"Retry-After": "2"}}
    return _json(_error(error), _status(error), headers.get(_status(error)))


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type="application/json")


routes: Final = [
    Path("/v1/models", models, methods=["GET"]),
    Path("/v1/chat/completions", completions, methods=["POST"]),
]
