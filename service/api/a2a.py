"""Assistants as agents that speak Agent2Agent: JSON-RPC at /a2a/{assistant_id}, and their cards."""

from collections.abc import AsyncGenerator
from importlib.metadata import version
from typing import Any, TypeVar

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ValidationError
from sqlalchemy import RowMapping

from service.api import a2a_messages as messages
from service.api import assistants, threads
from service.api.a2a_messages import Envelope, RpcError, SendParams, TaskParams
from service.api.access import TheCaller, TheHouse
from service.api.runs import accept
from service.api.shapes import RunCommand, RunCreate
from service.api.sse import with_heartbeats
from service.auth import Caller, NotPermitted
from service.database import runs
from service.database.audit import Act
from service.database.tables import new_id
from service.house import House
from service.runs.submit import Accepted, outcome
from tools.errors import ConsiliaError, InvalidInput
from workflows.schemas import schema

router = APIRouter(tags=["a2a"])

PROTOCOL = "0.3.0"

Params = TypeVar("Params", bound=BaseModel)


@router.get("/.well-known/agent-card.json", response_model=None)
async def well_known(request: Request, house: TheHouse, caller: TheCaller, assistant_id: str | None = None) -> Response:
    """The card of an assistant."""
    if assistant_id is None:
        raise InvalidInput("Missing required query parameter: assistant_id")
    return JSONResponse(await _card(request, house, await assistants.find(house, caller, assistant_id)))


@router.get("/a2a/{assistant_id}", response_model=None)
async def card(assistant_id: str, request: Request, house: TheHouse, caller: TheCaller) -> Response:
    """The card of an assistant."""
    return JSONResponse(await _card(request, house, await assistants.find(house, caller, assistant_id)))


async def _card(request: Request, house: House, assistant: RowMapping) -> dict[str, Any]:
    url = f"{str(request.base_url).rstrip('/')}/a2a/{assistant['assistant_id']}"
    told = assistant["description"] or f"{assistant['name']} assistant"
    modes = ["application/json", "text/plain"]
    described = await _input_schema(house, assistant)
    fields: list[str] = list(described.get("properties") or {})
    skill: dict[str, Any] = {
        "id": f"{assistant['assistant_id']}-main",
        "name": f"{assistant['name']} Capabilities",
        "description": told,
        "tags": ["assistant", "langgraph"],
        "examples": [],
        "inputModes": modes,
        "outputModes": modes,
        "metadata": {
            "inputSchema": {
                "required": described.get("required") or [],
                "properties": fields,
                "supportsA2A": "messages" in fields,
            }
        },
    }
    return {
        "protocolVersion": PROTOCOL,
        "name": assistant["name"],
        "description": told,
        "url": url,
        "preferredTransport": "JSONRPC",
        "supportedInterfaces": [{"url": url, "protocolBinding": "JSONRPC", "protocolVersion": PROTOCOL}],
        "capabilities": {"streaming": True, "pushNotifications": False, "stateTransitionHistory": False},
        "defaultInputModes": modes,
        "defaultOutputModes": modes,
        "skills": [skill],
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
        "security": [{"key": []}],
        "version": version("consilia"),
    }


async def _input_schema(house: House, assistant: RowMapping) -> dict[str, Any]:
    async with house.registry.get(assistant["graph_id"]).graph({"configurable": {}}) as graph:
        return schema(graph, "input") or {}


@router.post("/a2a/{assistant_id}", response_model=None)
async def call(assistant_id: str, request: Request, house: TheHouse, caller: TheCaller) -> Response:
    """Agent2Agent 0.3 over JSON-RPC: message/send, message/stream, tasks/get, tasks/cancel.

    A message's contextId is the thread, a task a run. Text goes to the graph's `messages`, data parts are its input. A
    message to a thread that waits for an answer is that answer.
    """
    name: str | int | None = None
    try:
        asked = _envelope(await request.body())
        name = asked.id
        try:
            assistant = await assistants.find(house, caller, assistant_id)
            if asked.method == "message/stream":
                if "text/event-stream" not in request.headers.get("accept", ""):
                    detail = "Accept header must include text/event-stream for streaming"
                    return JSONResponse({"error": detail}, 400)
                accepted = await _sent(house, caller, assistant, asked.params, stream=True)
                updates = _updates(house, assistant, accepted, name, _parsed(SendParams, asked.params))
                return StreamingResponse(with_heartbeats(updates), media_type="text/event-stream")
            result = await _result(house, caller, assistant, asked)
        except NotPermitted:
            raise
        except ConsiliaError as error:
            raise RpcError(messages.INVALID_PARAMS, error.message) from None
    except RpcError as error:
        return JSONResponse(_failed(name, error))
    return JSONResponse({"jsonrpc": "2.0", "id": name, "result": result})


def _failed(name: str | int | None, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": name, "error": {"code": error.code, "message": error.message}}


def _envelope(body: bytes) -> Envelope:
    try:
        return Envelope.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError:
        raise RpcError(messages.PARSE_ERROR, "Invalid JSON payload") from None
    except ValidationError as error:
        raise RpcError(messages.INVALID_REQUEST, f"Invalid JSON-RPC message: {_faults(error)}") from None


def _parsed(kind: type[Params], params: dict[str, Any]) -> Params:
    try:
        return kind.model_validate(params)
    except ValidationError as error:
        raise RpcError(messages.INVALID_PARAMS, f"Invalid params: {_faults(error)}") from None


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())


