"""The fixture that the public MCP conformance suite asks of a server, on the plumbing that serves our workflows.

`python -m tests.service.mcp.conformance_server` prints its URL; with --ours our own server is there. The suite's
scenarios name these tools, prompts and resources and what they answer; `Endpoint`, `InputNeeded` and the sealing of
request state are ours.
"""

import asyncio
import base64
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.caching import CacheHint
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, PromptsListChanged, ToolsListChanged
from mcp.shared.exceptions import MCPError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from service.auth import Caller
from service.database.tables import DEFAULT_TENANT
from service.house import open_house
from service.listening import Server as Web
from service.listening import listen
from service.mcp.calls import Calls, Context
from service.mcp.endpoint import PATH, Endpoint, known_caller, loopback_and
from service.mcp.reception import InputNeeded, Reception, modern, shows_forms
from service.mcp.server import build as server_of
from service.settings import Settings

PNG = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
).decode()
WAV = base64.b64encode(
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\0\0\0\0"
).decode()

Done = types.CallToolResult | types.InputRequiredResult
Handler = Callable[[Context, types.CallToolRequestParams], Awaitable[Done]]
bus = InMemorySubscriptionBus()


def text(said: str) -> types.TextContent:
    return types.TextContent(text=said)


def result(*content: types.ContentBlock, error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=list(content), is_error=error)


def fixed(*content: types.ContentBlock, error: bool = False) -> Handler:
    async def handler(context: Context, params: types.CallToolRequestParams) -> Done:
        return result(*content, error=error)

    return handler


def embedded(uri: str, kind: str, said: str) -> types.EmbeddedResource:
    return types.EmbeddedResource(resource=types.TextResourceContents(uri=uri, mime_type=kind, text=said))


async def logs(context: Context, params: types.CallToolRequestParams) -> Done:
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.session.send_log_message("info", said, related_request_id=context.request_id)
        await asyncio.sleep(0.05)
    return result(text("logged"))


async def progresses(context: Context, params: types.CallToolRequestParams) -> Done:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
        await asyncio.sleep(0.05)
    return result(text("done"))


async def samples(context: Context, params: types.CallToolRequestParams) -> Done:
    asked = types.SamplingMessage(role="user", content=text(str((params.arguments or {})["prompt"])))
    told = await context.session.create_message([asked], max_tokens=100, related_request_id=context.request_id)
    return result(text(f"LLM response: {getattr(told.content, 'text', '')}"))


def elicits(schema: dict[str, Any], message: str = "Please answer") -> Handler:
    async def handler(context: Context, params: types.CallToolRequestParams) -> Done:
        shown = str((params.arguments or {}).get("message", message))
        told = await context.session.elicit_form(shown, schema, context.request_id)
        return result(text(f"User response: action={told.action}, content={told.content}"))

    return handler


async def reconnects(context: Context, params: types.CallToolRequestParams) -> Done:
    await asyncio.sleep(0.1)
    if context.close_sse_stream is not None:
        await context.close_sse_stream()
    await asyncio.sleep(0.2)
    return result(text("Reconnection test completed"))


def form(message: str, **properties: Any) -> types.ElicitRequest:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=schema))


def sampling(said: str, tokens: int) -> types.CreateMessageRequest:
    message = types.SamplingMessage(role="user", content=text(said))
    return types.CreateMessageRequest(params=types.CreateMessageRequestParams(messages=[message], max_tokens=tokens))


def needs(state: str | None = None, **asked: types.InputRequest) -> Handler:
    """One round of questions; the call comes again with all of the answers."""

    async def handler(context: Context, params: types.CallToolRequestParams) -> Done:
        given = params.input_responses or {}
        if not set(asked) <= set(given) or (state is not None and params.request_state != state):
            return types.InputRequiredResult(input_requests=dict(asked), request_state=state)
        told = {name: each if isinstance(each, dict) else each.model_dump() for name, each in given.items()}
        return result(text(f"state-ok {told}"))

    return handler


