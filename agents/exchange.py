"""One request to a model, however many endpoints it takes: asked again elsewhere when one is lost, never half.

This is the only place where a request is repeated. What is repeated is a generation, which has no effect outside the
server, so a lost one may always be asked again; a request that the server calls wrong is not.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

import aiohttp
import orjson

from agents.completion import Price
from agents.endpoint import Endpoint
from agents.faults import ContextExceeded, ModelFailed, ModelLost, RequestRefused
from agents.pool_settings import PoolSettings
from agents.probing import reason
from agents.sse import DataLines
from agents.tracing import request_span

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0
_LOST: Final = frozenset({401, 403, 404, 408, 500, 502, 504})
_TOO_LONG: Final = (
    "maximum context length",
    "context_size",
    "context size",
    "context length",
    "longer than the model",
    "maximum model length",
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request for a chat completion of one of the pool's models.

    body: its fields but `model` and `stream`. affinity: requests of one value go to one endpoint, whose prefix cache
    then serves them; None: the least busy. adapter: a LoRA name. resume: when the endpoint is lost in the middle, the
    body that lets another go on from what came so far; None where that cannot be. elsewhere: whether another model
    could take the question now; where it is set, a long wait for room ends with ModelFull (`Policy.overflow_seconds`).
    """

    model: str
    body: dict[str, Any]
    affinity: str | None = None
    adapter: str | None = None
    stream: bool = True
    resume: Callable[[], dict[str, Any] | None] | None = None
    elsewhere: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Restarted:
    """The endpoint was lost after it had begun to answer: what came so far is void, and the answer begins anew."""

    why: str


@dataclass(frozen=True, slots=True)
class Try:
    """An endpoint that was asked and did not answer, for the record."""

    endpoint: str
    why: str


Piece = dict[str, Any] | Restarted
"""A chunk of a stream (or the whole body, where none was asked for) as the server sent it, or a new beginning."""


class Seats(Protocol):
    """Who gives out endpoints: the pool."""

    @property
    def session(self) -> aiohttp.ClientSession: ...

    @property
    def settings(self) -> PoolSettings: ...

    async def seat(self, call: Call, lost: list[Try], deadline: float) -> Endpoint:
        """An endpoint with room. Raises ModelBusy, NoModelAvailable."""
        ...

    def rise(self, endpoint: Endpoint, mark: float) -> float:
        """Give the seat back; the share of the server's time that the call took, seconds."""
        ...

    def may_retry(self) -> bool: ...

    def lost(self, name: str) -> None: ...


class _Full(Exception):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class _Gone(Exception):
    """The endpoint did not answer."""


class _Failed(_Gone):
    """The endpoint answered that it failed. Whose fault that is shows when another is asked: were it always taken for
    the endpoint's, one bad request could take every endpoint out."""


