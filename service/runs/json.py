"""Graph values as JSON: messages, models, dataclasses and the like in the shapes that LangGraph's server gives them."""

import dataclasses
from collections import deque
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import orjson
from langchain_core.messages import BaseMessage
from pydantic import BaseModel

from tools.errors import ConsiliaError

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


class Unserializable(ConsiliaError):
    """A graph returned a value that has no JSON form."""

    code = "unserializable_value"
    status = 500


def dumps(value: Any) -> str:
    """JSON text of a graph's value. Raises Unserializable with the type that has no JSON form."""
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS).decode()
    except TypeError as error:
        raise Unserializable(f"the graph returned a value that cannot be written as JSON: {error}") from None


def plain(value: Any) -> Any:
    """The value as JSON types only."""
    return orjson.loads(dumps(value))


def _plain(value: Any) -> Any:
    match value:
        case BaseMessage():
            return value.model_dump(exclude_none=False)
        case BaseModel():
            return value.model_dump(mode="json")
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        case set() | frozenset() | deque() | tuple():
            return list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Enum():
            return value.value
        case UUID() | PurePath():
            return str(value)
        case BaseException():
            return {"error": type(value).__name__, "message": str(value)}
        case bytes():
            raise TypeError("bytes; keep them as a file, or encode them")
        case _ if hasattr(value, "_asdict"):
            return value._asdict()
        case _:
            raise TypeError(f"an object of type {type(value).__module__}.{type(value).__qualname__}")
