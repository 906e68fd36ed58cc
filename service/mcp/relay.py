"""MCP on standard input and output, carried to a running service over Streamable HTTP.

Messages pass as they are, so that both protocol versions, and whatever a client can do, reach the service unchanged.
One thing is done here, on the client's own machine: a document that a tool call names by its path is read, within the
folders that the client shares, and uploaded; the call goes on with the file's id.

Standard library only: the .mcpb bundle carries this to desktops that have Python and nothing of ours.
"""

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO, Final

from service.mcp.carrying import Message, Refused, Service, fields, header, modern, replies
from service.mcp.lines import TOO_LONG, Refusal, bounded, parsed
from service.mcp.local_documents import LocalDocuments, with_path
from service.mcp.roots import Unreadable

ABREAST: Final = 64
"""Messages that are under way at the same time."""
_NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Requests whose subject goes into the header Mcp-Name (2026-07-28)."""
_INTERNAL_ERROR: Final = -32603
_LISTENING: Final = "\0listening"


class Relay:
    """One client on one service. shared: folders of the command line. write: takes a line for the client."""

    def __init__(self, service: Service, shared: Sequence[Path], write: Callable[[str], None]) -> None:
        self._service, self._write = service, write
        self._documents = LocalDocuments(service, shared, self._tell)
        self._session: str | None = None
        self._hello: Message | None = None
        self._version: str | None = None
        self._cancelled: set[str] = set()
        self._lock, self._opening = threading.Lock(), threading.Lock()
        self._pool = ThreadPoolExecutor(ABREAST, "relay")
        self._ended = False

    def run(self, source: BinaryIO) -> None:
        """Carry every line until there are no more; then end what is open."""
        for line in bounded(source):
            told = TOO_LONG if line is None else parsed(line)
            if isinstance(told, Refusal):
                sys.stderr.write(f"consilia mcp: a message is refused: {told.message}\n")
                self._tell(told.reply())
            else:
                self._take(told)
        self._ended = True
        if self._session is not None:
            with contextlib.suppress(OSError, HTTPException):  # the service closes a silent session by itself
                self._service.exchange("DELETE", self._headers(None), seconds=5.0).read()
        self._service.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self, told: Message) -> None:
        """What must keep its order is carried at once, the rest beside each other."""
        method = told.get("method")
        if method is None and self._documents.answered(told):
            return
        if method == "notifications/cancelled":
            self._pool.submit(self._cancel, told)
        elif method == "initialize":
            self._hello, self._session, self._version = told, None, None
            self._documents.capabilities = fields(fields(told.get("params")).get("capabilities"))
            self._carry(told)
        elif method == "notifications/initialized":
            self._carry(told)
            if self._session is not None:
                self._pool.submit(self._listen)
        else:
            self._pool.submit(self._carry, told)

    def _cancel(self, message: Message) -> None:
        """End a request: by telling the service in a session (2025-11-25), and by closing its response."""
        request_id = str(fields(message.get("params")).get("requestId"))
        with self._lock:
            self._cancelled.add(request_id)
        if self._session is not None:
            self._carry(message)
        self._service.hang_up(request_id)

    def _carry(self, message: Message) -> None:
        """Send a message to the service, and what comes of it to the client."""
        request_id = str(message["id"]) if "id" in message and "method" in message else None
        try:
            ready = self._documents.uploaded(message) if message.get("method") == "tools/call" else message
            if ready is None:
                return
            answered = False
            for reply in self._replies(ready, request_id):
                answered = answered or ("id" in reply and "method" not in reply)
                self._tell(with_path(reply) if message.get("method") == "tools/list" else reply)
            if request_id is not None and not answered and not self._unwanted(request_id):
                raise Refused("the service ended the response before its answer; list_runs finds what it started")
        except (Unreadable, Refused) as error:
            self._failed(message, str(error))
        except (
            OSError,
            HTTPException,
            ValueError,
            AttributeError,
        ) as error:  # AttributeError: closed while it was read
            if not self._unwanted(request_id):
                self._failed(message, f"the service at {self._service.url} does not answer: {error}")
        except Exception as error:
            self._failed(message, f"the message could not be carried: {type(error).__name__}")
        finally:
            self._service.done(request_id)
            with self._lock:
                self._cancelled.discard(request_id or "")

    def _unwanted(self, request_id: str | None) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._ended or request_id in self._cancelled

    def _replies(self, message: Message, request_id: str | None) -> Iterator[Message]:
        used = self._session
        response = self._service.exchange("POST", self._headers(message), message, request_id)
        if response.status == 404 and used is not None and modern(message) is None:
            response.read()
            self._service.done(request_id)
            self._reopen(used)
            response = self._service.exchange("POST", self._headers(message), message, request_id)
        session = response.getheader("Mcp-Session-Id")
        for reply in replies(response):
            result = fields(reply.get("result"))
            if message.get("method") == "initialize" and "result" in reply:
                self._session, self._version = session, result.get("protocolVersion")
            if "error" in reply and reply.get("id") is None and "id" in message:
                reply["id"] = message["id"]  # the service could not tell whose it is
            if "requestState" in result and message.get("method") == "tools/call":
                self._documents.remember(
                    str(result["requestState"]), fields(fields(message.get("params")).get("arguments"))
                )
            yield reply

    def _reopen(self, lost: str) -> None:
        """Open the session anew: the service was started again, or had not heard of us for long (2025-11-25)."""
        with self._opening:
            hello = self._hello
            if hello is None or self._session != lost:  # another request has done it
                return
            self._session = None
            response = self._service.exchange("POST", self._headers(None), hello, seconds=60.0)
            opened = response.getheader("Mcp-Session-Id")
            if not any("result" in each for each in replies(response)):
                self._session = lost
                raise Refused("the service has forgotten the session and opens no other; start this client anew")
            self._session = opened
            done: Message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            self._service.exchange("POST", self._headers(None), done, seconds=60.0).read()
        self._pool.submit(self._listen)

    def _headers(self, message: Message | None) -> dict[str, str]:
        version = modern(message) if message is not None else None
        if message is None or version is None:
            own = {"Mcp-Session-Id": self._session, "MCP-Protocol-Version": self._version}
            return {name: value for name, value in own.items() if value is not None}
        method = str(message.get("method") or "")
        headers = {"MCP-Protocol-Version": version, "Mcp-Method": method}
        subject = fields(message.get("params")).get(_NAMED.get(method, ""))
        return {**headers, "Mcp-Name": header(subject)} if isinstance(subject, str) else headers

    def _listen(self) -> None:
        """What the service says without being asked (2025-11-25), until the client ends."""
        try:
            response = self._service.exchange("GET", self._headers(None), name=_LISTENING)
            if response.status == 200:
                for reply in replies(response):
                    self._tell(reply)
        except (OSError, HTTPException, ValueError, AttributeError, Refused) as error:
            if not self._ended:
                sys.stderr.write(f"consilia mcp: the service's own messages end: {type(error).__name__}\n")

    def _failed(self, message: Message, why: str) -> None:
        """Tell of a failure: a tool's as its result, so that a model reads it; else as an error."""
        if message.get("method") == "tools/call":
            told: Message = {"content": [{"type": "text", "text": why}], "isError": True}
            if modern(message) is not None:
                told["resultType"] = "complete"
            self._tell({"jsonrpc": "2.0", "id": message.get("id"), "result": told})
        elif "id" in message:
            self._fail(message["id"], _INTERNAL_ERROR, why)
        else:
            sys.stderr.write(f"consilia mcp: {why}\n")

    def _fail(self, request_id: Any, code: int, why: str) -> None:
        self._tell({"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": why}})

    def _tell(self, message: Message) -> None:
        line = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        with self._lock:
            self._write(line + "\n")


def relay(url: str, key: str, shared: Sequence[Path]) -> int:
    """Serve the client on standard input and output; the exit status."""

    def write(line: str) -> None:
        sys.stdout.buffer.write(line.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()

    try:
        service = Service(url, key)
    except ValueError as error:
        sys.stderr.write(f"consilia mcp: {error}\n")
        return 2
    Relay(service, shared, write).run(sys.stdin.buffer)
    return 0


if __name__ == "__main__":
    environment = os.environ
    raise SystemExit(
        relay(
            environment.get("CONSILIA_MCP_URL") or "http://127.0.0.1:8321",
            environment.get("CONSILIA_KEY", ""),
            [Path(each).expanduser().absolute() for each in sys.argv[1:] if each],
        )
    )
