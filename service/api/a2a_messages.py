"""Agent2Agent 0.3 (https://a2a-protocol.org/v0.3.0/specification): messages in, tasks and updates out."""

from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from service.database.tables import new_id
from service.runs.outcome import Outcome

LONGEST_HISTORY: Final = 10

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
UNKNOWN_METHOD: Final = -32601
INVALID_PARAMS: Final = -32602
UNKNOWN_TASK: Final = -32001
NOT_CANCELABLE: Final = -32002
UNSUPPORTED_PART: Final = -32005


_ROLES: Final = {"human": "user", "ai": "agent", "AIMessageChunk": "agent"}
"""What LangChain calls the types of messages that are said, and A2A's roles."""


class RpcError(Exception):
    """An error in JSON-RPC's form. code: JSON-RPC 2.0's, or A2A's (-32001 and below)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Part(BaseModel):
    model_config = ConfigDict(extra="allow")

    kind: str
    text: str | None = None
    data: dict[str, Any] | None = None


class Message(BaseModel):
    """contextId: the thread. taskId: of a task that waits for this answer."""

    model_config = ConfigDict(extra="allow")

    role: Literal["user", "agent"]
    parts: list[Part] = Field(max_length=100)
    messageId: str
    contextId: str | None = None
    taskId: str | None = None


class SendParams(BaseModel):
    message: Message


class TaskParams(BaseModel):
    id: str
    contextId: str | None = None
    historyLength: int | None = Field(default=None, ge=0, le=LONGEST_HISTORY)


class Envelope(BaseModel):
    """A JSON-RPC request."""

    jsonrpc: Literal["2.0"]
    id: str | int | None = None
    method: str
    params: dict[str, Any] = Field(default_factory=dict)


def task_id(thread_id: str, run_id: str) -> str:
    """A run's name in A2A, as the Agent Server has it."""
    return f"{thread_id}:{run_id}"


def given(message: Message) -> tuple[str | None, dict[str, Any]]:
    """What a message says: its text, and its data parts merged. Raises RpcError."""
    if not message.parts:
        raise RpcError(INVALID_PARAMS, "Message must contain at least one part")
    texts: list[str] = []
    data: dict[str, Any] = {}
    for part in message.parts:
        match part:
            case Part(kind="text", text=str() as text):
                texts.append(text)
            case Part(kind="data", data=dict() as more):
                data |= more
            case _:
                raise RpcError(
                    UNSUPPORTED_PART, f"a part of kind {part.kind!r} is not taken; give text, or data; a file by /files"
                )
    return "\n".join(texts) if texts else None, data


def said(values: dict[str, Any], names: dict[str, str]) -> list[dict[str, Any]]:
    """The conversation in a thread's state, as A2A messages with these names (taskId, contextId)."""
    messages: Any = values.get("messages")
    history: list[dict[str, Any]] = []
    for each in cast(list[Any], messages) if isinstance(messages, list) else []:
        if isinstance(each, dict) and (shown := _message(cast(dict[str, Any], each), names)):
            history.append(shown)
    return history


def _message(message: dict[str, Any], names: dict[str, str]) -> dict[str, Any] | None:
    role = _ROLES.get(str(message.get("type")))
    text = _text(message.get("content"))
    if role is None or not text:
        return None
    parts = [{"kind": "text", "text": text}]
    return {"kind": "message", "role": role, "parts": parts, "messageId": message.get("id") or new_id(), **names}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    blocks = cast(list[Any], content) if isinstance(content, list) else []
    texts = [cast(dict[str, Any], block).get("text") for block in blocks if isinstance(block, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def status(state: str, names: dict[str, str], text: str | None = None) -> dict[str, Any]:
    """A task's status at this moment. state: submitted, working, input-required, completed, canceled, failed."""
    told: dict[str, Any] = {"state": state, "timestamp": datetime.now(UTC).isoformat()}
    if text is not None:
        parts = [{"kind": "text", "text": text}]
        told["message"] = {"kind": "message", "role": "agent", "parts": parts, "messageId": new_id(), **names}
    return told


def state_of(outcome: Outcome) -> str:
    """The state of a task whose run has ended."""
    if outcome.error is not None:
        return "failed"
    if outcome.status == "interrupted":
        return "input-required" if outcome.interrupts else "canceled"
    return "completed"


def artifacts(outcome: Outcome, assistant: str, names: dict[str, str]) -> list[dict[str, Any]]:
    """What a run gave: its last message, or its whole state as data; what it asks for, where it waits for an answer."""
    if outcome.error is not None:
        return []
    if outcome.interrupts:
        asked = [each for group in outcome.interrupts.values() for each in group]
        parts = [{"kind": "data", "data": each} for each in asked]
        return [_artifact("Interrupt", "The assistant needs an answer to go on", parts)]
    values = outcome.values or {}
    answers = [each for each in said(values, names) if each["role"] == "agent"]
    parts = answers[-1]["parts"] if answers else [{"kind": "data", "data": values}]
    return [_artifact("Assistant Response", f"Response from assistant {assistant}", parts)]


def _artifact(name: str, description: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"artifactId": new_id(), "name": name, "description": description, "parts": parts}


def task(outcome: Outcome, assistant: str, names: dict[str, str], most: int | None = None) -> dict[str, Any]:
    """A task whose run has ended. most: of its conversation only so many last messages."""
    history = said(outcome.values or {}, names)
    text = outcome.error["message"] if outcome.error is not None else None
    return {
        "kind": "task",
        "id": names["taskId"],
        "contextId": names["contextId"],
        "history": history if most is None else history[len(history) - most :] if most < len(history) else history,
        "status": status(state_of(outcome), names, text),
        "artifacts": artifacts(outcome, assistant, names),
    }
