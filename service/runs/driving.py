"""Driving a graph: from a run's row to what it streams, in the event names of the Agent Server."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from langchain_core.messages import BaseMessage, BaseMessageChunk, message_chunk_to_message
from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import CONFIG_KEY_STREAM_MESSAGES_V2
from langgraph.runtime import RunControl
from langgraph.types import Command, Interrupt, Send, StreamMode
from pydantic import TypeAdapter

from service.runs.json import dumps, plain
from service.runs.weight import aside
from workflows.registry import Graph

STREAM_MODES = ("values", "updates", "messages", "messages-tuple", "events", "tasks", "checkpoints", "debug", "custom")

PROTOCOL_MODES = ("values", "updates", "messages-tuple", "tools", "custom", "tasks")
"""What a run of the streaming protocol streams."""

Chunk = tuple[tuple[str, ...], str, Any]
"""(namespace of the subgraph, LangGraph's stream mode, what it streamed)."""


class EventLog(Protocol):
    """Where events go."""

    def append(self, kind: str, data: str) -> object: ...

    def check(self) -> None:
        """Raises what kept an earlier event from being kept."""
        ...


@dataclass(frozen=True, slots=True)
class Drive:
    """How a graph is run; the fields are those of the Agent Server's run. protocol: as in Order."""

    input: Any
    stream_mode: frozenset[str]
    subgraphs: bool = False
    interrupt_before: list[str] | str | None = None
    interrupt_after: list[str] | str | None = None
    durability: str = "async"
    protocol: bool = False

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Drive":
        """From a run's row."""
        kwargs: dict[str, Any] = row["kwargs"]
        return cls(
            input=as_command(kwargs["command"]) if kwargs.get("command") else row["input"],
            stream_mode=frozenset(kwargs.get("stream_mode") or ["values"]),
            subgraphs=bool(kwargs.get("subgraphs")),
            interrupt_before=kwargs.get("interrupt_before") or None,
            interrupt_after=kwargs.get("interrupt_after") or None,
            durability=kwargs.get("durability") or "async",
            protocol=bool(kwargs.get("protocol")),
        )


@dataclass(slots=True)
class Driven:
    """How the graph ended: its last values, the interrupts it waits for, by task id, and whether it stopped before its
    end, at a breakpoint."""

    values: dict[str, Any] | None = None
    interrupts: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    stopped: bool = False


async def drive(
    graph: Graph,
    drive: Drive,
    config: RunnableConfig,
    context: Any,
    log: EventLog,
    control: RunControl,
    begun: Callable[[], None],
) -> Driven:
    """Run the graph to its end, appending what it streams to the log. What the graph raises comes through.

    begun: called when the first task starts.
    """
    wanted = drive.stream_mode
    driven = Driven()
    messages = _Messages()
    async for namespace, mode, chunk in _chunks(graph, drive, config, context, log, control):
        suffix = "|" + "|".join(namespace) if namespace else ""
        if mode == "tasks":
            begun()
            _note_task(log, driven, namespace, chunk)
        elif mode == "values" and not namespace:
            driven.values = chunk
        if mode == "messages":
            if "messages-tuple" in wanted:
                log.append("messages" + suffix, dumps(chunk))
            elif "messages" in wanted:
                for kind, data in messages.events(chunk):
                    log.append(kind + suffix, dumps(data))
        elif mode in wanted and (drive.subgraphs or not namespace):
            told = _without_ours(chunk) if mode in ("checkpoints", "debug") else chunk
            log.append(mode + suffix, await aside(dumps, _interrupts_shown(told)))
        log.check()
    if drive.interrupt_before or drive.interrupt_after or graph.interrupt_before_nodes or graph.interrupt_after_nodes:
        driven.stopped = bool((await graph.aget_state(config)).next)
    if driven.values is not None:
        driven.values = {
            key: value for key, value in (await aside(plain, driven.values)).items() if key != "__interrupt__"
        }
    return driven


async def _chunks(
    graph: Graph, drive: Drive, config: RunnableConfig, context: Any, log: EventLog, control: RunControl
) -> AsyncIterator[Chunk]:
    modes = {"values", "tasks"} | (drive.stream_mode - {"events", "messages-tuple"})
    if "messages-tuple" in drive.stream_mode:
        modes.add("messages")
    options: dict[str, Any] = {
        "context": context,
        "stream_mode": cast(list[StreamMode], sorted(modes)),
        "interrupt_before": drive.interrupt_before,
        "interrupt_after": drive.interrupt_after,
        "durability": drive.durability,
        "subgraphs": True,
        "control": control,
    }
    if drive.protocol:
        told: dict[str, Any] = {**config.get("configurable", {}), CONFIG_KEY_STREAM_MESSAGES_V2: True}
        asking: RunnableConfig = {**config, "configurable": told}
        async for part in graph.astream(drive.input, asking, version="v2", **options):  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            yield _chunk(cast(dict[str, Any], part))
        return
    if "events" not in drive.stream_mode:
        async for chunk in graph.astream(drive.input, config, **options):  # pyright: ignore[reportUnknownMemberType]
            yield cast(Chunk, chunk)
        return
    root: str | None = None
    async for event in graph.astream_events(drive.input, config, version="v2", **options):  # pyright: ignore[reportUnknownMemberType, reportCallIssue]
        root = root or event["run_id"]
        if event["event"] == "on_chain_stream" and event["run_id"] == root:
            yield cast(Chunk, event["data"]["chunk"])  # pyright: ignore[reportTypedDictNotRequiredAccess]
        else:
            log.append("events", dumps(event))


def _chunk(part: dict[str, Any]) -> Chunk:
    """A part of LangGraph's newer stream in the form of the older one, where interrupts are among the values."""
    told = part["data"]
    if part.get("interrupts") and isinstance(told, dict):
        told = {**cast(dict[str, Any], told), "__interrupt__": part["interrupts"]}
    return tuple(part["ns"]), part["type"], told


def _note_task(log: EventLog, driven: Driven, namespace: tuple[str, ...], task: dict[str, Any]) -> None:
    """Our own event at a node's start and end: its input and result are in the checkpoints, so they are left out."""
    started = "input" in task
    noted = {"node": task["name"], "task_id": task["id"], "phase": "started" if started else "finished"}
    if namespace:
        noted["namespace"] = "|".join(namespace)
    if not started and task.get("error"):
        noted["error"] = str(task["error"])
    if not started and task.get("interrupts"):
        noted["interrupted"] = True
    log.append("node", dumps(noted))
    if not started and task.get("interrupts") and not namespace:
        driven.interrupts[task["id"]] = [asked_interrupt(each) for each in task["interrupts"]]


def asked_interrupt(asked: Any) -> dict[str, Any]:
    """An interrupt as a stream tells it: its id, what is asked, and the JSON schema of the answer where it has one."""
    told = cast(Any, asked).response_schema if isinstance(asked, Interrupt) else asked.get("response_schema")
    if told is not None and not isinstance(told, dict):
        told = TypeAdapter(told).json_schema()
    return {**shown_interrupt(asked), "response_schema": cast(Any, told)}


def shown_interrupt(asked: Any) -> dict[str, Any]:
    """An interrupt in JSON: its id and what is asked."""
    if isinstance(asked, Interrupt):
        return {"id": asked.id, "value": plain(asked.value)}
    return {"id": asked["id"], "value": plain(asked["value"])}


def _without_ours(told: Any) -> Any:
    """What LangGraph tells of a checkpoint, its config without what this service has put there for the run's nodes."""
    match told:
        case dict():
            whole = cast(dict[str, Any], told)
            return {key: _without_ours(each) for key, each in whole.items() if not str(key).startswith("__consilia_")}
        case list():
            return [_without_ours(each) for each in cast(list[Any], told)]
        case _:
            return told


def _interrupts_shown(chunk: Any) -> Any:
    if not isinstance(chunk, dict):
        return chunk
    told = cast(dict[str, Any], chunk)
    if "__interrupt__" in told:
        return {**told, "__interrupt__": [asked_interrupt(each) for each in told["__interrupt__"]]}
    if "result" in told and told.get("interrupts"):  # what a task came to
        return {**told, "interrupts": [asked_interrupt(each) for each in told["interrupts"]]}
    return told


def as_command(command: dict[str, Any]) -> Command[Any]:
    """A run's `command` field as LangGraph's."""
    goto: Any = command.get("goto") or []
    targets = cast(list[str | dict[str, Any]], goto if isinstance(goto, list) else [goto])
    sends = [each if isinstance(each, str) else Send(each["node"], each.get("input")) for each in targets]
    return Command(update=command.get("update"), resume=command.get("resume"), goto=sends)


class _Messages:
    """Stream mode `messages` in its older form: metadata once, the message so far, then the whole message."""

    def __init__(self) -> None:
        self._so_far: dict[str, BaseMessage] = {}

    def events(self, chunk: tuple[BaseMessage, dict[str, Any]]) -> list[tuple[str, Any]]:
        message, metadata = chunk
        name = message.id or ""
        events: list[tuple[str, Any]] = []
        known = self._so_far.get(name)
        if known is None:
            events.append(("messages/metadata", {name: {"metadata": metadata}}))
        if isinstance(message, BaseMessageChunk):
            whole = known + message if isinstance(known, BaseMessageChunk) else message
            self._so_far[name] = cast(BaseMessage, whole)
            return [*events, ("messages/partial", [message_chunk_to_message(whole)])]
        self._so_far[name] = message
        return [*events, ("messages/complete", [message])]
