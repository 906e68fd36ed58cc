"""Looking at a model server: is it well, how busy is it, what does it serve, how much does it take."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import orjson

from agents.dialects import Dialect
from agents.endpoint import Endpoint

_TROUBLE = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Served:
    """What a server lists under /v1/models. contexts: by name, where it tells. adapters: names with a parent."""

    names: tuple[str, ...]
    contexts: dict[str, int]
    adapters: frozenset[str]


class Refused(Exception):
    """The server answered with an error status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


async def look(session: aiohttp.ClientSession, endpoint: Endpoint, seconds: float) -> None:
    """Note whether the endpoint is well, and its load."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    dialect = endpoint.dialect
    try:
        async with session.get(
            endpoint.root + dialect.health, headers=endpoint.headers, timeout=timeout, allow_redirects=False
        ) as response:
            well, why = response.status == 200, f"{dialect.health} answers {response.status}"
        endpoint.seen(well, why)
        if well and dialect.metrics and dialect.running:
            await _look_at_load(session, endpoint, dialect, timeout)
    except _TROUBLE as error:
        endpoint.seen(False, reason(error))


async def _look_at_load(
    session: aiohttp.ClientSession, endpoint: Endpoint, dialect: Dialect, within: aiohttp.ClientTimeout
) -> None:
    async with session.get(
        f"{endpoint.root}{dialect.metrics}", headers=endpoint.headers, timeout=within, allow_redirects=False
    ) as response:
        if response.status != 200:
            return
        text = (await response.content.read(4_000_000)).decode(errors="replace")
    endpoint.running, endpoint.waiting = gauge(text, dialect.running), gauge(text, dialect.waiting)


def gauge(text: str, name: str) -> int:
    """The sum of a gauge over its labels in Prometheus' text format (version 0.0.4); 0 where it is absent."""
    values = re.findall(rf"^{re.escape(name)}(?:\{{[^}}\n]*\}})?\s+([0-9.eE+-]+)", text, re.MULTILINE)
    return int(sum(float(value) for value in values)) if name else 0


async def served(session: aiohttp.ClientSession, endpoint: Endpoint, seconds: float) -> Served:
    """What the endpoint serves. Raises Refused, aiohttp.ClientError, TimeoutError, ValueError."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with session.get(
        f"{endpoint.url}/models", headers=endpoint.headers, timeout=timeout, allow_redirects=False
    ) as response:
        if response.status != 200:
            raise Refused(response.status)
        body = orjson.loads(await response.read())
    return listed(body)


def listed(body: Any) -> Served:
    """Read a /v1/models body. max_model_len is vLLM's and SGLang's; meta.n_ctx (older: n_ctx_train) llama.cpp's."""
    body = cast(dict[str, Any], body if isinstance(body, dict) else {})
    cards = cast(list[dict[str, Any]], body.get("data") or [])
    contexts: dict[str, int] = {}
    for card in cards:
        meta = cast(dict[str, Any], card.get("meta") or {})
        context = card.get("max_model_len") or meta.get("n_ctx") or card.get("loaded_context_length")
        if context:
            contexts[str(card["id"])] = int(context)
    adapters = frozenset(str(card["id"]) for card in cards if card.get("parent"))
    return Served(tuple(str(card["id"]) for card in cards if card.get("id")), contexts, adapters)


async def count_tokens(session: aiohttp.ClientSession, endpoint: Endpoint, text: str, seconds: float) -> int | None:
    """The tokens of a text by the server's own tokenizer; None where it has no such service."""
    dialect = endpoint.dialect
    if dialect.tokenize is None:
        return None
    path, name = dialect.tokenize
    body = {"model": endpoint.served, name: text}
    try:
        async with session.post(
            endpoint.root + path,
            data=orjson.dumps(body),
            headers=endpoint.headers,
            timeout=aiohttp.ClientTimeout(total=seconds),
            allow_redirects=False,
        ) as response:
            if response.status != 200:
                return None
            told = cast(dict[str, Any], orjson.loads(await response.read()))
    except (*_TROUBLE, ValueError):
        return None
    count = told.get("count")
    return int(count) if isinstance(count, int) else len(cast(list[Any], told.get("tokens") or [])) or None


def reason(error: BaseException) -> str:
    """What kept a server from answering, in a few words, without addresses or content."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not trusted"
        case aiohttp.ClientConnectorDNSError():
            return "its host name is not known"
        case aiohttp.ClientConnectorError():
            return f"connection refused ({error.os_error.strerror or 'no route'})"
        case aiohttp.ConnectionTimeoutError():
            return "no connection in time"
        case TimeoutError() | asyncio.TimeoutError():
            return "no answer in time"
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection"
        case aiohttp.ClientPayloadError():
            return "it broke off in the middle of an answer"
        case _:
            return type(error).__name__
