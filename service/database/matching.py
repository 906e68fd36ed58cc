"""Filtering rows by a JSON column: each given pair must be there, exactly."""

from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import KeyedColumnElement

from service.database.engine import Database
from tools.errors import InvalidInput

_TYPES = {str: ("text",), bool: ("true", "false"), int: ("integer", "real"), float: ("integer", "real")}
"""What SQLite's json_each calls the types, https://www.sqlite.org/json1.html#jeach."""


def as_json_text(value: Any) -> str:
    """A filter's value as the database reads it out of JSON. Raises InvalidInput for one that JSON cannot hold."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise InvalidInput(f"a filter holds a value that cannot be looked for: {error}") from None


def contains(database: Database, column: Any, pairs: dict[str, Any]) -> ColumnElement[bool]:
    """Whether the JSON object in `column` has every pair. On PostgreSQL an object or list may hold more than asked."""
    for value in pairs.values():
        as_json_text(value)
    if not database.is_sqlite:
        json: KeyedColumnElement[Any] = column
        return json.cast(JSONB).contains(pairs)
    return and_(*(_has(column, key, value) for key, value in pairs.items()))


def _has(column: Any, key: str, value: Any) -> ColumnElement[bool]:
    each = func.json_each(column).table_valued("key", "value", "type")
    if value is None:
        same = each.c.type == "null"
    elif isinstance(value, bool):
        same = each.c.type == ("true" if value else "false")
    elif isinstance(value, (dict, list)):
        same = or_(each.c.type == "object", each.c.type == "array") & (each.c.value == as_json_text(value))
    else:
        same = each.c.type.in_(_TYPES[type(value)]) & (each.c.value == value)
    return exists(select(1).select_from(each).where(each.c.key == key, same))
