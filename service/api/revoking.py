"""Middleware that ends an answer under way once its key is no longer good: streams last longer than keys.

The key is looked at again before something is sent, every half a second at most; so nothing that happens after a
revocation is told, and a stream in which nothing happens ends at its next heartbeat. The same holds for a token of an
external issuer that expires, and for a tenant that is suspended.
"""

import asyncio
import time
from typing import Any, Final

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.access import CALLER
from service.api.openai_errors import PREFIX, error_body
from service.auth.caller import Caller
from service.house import House

LOOK_SECONDS: Final = 0.5


class Revocable:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app = app
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        revoked = asyncio.Event()
        whole, ended, looked = False, False, time.monotonic()

        async def received() -> Message:
            """As the server says it; once the body is there, also that the client is gone, when its key is."""
            nonlocal whole
            if not whole:
                message = await receive()
                whole = message["type"] != "http.request" or not message.get("more_body")
                return message
            return await _first(receive, revoked)

        async def sent(message: Message) -> None:
            nonlocal ended, looked
            if message["type"] == "http.response.body" and message.get("more_body"):
                if time.monotonic() - looked >= LOOK_SECONDS:
                    looked = time.monotonic()
                    if not await self._good(scope.get(CALLER)):
                        revoked.set()
                if revoked.is_set():
                    return
            ended = ended or (message["type"] == "http.response.body" and not message.get("more_body"))
            await send(message)

        await self._app(scope, received, sent)
        if revoked.is_set() and not ended:
            await send({"type": "http.response.body", "body": _last_words(scope["path"]), "more_body": False})

    async def _good(self, caller: Caller | None) -> bool:
        return caller is None or await self._house.keys.is_good(caller)


def _last_words(path: str) -> bytes:
    """OpenAI's clients take a stream that merely ends for a whole answer: there an error says that it is none."""
    if not path.startswith(PREFIX):
        return b""
    told = error_body(401, "unauthorized", "the key was revoked while the answer was under way")
    return b"data: " + orjson.dumps(told) + b"\n\n"


async def _first(receive: Receive, revoked: asyncio.Event) -> Message:
    tasks: list[asyncio.Task[Any]] = [asyncio.ensure_future(receive()), asyncio.create_task(revoked.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return tasks[0].result() if tasks[0].done() else {"type": "http.disconnect"}
    finally:
        for task in tasks:
            task.cancel()
