"""Headers of every answer: what browsers may do with it, and how the caller's limits stand.

After the OWASP REST Security Cheat Sheet: an answer of an API is no page, so it may load nothing and be framed nowhere.
A route that answers with a page sets its own Content-Security-Policy, which stays.
"""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.auth.rates import Standing

STANDINGS: Final = "consilia.standings"
"""Where a request's scope keeps how its limits stand."""

_ALWAYS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
_DOCS: Final = (
    "default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' "
    "https://cdn.jsdelivr.net; img-src data: https://fastapi.tiangolo.com; font-src https://fonts.gstatic.com; "
    "connect-src 'self'; worker-src blob:; frame-ancestors 'none'"
)
"""The API page's: FastAPI's loads Swagger UI from a CDN."""


class Headers:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["path"] in ("/docs", "/redoc"):
                    headers.setdefault("content-security-policy", _DOCS)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("strict-transport-security", "max-age=31536000; includeSubDomains")
                standings: list[Standing] = scope.get(STANDINGS, [])
                for standing in standings:
                    message["headers"].extend(standing.headers())
            await send(message)

        await self._app(scope, receive, with_headers)
