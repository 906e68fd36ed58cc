"""Middleware that writes into the audit log what callers did: every request that changes something, and every refusal.

What only reads is left out unless audit.reads says otherwise; searching and polling would bury the rest. What is done
is in the log before it is answered; what there may be hundreds of in a second, starting runs and keeping data, is
written a fifth of a second later, several at once (`service.auth.audit`). An answer to what a run asks is written by
`service.api.runs.accept` before it is told.
"""

from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.access import CALLER, STARTING, needed
from service.auth.caller import Caller
from service.database.audit import Act
from service.house import House

_SOON: Final = frozenset(
    {
        ("POST", "/files"),
        ("POST", "/mcp"),
        ("POST", "/threads"),
        ("PUT", "/store/items"),
        ("DELETE", "/store/items"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/completions"),
        ("POST", "/v1/embeddings"),
        *(("POST", path) for path in STARTING),
    }
)
"""Routes whose events need not be in the log before the answer."""


class Audited:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app = app
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._note(scope, message)
            await send(message)

        await self._app(scope, receive, noting)

    async def _note(self, scope: Scope, message: Message) -> None:
        """Record the request when its answer begins: a stream may last for hours."""
        route: Any = scope.get("route")
        path: str = getattr(route, "path", "")
        method: str = scope["method"]
        status: int = message["status"]
        caller: Caller | None = scope.get(CALLER)
        reads = "read" in needed(method, path) or method in ("GET", "HEAD", "OPTIONS")
        refused = status in (401, 403)
        if not path or (reads and not refused and not (self._house.settings.audit.reads and caller is not None)):
            return
        headers = {name.lower(): value for name, value in message["headers"]}
        made = headers.get(b"content-location", b"").decode("latin-1")
        given: dict[str, str] = scope.get("path_params", {})
        target = made or ", ".join(f"{name}={value}" for name, value in given.items())
        client = scope.get("client")
        act = Act(
            actor=caller.key_id if caller is not None else "nobody",
            action=_action(route, path),
            target=target,
            tenant_id=caller.tenant_id if caller is not None else None,
            address=client[0] if client else "",
            status=status,
            details={"route": f"{method} {path}"},
        )
        if status < 400 and not reads and (method, path) not in _SOON:
            await self._house.audit.write(act)
        else:
            self._house.audit.record(act)


def _action(route: Any, path: str) -> str:
    """Such as "threads.create": the route's area and its function."""
    tags: list[Any] = route.tags if isinstance(route, APIRoute) else []
    area = str(tags[0]) if tags else path.split("/", 2)[1]
    return f"{area}.{getattr(route, 'name', 'request')}"