async def _result(house: House, caller: Caller, assistant: RowMapping, asked: Envelope) -> dict[str, Any]:
    match asked.method:
        case "message/send":
            accepted = await _sent(house, caller, assistant, asked.params)
            ended = await (await outcome(house, accepted.row["run_id"]))
            return messages.task(ended, assistant["assistant_id"], _names(accepted.row))
        case "tasks/get":
            caller.require("read")
            wanted = _parsed(TaskParams, asked.params)
            return await _task(house, assistant, await _run(house, caller, wanted), wanted)
        case "tasks/cancel":
            caller.require("invoke", assistant["graph_id"])
            wanted = _parsed(TaskParams, asked.params)
            row = await _run(house, caller, wanted)
            ending = await house.queue.cancel(row["run_id"], "interrupt")
            if ending is None:
                raise RpcError(messages.NOT_CANCELABLE, "Task is not cancelable in its current state")
            await house.audit.write(_act(caller, "cancel_run", row))
            return messages.task(await ending, assistant["assistant_id"], _names(row))
        case method:
            raise RpcError(messages.UNKNOWN_METHOD, f"Method not found: {method}")


def _names(row: dict[str, Any] | RowMapping) -> dict[str, str]:
    return {"taskId": messages.task_id(row["thread_id"], row["run_id"]), "contextId": row["thread_id"]}


async def _sent(
    house: House, caller: Caller, assistant: RowMapping, params: dict[str, Any], stream: bool = False
) -> Accepted:
    """The run that a message starts, or goes on with."""
    message = _parsed(SendParams, params).message
    text, data = messages.given(message)
    thread_id = threads.checked_uuid("thread", message.contextId) if message.contextId else new_id()
    body = RunCreate(
        assistant_id=assistant["assistant_id"],
        if_not_exists="create",
        stream_mode=["messages", "values"] if stream else "values",
        metadata={"a2a_message_id": message.messageId},
    )
    if message.contextId and await _waits(house, caller, thread_id):
        body.command = RunCommand(resume=text if text is not None else data)
        return await accept(house, caller, body, thread_id)
    body.input = data
    if text is not None:
        fields = list((await _input_schema(house, assistant)).get("properties") or {})
        if "messages" not in fields:
            raise RpcError(
                messages.INVALID_PARAMS,
                f"Assistant {assistant['assistant_id']!r} (graph {assistant['graph_id']!r}) does not support text: its "
                f"input has no 'messages' field. Give a data part with: {fields}",
            )
        body.input = {**data, "messages": [{"role": "user", "content": text, "id": message.messageId}]}
    accepted = await accept(house, caller, body, thread_id)
    house.audit.record(_act(caller, "start_run", accepted.row))
    return accepted


def _act(caller: Caller, action: str, row: dict[str, Any] | RowMapping) -> Act:
    """What the audit log tells of a message; the request that brought it says too little."""
    target = f"/threads/{row['thread_id']}/runs/{row['run_id']}"
    return Act(caller.key_id, f"a2a.{action}", target, caller.tenant_id, caller.address, 200)


async def _waits(house: House, caller: Caller, thread_id: str) -> bool:
    """Whether the thread is there and waits for an answer."""
    try:
        return bool((await threads.find(house, caller, thread_id))["interrupts"])
    except threads.UnknownThread:
        return False


async def _run(house: House, caller: Caller, wanted: TaskParams) -> RowMapping:
    thread_id, _, run_id = wanted.id.rpartition(":")
    try:
        row = await threads.find_run(house, caller, thread_id or wanted.contextId or "", run_id)
        if wanted.contextId in (None, row["thread_id"]):
            return row
    except ConsiliaError:
        pass
    raise RpcError(messages.UNKNOWN_TASK, f"Task not found: {wanted.id} in context {wanted.contextId!r}")


async def _task(house: House, assistant: RowMapping, row: RowMapping, wanted: TaskParams) -> dict[str, Any]:
    if row["status"] in runs.UNFINISHED:
        state = "submitted" if row["status"] == "pending" else "working"
        return {
            "kind": "task",
            "id": wanted.id,
            "contextId": row["thread_id"],
            "history": [],
            "status": messages.status(state, _names(row)),
            "artifacts": [],
        }
    ended = await (await outcome(house, row["run_id"]))
    return messages.task(ended, assistant["assistant_id"], _names(row), wanted.historyLength)


async def _updates(
    house: House, assistant: RowMapping, accepted: Accepted, name: str | int | None, sent: SendParams
) -> AsyncGenerator[bytes]:
    """A run as it goes, as A2A's events: the task, what is said, what came of it, the final status."""
    names = _names(accepted.row)

    def event(result: dict[str, Any]) -> bytes:
        return b"event: message\ndata: " + orjson.dumps({"jsonrpc": "2.0", "id": name, "result": result}) + b"\n\n"

    first = {**sent.message.model_dump(exclude_none=True), "kind": "message", **names}
    begun = {"id": names["taskId"], "contextId": names["contextId"], "history": [first]}
    yield event({"kind": "task", **begun, "status": messages.status("submitted", names)})
    ending = await outcome(house, accepted.row["run_id"])
    async for told in house.feeds.follow(accepted.row["run_id"]):
        if told.kind.startswith("messages/partial"):
            spoken = messages.said({"messages": orjson.loads(told.data)}, names)
            if spoken:
                text = "".join(part["text"] for part in spoken[-1]["parts"])
                working = messages.status("working", names, text)
                yield event({**names, "kind": "status-update", "status": working, "final": False})
    ended = await ending
    for artifact in messages.artifacts(ended, assistant["assistant_id"], names):
        given = {"kind": "artifact-update", "artifact": artifact, "append": False, "lastChunk": True}
        yield event({**names, **given})
    text = ended.error["message"] if ended.error is not None else None
    last = messages.status(messages.state_of(ended), names, text)
    yield event({**names, "kind": "status-update", "status": last, "final": True})
