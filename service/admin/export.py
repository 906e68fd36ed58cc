"""Lists of runs as CSV (RFC 4180) and JSON Lines, streamed page by page so that no export fills the memory."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Final

import orjson

from service.admin.masking import MASK, Sight, masked_texts
from service.database import run_list
from service.database.engine import Database
from service.database.run_list import RunFilter

COLUMNS: Final = (
    "run_id",
    "thread_id",
    "tenant_id",
    "graph_id",
    "status",
    "engine",
    "degraded",
    "attempt",
    "cancelling",
    "models",
    "tokens",
    "cost",
    "duration_ms",
    "created_at",
    "started_at",
    "finished_at",
    "error_code",
    "error_message",
)
_AT_ONCE: Final = 1_000


SightOf = Callable[[str], Sight]
"""How much is shown of the content of a workflow's runs."""


def told(rows: Sequence[dict[str, Any]], sight_of: SightOf) -> list[dict[str, Any]]:
    """Runs of a list as the API and exports tell them; errors without their trace."""
    faults = [str(_error(row).get("message") or "") for row in rows]
    return [_told(row, fault, sight_of) for row, fault in zip(rows, masked_texts(faults), strict=True)]


def _error(row: dict[str, Any]) -> dict[str, Any]:
    return row["error"] or {}


def _told(row: dict[str, Any], fault: str, sight_of: SightOf) -> dict[str, Any]:
    """fault: the error's message, masked."""
    shown: dict[str, Any] = {name: row[name] for name in COLUMNS if name in row}
    for name in ("created_at", "started_at", "finished_at"):
        shown[name] = row[name].isoformat() if row[name] else None
    shown["error_code"] = _error(row).get("code")
    hidden = fault and sight_of(row["graph_id"]) is Sight.HIDDEN
    shown["error_message"] = MASK if hidden else fault or None
    return shown


def _cell(value: Any) -> Any:
    """A cell that a spreadsheet takes for text: one that begins like a formula gets a quote before it (OWASP)."""
    if isinstance(value, list):
        value = " ".join(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value


async def _pages(
    database: Database, wanted: RunFilter, most: int, sight_of: SightOf
) -> AsyncGenerator[list[dict[str, Any]]]:
    before: str | None = None
    while most > 0:
        page = await run_list.page(database, wanted, before, min(_AT_ONCE, most))
        if page.rows:
            yield await asyncio.to_thread(told, page.rows, sight_of)
        most -= len(page.rows)
        before = page.older
        if before is None:
            return


async def as_csv(database: Database, wanted: RunFilter, most: int, sight_of: SightOf) -> AsyncGenerator[bytes]:
    """With a byte order mark, so that spreadsheets read it as UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    mark = "\ufeff"
    async for page in _pages(database, wanted, most, sight_of):
        writer.writerows([_cell(row[name]) for name in COLUMNS] for row in page)
        yield (mark + buffer.getvalue()).encode()
        buffer.seek(0)
        buffer.truncate()
        mark = ""
    if mark:
        yield (mark + buffer.getvalue()).encode()


async def as_json_lines(database: Database, wanted: RunFilter, most: int, sight_of: SightOf) -> AsyncGenerator[bytes]:
    async for page in _pages(database, wanted, most, sight_of):
        yield b"".join(orjson.dumps(row) + b"\n" for row in page)
