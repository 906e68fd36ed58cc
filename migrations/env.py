"""Alembic's entry: runs the migrations on the connection that `service.database.migrate` passes in."""

from typing import Any

from alembic import context
from sqlalchemy import JSON

from service.database.tables import Table, UtcDateTime


def render_type(kind: str, thing: Any, _: Any) -> str | bool:
    """Our own types as the names that script.py.mako defines, so that a migration stays as it was written."""
    if kind == "type" and isinstance(thing, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(thing, JSON):
        return "JSON"
    return False


def ours(name: str | None, kind: str, _: Any) -> bool:
    """Procrastinate's tables are its own, made from its schema; so are those of SQLite's full-text index."""
    return not (kind == "table" and name is not None and name.startswith(("procrastinate_", "run_text_index")))


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Table.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    render_item=render_type,
    include_name=ours,
)
with context.begin_transaction():
    context.run_migrations()
