"""An MCP server over HTTP that misbehaves on demand, protocol 2025-11-25 with JSON answers; in a thread of the test."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

READ = {"readOnlyHint": True, "openWorldHint": False}
NAMES = ("echo", "endless", "drop", "slow", "redirect", "zip", "forget", "status", "sse-endless", "ping")


class Wicked:
    """seen: (path, headers, JSON-RPC method) of each request. session: the session's id, which `forget` changes."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[tuple[str, dict[str, str], str]] = []
        self.calls: list[dict[str, Any]] = []
        self.session = 1
        self.also_listed: list[str] = []
        self.protected = False
        self.token_requests: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        asked = json.loads(body) if body.startswith(b"{") else {}
        self.seen.append((scope["path"], headers, asked.get("method", scope["method"])))

        async def answer(status: int, content: Any, **more: str) -> None:
            told = json.dumps(content).encode() if not isinstance(content, bytes) else content
            told_headers = {"content-type": "application/json", "content-length": str(len(told)), **more}
            given = [(key.replace("_", "-").encode(), value.encode()) for key, value in told_headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": given})
            await send({"type": "http.response.body", "body": told})

        if scope["path"].startswith("/.well-known") or scope["path"] == "/token":
            await self._authorize(scope["path"], body, answer)
        elif self.protected and headers.get("authorization") != "Bearer t-1":
            where = f'Bearer resource_metadata="{self.url}/.well-known/oauth-protected-resource/mcp"'
            await answer(401, {}, www_authenticate=where)
        elif scope["method"] != "POST" or asked.get("id") is None:
            await answer(405 if scope["method"] == "GET" else 202, b"")
        elif asked["method"] == "initialize":
            told = {"capabilities": {"tools": {}}, "serverInfo": {"name": "wicked", "version": "1"}}
            result = {"protocolVersion": "2025-11-25", **told}
            await answer(200, self._result(asked, result), mcp_session_id=str(self.session))
        elif headers.get("mcp-session-id") != str(self.session):
            await answer(404, {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "Session not found"}})
        elif asked["method"] == "tools/list":
            names = [*NAMES, *self.also_listed]
            tools = [{"name": name, "inputSchema": {"type": "object"}, "annotations": READ} for name in names]
            await answer(200, self._result(asked, {"tools": tools}))
        elif asked["method"] == "tools/call":
            self.calls.append(asked["params"])
            await self._call(asked, answer, send)
        else:
            error = {"code": -32601, "message": "no such method"}
            await answer(200, {"jsonrpc": "2.0", "id": asked["id"], "error": error})

    async def _call(self, asked: dict[str, Any], answer: Any, send: Any) -> None:
        name, given = asked["params"]["name"], asked["params"].get("arguments") or {}
        text = self._result(asked, {"content": [{"type": "text", "text": json.dumps(given)}]})
        start = {"type": "http.response.start", "status": 200}
        if name == "endless":
            await send({**start, "headers": [(b"content-type", b"application/json")]})
            for _ in range(2000):
                await send({"type": "http.response.body", "body": b" " * 65536, "more_body": True})
        elif name == "sse-endless":
            await send({**start, "headers": [(b"content-type", b"text/event-stream")]})
            told = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}
            noise = f"event: message\ndata: {json.dumps(told)}\n\n".encode()
            for _ in range(20_000):
                await send({"type": "http.response.body", "body": noise, "more_body": True})
        elif name == "drop":
            await send({**start, "headers": [(b"content-type", b"application/json"), (b"content-length", b"500")]})
            await send({"type": "http.response.body", "body": b'{"jsonrpc"', "more_body": True})
            raise RuntimeError("the connection is dropped")
        elif name == "slow":
            await asyncio.sleep(given["seconds"])
            await answer(200, text)
        elif name == "redirect":
            await answer(307, b"", location="http://169.254.169.254/latest/meta-data?secret=1")
        elif name == "zip":
            await answer(200, text, content_encoding="gzip")
        elif name == "forget":
            self.session += 1
            await answer(200, text)
        elif name == "status":
            await answer(500, b"oh no")
        else:
            await answer(200, text)

    async def _authorize(self, path: str, body: bytes, answer: Any) -> None:
        if path.startswith("/.well-known/oauth-protected-resource"):
            await answer(200, {"resource": f"{self.url}/mcp", "authorization_servers": [self.url]})
        elif path == "/token":
            self.token_requests.append(body.decode())
            await answer(200, {"access_token": "t-1", "token_type": "Bearer", "expires_in": 3600})
        else:
            ends = {"authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token"}
            kinds = {"response_types_supported": ["code"], "grant_types_supported": ["client_credentials"]}
            await answer(200, {"issuer": self.url, **ends, **kinds})

    def _result(self, asked: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": asked["id"], "result": result}


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The URL of an ASGI app that is served by a thread until the block ends."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="auto")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise AssertionError("the server did not start")
        threading.Event().wait(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
