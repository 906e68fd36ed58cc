"""MCP on standard input and output, carried to a running service over Streamable HTTP.

Messages pass as they are, so that both protocol versions, and whatever a client can do, reach the service unchanged.
One thing is done here, on the client's own machine: a document that a tool call names by its path is read, within the
folders that the client shares, and uploaded; the call goes on with the file's id.

Standard library only: the .mcpb bundle carries this to desktops that have Python and nothing of ours.
"""

import contextlib
import json
import os
import queue
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from service.mcp.carrying import Message, Refused, Service, header, replies
from service.mcp.lines import TOO_LONG, Refusal, bounded, parsed
from service.mcp.roots import Unreadable, folders, read_within

LARGEST_FILE: Final = 50 * 1024 * 1024
"""Largest document that is read, bytes; the service may take less (limits.upload_bytes)."""
ABREAST: Final = 64
"""Messages that are under way at the same time."""
ROUNDS: Final = 256
"""Calls that wait for their second round and are remembered."""
ROOTS_SECONDS: Final = 30.0

_PATH: Final = {
    "type": "string",
    "maxLength": 4096,
    "description": "Path of the file on the user's machine, absolute or relative to a folder that the client shares.",
}
_NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Requests whose subject goes into the header Mcp-Name (2026-07-28)."""
_VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"
_INTERNAL_ERROR: Final = -32603
_LISTENING: Final = "\0listening"


class Relay:
    """One client on one service. shared: folders of the command line. write: takes a line for the client."""

    def __init__(self, service: Service, shared: Sequence[Path], write: Callable[[str], None]) -> None:
        self._service, self._shared, self._write = service, list(shared), write
        self._session: str | None = None
        self._hello: Message | None = None
        self._version: str | None = None
        self._capabilities: Message = {}
        self._asked: dict[str, queue.SimpleQueue[Message]] = {}
        self._rounds: dict[str, Message] = {}
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
        method, name = told.get("method"), str(told.get("id"))
        if method is None and name in self._asked:
            self._asked[name].put(told)
        elif method == "notifications/cancelled":
            self._pool.submit(self._cancel, told)
        elif method == "initialize":
            self._hello, self._session, self._version = told, None, None
            self._capabilities = _fields(_fields(told.get("params")).get("capabilities"))
            self._carry(told)
        elif method == "notifications/initialized":
            self._carry(told)
            if self._session is not None:
                self._pool.submit(self._listen)
        else:
            self._pool.submit(self._carry, told)

    def _cancel(self, message: Message) -> None:
        """End a request: by telling the service in a session (2025-11-25), and by closing its response."""
        request_id = str(_fields(message.get("params")).get("requestId"))
        with self._lock:
            self._cancelled.add(request_id)
        if self._session is not None:
            self._carry(message)
        self._service.hang_up(request_id)

    def _carry(self, message: Message) -> None:
        """Send a message to the service, and what comes of it to the client."""
        request_id = str(message["id"]) if "id" in message and "method" in message else None
        try:
            ready = self._with_document(message) if message.get("method") == "tools/call" else message
            if ready is None:
                return
            answered = False
            for reply in self._replies(ready, request_id):
                answered = answered or ("id" in reply and "method" not in reply)
                self._tell(_with_path(reply) if message.get("method") == "tools/list" else reply)
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
        if response.status == 404 and used is not None and _modern(message) is None:
            response.read()
            self._service.done(request_id)
            self._reopen(used)
            response = self._service.exchange("POST", self._headers(message), message, request_id)
        session = response.getheader("Mcp-Session-Id")
        for reply in replies(response):
            result = _fields(reply.get("result"))
            if message.get("method") == "initialize" and "result" in reply:
                self._session, self._version = session, result.get("protocolVersion")
            if "error" in reply and reply.get("id") is None and "id" in message:
                reply["id"] = message["id"]  # the service could not tell whose it is
            if "requestState" in result and message.get("method") == "tools/call":
                self._remember(str(result["requestState"]), _fields(_fields(message.get("params")).get("arguments")))
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

    def _remember(self, state: str, arguments: Message) -> None:
        """The arguments as the service has them: the second round of the call must bring the same."""
        with self._lock:
            self._rounds[state] = arguments
            while len(self._rounds) > ROUNDS:
                del self._rounds[next(iter(self._rounds))]

    def _headers(self, message: Message | None) -> dict[str, str]:
        version = _modern(message) if message is not None else None
        if message is None or version is None:
            own = {"Mcp-Session-Id": self._session, "MCP-Protocol-Version": self._version}
            return {name: value for name, value in own.items() if value is not None}
        method = str(message.get("method") or "")
        headers = {"MCP-Protocol-Version": version, "Mcp-Method": method}
        subject = _fields(message.get("params")).get(_NAMED.get(method, ""))
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

    def _with_document(self, message: Message) -> Message | None:
        """The tool call with its path replaced by a file's id; None where the client must be asked first."""
        params = _fields(message.get("params"))
        arguments = _fields(params.get("arguments"))
        path = arguments.get("path")
        if not isinstance(path, str):
            return message
        kept = self._rounds.pop(str(params["requestState"]), None) if params.get("requestState") else None
        if kept is None:
            roots = self._roots(message, params)
            if roots is None:
                return None
            name, content = read_within(path, roots, LARGEST_FILE)
            file_id = self._service.upload(str(arguments.get("name") or name), content)
            kept = {**{key: value for key, value in arguments.items() if key != "path"}, "file_id": file_id}
        return {**message, "params": {**params, "arguments": kept}}

    def _roots(self, message: Message, params: Message) -> list[Path] | None:
        """The folders that the client shares, or else the command line; None: the client was asked by a result."""
        if _modern(message) is None:
            return self._listed_roots() if "roots" in self._capabilities else self._shared
        if "roots" not in _fields(_fields(params.get("_meta")).get(_CAPABILITIES_KEY)):
            return self._shared
        given = _fields(params.get("inputResponses")).get("roots")
        if given is None:
            asked = {"roots": {"method": "roots/list"}}
            result = {"resultType": "input_required", "inputRequests": asked}
            self._tell({"jsonrpc": "2.0", "id": message["id"], "result": result})
            return None
        return _named(_fields(given)) or self._shared

    def _listed_roots(self) -> list[Path]:
        name = f"consilia-roots-{uuid.uuid4().hex}"
        waiting = self._asked[name] = queue.SimpleQueue()
        self._tell({"jsonrpc": "2.0", "id": name, "method": "roots/list"})
        try:
            reply = waiting.get(timeout=ROOTS_SECONDS)
        except queue.Empty:
            raise Unreadable("the client did not say in time which folders it shares") from None
        finally:
            del self._asked[name]
        return _named(_fields(reply.get("result"))) or self._shared

    def _failed(self, message: Message, why: str) -> None:
        """Tell of a failure: a tool's as its result, so that a model reads it; else as an error."""
        if message.get("method") == "tools/call":
            told: Message = {"content": [{"type": "text", "text": why}], "isError": True}
            if _modern(message) is not None:
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


def _fields(value: Any) -> Message:
    return cast(Message, value) if isinstance(value, dict) else {}


def _modern(message: Message) -> str | None:
    """The protocol version that a message itself names, as 2026-07-28 does; a session has negotiated its own."""
    named = _fields(_fields(message.get("params")).get("_meta")).get(_VERSION_KEY)
    return named if isinstance(named, str) and message.get("method") != "initialize" else None


def _named(listed: Message) -> list[Path]:
    roots: list[Any] = listed.get("roots") or []
    return folders(str(_fields(each).get("uri")) for each in roots)


def _with_path(reply: Message) -> Message:
    """A list of tools in which those that take a document take its path too."""
    for tool in cast(list[Message], _fields(reply.get("result")).get("tools") or []):
        properties = _fields(_fields(tool.get("inputSchema")).get("properties"))
        if "content_base64" in properties:
            tool["inputSchema"]["properties"] = {"path": _PATH, **properties}
            told = str(tool.get("description") or "")
            tool["description"] = told.replace("exactly one way: content,", "exactly one way: path, content,")
    return reply


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
