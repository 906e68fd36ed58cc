"""405 where a path is known and its method is not, with an Allow header that names those which are (RFC 9110, 15.5.6).

The router alone takes GET /threads/{thread_id}/runs/wait for a run named "wait", and hands what it does not know under
/admin/api to the pages below /admin.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OWN: Final = "/admin/api/"
"""Paths that a mounted application would take where their method is wrong."""

_PARAMETER: Final = re.compile(r"\{[^}]*\}")


class Methods:
    """Middleware. described: gives the OpenAPI description, whose paths are read at the first request."""

    def __init__(self, app: ASGIApp, described: Callable[[], dict[str, Any]]) -> None:
        self._app = app
        self._described = described
        self._paths: list[tuple[re.Pattern[str], int, frozenset[str]]] | None = None
        self._last: set[tuple[int, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, method = scope["path"], scope["method"]
        if self._may_be_wrong(path) and (allowed := self._allowed(path)) and method not in allowed | {"HEAD"}:
            await refusal(allowed)(scope, receive, send)
            return

        async def with_allow(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405 and (known := self._allowed(path)):
                headers = [each for each in message["headers"] if each[0].lower() != b"allow"]
                message["headers"] = [*headers, (b"allow", ", ".join(sorted(known)).encode())]
            await send(message)

        await self._app(scope, receive, with_allow)

    def _may_be_wrong(self, path: str) -> bool:
        """Quickly: whether the path ends in a word where another route has a parameter, or is one of `_OWN`."""
        if self._paths is None:
            self._read()
        return path.startswith(_OWN) or (path.count("/"), path.rsplit("/", 1)[-1]) in self._last

    def _read(self) -> None:
        paths: dict[str, Any] = self._described()["paths"]
        known = {path: frozenset(each.upper() for each in methods) for path, methods in paths.items()}
        self._paths = [
            (re.compile(_PARAMETER.sub("[^/]+", path)), len(_PARAMETER.findall(path)), methods)
            for path, methods in known.items()
        ]
        shadowing = {(path.count("/"), path.rsplit("/", 1)[0]) for path in known if path.endswith("}")}
        for path in known:
            depth, (above, last) = path.count("/"), path.rsplit("/", 1)
            if not last.startswith("{") and (depth, above) in shadowing:
                self._last.add((depth, last))

    def _allowed(self, path: str) -> frozenset[str]:
        """The methods of the described path that fits with the fewest parameters; empty where none does."""
        fitting = [(many, methods) for pattern, many, methods in self._paths or () if pattern.fullmatch(path)]
        return min(fitting, key=lambda each: each[0])[1] if fitting else frozenset()


def refusal(allowed: frozenset[str]) -> JSONResponse:
    body: dict[str, object] = {"detail": "Method Not Allowed", "code": "method_not_allowed", "details": {}}
    return JSONResponse(body, 405, {"Allow": ", ".join(sorted(allowed))})
