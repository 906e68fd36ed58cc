"""Filtering rows by a JSON column: each given pair must be there, exactly."""

from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import KeyedColumnElement

from service.database.engine import Database

_TYPES = {str: ("text",), bool: ("true", "false"), int: ("integer", "real"), float: ("integer", "real")}
"""What SQLite's json_each calls the types, https://www.sqlite.org/json1.html#jeach."""


def contains(database: Database, column: Any, pairs: dict[str, Any]) -> ColumnElement[bool]:
    """Whether the JSON object in `column` has every pair. On PostgreSQL an object or list may hold more than asked."""
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
        same = or_(each.c.type == "object", each.c.type == "array") & (each.c.value == orjson.dumps(value).decode())
    else:
        same = each.c.type.in_(_TYPES[type(value)]) & (each.c.value == value)
    return exists(select(1).select_from(each).where(each.c.key == key, same))
