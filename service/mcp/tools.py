"""The list of our tools: names, descriptions, schemas, annotations."""

from functools import cache
from typing import Any, Final

from mcp_types import Tool, ToolAnnotations

from service.auth.caller import Act, Caller
from service.house import House
from service.mcp import arguments
from service.mcp.arguments import Arguments
from service.mcp.icons import icons
from service.mcp.results import FileShown, RunShown
from tools.host import shown
from workflows.registry import Graph
from workflows.schemas import input_check, schema

OURS: Final = ("contract_review", "medical_translation", "financial_advisor")
"""Workflows that have a tool of their own; a user's own become run_<name>."""

_STARTS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
_READS: Final = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

_LISTED: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "runs": {"type": "array", "items": {"$ref": "#/$defs/RunShown"}},
        "next_cursor": {"type": ["string", "null"], "description": "cursor of the next page; null: there is none."},
    },
    "required": ["runs"],
}


@cache
def _run_schema() -> dict[str, Any]:
    return RunShown.model_json_schema(mode="serialization")


def _runs_schema() -> dict[str, Any]:
    whole = dict(_run_schema())
    definitions = whole.pop("$defs", {})
    return {**_LISTED, "$defs": {**definitions, "RunShown": whole}}


def _file_schema() -> dict[str, Any]:
    described = FileShown.model_json_schema(mode="serialization")
    described["properties"]["text"] = {"type": ["string", "null"], "description": "The text, where it is one."}
    described["properties"]["total_characters"] = {"type": ["integer", "null"]}
    return described


@cache
def tools(paths: bool) -> list[Tool]:
    """Our own tools. paths: whether files of the client's machine can be read."""

    def tool(
        name: str,
        title: str,
        icon: str,
        model: type[Arguments],
        output: dict[str, Any],
        hints: ToolAnnotations,
        told: str,
    ) -> Tool:
        return Tool(
            name=name,
            title=title,
            description=told,
            input_schema=arguments.schema(model, paths=paths),
            output_schema=output,
            annotations=hints.model_copy(update={"title": title}),
            icons=icons(icon),
        )

    run = _run_schema()
    given = "Give the document in exactly one way: "
    given += (
        "path, content, content_base64 with name, or file_id."
        if paths
        else ("content, content_base64 with name, or file_id.")
    )
    return [
        tool(
            "review_contract", "Review a contract", "contract", arguments.ReviewContract, run, _STARTS,
            "Review a contract (English or Chinese) against a playbook of rules: risky and missing clauses with quotes "
            "and pages, proposed wording, a report (HTML, JSON) and a Word file with tracked changes. Use it whenever "
            "a user wants a contract, agreement, NDA or terms checked, redlined or explained as to risk. Takes "
            f"seconds to minutes. {given}",
        ),
        tool(
            "translate_record", "Translate a medical record", "record", arguments.TranslateRecord, run, _STARTS,
            "Translate a medical record (discharge letter, report, FHIR Bundle, CDA) with every number, unit, drug, "
            "negation and side verified by rule; key data as FHIR; cautions and advice with sources. Names are taken "
            "out before anything reads it. A clinician must sign the translation off: the run then waits, and the "
            f"user decides. {given}",
        ),
        tool(
            "ask_advisor", "Ask the financial advisor", "advice", arguments.AskAdvisor, run, _STARTS,
            "Ask about funds, portfolios, risk, fees, saving plans or what to buy or sell: figures come from "
            "calculations on market data, every recommendation passes a suitability check. Give the conversation_id of "
            "the last result to go on with the conversation, so that the client need not repeat anything.",
        ),
        tool(
            "list_runs", "List runs", "run", arguments.ListRuns, _runs_schema(), _READS,
            "List what was run before, newest first: reviews, translations, advice, the user's own workflows, with "
            "their state. Use it to find a run that went on after a connection broke, or that waits for approval.",
        ),
        tool(
            "get_run", "Get a run", "run", arguments.GetRun, run, _READS,
            "Get a run's state, its result, what it waits for and its files. wait_seconds waits for one that has not "
            "finished.",
        ),
        tool(
            "get_file", "Get a report or file", "file", arguments.GetFile, _file_schema(), _READS,
            "Get a file that a run made (report, redlined document, translation, charts) or that was given to it. "
            "Texts come in pieces of `length` characters; other files as an embedded resource.",
        ),
        tool(
            "answer_run", "Approve, edit or reject a waiting run", "answer", arguments.AnswerRun, run,
            ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False),
            "Pass the user's decision on to a run that waits: approve, reject, edit segments of a translation, or "
            "answer what it asks (see waiting_for of get_run). Only ever with the user's own decision.",
        ),
        tool(
            "cancel_run", "Cancel a run", "stop", arguments.CancelRun, run,
            ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False),
            "Stop a run that is queued or running. What it has done so far stays on record.",
        ),
    ]  # fmt: skip


