"""Request bodies, bounded and clean before any route sees them."""

import re
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.settings import Limits
from tools.errors import ConsiliaError

_NUL: Final = re.compile(rb"\\u0000|\x00")
_LONE_SURROGATE: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


class UploadTooLarge(ConsiliaError):
    code = "upload_too_large"
    status = 413


class Bodies:
    """Bounds every body, also one of undeclared length, and refuses JSON with text that no database can keep.

    Such text is U+0000, which PostgreSQL has no place for, and half a surrogate pair, which is no character at all.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._json = limits.body_bytes
        self._upload = limits.upload_bytes + 65_536

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        upload = scope["path"] == "/files"
        limit = self._upload if upload else self._json
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            code = "upload_too_large" if upload else "body_too_large"
            message = f"the request's body of {declared.decode('latin-1')} bytes is over the limit of {limit} bytes"
            await _refusal(413, code, message)(scope, receive, send)
        elif upload:
            await self._app(scope, _counted(receive, limit), send)
        else:
            await self._read_whole(scope, receive, send, limit)

    async def _read_whole(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            if len(body) > limit:
                refused = _refusal(413, "body_too_large", f"the request's body is over the limit of {limit} bytes")
                await refused(scope, receive, send)
                return
            if not message.get("more_body"):
                break
        unfit = "the character U+0000" if _NUL.search(body) else "half a surrogate pair" if _lone(body) else None
        if unfit is not None:
            await _refusal(422, "invalid_text", f"the request's body holds {unfit}; remove it")(scope, receive, send)
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, replay, send)


def _lone(body: bytearray) -> bool:
    return b"\\u" in body and _LONE_SURROGATE.search(body) is not None


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise UploadTooLarge(f"the upload is over the limit of {limit} bytes (limits.upload_bytes)", limit=limit)
        return message

    return counted


def _refusal(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"detail": message, "code": code, "details": {}}, status)
