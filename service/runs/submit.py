"""Accepting a run: validated against its graph, then written as pending together with its thread."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaFault
from sqlalchemy import RowMapping
from sqlalchemy.exc import IntegrityError

from service.database import runs, threads
from service.database.tables import new_id
from service.database.writer import Write
from service.house import House
from service.runs.outcome import Outcome, recorded
from service.runs.sizes import check_size
from service.runs.stream import changed
from service.runs.webhooks import checked_url
from service.telemetry.spans import CARRIER_KEY, carrier
from tools.errors import ConsiliaError
from workflows.registry import Workflow
from workflows.schemas import input_check

MultitaskStrategy = Literal["reject", "interrupt", "rollback", "enqueue"]


class InvalidRunInput(ConsiliaError):
    """The input does not fit the graph's schema; the message names each field and what is wrong with it."""

    code = "invalid_input"
    status = 422


class ThreadBusy(ConsiliaError):
    """Another run is on the thread, and the caller wants no queue."""

    code = "thread_busy"
    status = 409


class ThreadGone(ConsiliaError):
    """The thread was deleted while a run was being accepted on it."""

    code = "thread_not_found"
    status = 404


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller asks to be run; the fields are those of the Agent Server's run.

    protocol: messages are streamed as the content blocks of the streaming protocol.
    run_id: the id that the run is to have. along: writes that belong into the transaction that makes the run.
    """

    assistant: RowMapping
    input: dict[str, Any] | None
    command: dict[str, Any] | None
    config: dict[str, Any]
    context: dict[str, Any]
    metadata: dict[str, Any]
    stream_mode: list[str]
    interrupt_before: list[str] | str | None = None
    interrupt_after: list[str] | str | None = None
    multitask_strategy: MultitaskStrategy = "enqueue"
    durability: str = "async"
    subgraphs: bool = False
    protocol: bool = False
    checkpoint: dict[str, Any] | None = None
    after_seconds: float | None = None
    webhook: str | None = None
    on_completion: Literal["keep", "delete"] = "keep"
    priority: int = 0
    run_id: str | None = None
    along: tuple[Write, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """A run that is in SQL and queued."""

    row: dict[str, Any]


async def submit(house: House, tenant_id: str, order: Order, thread_id: str | None) -> Accepted:
    """Accept a run on a thread, or on a thread of its own.

    Raises InvalidRunInput, InputTooLarge, InvalidWebhook, QueueFull, BudgetUsedUp, ThreadGone. Once this returns, the
    run is committed and will end, whatever happens to the process.
    """
    await house.queue.check_room()
    await house.budgets.check(tenant_id)
    check_size(order.input, order.command, house.settings.limits.input_bytes)
    if order.webhook is not None:
        checked_url(order.webhook, house.settings.webhooks)
    workflow = house.registry.get(order.assistant["graph_id"])
    if order.command is None and (order.input is not None or order.checkpoint is None):  # else it goes on from there
        _validate(await _input_schema(workflow), order.input)
    kwargs: dict[str, Any] = {
        "config": {**order.assistant["config"], **order.config},
        "context": {**order.assistant["context"], **order.context},
        "command": order.command,
        "stream_mode": order.stream_mode,
        "interrupt_before": order.interrupt_before,
        "interrupt_after": order.interrupt_after,
        "durability": order.durability,
        "subgraphs": order.subgraphs,
        "checkpoint": order.checkpoint,
        "after_seconds": order.after_seconds,
        "webhook": order.webhook,
        "on_completion": order.on_completion,
        "temporary": thread_id is None,
        "priority": order.priority,
    }
    if order.protocol:
        kwargs["protocol"] = True
    if traced := carrier():
        kwargs[CARRIER_KEY] = traced
    about = {"graph_id": workflow.name, "assistant_id": order.assistant["assistant_id"]}

    async def commit(thread: str, thread_write: Write) -> Accepted:
        creation, row = runs.creation(
            run_id=order.run_id or new_id(),
            tenant_id=tenant_id,
            thread_id=thread,
            assistant_id=about["assistant_id"],
            graph_id=workflow.name,
            input=order.input,
            kwargs=kwargs,
            metadata={**order.metadata, **about},
            multitask_strategy=order.multitask_strategy,
            executor=house.queue.owner,
            sealed=house.database.is_sensitive(workflow.name),
        )
        writes = (*order.along, thread_write, creation, *house.queue.enqueuing(row))
        try:
            await house.database.writer.write(*writes, announce=changed(row["run_id"]))
        except IntegrityError:
            if thread_id is None or await threads.get(house.database, tenant_id, thread_id) is not None:
                raise
            raise ThreadGone(f"Thread with ID {thread_id} not found", thread_id=thread_id) from None
        house.queue.submit(row)
        return Accepted(row)

    if thread_id is None:
        own = new_id()
        return await commit(own, threads.creation(tenant_id, own, about, temporary=True)[0])
    async with AsyncExitStack() as stack:
        if order.multitask_strategy != "enqueue":
            await stack.enter_async_context(house.queue.thread_lock(thread_id))
            await _make_way(house, thread_id, order.multitask_strategy)
        return await commit(thread_id, threads.metadata_merged(house.database, thread_id, about))


async def outcome(house: House, run_id: str) -> asyncio.Future[Outcome]:
    """The future of a run's end, also of one that has ended. It is cancelled when this process goes down first."""
    future = await house.queue.outcome(run_id)
    if future is None:
        found = await recorded(house.database, run_id)
        assert found is not None, "what the queue does not know has ended"
        future = asyncio.get_running_loop().create_future()
        future.set_result(found)
    return future


async def _make_way(house: House, thread_id: str, strategy: Literal["reject", "interrupt", "rollback"]) -> None:
    """Deal with the runs that are still on the thread, as the strategy says."""
    in_flight = await house.queue.on_thread(thread_id)
    if not in_flight:
        return
    if strategy == "reject":
        raise ThreadBusy(
            "Thread is already running a task. Wait for it to finish or choose a different multitask strategy.",
            thread_id=thread_id,
            run_id=in_flight[0],
        )
    for run_id in in_flight:
        ending = await house.queue.cancel(run_id, strategy)
        if ending is not None:
            await asyncio.wait([ending])


def _validate(schema: dict[str, Any], value: dict[str, Any] | None) -> None:
    validator = Draft202012Validator(schema)
    faults: list[SchemaFault] = list(validator.iter_errors(value or {}))  # pyright: ignore[reportUnknownMemberType]
    if faults:
        named = [f"{'.'.join(str(part) for part in fault.path) or 'input'}: {fault.message}" for fault in faults]
        raise InvalidRunInput("the input does not fit the workflow: " + "; ".join(named), faults=named)


_schemas: WeakKeyDictionary[Workflow, dict[str, Any]] = WeakKeyDictionary()


async def _input_schema(workflow: Workflow) -> dict[str, Any]:
    """The workflow's input schema; made once a workflow, since making it takes milliseconds."""
    if workflow not in _schemas:
        async with workflow.graph() as graph:
            _schemas[workflow] = input_check(graph)
    return _schemas[workflow]
