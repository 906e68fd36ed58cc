"""The JSON schemas of a graph: what goes in, what comes out, and what of it a caller's input is checked against."""

from typing import Any, Literal, cast, get_type_hints

import orjson
from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUserError

from workflows.registry import Graph

Kind = Literal["input", "output", "state"]


def schema(graph: Graph, kind: Kind) -> dict[str, Any] | None:
    """The graph's JSON schema of a kind; None where its type has none."""
    declared = _declared(graph, kind)
    try:
        return TypeAdapter(declared).json_schema()
    except PydanticUserError:
        # Before Python 3.12 pydantic refuses a `typing.TypedDict`; its fields are described one by one instead.
        return _by_field(declared)


def input_check(graph: Graph) -> dict[str, Any]:
    """The schema that a run's input must fit.

    A pydantic model is taken at its word. For a TypedDict or dataclass nothing is required, since a graph may be given
    a part of its state, and only fields of plain JSON types are checked: LangChain turns many forms into messages.
    """
    described = schema(graph, "input") or {}
    declared = _declared(graph, "input")
    if isinstance(declared, type) and issubclass(declared, BaseModel):
        return described
    properties = cast(dict[str, Any], described.get("properties") or {})
    plain = {name: each for name, each in properties.items() if b'"$ref"' not in orjson.dumps(each)}
    return {"type": "object", "properties": plain}


def _declared(graph: Graph, kind: Kind) -> Any:
    builder = graph.builder
    match kind:
        case "input":
            return builder.input_schema
        case "output":
            return builder.output_schema
        case "state":
            return builder.state_schema


def _by_field(declared: Any) -> dict[str, Any] | None:
    hints = get_type_hints(declared, include_extras=True)
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for name, hint in hints.items():
        try:
            described = TypeAdapter(hint).json_schema()
        except (PydanticUserError, TypeError):
            described = {}
        definitions |= described.pop("$defs", {})
        properties[name] = {"title": name.replace("_", " ").title(), **described}
    whole: dict[str, Any] = {"title": declared.__name__, "type": "object", "properties": properties}
    required = sorted(getattr(declared, "__required_keys__", ()))
    if required:
        whole["required"] = required
    if definitions:
        whole["$defs"] = definitions
    return whole
