"""What a waiting run asks, as a form that MCP clients can show, and the form's content as the run's answer.

Forms of MCP are flat: strings, numbers, booleans and choices at the top level only (elicitation, 2025-11-25). What a
run asks may be deeper; then the form has what is decided in a click, and answer_run takes the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from service.mcp.results import WaitingFor, waiting_for
from tools.errors import InvalidInput

EVIDENCE: Final = 12
"""Most lines of evidence in a form's message."""
_FLAT: Final = frozenset({"string", "number", "integer", "boolean"})
_KEPT: Final = frozenset({"type", "title", "description", "minLength", "maxLength", "minimum", "maximum", "default"})

_EVIDENCE: Final = ("evidence", "alarms", "cautions", "advice")
"""Where an interrupt holds what a decision rests on, in the order in which a person should read it."""

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """What is shown to a person. schema: flat. single: the one field that the answer is, instead of an object."""

    interrupt_id: str
    message: str
    schema: Schema
    single: str | None = None


def form(asked: dict[str, Any]) -> Form:
    """The form of an interrupt."""
    told = waiting_for(asked)
    declared: Schema = told.answer_schema or {}
    if declared.get("oneOf"):
        return Form(told.interrupt_id, _message(told, asked["value"]), _of_choices(declared["oneOf"]))
    fields = {name: flat for name, each in _properties(declared).items() if (flat := _flat(each)) is not None}
    if fields:
        required = [name for name in cast(list[str], declared.get("required") or []) if name in fields]
        return Form(told.interrupt_id, _message(told, asked["value"]), _object(fields, required))
    single = _flat(declared) or {"type": "string"}
    return Form(
        told.interrupt_id,
        _message(told, asked["value"]),
        _object({"answer": {"title": "Answer", **single}}, ["answer"]),
        "answer",
    )


def answer(form: Form, content: Mapping[str, Any]) -> Any:
    """What a person entered, as the value that the run goes on with."""
    given = {name: value for name, value in content.items() if value is not None and value != ""}
    if form.single is not None:
        return given.get(form.single, "")
    if "edit_text" in form.schema["properties"]:
        edit = {name: given.pop(f"edit_{name}", "") for name in ("segment", "language", "text")}
        if given.get("decision") == "edit":
            given["edits"] = [edit]
    if given.get("decision") != "approve":
        given.pop("accepted", None)
    return given


def from_tool(
    asked: dict[str, Any],
    decision: str | None,
    reason: str,
    accepted: list[str],
    edits: list[dict[str, str]],
    other: Any,
) -> Any:
    """The answer that answer_run was given. Raises InvalidInput when it is none, or two."""
    if (decision is None) == (other is None):
        raise InvalidInput("give either decision or answer: " + _allowed(asked))
    if decision is None:
        return other
    told: dict[str, Any] = {"decision": decision}
    if reason:
        told["reason"] = reason
    if accepted:
        told["accepted"] = accepted
    if edits:
        told["edits"] = edits
    return told


def _allowed(asked: dict[str, Any]) -> str:
    told = waiting_for(asked)
    return f"the run asks {told.question!r} and takes {told.answer_schema or 'any value'}"


def _of_choices(choices: list[Schema]) -> Schema:
    """A decision among several, each with fields of its own: one flat form with the fields of all."""
    names = [each["properties"]["decision"]["const"] for each in choices]
    fields: dict[str, Schema] = {"decision": {"type": "string", "title": "Decision", "enum": names}}
    for each in choices:
        for name, declared in _properties(each).items():
            if name == "edits":
                fields |= {
                    "edit_segment": {"type": "string", "title": "To edit: which segment"},
                    "edit_language": {"type": "string", "title": "To edit: which language"},
                    "edit_text": {"type": "string", "title": "To edit: the new translation"},
                }
            elif name != "decision" and name not in fields and (flat := _flat(declared)) is not None:
                fields[name] = flat
    return _object(fields, ["decision"])


def _flat(declared: Schema) -> Schema | None:
    """A field as elicitation has it; None for one that is deeper."""
    title = {key: declared[key] for key in ("title", "description") if key in declared}
    if (choices := declared.get("enum")) and all(isinstance(each, str) for each in choices):
        return {"type": "string", "enum": choices, **title}
    if declared.get("type") == "array":
        items: Schema = declared.get("items") or {}
        if items.get("enum"):
            return {"type": "array", "items": {"type": "string", "enum": items["enum"]}, **title}
        return None
    if declared.get("type") in _FLAT:
        return {key: value for key, value in declared.items() if key in _KEPT}
    return None


def _properties(declared: Schema) -> dict[str, Schema]:
    return cast(dict[str, Schema], declared.get("properties") or {})


def _object(fields: dict[str, Schema], required: list[str]) -> Schema:
    return {"type": "object", "properties": fields, "required": required}


def _message(told: WaitingFor, value: Any) -> str:
    """The question with the evidence that it rests on, short enough for a dialogue."""
    lines = [told.title, "", told.question]
    given = cast(dict[str, Any], value) if isinstance(value, dict) else {}
    evidence = [each for key in _EVIDENCE for each in cast(list[Any], given.get(key) or [])]
    for each in evidence[:EVIDENCE]:
        if isinstance(each, dict):
            lines.append("- " + _line(cast(dict[str, Any], each)))
    if len(evidence) > EVIDENCE:
        lines.append(f"- … and {len(evidence) - EVIDENCE} more; get_run shows them")
    return "\n".join(lines)


def _line(entry: dict[str, Any]) -> str:
    reason: Any = entry.get("why") or entry.get("reason") or entry.get("message") or entry.get("text") or ""
    if isinstance(reason, dict):
        reason = next(iter(cast(dict[str, str], reason).values()), "")
    named = " ".join(str(entry[key]) for key in ("severity", "id", "category") if entry.get(key))
    return f"{named}: {reason}"[:300] if named else str(entry)[:300]
