"""The OpenAPI description of the whole service: what any route may answer beside its own result.

Routes say what only they answer; what the gate, the limits and the handlers of errors answer is the same everywhere and
added here. `make test-schema` holds the service to it.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from fastapi import FastAPI
from pydantic import BaseModel, Field

from service.api.forms import ASSISTANT, SHIPPED
from service.house import House

Operation = dict[str, Any]


class Problem(BaseModel):
    """An error. code: stable, for programs. detail: what was wrong, with which value, and what to do. details: further
    values for programs."""

    detail: str
    code: str
    details: dict[str, Any] = Field(default_factory=dict)


_SECURED: Final = {
    "401": "No key or token, or one that is not good (any more)",
    "403": "The key or token lacks a scope that this needs",
}
_ALWAYS: Final = {
    "422": "A value that cannot be used; the detail names it",
    "429": "Too many requests, or too many runs wait; Retry-After says when to come again",
    "503": "The database or another part that this needs is away; try again later",
}
_WITH_BODY: Final = {
    "400": "The body cannot be read",
    "413": "The body is larger than the limit",
}
_WITH_VALUES: Final = {"404": "What is named does not exist, or is not the caller's"}
_CHANGING: Final = {"409": "It cannot be done in the state that things are in"}

_RUN_FAULTS: Final = {"4XX": "The run ended in an error that its input is to blame for, with that error's status"}

_MORE: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("get", "/.well-known/oauth-protected-resource/mcp"): {"404": "No issuer of tokens is configured"},
    ("get", "/store/items"): {"400": "The key or the namespace is empty"},
    ("post", "/files"): {"415": "A kind of file that is not read here"},
    ("post", "/a2a/{assistant_id}"): {"400": "message/stream without an Accept header that takes events"},
}
"""What only one route answers, in the shape of all errors or (Agent2Agent) in its own."""

_MEDIA: Final = {
    "/metrics": ("text/plain", "application/json"),
    "/files/{file_id}": ("*/*",),
    "/admin/api/runs/export": ("text/csv", "application/x-ndjson"),
    "/a2a/{assistant_id}": ("application/json", "text/event-stream"),
    "/threads/{thread_id}/stream/events": ("text/event-stream",),
}
"""What routes answer with where it is no JSON; those that end in stream or live answer with events."""

_IDS: Final = frozenset({"thread_id", "run_id", "cron_id", "file_id", "checkpoint_id"})
"""Parameters that hold a UUID."""

_ASKED: Final[dict[tuple[str, str], dict[str, dict[str, Any]]]] = {
    ("get", "/store/items"): {
        "key": {"required": True, "schema": {"type": "string", "minLength": 1}},
        "namespace": {"required": True, "schema": {"type": "string", "pattern": r"^[^.]+(\.[^.]+)*$"}},
    },
    ("get", "/.well-known/agent-card.json"): {"assistant_id": {"required": True, "schema": {"type": "string"}}},
}
"""Parameters that a route misses with an error of the reference's own form, where FastAPI would have said its own."""

_METHODS: Final = ("get", "put", "post", "delete", "patch", "options", "head", "trace")


def describe(app: FastAPI) -> None:
    """Let the application's description tell all that may be answered."""
    made = app.openapi
    app.openapi = lambda: app.openapi_schema or _whole(app, made)  # type: ignore[method-assign]


def _whole(app: FastAPI, made: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    description = made()
    schemas = cast(dict[str, Any], description.setdefault("components", {}).setdefault("schemas", {}))
    schemas["Problem"] = Problem.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    most = cast(House, app.state.house).settings.admin.bulk_runs
    if "BulkCancel" in schemas:
        schemas["BulkCancel"]["properties"]["run_ids"]["maxItems"] = most
    for path, operations in cast(dict[str, dict[str, Operation]], description["paths"]).items():
        for method in _METHODS:
            if method in operations:
                _complete(path, method, operations[method])
    app.openapi_schema = description
    return description


def _complete(path: str, method: str, operation: Operation) -> None:
    responses = cast(dict[str, Any], operation["responses"])
    for parameter in cast(list[dict[str, Any]], operation.get("parameters", [])):
        if parameter["in"] == "path" and parameter["name"] in _IDS:
            parameter["schema"]["format"] = "uuid"
        if parameter["in"] == "path" and parameter["name"] == "assistant_id":
            parameter |= {"schema": ASSISTANT} if path.startswith("/assistants/") else {"example": SHIPPED[0]}
        parameter |= _ASKED.get((method, path), {}).get(parameter["name"], {})
    texts = dict(_ALWAYS)
    if operation.get("security"):
        texts |= _SECURED
    if operation.get("requestBody"):
        texts |= _WITH_BODY
    if operation.get("requestBody") or operation.get("parameters"):
        texts |= _WITH_VALUES
    if method != "get":
        texts |= _CHANGING
    if path.endswith(("/wait", "/join")):
        texts |= _RUN_FAULTS
    media = ("text/event-stream",) if path.endswith(("/stream", "/live")) else _MEDIA.get(path)
    if media and "200" in responses and path != "/live":
        responses["200"]["content"] = {kind: {"schema": {}} for kind in media}
    texts |= _MORE.get((method, path), {})
    shape = {} if path.startswith("/a2a/") else {"$ref": "#/components/schemas/Problem"}
    content = {"application/json": {"schema": shape}}
    for status, text in texts.items():
        if status == "422" or status not in responses:
            responses[status] = {"description": text, "content": content}
