"""Resources: runs, their reports and files, playbooks, the model catalogue."""

from functools import cache
from typing import Any, Final

import orjson
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)
from pydantic import TypeAdapter

from agents.catalogue import catalogue
from agents.model import Model
from service.database import files, runs
from service.mcp import calling, results
from service.mcp.calls import Context
from service.mcp.icons import icons
from service.mcp.reception import Reception
from tools.contracts import playbook
from tools.errors import ConsiliaError

SCHEME: Final = "consilia://"
NOT_FOUND_2025: Final = -32002
"""What 2025-11-25 answers for a resource that does not exist; 2026-07-28 has invalid params."""

_MODELS: Final = Resource(
    uri=f"{SCHEME}models",
    name="models",
    title="Model catalogue",
    description="The open models that Consilia knows: sizes, context, licences, abilities.",
    mime_type="application/json",
    icons=icons("consilia"),
)
_TEMPLATES: Final = [
    ResourceTemplate(
        uri_template=f"{SCHEME}runs/{{run_id}}",
        name="run",
        title="A run",
        description="State, result, questions and files of a run. May be subscribed to.",
        mime_type="application/json",
        icons=icons("run"),
    ),
    ResourceTemplate(
        uri_template=f"{SCHEME}runs/{{run_id}}/question",
        name="question",
        title="What a run asks",
        description="All that a waiting run asks a person: of a translation each segment with its alarms.",
        mime_type="application/json",
        icons=icons("answer"),
    ),
    ResourceTemplate(
        uri_template=f"{SCHEME}files/{{file_id}}",
        name="file",
        title="A report or file",
        description="A file that a run made or was given.",
        icons=icons("file"),
    ),
    ResourceTemplate(
        uri_template=f"{SCHEME}playbooks/{{name}}",
        name="playbook",
        title="A playbook",
        description="The rules that a contract is reviewed by, as TOML.",
        mime_type="application/toml",
        icons=icons("contract"),
    ),
    ResourceTemplate(
        uri_template=f"{SCHEME}models/{{name}}",
        name="model",
        title="A model",
        description="What is known of one open model.",
        mime_type="application/json",
        icons=icons("consilia"),
    ),
]


async def listed(reception: Reception, context: Context, cursor: str | None) -> ListResourcesResult:
    """Playbooks and the catalogue, then the caller's runs with their files, newest first. cursor: a run's id."""
    caller, house = reception.caller(context), reception.house
    page = house.settings.mcp.page
    found = [] if cursor else [*(_playbook(name) for name in playbook.names()), _MODELS]
    if cursor is not None and await runs.get(house.database, caller.tenant_id, cursor) is None:
        raise MCPError(INVALID_PARAMS, "Invalid cursor: list the resources again from the start")
    rows = await runs.search(house.database, caller.tenant_id, before=cursor, limit=page + 1)
    for row in rows[:page]:
        found.append(
            Resource(
                uri=f"{SCHEME}runs/{row['run_id']}",
                name=row["run_id"],
                title=f"{row['graph_id']} of {row['created_at']:%Y-%m-%d %H:%M} ({row['status']})",
                mime_type="application/json",
                icons=icons("run"),
            )
        )
        for made in await files.of_run(house.database, row["run_id"]):
            told = results.file_shown(made)
            found.append(
                Resource(uri=told.uri, name=told.name, title=told.name, mime_type=told.media_type, size=told.size)
            )
    after = rows[page - 1]["run_id"] if len(rows) > page else None
    return ListResourcesResult(resources=found, next_cursor=after)


@cache
def _playbook(name: str) -> Resource:
    return Resource(
        uri=f"{SCHEME}playbooks/{name}",
        name=name,
        title=f"Playbook: {playbook.load(name).title.en}",
        mime_type="application/toml",
        icons=icons("contract"),
    )


def templates() -> ListResourceTemplatesResult:
    return ListResourceTemplatesResult(resource_templates=_TEMPLATES)


async def read(reception: Reception, context: Context, uri: str) -> ReadResourceResult:
    """What lies at a URI. Raises MCPError for what does not exist, or belongs to another tenant."""
    kind, _, name = uri.removeprefix(SCHEME).partition("/")
    try:
        if not uri.startswith(SCHEME):
            raise _unknown(context, uri)
        match kind, name:
            case "models", "":
                shown = [{"name": each.name, "uri": f"{SCHEME}models/{each.name}"} for each in catalogue().models]
                return _json(uri, shown)
            case "models", _:
                return _json(uri, TypeAdapter(Model).dump_python(catalogue().find(name), mode="json"))
            case "playbooks", _ if name in playbook.names():
                return _text(uri, "application/toml", playbook.toml(name))
            case "runs", _ if name.endswith("/question"):
                row = await results.find(reception.house, reception.caller(context), name.removesuffix("/question"))
                return _json(uri, await results.interrupts(reception.house, row))
            case "runs", _ if name:
                row = await results.find(reception.house, reception.caller(context), name)
                return _json(uri, (await results.shown(reception.house, row)).model_dump(mode="json", by_alias=True))
            case "files", _ if name:
                row = await results.file_row(reception.house, reception.caller(context), name)
                content = await files.content(reception.house.database, name)
                return ReadResourceResult(contents=[calling.resource(results.file_shown(row), content)])
            case _:
                raise _unknown(context, uri)
    except ConsiliaError as error:
        raise _unknown(context, uri, error.message) from None


def _unknown(context: Context, uri: str, why: str = "") -> MCPError:
    code = INVALID_PARAMS if context.protocol_version > "2025-11-25" else NOT_FOUND_2025
    return MCPError(code, f"Resource not found{f': {why}' if why else ''}", {"uri": uri[:1000]})


def _json(uri: str, value: Any) -> ReadResourceResult:
    return _text(uri, "application/json", orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _text(uri: str, media_type: str, text: str) -> ReadResourceResult:
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type=media_type, text=text)])
