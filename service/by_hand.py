"""What a person does with the tools at the command line: each act is a run of its own, in the record as any other."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from service.database import runs, threads
from service.database.tables import DEFAULT_TENANT, new_id
from service.house import House
from service.runs.ledger import RunLedger
from service.runs.outcome import failure
from service.tool_servers import Difference, ServerShown, accept, differences, servers
from tools.errors import ConsiliaError, InvalidInput
from tools.host import Policy, Toolbox, abbreviated
from tools.record import Place

Act = Literal["tools list", "tools call", "tools diff", "tools pin"]
"""What such a run is recorded as, in place of a workflow's name: the command that did it."""

BY: Final = "the command line"


@dataclass(slots=True)
class HandRun:
    """A run that a person's command is. output: what comes of it, for the record; None: it has come to nothing."""

    run_id: str
    ledger: RunLedger
    output: dict[str, Any] | None = None


@asynccontextmanager
async def kept(
    house: House, act: Act, input: dict[str, Any], tenant_id: str = DEFAULT_TENANT
) -> AsyncGenerator[HandRun]:
    """A run around what a command does. A ConsiliaError passes through, with the run's id in its details."""
    run_id, thread_id = new_id(), new_id()
    about = {"graph_id": act, "source": "cli"}
    sealed = house.database.is_sensitive(act)
    creation, _ = runs.creation(
        run_id=run_id,
        tenant_id=tenant_id,
        thread_id=thread_id,
        assistant_id="",
        graph_id=act,
        input=input,
        kwargs={},
        metadata=about,
        multitask_strategy="enqueue",
        executor=house.queue.owner,
        sealed=sealed,
    )
    thread = threads.creation(tenant_id, thread_id, about, temporary=True)[0]
    await house.database.writer.write(thread, creation, runs.started(run_id, 1, house.queue.owner or act))
    feed = house.feeds.open(run_id)
    ledger = RunLedger(house.database, run_id, tenant_id, feed, house.meters, sealed=sealed, trusted=house.host.trusted)
    run, error = HandRun(run_id, ledger), None
    try:
        yield run
    except ConsiliaError as fault:
        error = failure(fault, house.settings.limits.run_seconds).error
        fault.details = {**fault.details, "run_id": run_id}
        raise
    finally:
        status = "success" if run.output is not None else "error"
        ended = runs.finished(
            run_id, status, output=run.output, error=error, engine=None, degraded=False, sealed=sealed
        )
        await ledger.end(ended, error=None)
        house.feeds.close(run_id)


@dataclass(frozen=True, slots=True)
class Called:
    """A call by hand, and the run that it is kept as."""

    run_id: str
    result: dict[str, Any]


async def call(
    house: House,
    tenant_id: str,
    server: str,
    tool: str,
    arguments: dict[str, Any],
    ask: Callable[[dict[str, Any]], Any] | None,
) -> Called:
    """Call a tool as a person who may call every tool; the call is in the run's record.

    ask: asks the person before a tool writes, and gives the answer; None: such a tool is refused. Raises the call's
    ConsiliaError.
    """
    if not server or not tool:
        raise InvalidInput("name the tool as server/tool; consilia tools list shows what there is", field="tool")
    input = {"tool": f"{server}/{tool}", "arguments": arguments}
    async with kept(house, "tools call", input, tenant_id) as run:
        every = Policy(allowed=frozenset({f"{server}/*"}))
        box = Toolbox(house.host, run.ledger, "tools call", every.allowed, tenant_id, every, ask, at_once=True)
        result = run.output = await box.call_raw(Place("tools call", run.run_id), server, tool, arguments)
    return Called(run.run_id, result)


async def listed(house: House, server: str | None) -> tuple[str, list[ServerShown]]:
    """The run's id, and the servers with their tools; the record has who was reached, what is offered, and its pins.

    Raises UnknownTool for a server there is not.
    """
    async with kept(house, "tools list", {"server": server}) as run:
        shown = await servers(house, server)
        run.output = {"servers": [_offered(each) for each in shown]}
    return run.run_id, shown


async def compared(house: House, server: str | None, tool: str | None) -> tuple[str, list[Difference]]:
    """The run's id, and how tools differ from what was pinned; the record has the differences as they were shown.

    Raises UnknownTool for a server there is not.
    """
    async with kept(house, "tools diff", {"server": server, "tool": tool}) as run:
        await servers(house, server)
        found = await differences(house.database, server, tool)
        run.output = {"differences": [_told(each) for each in found]}
    return run.run_id, found


async def pinned(
    house: House, server: str, tool: str | None, agree: Callable[[Sequence[Difference]], bool]
) -> tuple[str, list[str]]:
    """The run's id, and the tools whose word of now was accepted; the record has what each said before and says now.

    agree: shown what would be accepted; False: nothing is. Raises UnknownTool where nothing was ever seen.
    """
    async with kept(house, "tools pin", {"server": server, "tool": tool}) as run:
        await servers(house, server)
        found = await differences(house.database, server, tool)
        agreed = not found or agree(found)
        accepted = await accept(house.database, server, tool, BY, found) if agreed else []
        run.output = {"accepted": accepted, "agreed": agreed, "differences": [_told(each) for each in found]}
    return run.run_id, accepted


def _offered(server: ServerShown) -> dict[str, Any]:
    """A server for the record: not the whole of its tools' definitions, which the pins hold."""
    return {
        "server": server.name,
        "reached": server.reached,
        "state": server.state,
        "fault": server.fault,
        "tools": {each.name: each.pin for each in server.tools},
        "refused": server.refused,
    }


def _told(found: Difference) -> dict[str, Any]:
    return {
        "server": found.server,
        "tool": found.tool,
        "kind": found.kind,
        "diff": abbreviated(found.diff, 20_000),
        "seen_digest": found.seen_digest,
        "pinned_by": found.pinned_by,
    }
