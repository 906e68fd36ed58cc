"""tools/call: from a tool's name and arguments to its result."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    EmbeddedResource,
    InputRequiredResult,
    InputResponses,
    TextContent,
    TextResourceContents,
)
from pydantic import ValidationError

from service.api.files import keep
from service.api.runs import accept
from service.api.shapes import RunCreate
from service.database import files, runs
from service.database.tables import new_id
from service.mcp import approvals, arguments, following, results, tools
from service.mcp.arguments import Arguments, Document
from service.mcp.calls import Call, Context
from service.mcp.reception import InputNeeded, Reception, read_local
from tools.errors import ConsiliaError, InvalidInput
from tools.host import name_fault, visible

log = structlog.get_logger(__name__)

_TEXTS: Final = (
    "text/",
    "application/json",
    "application/xml",
    "application/toml",
    "image/svg+xml",
    "application/fhir",
)
_LARGEST_BLOB: Final = 8 * 1024 * 1024
"""Largest file that a tool's result carries, bytes; larger ones are read as a resource or by GET /files."""

Given = TypeVar("Given", bound=Arguments)
Work = Callable[["Reception", Context, Call, dict[str, Any], InputResponses | None], Awaitable[CallToolResult]]


async def call(
    reception: Reception, context: Context, params: CallToolRequestParams
) -> CallToolResult | InputRequiredResult:
    """Answer a call. What the caller can mend comes as a result with is_error, so that a model reads it.

    Raises MCPError for a tool that does not exist.
    """
    own = tools.own_workflows(reception.house)
    if params.name not in _TOOLS and params.name not in own:
        odd = name_fault(params.name)
        why = f"; {odd}" if odd else ""
        raise MCPError(INVALID_PARAMS, f"Unknown tool: {visible(params.name)!r}{why}; tools/list names those there are")
    given = dict(params.arguments or {})
    caller = reception.caller(context)

    async def work(under_way: Call) -> CallToolResult:
        if params.request_state is not None:
            return await following.answered(reception, context, under_way, params.request_state, params.input_responses)
        if params.name in own:
            return await _own(reception, context, under_way, own[params.name], given)
        return await _TOOLS[params.name](reception, context, under_way, given, params.input_responses)

    try:
        tools.require(caller, params.name, own)
        done = await reception.calls.during(context, work)
        assert isinstance(done, CallToolResult), "work gives nothing else"
        return done
    except InputNeeded as needed:
        return needed.result
    except ConsiliaError as error:
        log.info("MCP tool refused", tool=params.name, code=error.code)
        if error.status == 403:
            await reception.note(context, params.name, "", 403)
        return _failed(error.message, error.code)
    except MCPError:
        raise
    except Exception as error:
        log.exception("MCP tool failed", tool=params.name, error_type=type(error).__name__)
        return _failed("the service failed at this call; its log has the reason", "internal_error")


def _failed(message: str, code: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=f"{message} ({code})")], is_error=True)