async def greets(context: Context, params: types.CallToolRequestParams) -> Done:
    given = (params.input_responses or {}).get("user_name")
    if not isinstance(given, types.ElicitResult) or not (given.content or {}).get("name"):
        raise InputNeeded("user_name", form("What is your name?", name={"type": "string"}))
    return result(text(f"Hello, {(given.content or {})['name']}!"))


async def two_rounds(context: Context, params: types.CallToolRequestParams) -> Done:
    if params.request_state is None:
        raise InputNeeded("step1", form("Step 1: What is your name?", name={"type": "string"}), "one")
    if params.request_state == "one":
        raise InputNeeded("step2", form("Step 2: What is your favorite color?", color={"type": "string"}), "two")
    return result(text("both rounds done"))


async def within_capabilities(context: Context, params: types.CallToolRequestParams) -> Done:
    asked: dict[str, types.InputRequest] = {}
    able = context.session.client_capabilities
    if able is not None and able.sampling is not None:
        asked["greeting"] = sampling("Generate a greeting", 50)
    if shows_forms(context):
        asked["user_name"] = form("What is your name?", name={"type": "string"})
    if set(asked) <= set(params.input_responses or {}):
        return result(text("done"))
    return types.InputRequiredResult(input_requests=asked)


async def needs_sampling(context: Context, params: types.CallToolRequestParams) -> Done:
    able = context.session.client_capabilities
    if able is None or able.sampling is None:
        raise MCPError(
            types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            "this tool needs a client that can sample",
            {"requiredCapabilities": {"sampling": {}}},
        )
    return result(text("sampling is declared"))


async def streams(context: Context, params: types.CallToolRequestParams) -> Done:
    await context.session.report_progress(1, 2)
    if modern(context) and not params.input_responses:
        raise InputNeeded("user_name", form("What is your name?", name={"type": "string"}))
    return result(text("done"))


def changes(event: Any) -> Handler:
    async def handler(context: Context, params: types.CallToolRequestParams) -> Done:
        await bus.publish(event)
        return result(text("changed"))

    return handler


