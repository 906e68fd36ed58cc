"""What is kept of a tool call, and where."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

WAITING: Final = "waiting_for_approval"
"""Code of the error under which a call is kept while a person is asked; details.number: which question of its task."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a run a call is made: the node's name and LangGraph's task id, which a resumed run repeats exactly."""

    node: str
    task_id: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The record of one tool call. key: the same for the same call of the same task, also after a crash.

    arguments: as sent, long strings abbreviated. result: the structured content, or {"text": …}; None on an error.
    permission: why the call was allowed.
    """

    key: str
    node: str
    server: str
    tool: str
    arguments: dict[str, Any]
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    permission: str
    started_at: datetime
    duration_ms: float
    replayed: bool = False


class ToolLedger(Protocol):
    """Where tool calls are kept; the service keeps them in SQL."""

    async def returned(self, key: str) -> dict[str, Any] | None:
        """The result of the call with this key, if it had returned."""
        ...

    async def waiting(self, key: str) -> int | None:
        """The number of the question by which a person was asked about the call with this key, if one was and the call
        has not been made since."""
        ...

    async def untrusted(self) -> str | None:
        """What untrusted content the run, or an earlier one on its thread, has read, in words; None: nothing yet."""
        ...

    async def tool_called(self, call: ToolCall) -> None:
        """Keep a finished call, before its result is used."""
        ...