def _parsed(model: type[Given], given: dict[str, Any]) -> Given:
    """The arguments. Raises InvalidInput, which names each field at fault but not its value: it may be a document."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
        raise InvalidInput("arguments that do not fit: " + "; ".join(faults)) from None


async def _file_id(reception: Reception, context: Context, document: Document, answers: InputResponses | None) -> str:
    """The id of the document, kept first where it is not in Consilia yet."""
    ways = {name: getattr(document, name) for name in ("path", "content", "content_base64", "file_id")}
    chosen = [name for name, value in ways.items() if value is not None]
    if len(chosen) != 1:
        known = "path, " if reception.local else ""
        raise InvalidInput(
            f"give the document in one way: {known}content, content_base64 or file_id; given: {chosen or 'none'}"
        )
    caller = reception.caller(context)
    match chosen[0]:
        case "file_id":
            return str((await results.file_row(reception.house, caller, str(document.file_id)))["file_id"])
        case "path":
            name, content = await read_local(reception, context, str(document.path), answers)
        case "content":
            name, content = document.name or "document.txt", str(document.content).encode()
        case _:
            if not document.name:
                raise InvalidInput("content_base64 needs name, the file's name with its ending")
            name, content = document.name, _decoded(str(document.content_base64))
    return (await keep(reception.house, caller, document.name or name, content)).file_id


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"content_base64 is not base64: {error}") from None


async def _run(
    reception: Reception,
    context: Context,
    call: Call,
    workflow: str,
    input: dict[str, Any],
    thread_id: str | None,
    background: bool,
) -> CallToolResult:
    """Start a run and follow it."""
    body = RunCreate(
        assistant_id=workflow,
        input=input,
        metadata={"source": "mcp"},
        stream_mode=["custom"],
        if_not_exists="reject" if thread_id else "create",
    )
    caller = reception.caller(context)
    accepted = await call.accept(accept(reception.house, caller, body, thread_id or new_id()))
    await reception.note(context, "start_run", accepted.row["run_id"])
    return await following.finished(reception, context, call, accepted.row["run_id"], background=background)


async def _review(
    reception: Reception, context: Context, call: Call, given: dict[str, Any], answers: InputResponses | None
) -> CallToolResult:
    asked = _parsed(arguments.ReviewContract, given)
    file_id = await _file_id(reception, context, asked, answers)
    input = {"file_id": file_id, **asked.model_dump(include={"party", "playbook", "languages", "approval"})}
    return await _run(reception, context, call, "contract_review", input, None, asked.background)


async def _translate(
    reception: Reception, context: Context, call: Call, given: dict[str, Any], answers: InputResponses | None
) -> CallToolResult:
    asked = _parsed(arguments.TranslateRecord, given)
    file_id = await _file_id(reception, context, asked, answers)
    names = {"targets", "source", "sign_off", "second_opinion", "dates"}
    input = {"file_id": file_id, **asked.model_dump(include=names)}
    return await _run(reception, context, call, "medical_translation", input, None, asked.background)


async def _advise(
    reception: Reception, context: Context, call: Call, given: dict[str, Any], answers: InputResponses | None
) -> CallToolResult:
    asked = _parsed(arguments.AskAdvisor, given)
    names = {"question", "profile", "holdings", "language"}
    input = asked.model_dump(include=names, exclude_none=True, exclude_unset=True)
    return await _run(reception, context, call, "financial_advisor", input, asked.conversation_id, asked.background)


async def _own(
    reception: Reception, context: Context, call: Call, workflow: str, given: dict[str, Any]
) -> CallToolResult:
    tool = await reception.own_tool(tools.tool_name(workflow), workflow)
    declared = tool.input_schema["properties"]
    extra = {name: given.pop(name) for name in tools.EXTRA if declared[name] is tools.EXTRA[name] and name in given}
    thread_id, background = extra.get("conversation_id"), extra.get("background", False)
    if not isinstance(thread_id, str | None) or not isinstance(background, bool):
        raise InvalidInput("conversation_id is a string and background true or false")
    return await _run(reception, context, call, workflow, given, thread_id, background)


async def _list(
    reception: Reception, context: Context, call: Call, given: dict[str, Any], answers: InputResponses | None
) -> CallToolResult:
    asked = _parsed(arguments.ListRuns, given)
    caller, house = reception.caller(context), reception.house
    page, cursor = await results.page(house, caller, asked.workflow, asked.state, asked.cursor, asked.limit)
    lines = [f"{each.created_at:%Y-%m-%d %H:%M} {each.workflow} {each.state} {each.run_id}" for each in page]
    text = "\n".join(lines) or "There are no such runs."
    structured = {"runs": [each.model_dump(mode="json", by_alias=True) for each in page], "next_cursor": cursor}
    return CallToolResult(content=[TextContent(text=text)], structured_content=structured)


async def _get(
    reception: Reception, context: Context, call: Call, given: dict[str, Any], answers: InputResponses | None
) -> CallToolResult:
    asked = _parsed(arguments.GetRun, given)
    row = await results.find(reception.house, reception.caller(context), asked.run_id)
    if asked.wait_seconds and row["status"] in runs.UNFINISHED:
        await following.follow(reception, context, call, row["run_id"], asked.wait_seconds)
        row = await results.find(reception.house, reception.caller(context), asked.run_id)
    inbox = reception.inbox(context, row["thread_id"])
    return results.result(await results.shown(reception.house, row, inbox=inbox), failed_is_error=False)


async def _file(
    reception: Reception, context: Context, call: Call, given: dict[str, Any], answers: InputResponses | None
) -> CallToolResult:
    asked = _parsed(arguments.GetFile, given)
    row = await results.file_row(reception.house, reception.caller(context), asked.file_id)
    shown = results.file_shown(row)
    structured = {**shown.model_dump(), "text": None, "total_characters": None}
    if shown.media_type.startswith(_TEXTS):
        whole = (await files.content(reception.house.database, shown.file_id)).decode("utf-8", "replace")
        text = whole[asked.offset : asked.offset + asked.length]
        end = asked.offset + len(text)
        more = f"\n\n[characters {asked.offset} to {end} of {len(whole)}]" if len(text) < len(whole) else ""
        structured |= {"text": text, "total_characters": len(whole)}
        return CallToolResult(content=[TextContent(text=text + more)], structured_content=structured)
    told = TextContent(text=f"{shown.name}: {shown.media_type}, {shown.size} bytes")
    if shown.size > _LARGEST_BLOB:
        return CallToolResult(content=[told, results.link(shown)], structured_content=structured)
    content = await files.content(reception.house.database, shown.file_id)
    return CallToolResult(
        content=[told, EmbeddedResource(resource=resource(shown, content))], structured_content=structured
    )


def resource(file: results.FileShown, content: bytes) -> TextResourceContents | BlobResourceContents:
    """A file as a resource's contents."""
    if file.media_type.startswith(_TEXTS):
        return TextResourceContents(uri=file.uri, mime_type=file.media_type, text=content.decode("utf-8", "replace"))
    return BlobResourceContents(uri=file.uri, mime_type=file.media_type, blob=base64.b64encode(content).decode())


