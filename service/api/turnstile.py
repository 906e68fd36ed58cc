"""A turnstile before the routes that start runs: a crowd is let in a few at a time, so that others are served too.

Everything that is ready runs once in each turn of the event loop. Without this, two thousand requests that arrive at
once are all parsed, validated and committed side by side, and a health check waits for its turn behind every one of
them, at each of its own steps.
"""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

ABREAST: Final = 8
"""Requests that are accepted at the same time: enough to share each commit among many."""

_KEY: Final = "consilia.turnstile"


class _Place:
    """One request's place; left once."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places: asyncio.Semaphore | None = places

    def leave(self) -> None:
        places, self._places = self._places, None
        if places is not None:
            places.release()


class Turnstile:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._places = asyncio.Semaphore(ABREAST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or "/runs" not in scope["path"]:
            await self._app(scope, receive, send)
            return
        await self._places.acquire()
        place = scope[_KEY] = _Place(self._places)
        try:
            await self._app(scope, receive, send)
        finally:
            place.leave()


def leave(request: Request) -> None:
    """The request has been accepted and only waits from now on: the next may come."""
    place: _Place | None = request.scope.get(_KEY)
    if place is not None:
        place.leave()
