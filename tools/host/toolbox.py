"""The tools of one run: permission, approval, record, replay."""

import asyncio
import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from mcp_types import Tool
from pydantic import BaseModel

from tools.errors import ConsiliaError
from tools.host.approval import approved, question
from tools.host.faults import ToolFailed, ToolForbidden, ToolNameClash, ToolNeedsApproval, ToolRejected, UnknownTool
from tools.host.host import ToolHost
from tools.host.naming import shown
from tools.host.permission import Policy
from tools.host.shortening import abbreviated, withheld
from tools.record import WAITING, Place, ToolCall, ToolLedger
from tools.tracing import tool_span

Answer = TypeVar("Answer", bound=BaseModel)

Ask = Callable[[dict[str, Any]], Any]
"""Asks a person and gives the answer: LangGraph's `interrupt`, which parks the run until there is one."""


@dataclass(slots=True)
class Toolbox:
    """The tools of one run: `await tools.call(place, "contracts", "split_clauses", {...}, Structure)`.

    allowed: server/tool names, or server/*, that the workflow may call; with a `policy` they add to what it allows.
    tenant_id: whose run it is; in-house tools that read what belongs to a tenant (market data) see this tenant's alone.
    ask: how a person is asked; None: nobody can be, and what needs approval is refused. at_once: a person answers while
    the call waits (at a terminal), instead of in a later run that does the task again.
    """

    host: ToolHost
    ledger: ToolLedger
    workflow: str
    allowed: frozenset[str]
    tenant_id: str | None = None
    policy: Policy = field(default_factory=Policy)
    ask: Ask | None = None
    at_once: bool = False
    _calls: dict[str, int] = field(default_factory=dict[str, int])
    _turns: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _asked: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def call(
        self,
        place: Place,
        server: str,
        tool: str,
        arguments: dict[str, Any],
        answer: type[Answer],
        *,
        private: bool = False,
    ) -> Answer:
        """Call the tool, record the call, and return its result as `answer`.

        private: arguments and result may identify a person, so the record says only how large they were, an unexpected
        error keeps its words to itself, and after a crash the call is made again.
        """
        raw = await self.call_raw(place, server, tool, arguments, private=private)
        return answer.model_validate(raw)

    async def call_raw(
        self, place: Place, server: str, tool: str, arguments: dict[str, Any], *, private: bool = False
    ) -> dict[str, Any]:
        """Like `call`, for a result of any shape."""
        allowed = self._allowed(server, tool)
        key = self._key(place, server, tool, arguments)
        told = withheld(arguments) if private else abbreviated(arguments)
        call = _Call(key, place, server, tool, told)
        if self.host.in_house(server) and not await self.host.has_effects(server, tool):
            permission = allowed
            kept = await self.ledger.returned(key)
        else:
            async with self._turns[place.task_id]:  # so that questions come in the order of the calls
                permission, kept = await self._permitted(call, allowed, private=private)
        if kept is not None:
            return kept
        started, clock = datetime.now(UTC), time.perf_counter()
        result: dict[str, Any] | None = None
        failure: dict[str, Any] | None = None
        try:
            with tool_span(server, tool, place.node):
                result = await self.host.call(server, tool, arguments, self.tenant_id)
            return result
        except ConsiliaError as error:
            if private and isinstance(error, ToolFailed):
                withheld_error = ToolFailed(f"tool {server}/{tool} failed on a private call", server=server, tool=tool)
                failure = withheld_error.as_payload()
                raise withheld_error from None
            failure = error.as_payload()
            raise
        except asyncio.CancelledError:
            failure = {"code": "cancelled", "message": "the run was cancelled during the call"}
            raise
        finally:
            await self.ledger.tool_called(
                call.record(
                    permission, started, (time.perf_counter() - clock) * 1000, None if private else result, failure
                )
            )

    async def offered(self, entries: Sequence[str]) -> list[tuple[str, Tool]]:
        """The tools that an agent is offered, as (server/tool, description); server/* stands for all of a server's.

        Waits until their servers' sessions are open; those of a server that is away are left out, unless it has listed
        them before. Raises UnknownTool for one there is not, ToolNameClash for two that a model would see under one
        name.
        """
        away = await self.host.opened({entry.partition("/")[0] for entry in entries})
        known = self.host.tools()
        found: dict[str, tuple[str, Tool]] = {}
        for entry in entries:
            server, _, tool = entry.partition("/")
            names = sorted(known.get(server, {})) if tool == "*" else [tool]
            for name in names:
                if name not in known.get(server, {}):
                    if server in away:
                        continue
                    raise UnknownTool(
                        f"an agent may call {entry!r}, but there is no such tool", server=server, tool=tool
                    )
                whole = f"{server}/{name}"
                other = found.setdefault(shown(whole), (whole, known[server][name]))
                if other[0] != whole:
                    raise ToolNameClash(f"a model would see both {other[0]!r} and {whole!r} as {shown(whole)!r}")
        return list(found.values())

    def _allowed(self, server: str, tool: str) -> str:
        """By which entry the workflow may call the tool at all. Raises ToolForbidden."""
        every = Policy(self.allowed | self.policy.allowed)
        entry = every.entry(server, tool)
        if entry is None:
            allowed = ", ".join(sorted(every.allowed)) or "none"
            raise ToolForbidden(
                f"workflow {self.workflow!r} may not call {server}/{tool}; it may call: {allowed}",
                server=server,
                tool=tool,
            )
        return f"allowed to {self.workflow} by {entry}"

    async def _permitted(self, call: "_Call", allowed: str, *, private: bool) -> tuple[str, dict[str, Any] | None]:
        """Why the call may be made now, and its result where it has returned already.

        A tool that writes, or that reaches out in a run that has read untrusted content, needs an entry in the policy
        or a person's approval. An answer counts only for the very call that was asked about: same task, same tool, same
        arguments, same place among the task's questions.
        """
        effects = await self.host.effects(call.server, call.tool)
        tainted = await self.ledger.untrusted() if effects.writes or effects.reaches_out else None
        excuse = self.policy.excuse(call.server, call.tool, tainted=tainted is not None)
        kept = await self.ledger.returned(call.key)
        if not effects.writes and (tainted is None or not effects.reaches_out):
            return f"{allowed}; it {effects}", kept
        if excuse is not None:
            return f"{allowed}; it {effects}, {excuse}", kept
        why = f"it {effects}" + (f", and the run has read untrusted content ({tainted})" if tainted else "")
        if self.ask is None:
            raise ToolNeedsApproval(
                f"{call.server}/{call.tool} needs a person's approval, since {why}; here nobody can be asked. "
                f"tools.servers.{call.server}.{'after_untrusted' if tainted else 'without_approval'} can allow it",
                server=call.server,
                tool=call.tool,
            )
        self._asked[call.place.task_id] += 1
        number = self._asked[call.place.task_id]
        waiting = await self.ledger.waiting(call.key) if kept is None else number
        if waiting is None:
            await self.ledger.tool_called(call.record(f"{allowed}; waits for approval", None, 0.0, None, _wait(number)))
        answer = self.ask(question(call.server, call.tool, call.arguments, why, private=private))
        if kept is not None:
            return allowed, kept
        if waiting != number and not self.at_once:
            raise ToolRejected(
                f"the answer was given for another call than this one of {call.server}/{call.tool}; ask again",
                server=call.server,
                tool=call.tool,
            )
        said = approved(answer)
        if not said.yes:
            reason = f": {said.reason}" if said.reason else ""
            error = ToolRejected(
                f"a person rejected the call of {call.server}/{call.tool}{reason}",
                server=call.server,
                tool=call.tool,
            )
            await self.ledger.tool_called(call.record(f"{allowed}; rejected", None, 0.0, None, error.as_payload()))
            raise error
        return f"{allowed}; approved by a person, since {why}", None

    def _key(self, place: Place, server: str, tool: str, arguments: dict[str, Any]) -> str:
        packed = orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS)
        digest = hashlib.sha256(f"{place.task_id}\0{server}\0{tool}\0".encode() + packed).hexdigest()[:32]
        ordinal = self._calls[digest] = self._calls.get(digest, -1) + 1
        return f"{digest}.{ordinal}"


@dataclass(frozen=True, slots=True)
class _Call:
    """A call as the record tells it."""

    key: str
    place: Place
    server: str
    tool: str
    arguments: dict[str, Any]

    def record(
        self,
        permission: str,
        started: datetime | None,
        milliseconds: float,
        result: dict[str, Any] | None,
        error: dict[str, Any] | None,
    ) -> ToolCall:
        return ToolCall(
            key=self.key,
            node=self.place.node,
            server=self.server,
            tool=self.tool,
            arguments=self.arguments,
            result=result,
            error=error,
            permission=permission,
            started_at=started or datetime.now(UTC),
            duration_ms=milliseconds,
        )


def _wait(number: int) -> dict[str, Any]:
    message = "the call waits for a person's approval"
    return {"code": WAITING, "message": message, "status": 202, "details": {"number": number}}
