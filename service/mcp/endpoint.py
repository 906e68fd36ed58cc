"""MCP over Streamable HTTP as an ASGI application: who may call, and which session is whose.

The same plumbing serves our workflows at /mcp and the fixture that the public conformance suite runs against.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import EventStore
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from service.api.access import CALLER
from service.auth import Caller
from tools.errors import ConsiliaError

log = structlog.get_logger(__name__)

PATH: Final = "/mcp"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")

Authenticate = Callable[[Request], Awaitable[Caller]]
"""Says who sends a request. Raises a ConsiliaError with status 401 or 403."""
Challenge = Callable[[Request, ConsiliaError], str]
"""The WWW-Authenticate header of a refusal."""


def loopback_and(hosts: list[str], origins: list[str]) -> TransportSecuritySettings:
    """Host and Origin headers that are answered: loopback ones on any port, and these. Against DNS rebinding."""
    names = [each for name in _LOOPBACK for each in (name, f"{name}:*")]
    pages = [f"{scheme}://{each}" for scheme in ("http", "https") for each in names]
    return TransportSecuritySettings(allowed_hosts=[*names, *hosts], allowed_origins=[*pages, *origins])


class Endpoint:
    """One MCP server over HTTP. `running` opens it; `close` lets what is open end, before the process waits for it."""

    def __init__(
        self,
        server: Server[Any],
        security: TransportSecuritySettings,
        *,
        authenticate: Authenticate | None = None,
        challenge: Challenge | None = None,
        body_bytes: int = 8 * 1024 * 1024,
        sessions: int = 1_000,
        idle_seconds: float = 1_800.0,
        event_store: EventStore | None = None,
        retry_ms: int | None = None,
    ) -> None:
        """event_store: replays a broken stream; the SDK names streams by request ids, so it must serve one client only.
        retry_ms: what a client is told to wait before it comes again."""
        self._manager = StreamableHTTPSessionManager(
            server,
            security_settings=security,
            max_request_body_size=body_bytes,
            max_sessions=sessions,
            session_idle_timeout=idle_seconds,
            event_store=event_store,
            retry_interval=retry_ms,
        )
        self._security = TransportSecurityMiddleware(security)
        self._authenticate = authenticate
        self._challenge = challenge
        self._closing = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Serve until the block ends, or `close` is called."""
        ready = asyncio.Event()

        async def serve() -> None:
            async with self._manager.run():
                ready.set()
                await self._closing.wait()

        serving = asyncio.create_task(serve(), name="mcp sessions")
        await ready.wait()
        try:
            yield
        finally:
            self.close()
            await asyncio.wait([serving])

    def close(self) -> None:
        """End the open sessions: their streams would otherwise hold the process until its patience is over."""
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]  # RFC 9110, section 5.5
        request = Request(scope, receive)
        refused = await self._security.validate_request(request)
        if refused is not None:
            log.warning("MCP request refused: host or origin", status=refused.status_code)
            await _foreign(request, refused.status_code)(scope, receive, send)
            return
        if self._closing.is_set():
            await JSONResponse({"detail": "the service is stopping", "code": "service_stopping"}, 503)(
                scope, receive, send
            )
            return
        if self._authenticate is not None:
            try:
                caller = await self._authenticate(request)
            except ConsiliaError as error:
                await self._refused(request, error)(scope, receive, send)
                return
            scope[CALLER] = caller
            # Binds a session to who opened it. The token itself goes no further than this.
            token = AccessToken(token="", client_id=caller.key_id, scopes=list(caller.scopes), subject=caller.tenant_id)
            scope["user"] = AuthenticatedUser(token)
        await self._manager.handle_request(scope, receive, _logging(request, send))

    def _refused(self, request: Request, error: ConsiliaError) -> JSONResponse:
        body = {"detail": error.message, "code": error.code, "details": error.details}
        response = JSONResponse(body, error.status)
        if error.status in (401, 403) and self._challenge is not None:
            response.headers["WWW-Authenticate"] = self._challenge(request, error)
        if error.status == 429:
            response.headers["Retry-After"] = str(error.details.get("retry_after", 1))
        return response


def _foreign(request: Request, status: int) -> JSONResponse:
    """Says which header was refused, and which setting lets it in."""
    name, setting = ("origin", "web.allow_origins") if status == 403 else ("host", "mcp.allowed_hosts")
    given = request.headers.get(name, "")[:200]
    detail = f"requests with the {name.title()} header {given!r} are not answered at {PATH}; add it to {setting}"
    return JSONResponse({"detail": detail, "code": f"foreign_{name}", "details": {name: given}}, status)


def _logging(request: Request, send: Send) -> Send:
    """Logs what is refused, without any of its words."""

    async def logged(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            log.info("MCP request refused", method=request.method, status=message["status"])
        await send(message)

    return logged


def known_caller(request: Request) -> Caller:
    """Who sends a request that the endpoint has let in."""
    caller: Caller = request.scope[CALLER]
    return caller
