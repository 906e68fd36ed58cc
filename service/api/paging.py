"""What the routes that search have in common: pages, chosen fields, JSON that SQL can keep."""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import Response
from pydantic import AfterValidator, BaseModel
from sqlalchemy import RowMapping


def paged(rows: Sequence[RowMapping], limit: int, offset: int, response: Response) -> Sequence[RowMapping]:
    """The page's rows, of `limit` + 1 that were read, with the headers that tell a client whether there are more."""
    response.headers["X-Pagination-Total"] = str(offset + len(rows))
    if len(rows) > limit:
        response.headers["X-Pagination-Next"] = str(offset + limit)
    return rows[:limit]


def shown(body: BaseModel, fields: Sequence[str] | None) -> dict[str, Any]:
    """A response body, or only the chosen fields of it."""
    return body.model_dump(mode="json", include=set(fields) if fields else None)


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    try:
        text = orjson.dumps(value)
    except TypeError as error:
        raise ValueError(f"cannot be kept as JSON: {error}") from None
    if b"\\u0000" in text:
        raise ValueError("contains the character U+0000, which PostgreSQL cannot keep")
    return value


def _printable(text: str) -> str:
    if "\0" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise ValueError("contains U+0000 or half of a surrogate pair")
    return text


Json = Annotated[dict[str, Any], AfterValidator(_storable)]
"""A JSON object that both databases can keep."""

Text = Annotated[str, AfterValidator(_printable)]