@dataclass(slots=True)
class Exchange:
    """Iterate over it for the pieces; afterwards it knows who answered."""

    seats: Seats
    call: Call
    endpoint: Endpoint | None = None
    lost: list[Try] = field(default_factory=list[Try])
    seconds: float = 0.0

    @property
    def price(self) -> Price:
        """The price of the answer, when it is over."""
        if self.endpoint is None:
            return Price()
        model = self.endpoint.model
        return Price(model.price_in, model.price_out, model.gpu_hour, self.seconds)

    async def pieces(self) -> AsyncGenerator[Piece]:
        """The answer, piece by piece. Raises ModelBusy, ModelLost, RequestRefused, NoModelAvailable.

        Close it (`contextlib.aclosing`), so that a server whose client is gone stops generating.
        """
        limits = self.seats.settings
        patience = time.monotonic() + limits.queue_seconds
        body = self.call.body
        suspects: list[tuple[Endpoint, str]] = []
        while True:
            endpoint = self.endpoint = await self.seats.seat(self.call, self.lost, patience)
            mark = endpoint.begin(time.monotonic())
            begun = False
            try:
                model, dialect = self.call.model, endpoint.model.dialect
                with request_span(model, endpoint.url, dialect, body, self.call.stream) as span:
                    async with aclosing(self._ask(endpoint, body, span.headers)) as answer:
                        async for piece in answer:
                            begun = True
                            span.take(piece)
                            yield piece
                endpoint.succeeded()
                for each, why in suspects:
                    if each is not endpoint:
                        each.failed(why, time.monotonic())
                return
            except _Full as full:
                endpoint.full(full.seconds, time.monotonic())
                continue
            except _Failed as failed:
                why = str(failed)
                suspects.append((endpoint, why))
            except _Gone as gone:
                why = str(gone)
                endpoint.failed(why, time.monotonic())
            finally:
                self.seconds = self.seats.rise(endpoint, mark)
            self.lost.append(Try(endpoint.url, why))
            if len(self.lost) > limits.retries or not self.seats.may_retry():
                raise self._given_up(len(suspects) == len(self.lost))
            if begun:
                resumed = self.call.resume() if self.call.resume else None
                if resumed is None:
                    yield Restarted(why)
                body = resumed or self.call.body
            await asyncio.sleep(jitter(len(self.lost)))

    def _given_up(self, failed: bool) -> ModelLost:
        """failed: every endpoint answered, with an error."""
        tried = "; ".join(f"{each.endpoint}: {each.why}" for each in self.lost)
        if failed:
            return ModelFailed(
                f"model {self.call.model!r} failed at this request {len(self.lost)} times ({tried}); the servers' logs "
                "have the reason",
                model=self.call.model,
            )
        self.seats.lost(self.call.model)
        return ModelLost(
            f"model {self.call.model!r} was lost {len(self.lost)} times ({tried}); see consilia pool status",
            model=self.call.model,
        )

    async def _ask(
        self, endpoint: Endpoint, fields: dict[str, Any], headers: dict[str, str]
    ) -> AsyncGenerator[dict[str, Any]]:
        limits, call = self.seats.settings, self.call
        body: dict[str, Any] = {**fields, "model": call.adapter or endpoint.served, "stream": call.stream}
        if call.stream and endpoint.dialect.stream_usage:
            body["stream_options"] = {"include_usage": True}
        timeout = aiohttp.ClientTimeout(
            total=limits.answer_seconds,
            sock_connect=limits.connect_seconds,
            sock_read=limits.silence_seconds if call.stream else limits.answer_seconds,
        )
        try:
            data = orjson.dumps(body)
        except orjson.JSONEncodeError as error:
            told = f"the request cannot be written as JSON ({error}): it is nested too deeply"
            raise RequestRefused(told, model=call.model) from None
        try:
            async with self.seats.session.post(
                f"{endpoint.url}/chat/completions",
                data=data,
                headers={**endpoint.headers, **headers} if headers else endpoint.headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    await _refuse(response, endpoint, call)
                if call.stream:
                    async for chunk in _chunks(response.content.iter_any()):
                        yield chunk
                else:
                    yield _checked(orjson.loads(await response.read()))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _Gone(reason(error)) from None
        except orjson.JSONDecodeError:
            raise _Gone("it sent what is no JSON") from None


async def _chunks(content: AsyncIterator[bytes]) -> AsyncGenerator[dict[str, Any]]:
    """The chunks of a stream. Raises _Gone when it ends before the answer does."""
    lines, finished = DataLines(), False
    async for data in content:
        for payload in lines.feed(data):
            if payload == b"[DONE]":
                return
            chunk = _checked(orjson.loads(payload))
            choices = chunk.get("choices")
            finished = finished or bool(choices and choices[0].get("finish_reason"))
            yield chunk
    if not finished:
        raise _Gone("it broke off in the middle of an answer")


def _checked(body: Any) -> dict[str, Any]:
    """A body that is an answer. vLLM and SGLang report inside the stream what fails after the headers, SGLang also a
    full queue."""
    if not isinstance(body, dict) or not _formed(body.get("choices")):  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        raise _Gone("it sent what is no answer")
    if error := body.get("error"):  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if isinstance(error, dict) and error.get("code") in (429, 503):  # pyright: ignore[reportUnknownMemberType]
            raise _Full(_retry_after(None))
        kind = error.get("type") if isinstance(error, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        raise _Gone(f"it reported an error in its answer ({kind or 'unknown'})"[:120])
    return body  # pyright: ignore[reportUnknownVariableType]


def _formed(choices: Any) -> bool:
    """Whether these are choices, each with a message or delta where it has one; a usage or an error has none."""
    if choices is None:
        return True
    if not isinstance(choices, list):
        return False
    for choice in cast(list[Any], choices):
        if not isinstance(choice, dict):
            return False
        given = cast(dict[str, Any], choice)
        if not isinstance(given.get("finish_reason") or "", str) or not isinstance(given.get("index") or 0, int):
            return False
        for part in (given.get("delta"), given.get("message")):
            if part is not None and not (isinstance(part, dict) and _part_formed(cast(dict[str, Any], part))):
                return False
    return True


def _part_formed(part: dict[str, Any]) -> bool:
    """Whether a message's content is text and its tool calls are such, if it has any."""
    if not isinstance(part.get("content") or "", str):
        return False
    calls = part.get("tool_calls")
    if not calls:
        return True
    return isinstance(calls, list) and all(
        isinstance(call, dict) and isinstance(cast(dict[str, Any], call).get("function") or {}, dict)
        for call in cast(list[Any], calls)
    )


async def _refuse(response: aiohttp.ClientResponse, endpoint: Endpoint, call: Call) -> None:
    """Raise what a status other than 200 means."""
    if response.status in endpoint.dialect.full:
        raise _Full(_retry_after(response.headers.get("Retry-After")))
    if response.status in _LOST:
        hints = {401: "its key is refused", 403: "its key is refused", 404: f"it does not serve {endpoint.served!r}"}
        kind = _Failed if response.status == 500 else _Gone
        raise kind(hints.get(response.status, f"it answers {response.status}"))
    told = _message(await response.content.read(65_536))
    kind = ContextExceeded if any(sign in told.casefold() for sign in _TOO_LONG) else RequestRefused
    raise kind(f"model {call.model!r} refuses the request ({response.status}): {told}", model=call.model)


def _message(body: bytes) -> str:
    """The message of an error body, without what it repeats of the request."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "no reason given"
    error = told.get("error", told) if isinstance(told, dict) else told  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    message = error.get("message") if isinstance(error, dict) else error  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return str(message or "no reason given").split("'input'", 1)[0][:300]  # pyright: ignore[reportUnknownArgumentType]


def _retry_after(value: str | None) -> float:
    """Seconds to leave a full endpoint alone: what it says (delta-seconds, RFC 9110, section 10.2.3), else a little."""
    if value and value.strip().isdigit():
        return min(30.0, float(value)) + random.uniform(0, 0.1)  # noqa: S311
    return random.uniform(0.1, 0.5)  # noqa: S311


def jitter(failures: int) -> float:
    """Seconds before the next try: full jitter (Brooker, Exponential Backoff And Jitter, AWS 2015)."""
    return random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**failures))  # noqa: S311
