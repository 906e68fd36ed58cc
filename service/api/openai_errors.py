"""Every refusal under /v1 in OpenAI's form, whoever makes it, so that any OpenAI client shows the reason.

The form is `{"error": {"message", "type", "param", "code"}}` (https://platform.openai.com/docs/guides/error-codes).
What the routes refuse has it already; what stands before them (limits of bodies, unknown paths, a lost database) speaks
the service's own form, `{"detail", "code", "details"}`, and is put into OpenAI's here.
"""

from typing import Any, Final, cast

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX: Final = "/v1/"
_KINDS: Final = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_MOST: Final = 65_536
"""Bytes of an error's body that are read; none of the service's is near it."""


def error_body(status: int, code: str, message: str) -> dict[str, Any]:
    """An error as OpenAI's API tells it. code: of our own `ConsiliaError`s."""
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


class OpenAIErrors:
    """ASGI middleware, outside all others that answer themselves."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        begun: Message | None = None
        body = bytearray()

        async def formed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and message["status"] >= 400:
                begun = message
                return
            if begun is None:
                await send(message)
                return
            body.extend(message.get("body", b"")[: _MOST - len(body)])
            if not message.get("more_body"):
                await _send_formed(begun, bytes(body), scope, receive, send)

        await self._app(scope, receive, formed)


def in_openais_form(response: Response, status: int) -> Response:
    """The service's own error as OpenAI's, for what is answered outside every middleware."""
    response.body = _reformed(status, bytes(response.body))
    response.headers["content-length"] = str(len(response.body))
    return response


async def _send_formed(begun: Message, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
    told = _reformed(begun["status"], body)
    kept = [each for each in begun["headers"] if each[0].lower() not in (b"content-length", b"content-type")]
    headers = [*kept, (b"content-type", b"application/json"), (b"content-length", str(len(told)).encode())]
    await send({**begun, "headers": headers})
    await send({"type": "http.response.body", "body": told if scope["method"] != "HEAD" else b""})


def _reformed(status: int, body: bytes) -> bytes:
    try:
        told: Any = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        told = {"detail": body.decode(errors="replace")[:500]}
    given = cast(dict[str, Any], told) if isinstance(told, dict) else {}
    if isinstance(given.get("error"), dict):
        return body
    message = given.get("detail") or f"the request was refused with status {status}"
    return orjson.dumps(error_body(status, str(given.get("code") or "refused"), str(message)))
