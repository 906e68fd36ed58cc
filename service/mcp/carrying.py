"""A running service as `relay` sees it: HTTP requests, and the messages in their responses. Standard library only."""

import base64
import contextlib
import json
import re
import threading
import uuid
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any, Final, cast
from urllib.parse import urlsplit

CONNECT_SECONDS: Final = 30.0

Message = dict[str, Any]


_VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"


def fields(value: Any) -> Message:
    """An object's fields; none where it is no object."""
    return cast(Message, value) if isinstance(value, dict) else {}


def modern(message: Message) -> str | None:
    """The protocol version that a message itself names, as 2026-07-28 does; a session has negotiated its own."""
    named = fields(fields(message.get("params")).get("_meta")).get(_VERSION_KEY)
    return named if isinstance(named, str) and message.get("method") != "initialize" else None


class Refused(Exception):
    """The service answered with an error that is no JSON-RPC."""


class Service:
    """The service at a URL, with or without /mcp at its end. Raises ValueError for what is no URL."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no http(s) URL of a service; give one such as http://127.0.0.1:8321")
        self.url = url
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port = parts.hostname, parts.port
        self._base = parts.path.rstrip("/").removesuffix("/mcp")
        self._key = key
        self._open: dict[str, HTTPConnection] = {}
        self._lock = threading.Lock()
        self._ended = False

    def exchange(
        self,
        method: str,
        headers: Mapping[str, str],
        body: Message | None = None,
        name: str | None = None,
        seconds: float | None = None,
    ) -> HTTPResponse:
        """One request to /mcp. Raises OSError, HTTPException.

        name: under which `hang_up` ends it. seconds: longest silence; None: a run may take as long as it takes.
        """
        connection = self._connect(seconds, name)
        sent = {"Accept": "application/json, text/event-stream", **headers}
        if self._key:
            sent["Authorization"] = f"Bearer {self._key}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection.request(method, f"{self._base}/mcp", None if body is None else json.dumps(body).encode(), sent)
        response = connection.getresponse()
        response.connection = connection  # pyright: ignore[reportAttributeAccessIssue]  # kept alive as long as it is read
        return response

    def _connect(self, seconds: float | None, name: str | None = None) -> HTTPConnection:
        connection = self._kind(self._host, self._port, timeout=CONNECT_SECONDS)
        connection.connect()
        connection.sock.settimeout(seconds)
        with self._lock:
            if self._ended:
                connection.close()
                raise ConnectionAbortedError("the client has gone")
            if name is not None:
                self._open[name] = connection
        return connection

    def done(self, name: str | None) -> None:
        """A request is over."""
        with self._lock:
            connection = self._open.pop(name or "", None)
        if connection is not None:
            connection.close()

    def hang_up(self, name: str) -> None:
        """End a request from another thread: whoever reads its response wakes up."""
        with self._lock:
            connection = self._open.get(name)
        sock: Any = connection.sock if connection is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(2)

    def close(self) -> None:
        """End every request, and begin none any more."""
        with self._lock:
            self._ended, names = True, list(self._open)
        for name in names:
            self.hang_up(name)

    def upload(self, name: str, content: bytes) -> str:
        """Keep a file with the service; its id. Raises Refused, OSError, HTTPException."""
        border = uuid.uuid4().hex
        head = (
            f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{_quoted(name)}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + content + f"\r\n--{border}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={border}"}
        if self._key:
            headers["x-api-key"] = self._key
        connection = self._connect(300.0)
        try:
            connection.request("POST", f"{self._base}/files", body, headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status != 201:
            raise Refused(f"the service does not take {name!r}: {_why(response, text)}")
        return str(json.loads(text)["file_id"])


def replies(response: HTTPResponse) -> Iterator[Message]:
    """The messages in a response: one in JSON, or many as Server-Sent Events. Raises Refused."""
    kind = response.getheader("Content-Type") or ""
    if kind.startswith("text/event-stream"):
        yield from _events(response)
        return
    body = response.read()
    if not body and response.status < 400:
        return
    told: Any = None
    if kind.startswith("application/json"):
        with contextlib.suppress(ValueError):
            told = json.loads(body)
    if not isinstance(told, dict) or "jsonrpc" not in told:
        raise Refused(f"the service answered {_why(response, body)}")
    yield told


def _events(response: HTTPResponse) -> Iterator[Message]:
    data: list[str] = []
    for raw in response:
        line = raw.decode("utf-8").rstrip("\r\n")
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            text, data = "\n".join(data), []
            if text:
                yield json.loads(text)


def _why(response: HTTPResponse, body: bytes) -> str:
    """Status and reason, in the service's own words where it has any."""
    with contextlib.suppress(ValueError):
        told: Any = json.loads(body)
        if isinstance(told, dict) and "detail" in told:
            return f"{response.status}: {told['detail']} ({told.get('code')})"  # pyright: ignore[reportUnknownMemberType]
    return f"{response.status} {response.reason}: {body[:200].decode('utf-8', 'replace')}"


def header(value: str) -> str:
    """A header's value as 2026-07-28 wants it: base64 in a wrapper where it is not plain printable ASCII."""
    if re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", value) and not value.startswith("=?base64?"):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def _quoted(name: str) -> str:
    """A file name as browsers write it into a form: UTF-8, without what would end it."""
    return re.sub(r'[\x00-\x1f\x7f"\\]', "_", name)
