"""What a run leaves behind: its events, model calls and tool calls, in SQL before their results are used."""

from typing import Any

from agents.ask import ModelCall
from agents.routing import EMBEDDED
from service.database import calls, runs
from service.database.engine import Database
from service.database.writer import Write
from service.runs.json import dumps
from service.runs.stream import Event, Feed
from tools.host import ToolCall


class RunLedger:
    """The ledger of one run: implements `tools.host.ToolLedger` and `agents.ask.ModelLedger`."""

    def __init__(self, database: Database, run_id: str, tenant_id: str, feed: Feed) -> None:
        self._database = database
        self._run_id = run_id
        self._tenant_id = tenant_id
        self._feed = feed
        self._seq = feed.last_seq
        self._engines: set[str] = set()

    @property
    def engine(self) -> str | None:
        """Who answered the run's questions: "embedded", "models", "embedded+models", None when nothing was asked."""
        return "+".join(sorted(self._engines)) or None

    async def emit(self, kind: str, data: Any, *writes: Write) -> None:
        """Append an event, together with other writes, in one transaction."""
        await self.emit_all([(kind, dumps(data))], *writes)

    async def emit_all(self, events: list[tuple[str, str]], *writes: Write) -> None:
        """Append events (kind, JSON text) in order."""
        numbered: list[Event] = []
        for kind, data in events:
            self._seq += 1
            numbered.append(Event(self._seq, kind, data))
        rows = [runs.event(self._run_id, event.seq, event.kind, event.data) for event in numbered]
        await self._database.writer.write(*writes, *rows)
        self._feed.publish(numbered)

    async def returned(self, key: str) -> dict[str, Any] | None:
        return await calls.returned(self._database, self._run_id, key)

    async def tool_called(self, call: ToolCall) -> None:
        summary = {
            "node": call.node,
            "server": call.server,
            "tool": call.tool,
            "permission": call.permission,
            "duration_ms": round(call.duration_ms, 1),
            "error": call.error,
        }
        await self.emit("tool_call", summary, calls.tool_call(self._database, self._run_id, self._tenant_id, call))

    async def model_called(self, call: ModelCall) -> None:
        self._engines.add(EMBEDDED if call.engine == EMBEDDED else "models")
        summary = {
            "node": call.node,
            "question": call.question,
            "engine": call.engine,
            "model": call.model,
            "reasons": call.reasons,
            "thinking": call.thinking,
            "duration_ms": round(call.duration_ms, 1),
            "error": call.error,
        }
        await self.emit("model_call", summary, calls.model_call(self._run_id, self._tenant_id, call))