_NEEDS: Final[dict[str, tuple[Act, str | None]]] = {
    "review_contract": ("invoke", "contract_review"),
    "translate_record": ("invoke", "medical_translation"),
    "ask_advisor": ("invoke", "financial_advisor"),
    "list_runs": ("read", None),
    "get_run": ("read", None),
    "get_file": ("read", None),
    "answer_run": ("approve", None),
    "cancel_run": ("invoke", None),
}
"""What a caller must be allowed to do to use a tool, and with which workflow."""


def require(caller: Caller, name: str, own: dict[str, str]) -> None:
    """Raises NotPermitted where the caller may not use the tool. own: as `own_workflows` gives them."""
    caller.require(*_NEEDS.get(name) or ("invoke", own[name]))


def permitted(caller: Caller, name: str, own: dict[str, str]) -> bool:
    return caller.may(*_NEEDS.get(name) or ("invoke", own[name]))


def tool_name(workflow: str) -> str:
    """The name of a user's workflow as a tool: letters, digits, _ and - only, 64 characters at most. Where that would
    change or cut the workflow's name, a hash of it is put at the end, so that two workflows stay two tools."""
    return shown(f"run_{workflow}")


def own_workflows(house: House) -> dict[str, str]:
    """The user's own workflows by their tools' names."""
    return {tool_name(name): name for name in house.registry.names() if name not in OURS}


async def own_tool(house: House, name: str, workflow: str) -> Tool:
    """A user's workflow as a tool, from its graph's schemas."""
    found = house.registry.get(workflow)
    async with found.graph() as graph:
        takes = _input_schema(graph)
        gives = list((schema(graph, "output") or {}).get("properties") or {})
    returns = f" Returns: {', '.join(gives)}." if gives else ""
    return Tool(
        name=name,
        title=workflow.replace("_", " ").capitalize(),
        description=f"{found.description.rstrip('.')}. A workflow of this installation.{returns}",
        input_schema=takes,
        output_schema=_run_schema(),
        annotations=ToolAnnotations(
            title=workflow, read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
        ),
        icons=icons("run"),
    )


CHAT: Final[dict[str, Any]] = {
    "type": "array",
    "description": "The conversation so far, the user's message last.",
    "items": {
        "type": "object",
        "properties": {"role": {"enum": ["user", "assistant", "system"]}, "content": {"type": "string"}},
        "required": ["role", "content"],
    },
}
CONVERSATION: Final[dict[str, Any]] = {
    "type": "string",
    "maxLength": 64,
    "description": "Go on with this conversation: the conversation_id of an earlier result.",
}
BACKGROUND: Final[dict[str, Any]] = {
    "type": "boolean",
    "description": "true: answer at once with the run's id; look for its result with get_run.",
}
EXTRA: Final = {"conversation_id": CONVERSATION, "background": BACKGROUND}
"""Arguments that every own workflow's tool has besides the graph's input, unless the graph has one of that name."""


def _input_schema(graph: Graph) -> dict[str, Any]:
    """What a graph takes, in a schema a model can read: LangChain's message types become plain chat messages."""
    described = schema(graph, "input") or {}
    properties: dict[str, Any] = dict(described.get("properties") or {})
    if "HumanMessage" in (described.get("$defs") or {}):
        plain: dict[str, Any] = input_check(graph).get("properties") or {}
        described = {key: value for key, value in described.items() if key not in ("$defs", "required")}
        properties = {name: plain.get(name) or {} for name in properties}
    if "messages" in properties and not properties["messages"].get("items"):
        properties["messages"] = CHAT
    return {
        **{key: value for key, value in described.items() if key not in ("title", "description")},
        "type": "object",
        "properties": {**EXTRA, **properties},
    }
