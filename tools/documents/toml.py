"""A TOML file as JSON types: what `tools.documents.confinement` runs in a process of its own."""

import tomllib
from datetime import date, datetime, time
from typing import cast

from tools.documents.faults import InvalidToml
from tools.documents.limits import Limits
from tools.documents.table import decoded


def parse(content: bytes, name: str, limits: Limits) -> dict[str, object]:
    """fields: the file's, with days and times in ISO 8601. Raises InvalidToml, UndecodableText."""
    try:
        return {"fields": _plain(tomllib.loads(decoded(content, name)))}
    except (ValueError, RecursionError) as error:  # also a number of too many digits; nested without end
        raise InvalidToml(f"{name} is not TOML: {error}", name=name) from None


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in cast(dict[str, object], value).items()}
    if isinstance(value, list):
        return [_plain(each) for each in cast(list[object], value)]
    return value.isoformat() if isinstance(value, date | datetime | time) else value
