"""What a record keeps of long or private values."""

import hashlib
from typing import Any

import orjson


def withheld(arguments: dict[str, Any]) -> dict[str, Any]:
    """What the record of a private call says of its arguments: their names and sizes."""
    return {name: f"withheld ({len(orjson.dumps(value))} bytes)" for name, value in arguments.items()}


def abbreviated(value: Any, longest: int = 2_000) -> Any:
    """The value with every string over `longest` characters cut, its length and SHA-256 said: a record stays small."""
    match value:
        case str() if len(value) > longest:
            digest = hashlib.sha256(value.encode()).hexdigest()
            return f"{value[:200]}… ({len(value)} characters, sha256 {digest})"
        case dict():
            return {key: abbreviated(each, longest) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case list() | tuple():
            return [abbreviated(each, longest) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value