STRING = {"type": "string"}
NAMES = {"username": {**STRING, "description": "User's response"}, "email": {**STRING, "description": "Email address"}}
DEFAULTS = {
    "name": {**STRING, "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {**STRING, "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
OPTIONS = ["option1", "option2", "option3"]
TITLED = [{"const": f"value{number}", "title": f"{each} Option"} for number, each in enumerate(("First", "Second"), 1)]
ENUMS = {
    "untitledSingle": {**STRING, "enum": OPTIONS},
    "titledSingle": {**STRING, "oneOf": TITLED},
    "legacyEnum": {**STRING, "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
    "untitledMulti": {"type": "array", "items": {**STRING, "enum": OPTIONS}},
    "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
}
SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": {"$anchor": "addressDef", "type": "object", "properties": {"street": STRING, "city": STRING}}},
    "properties": {
        "name": STRING,
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {**STRING, "enum": ["phone", "email"]},
        "phone": STRING,
        "email": STRING,
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
CONFIRM = form("Please confirm", ok={"type": "boolean"})
NAMED = form("What is your name?", name=STRING)
ROOTS = types.ListRootsRequest(params=types.RequestParams())


def takes(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


TOOLS: dict[str, tuple[Handler, dict[str, Any]]] = {
    "test_simple_text": (fixed(text("This is a simple text response for testing.")), takes()),
    "test_image_content": (fixed(types.ImageContent(data=PNG, mime_type="image/png")), takes()),
    "test_audio_content": (fixed(types.AudioContent(data=WAV, mime_type="audio/wav")), takes()),
    "test_embedded_resource": (
        fixed(embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")),
        takes(),
    ),
    "test_multiple_content_types": (
        fixed(
            text("Multiple content types test:"),
            types.ImageContent(data=PNG, mime_type="image/png"),
            embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
        ),
        takes(),
    ),
    "test_error_handling": (fixed(text("This tool intentionally returns an error for testing"), error=True), takes()),
    "test_tool_with_logging": (logs, takes()),
    "test_logging_tool": (logs, takes()),
    "test_tool_with_progress": (progresses, takes()),
    "test_sampling": (samples, takes(prompt=STRING)),
    "test_elicitation": (elicits(takes(**NAMES)), takes(message=STRING)),
    "test_elicitation_sep1034_defaults": (elicits({"type": "object", "properties": DEFAULTS}), takes()),
    "test_elicitation_sep1330_enums": (elicits({"type": "object", "properties": ENUMS}), takes()),
    "test_reconnection": (reconnects, takes()),
    "json_schema_2020_12_tool": (fixed(text("ok")), SCHEMA_2020_12),
    "test_custom_headers": (fixed(text("ok")), takes(region={**STRING, "x-mcp-header": "Region"})),
    "test_missing_capability": (needs_sampling, takes()),
    "test_streaming_elicitation": (streams, takes()),
    "test_trigger_tool_change": (changes(ToolsListChanged()), takes()),
    "test_trigger_prompt_change": (changes(PromptsListChanged()), takes()),
    "test_input_required_result_elicitation": (greets, takes()),
    "test_input_required_result_sampling": (
        needs(capital_question=sampling("What is the capital of France?", 100)),
        takes(),
    ),
    "test_input_required_result_list_roots": (needs(client_roots=ROOTS), takes()),
    "test_input_required_result_request_state": (needs("confirming", confirm=CONFIRM), takes()),
    "test_input_required_result_tampered_state": (needs("confirming", confirm=CONFIRM), takes()),
    "test_input_required_result_multiple_inputs": (
        needs("many", user_name=NAMED, greeting=sampling("Generate a greeting", 50), client_roots=ROOTS),
        takes(),
    ),
    "test_input_required_result_multi_round": (two_rounds, takes()),
    "test_input_required_result_capabilities": (within_capabilities, takes()),
}


async def list_tools(context: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    listed = [types.Tool(name=name, description=name, input_schema=schema) for name, (_, schema) in TOOLS.items()]
    return types.ListToolsResult(tools=listed)


async def call_tool(context: Context, params: types.CallToolRequestParams) -> Done:
    if params.name not in TOOLS:
        raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name}")
    try:
        return await TOOLS[params.name][0](context, params)
    except InputNeeded as needed:
        return needed.result


RESOURCES: dict[str, types.TextResourceContents | types.BlobResourceContents] = {
    each.uri: each
    for each in (
        types.TextResourceContents(
            uri="test://static-text",
            mime_type="text/plain",
            text="This is the content of the static text resource.",
        ),
        types.BlobResourceContents(uri="test://static-binary", mime_type="image/png", blob=PNG),
        types.TextResourceContents(uri="test://watched-resource", mime_type="text/plain", text="watched"),
    )
}


async def list_resources(context: Context, params: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
    listed = [
        types.Resource(uri=uri, name=uri, description=uri, mime_type=each.mime_type) for uri, each in RESOURCES.items()
    ]
    return types.ListResourcesResult(resources=listed)


async def list_templates(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        uri_template="test://template/{id}/data",
        name="template",
        description="A template",
        mime_type="application/json",
    )
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def read_resource(context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    uri = str(params.uri)
    if uri.startswith("test://template/") and uri.endswith("/data"):
        name = uri.removeprefix("test://template/").removesuffix("/data")
        said = f'{{"id":"{name}","templateTest":true,"data":"Data for ID: {name}"}}'
        content = types.TextResourceContents(uri=uri, mime_type="application/json", text=said)
        return types.ReadResourceResult(contents=[content])
    if uri not in RESOURCES:
        raise MCPError(types.INVALID_PARAMS if modern(context) else -32002, "Resource not found", {"uri": uri})
    return types.ReadResourceResult(contents=[RESOURCES[uri]])


def argument(name: str) -> types.PromptArgument:
    return types.PromptArgument(name=name, description=name, required=True)


PROMPTS = {
    "test_simple_prompt": [],
    "test_prompt_with_arguments": [argument("arg1"), argument("arg2")],
    "test_prompt_with_embedded_resource": [argument("resourceUri")],
    "test_prompt_with_image": [],
    "test_input_required_result_prompt": [],
}


async def list_prompts(context: Context, params: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
    listed = [types.Prompt(name=name, description=name, arguments=given) for name, given in PROMPTS.items()]
    return types.ListPromptsResult(prompts=listed)


async def get_prompt(
    context: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    given = params.arguments or {}
    content: list[types.ContentBlock]
    match params.name:
        case "test_simple_prompt":
            content = [text("This is a simple prompt for testing.")]
        case "test_prompt_with_arguments":
            content = [text(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'")]
        case "test_prompt_with_embedded_resource":
            said = "Embedded resource content for testing."
            content = [embedded(given["resourceUri"], "text/plain", said)]
            content.append(text("Please process the embedded resource above."))
        case "test_prompt_with_image":
            content = [types.ImageContent(data=PNG, mime_type="image/png"), text("Please analyze the image above.")]
        case "test_input_required_result_prompt":
            if "user_context" not in (params.input_responses or {}):
                return InputNeeded("user_context", form("What context should the prompt use?", context=STRING)).result
            content = [text("Prompt in the context given")]
        case _:
            raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name}")
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=each) for each in content])


async def complete(context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
    values = [each for each in ("paris", "park", "party") if each.startswith(params.argument.value)]
    return types.CompleteResult(completion=types.Completion(values=values, total=len(values), has_more=False))


async def empty(context: Context, params: Any) -> types.EmptyResult:
    return types.EmptyResult()


class Replay(EventStore):
    """Events of one client's streams, to be sent again when it comes back."""

    def __init__(self) -> None:
        self._events: list[tuple[str, types.JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: types.JSONRPCMessage | None) -> str:
        self._events.append((stream_id, message))
        return str(len(self._events))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        start = int(last_event_id)
        stream = self._events[start - 1][0]
        for number, (name, message) in enumerate(self._events[start:], start + 1):
            if name == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


def build() -> Server[Any]:
    hint = CacheHint(ttl_ms=1000, scope="private")
    cacheable: Any = ("tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read")
    server: Server[Any] = Server(
        "conformance",
        version="1.0.0",
        cache_hints=dict.fromkeys(cacheable, hint),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_subscribe_resource=empty,
        on_unsubscribe_resource=empty,
        on_subscriptions_listen=ListenHandler(bus),
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_completion=complete,
        on_set_logging_level=empty,
    )
    sealing = RequestStateSecurity(keys=[os.urandom(32)])
    server.middleware.append(RequestStateBoundary(sealing, default_audience="conformance"))
    return server


@asynccontextmanager
async def fixture() -> AsyncIterator[Endpoint]:
    yield Endpoint(build(), loopback_and([], []), event_store=Replay(), retry_ms=500)


@asynccontextmanager
async def workflows(folder: Path) -> AsyncIterator[Endpoint]:
    """Our own server, with its door open: the suite has no key to show."""

    async def anybody(request: Request) -> Caller:
        return Caller(DEFAULT_TENANT, "suite", ("admin",))

    async with open_house(Settings(data_dir=folder)) as house:
        server, _ = server_of(Reception(house, Calls(house), lambda context: known_caller(context.request)))
        yield Endpoint(server, loopback_and([], []), authenticate=anybody)


async def serve(opened: AbstractAsyncContextManager[Endpoint]) -> None:
    async with opened as endpoint:
        await _serve(endpoint)


async def _serve(endpoint: Endpoint) -> None:
    listener = listen("127.0.0.1", 0)
    async with endpoint.running():
        app = Starlette(routes=[Route(PATH, endpoint)])
        web = Web(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2), endpoint.close)
        print(f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}", flush=True)
        await web.serve(sockets=[listener])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data:
        asyncio.run(serve(workflows(Path(data)) if "--ours" in sys.argv else fixture()))
