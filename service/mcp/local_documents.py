"""A document that a tool call names by its path: read on the client's own machine, within the folders that the client
shares, and kept with the service; the call goes on with the file's id. Standard library only, as `relay`."""

import queue
import threading
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

from service.mcp.carrying import Message, Service, fields, modern
from service.mcp.roots import Unreadable, folders, read_within

LARGEST_FILE: Final = 50 * 1024 * 1024
"""Largest document that is read, bytes; the service may take less (limits.upload_bytes)."""
ROUNDS: Final = 256
"""Calls that wait for their second round and are remembered."""
ROOTS_SECONDS: Final = 30.0

_PATH: Final = {
    "type": "string",
    "maxLength": 4096,
    "description": "Path of the file on the user's machine, absolute or relative to a folder that the client shares.",
}
_CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"


class LocalDocuments:
    """shared: folders of the command line, where the client names none. tell: sends a message to the client.
    capabilities: the client's, of its session (2025-11-25)."""

    def __init__(self, service: Service, shared: Sequence[Path], tell: Callable[[Message], None]) -> None:
        self.capabilities: Message = {}
        self._service, self._shared, self._tell = service, list(shared), tell
        self._asked: dict[str, queue.SimpleQueue[Message]] = {}
        self._rounds: dict[str, Message] = {}
        self._lock = threading.Lock()

    def answered(self, reply: Message) -> bool:
        """Whether a client's answer is to a question of ours; then it is taken."""
        waiting = self._asked.get(str(reply.get("id")))
        if waiting is not None:
            waiting.put(reply)
        return waiting is not None

    def remember(self, state: str, arguments: Message) -> None:
        """The arguments as the service has them: the second round of the call must bring the same."""
        with self._lock:
            self._rounds[state] = arguments
            while len(self._rounds) > ROUNDS:
                del self._rounds[next(iter(self._rounds))]

    def uploaded(self, message: Message) -> Message | None:
        """The tool call with its path replaced by a file's id; None where the client must be asked first.

        Raises Unreadable, Refused, OSError, HTTPException.
        """
        params = fields(message.get("params"))
        arguments = fields(params.get("arguments"))
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
        if modern(message) is None:
            return self._listed_roots() if "roots" in self.capabilities else self._shared
        if "roots" not in fields(fields(params.get("_meta")).get(_CAPABILITIES_KEY)):
            return self._shared
        given = fields(params.get("inputResponses")).get("roots")
        if given is None:
            asked = {"roots": {"method": "roots/list"}}
            result = {"resultType": "input_required", "inputRequests": asked}
            self._tell({"jsonrpc": "2.0", "id": message["id"], "result": result})
            return None
        return _named(fields(given)) or self._shared

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
        return _named(fields(reply.get("result"))) or self._shared


def _named(listed: Message) -> list[Path]:
    roots: list[Any] = listed.get("roots") or []
    return folders(str(fields(each).get("uri")) for each in roots)


def with_path(reply: Message) -> Message:
    """A list of tools in which those that take a document take its path too."""
    for tool in cast(list[Message], fields(reply.get("result")).get("tools") or []):
        properties = fields(fields(tool.get("inputSchema")).get("properties"))
        if "content_base64" in properties:
            tool["inputSchema"]["properties"] = {"path": _PATH, **properties}
            told = str(tool.get("description") or "")
            tool["description"] = told.replace("exactly one way: content,", "exactly one way: path, content,")
    return reply
