"""Our MCP server at /mcp of the service."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from starlette.requests import Request

from service.api.access import caller_of, credential
from service.auth import Caller
from service.house import House
from service.mcp import metadata
from service.mcp.calls import Calls, Context
from service.mcp.endpoint import PATH, Endpoint, known_caller, loopback_and
from service.mcp.reception import Reception
from service.mcp.server import build


class Hosted:
    """The endpoint and what lives with it. Use `running` around the serving, and `close` when it is to end."""

    def __init__(self, house: House) -> None:
        settings, self._calls = house.settings, Calls(house)
        server, self._watches = build(Reception(house, self._calls, _caller))

        async def authenticate(request: Request) -> Caller:
            return await caller_of(request, house, _shown(request), PATH)

        self.endpoint = Endpoint(
            server,
            loopback_and([*_own(settings.host), *settings.mcp.allowed_hosts], settings.web.allow_origins),
            authenticate=authenticate,
            challenge=partial(metadata.challenge, settings.auth.issuers),
            body_bytes=settings.limits.body_bytes,
            sessions=settings.mcp.sessions,
            idle_seconds=settings.mcp.session_idle_seconds,
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        async with self.endpoint.running():
            try:
                yield
            finally:
                self.close()

    def close(self) -> None:
        """Let calls answer that their run goes on, and streams end, so that a stop need not wait for clients."""
        self._calls.closing.set()
        self._watches.close()
        self.endpoint.close()


def _own(host: str) -> list[str]:
    """The Host headers of the address that the service binds; none where that is every address of the machine."""
    name = f"[{host}]" if ":" in host else host
    return [] if host in ("0.0.0.0", "::", "") else [name, f"{name}:*"]  # noqa: S104  # compared, not bound


def _caller(context: Context) -> Caller:
    assert context.request is not None, "over HTTP every message comes in a request"
    return known_caller(context.request)


def _shown(request: Request) -> str | None:
    """The credential of a request: x-api-key, or `Authorization: Bearer`, which every MCP client can send."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return credential(request.headers.get("x-api-key"), given.strip() if scheme.lower() == "bearer" else None)