async def _answer(
    reception: Reception, context: Context, call: Call, given: dict[str, Any], answers: InputResponses | None
) -> CallToolResult:
    asked = _parsed(arguments.AnswerRun, given)
    house = reception.house
    row = await results.find(house, reception.caller(context), asked.run_id)
    waits = await results.interrupts(house, row)
    if not waits:
        run = await results.shown(house, row, whole=False)
        raise InvalidInput(f"run {run.run_id} waits for no answer: it is {run.state}. {run.next}".strip())
    edits = [each.model_dump() for each in asked.edits]
    reply = approvals.from_tool(waits[0], asked.decision, asked.reason, asked.accepted, edits, asked.answer)
    next_run = await following.resume(reception, context, call, row, waits, reply)
    return await following.finished(reception, context, call, next_run, background=asked.background)


async def _cancel(
    reception: Reception, context: Context, call: Call, given: dict[str, Any], answers: InputResponses | None
) -> CallToolResult:
    asked = _parsed(arguments.CancelRun, given)
    house, caller = reception.house, reception.caller(context)
    row = await results.find(house, caller, asked.run_id)
    if await house.queue.cancel(row["run_id"], "interrupt") is not None:
        await reception.note(context, "cancel_run", row["run_id"])
        await following.follow(reception, context, call, row["run_id"], house.settings.mcp.wait_seconds)
        row = await results.find(house, caller, asked.run_id)
    return results.result(await results.shown(house, row), failed_is_error=False)


_TOOLS: Final[dict[str, Work]] = {
    "review_contract": _review,
    "translate_record": _translate,
    "ask_advisor": _advise,
    "list_runs": _list,
    "get_run": _get,
    "get_file": _file,
    "answer_run": _answer,
    "cancel_run": _cancel,
}
