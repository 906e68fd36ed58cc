"""What a run leaves behind: its events, model calls and tool calls, in SQL before their results are used."""

import asyncio
from collections.abc import Callable
from typing import Any

from agents.record import ModelCall
from agents.routing import EMBEDDED
from service.database import calls, runs, taint
from service.database.engine import Database
from service.database.tables import now
from service.database.writer import Fence, Write
from service.runs import stream
from service.runs.json import dumps
from service.runs.stream import Event, Feed
from service.telemetry.meters import Meters
from tools.record import WAITING, ToolCall


class RunLedger:
    """The ledger of one run: implements `tools.host.ToolLedger` and `agents.ask.ModelLedger`."""

    def __init__(
        self,
        database: Database,
        run_id: str,
        tenant_id: str,
        feed: Feed,
        meters: Meters,
        fence: Fence | None = None,
        *,
        sealed: bool = False,
        resumed: bool = False,
        trusted: Callable[[str], bool] = lambda server: False,
    ) -> None:
        """sealed: its workflow is sensitive, so that what is kept cannot be read. resumed: the run goes on where an
        earlier one on its thread was interrupted. trusted: whether a tool server's results are vouched for."""
        self._database = database
        self._run_id = run_id
        self._tenant_id = tenant_id
        self._feed = feed
        self._meters = meters
        self._fence = fence
        self.sealed = sealed
        self._seq = feed.last_seq
        self._engines: set[str] = set()
        self.degraded = False
        self._failure: BaseException | None = None
        self._resumed = resumed
        self._trusted = trusted
        self._tainted: str | None = None

    def continue_after(self, seq: int) -> None:
        """Number on after the events of earlier attempts."""
        self._seq = self._feed.last_seq = seq

    @property
    def engine(self) -> str | None:
        """Who answered the run's questions: "embedded", "models", "embedded+models", None when nothing was asked."""
        return "+".join(sorted(self._engines)) or None

    def append(self, kind: str, data: str, *writes: Write) -> asyncio.Future[None]:
        """Append an event (JSON text), together with other writes, in one transaction.

        The future is done at the commit, and only then the event is published; nobody need wait for it, since events
        and writes of one run are committed in the order of their calls.
        """
        self._seq += 1
        event = Event(self._seq, kind, data, now())
        return self._submit(event, *writes, announce=stream.changed(self._run_id))

    def _submit(self, event: Event, *writes: Write, announce: str) -> asyncio.Future[None]:
        kept = runs.event(self._run_id, event.seq, event.kind, event.data, event.at, sealed=self.sealed)
        done = self._database.writer.submit(*writes, kept, fence=self._fence, announce=announce)
        done.add_done_callback(lambda committed: self._committed(committed, event))
        return done

    async def end(self, *writes: Write, error: str | None) -> None:
        """Record the run's end in one transaction, with an event where it ended in error (JSON text); may be called
        again when it raised SQLAlchemyError. Raises Superseded."""
        ended = stream.ended(self._run_id)
        if error is None:
            await self._database.writer.write(*writes, fence=self._fence, announce=ended)
        else:
            await self._submit(Event(self._seq + 1, "error", error, now()), *writes, announce=ended)
            self._seq += 1

    def _committed(self, committed: asyncio.Future[None], event: Event) -> None:
        if committed.cancelled() or committed.exception() is not None:
            self._failure = self._failure or (None if committed.cancelled() else committed.exception())
            return
        self._feed.publish([event])

    def check(self) -> None:
        """Raises what kept an earlier event from being committed: a run that cannot be recorded must not go on."""
        if self._failure is not None:
            raise self._failure

    async def returned(self, key: str) -> dict[str, Any] | None:
        if not self._resumed:
            return await calls.returned(self._database, self._run_id, key)
        last = await calls.last_on_thread(self._database, self._run_id, key)
        return last["result"] if last is not None and last["error"] is None else None

    async def waiting(self, key: str) -> int | None:
        last = await calls.last_on_thread(self._database, self._run_id, key)
        error: dict[str, Any] = (last["error"] if last is not None else None) or {}
        return error["details"]["number"] if error.get("code") == WAITING else None

    async def untrusted(self) -> str | None:
        """Found in the record, so it holds over a crash and for all runs of a conversation."""
        if self._tainted is None:
            self._tainted = await taint.of_run(self._database, self._run_id, self._trusted)
        return self._tainted

    def mark_untrusted(self, what: str) -> None:
        """A node has read content that nobody vouches for. what: in words, for people."""
        if self._tainted is None:
            self._tainted = what[:200]
            self.append(taint.READ, dumps({"what": self._tainted}))

    async def tool_called(self, call: ToolCall) -> None:
        self._meters.tool_called(call)
        summary = {
            "node": call.node,
            "server": call.server,
            "tool": call.tool,
            "permission": call.permission,
            "duration_ms": round(call.duration_ms, 1),
            "error": call.error,
        }
        await self.append(
            "tool_call",
            dumps(summary),
            calls.tool_call(self._database, self._run_id, self._tenant_id, call, sealed=self.sealed),
        )

    async def model_called(self, call: ModelCall) -> None:
        self._meters.model_called(call)
        self.degraded = self.degraded or call.degraded
        self._engines.add(EMBEDDED if call.engine == EMBEDDED else "models")
        writes = [calls.model_call(self._run_id, self._tenant_id, call, sealed=self.sealed)]
        if call.degraded:
            writes.append(runs.degraded(self._run_id))
        summary = {
            "node": call.node,
            "question": call.question,
            "engine": call.engine,
            "model": call.model,
            "reasons": call.reasons,
            "thinking": call.thinking,
            "degraded": call.degraded,
            "duration_ms": round(call.duration_ms, 1),
            "error": call.error,
        }
        await self.append("model_call", dumps(summary), *writes)
