"""Columns that may hold sealed values: a row of a sensitive workflow cannot be read without the sealing keys.

Who writes marks what is to be sealed with `Confidential`; whoever reads through SQLAlchemy gets the plain value again,
since the column's type opens it. The keys reach the types through the engine's dialect (`give_keys`). Sealed and plain
rows may stand side by side, so a workflow can be marked at any time. A value is bound to its column, not to its row:
a thread's copies and a file's replacement are made in SQL.
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

import orjson
from sqlalchemy import JSON, Dialect, Engine, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from service.database.sealing import CannotUnseal
from tools.errors import ConsiliaError

_KEYS: Final = "consilia_sealer"
SEALED: Final = "$sealed"
_PLAIN: Final = "$plain"
TEXT: Final = "sealed:"
_PLAIN_TEXT: Final = "plain:"
BYTES: Final = b"\x00consilia-sealed\x01"
_PLAIN_BYTES: Final = b"\x00consilia-plain\x01"


class Unstorable(ConsiliaError):
    """A value that no database can keep: a number beyond 64 bits, nesting without end."""

    code = "unstorable_value"
    status = 422


class Seals(Protocol):
    """What seals and opens: `sealing.Sealer`."""

    def seal(self, value: bytes, *owner: str) -> bytes: ...

    def open(self, sealed: bytes, *owner: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Confidential:
    """A value to be sealed where it is written. shown: what of a JSON object may be read beside it."""

    value: Any
    shown: dict[str, Any] = field(default_factory=dict[str, Any])


def confidential(value: Any, sealed: bool, *shown: str) -> Any:
    """The value, marked to be sealed where that is wanted. shown: names of an object's fields that stay readable."""
    if not sealed or value is None:
        return value
    fields = cast(dict[str, Any], value) if isinstance(value, dict) else {}
    readable = {name: fields[name] for name in shown if name in fields}
    return Confidential(value, readable)


def give_keys(engine: Engine, seals: Seals) -> None:
    """Let the engine's columns seal and open."""
    setattr(engine.dialect, _KEYS, seals)


def _keys(dialect: Dialect) -> Seals:
    seals: Seals | None = getattr(dialect, _KEYS, None)
    if seals is None:
        raise CannotUnseal("this value is sealed, and the database was opened without the sealing keys")
    return seals


def dumps(value: Any) -> str:
    """JSON text, as every JSON column is written. Raises Unstorable."""
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise Unstorable(f"the request holds a value that cannot be stored: {error}") from None


class SealedJson(TypeDecorator[Any]):
    """JSON. Sealed it is an object with the ciphertext under `$sealed`, beside what may be read."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(
            JSONB(none_as_null=True) if dialect.name == "postgresql" else JSON(none_as_null=True)
        )

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        return self.impl_instance.coerce_compared_value(op, value)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if isinstance(value, Confidential):
            sealed = _keys(dialect).seal(dumps(value.value).encode(), self.column)
            return {**value.shown, SEALED: base64.b64encode(sealed).decode()}
        if isinstance(value, dict) and (SEALED in value or _PLAIN in value):
            return {_PLAIN: cast(dict[str, Any], value)}
        return cast(Any, value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if not isinstance(value, dict):
            return value
        kept = cast(dict[str, Any], value)
        if SEALED in kept:
            return orjson.loads(_keys(dialect).open(base64.b64decode(kept[SEALED]), self.column))
        return kept[_PLAIN] if kept.keys() == {_PLAIN} else kept


class SealedText(TypeDecorator[str]):
    """Text."""

    impl = Text
    cache_ok = True

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        if isinstance(value, Confidential):
            sealed = _keys(dialect).seal(str(value.value).encode(), self.column)
            return TEXT + base64.b64encode(sealed).decode()
        if isinstance(value, str) and value.startswith((TEXT, _PLAIN_TEXT)):
            return _PLAIN_TEXT + value
        return value

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or not value.startswith((TEXT, _PLAIN_TEXT)):
            return value
        if value.startswith(_PLAIN_TEXT):
            return value.removeprefix(_PLAIN_TEXT)
        try:
            sealed = base64.b64decode(value.removeprefix(TEXT), validate=True)
        except binascii.Error:
            return value  # written before there were sealed columns
        return _keys(dialect).open(sealed, self.column).decode()


class SealedBytes(TypeDecorator[bytes]):
    """Bytes."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        if isinstance(value, Confidential):
            return BYTES + _keys(dialect).seal(bytes(value.value), self.column)
        if isinstance(value, bytes) and value.startswith((BYTES, _PLAIN_BYTES)):
            return _PLAIN_BYTES + value
        return value

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        if value.startswith(BYTES):
            return _keys(dialect).open(value[len(BYTES) :], self.column)
        return value.removeprefix(_PLAIN_BYTES)
