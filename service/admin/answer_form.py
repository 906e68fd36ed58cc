"""Forms made from the JSON schema of an answer, and the answer that a filled form gives.

A schema with `oneOf` becomes a form for each of its alternatives. A property `decision` becomes buttons: one for each
of its values. Whatever has no better form (a nested object, a list of lists) is written as JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.exceptions import ValidationError as SchemaFault

from service.admin.masking import masked_text
from tools.errors import ConsiliaError

Kind = Literal["choice", "text", "long", "number", "integer", "yes", "many", "rows", "json"]
_ROWS: Final = 3
"""Empty rows that a list of objects begins with."""

_LONG: Final = 200
_MOST: Final = 100


class InvalidAnswer(ConsiliaError):
    """The answer does not fit what was asked; the message names each field and what is wrong with it."""

    code = "invalid_answer"
    status = 422


@dataclass(frozen=True, slots=True)
class Field:
    """options: (value as JSON text, label) to choose from. rows: the fields of each row of a list of objects."""

    name: str
    title: str
    kind: Kind
    required: bool = False
    told: str = ""
    options: tuple[tuple[str, str], ...] = ()
    longest: int | None = None
    rows: tuple["Field", ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """buttons: (value of `decision` as JSON text, label); one ("", "Send") where the answer has no decision."""

    number: int
    title: str
    fields: tuple[Field, ...]
    buttons: tuple[tuple[str, str], ...]
    row_numbers: tuple[int, ...] = tuple(range(_ROWS))


def forms(schema: Mapping[str, Any] | None) -> list[Form]:
    """The forms of a schema; one of JSON alone where there is no schema, or one that has no fields."""
    if schema is None:
        return [Form(0, "Answer", (Field("", "Answer, as JSON or plain text", "json"),), (("", "Send"),))]
    alternatives = [each for each in _dicts(schema.get("oneOf")) or _dicts(schema.get("anyOf")) if "properties" in each]
    if alternatives:
        return [_form(number, each, str(each.get("title") or "")) for number, each in enumerate(alternatives[:_MOST])]
    if "properties" in schema:
        return [_form(0, schema, str(schema.get("title") or ""))]
    return [Form(0, "Answer", (_field("", schema, False),), (("", "Send"),))]


def worded(schema: Any) -> Any:
    """The schema with its words for people masked; what an answer may be stays as it is."""
    match schema:
        case dict():
            return {
                name: masked_text(each) if name in ("title", "description") and isinstance(each, str) else worded(each)
                for name, each in cast(dict[str, Any], schema).items()
            }
        case list():
            return [worded(each) for each in cast(list[Any], schema)]
        case _:
            return schema


def _form(number: int, schema: Mapping[str, Any], title: str) -> Form:
    required = set(cast(list[str], schema.get("required") or []))
    properties = cast(dict[str, dict[str, Any]], schema["properties"])
    buttons: tuple[tuple[str, str], ...] = (("", "Send"),)
    fields: list[Field] = []
    for name, each in list(properties.items())[:_MOST]:
        values = [each["const"]] if "const" in each else each.get("enum")
        if name == "decision" and isinstance(values, list) and values:
            told = cast(list[Any], values)
            buttons = tuple((_json(value), _label(value) if len(told) > 1 or not title else title) for value in told)
        elif "const" not in each:
            fields.append(_field(name, each, name in required))
    return Form(number, title, tuple(fields), buttons)


def _field(name: str, schema: Mapping[str, Any], required: bool) -> Field:
    title = str(schema.get("title") or name.replace("_", " ").capitalize() or "Answer")
    told = str(schema.get("description") or "")
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = next((each for each in cast(list[str], kinds) if each != "null"), None)
    if kinds is None:
        other = [each for each in _dicts(schema.get("anyOf")) if each.get("type") != "null"]
        if len(other) == 1:
            return _field(name, {"title": title, "description": told, **other[0]}, required)
    longest = schema.get("maxLength")
    if isinstance(schema.get("enum"), list):
        return Field(name, title, "choice", required, told, _options(schema["enum"]))
    match kinds:
        case "string":
            long = not isinstance(longest, int) or longest > _LONG
            return Field(name, title, "long" if long else "text", required, told, longest=longest)
        case "boolean":
            return Field(name, title, "yes", False, told)
        case "integer":
            return Field(name, title, "integer", required, told)
        case "number":
            return Field(name, title, "number", required, told)
        case "array":
            return _list(name, title, told, required, schema.get("items"))
        case _:
            return Field(name, title, "json", required, told)


def _list(name: str, title: str, told: str, required: bool, items: Any) -> Field:
    item = cast(dict[str, Any], items) if isinstance(items, dict) else {}
    if isinstance(item.get("enum"), list):
        return Field(name, title, "many", required, told, _options(item["enum"]))
    if isinstance(item.get("properties"), dict):
        inner = _form(0, item, "").fields
        if all(each.kind not in ("rows", "json", "many") for each in inner):
            return Field(name, title, "rows", required, told, rows=inner)
    return Field(name, title, "json", required, told)


def _dicts(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [cast(dict[str, Any], each) for each in cast(list[Any], value) if isinstance(each, dict)]


def _options(values: list[Any]) -> tuple[tuple[str, str], ...]:
    return tuple((_json(value), _label(value)) for value in values[:_MOST])


def _label(value: Any) -> str:
    return value.replace("_", " ").capitalize() if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def answer(schema: Mapping[str, Any] | None, given: Mapping[str, list[str]]) -> Any:
    """The answer of a filled form, checked against the schema. given: the form's fields, `a.NAME`, with `form` and
    `decision`, or `raw` alone with the answer as JSON. Raises InvalidAnswer."""
    if raw := _first(given, "raw").strip():
        return checked(schema, _read_json("the answer", raw, plain_text=schema is None))
    known = forms(schema)
    number = _first(given, "form") or "0"
    if not number.isdecimal() or int(number) >= len(known):
        raise InvalidAnswer(f"there is no form {number!r}")
    form = known[int(number)]
    if len(form.fields) == 1 and form.fields[0].name == "":
        return checked(schema, _value(form.fields[0], given, "a.", plain_text=schema is None))
    told: dict[str, Any] = {}
    if decided := _first(given, "decision"):
        if decided not in dict(form.buttons):
            raise InvalidAnswer(f"decision: {decided} is none of {', '.join(value for value, _ in form.buttons)}")
        told["decision"] = orjson.loads(decided)
    for field in form.fields:
        value = _value(field, given, f"a.{field.name}")
        if value is not None:
            told[field.name] = value
    return checked(schema, told)


def checked(schema: Mapping[str, Any] | None, value: Any) -> Any:
    """The answer, if it fits. Raises InvalidAnswer."""
    if schema is None:
        return value
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return value  # the graph's own schema is broken: it must judge the answer itself
    faults: list[SchemaFault] = list(Draft202012Validator(schema).iter_errors(value))  # pyright: ignore[reportUnknownMemberType]
    if faults:
        named = [f"{'.'.join(str(part) for part in fault.path) or 'answer'}: {fault.message[:300]}" for fault in faults]
        raise InvalidAnswer("; ".join(named[:10]), faults=named[:10])
    return value


def _first(given: Mapping[str, list[str]], name: str) -> str:
    values = given.get(name)
    return values[0] if values else ""


def _value(field: Field, given: Mapping[str, list[str]], name: str, plain_text: bool = False) -> Any:
    """What a field was given; None where it was left empty."""
    text = _first(given, name)
    match field.kind:
        case "yes":
            return name in given
        case "many":
            return [_read_json(field.title, each) for each in given.get(name, [])] or ([] if field.required else None)
        case "rows":
            return _rows(field, given, name) or None
        case _ if not text.strip():
            return None
        case "text" | "long":
            return text.replace("\r\n", "\n")
        case "choice":
            return _read_json(field.title, text)
        case "integer" | "number":
            try:
                return int(text) if field.kind == "integer" else float(text)
            except ValueError:
                raise InvalidAnswer(f"{field.title}: {text!r} is no number") from None
        case "json":
            return _read_json(field.title, text, plain_text)


def _rows(field: Field, given: Mapping[str, list[str]], name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number in range(_MOST):
        row = {each.name: _value(each, given, f"{name}.{number}.{each.name}") for each in field.rows}
        filled = {key: value for key, value in row.items() if value is not None}
        written = [each for each in field.rows if each.kind in ("text", "long") and each.name in filled]
        if written:
            found.append(filled)
    return found


def _read_json(title: str, text: str, plain_text: bool = False) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if plain_text:
            return text
        raise InvalidAnswer(f"{title}: not JSON: {error}") from None
