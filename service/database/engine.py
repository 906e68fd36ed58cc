"""Opening the database: one engine for reading, and the one writer."""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from service.database.recent import Recent
from service.database.sealed import Seals, dumps, give_keys
from service.database.writer import Writer


@dataclass(frozen=True, slots=True)
class Database:
    """An open database. Reads go through `reading()`, writes through `writer`. sensitive: workflows whose content is
    sealed where it is written; "*" for all. seals: what seals and opens."""

    engine: AsyncEngine
    writer: Writer
    recent: Recent = field(default_factory=Recent)
    sensitive: frozenset[str] = frozenset()
    seals: Seals | None = None

    def is_sensitive(self, workflow: str | None) -> bool:
        """Whether what this workflow's runs hold is sealed. None: what belongs to no workflow yet, such as an uploaded
        file, which is sealed once any workflow is sensitive."""
        return bool(self.sensitive) if workflow is None else bool(self.sensitive & {workflow, "*"})

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A connection for queries; nothing is committed."""
        async with self.engine.connect() as connection:
            yield connection

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"


_LONGEST_IDLE: Final = 30.0
"""Seconds for which a transaction beside the writer's may wait for its process; a lock on a thread is held for less."""


def driver_url(url: str) -> str:
    """The SQLAlchemy URL with our drivers: aiosqlite, psycopg. Accepts sqlite and postgres(ql) URLs."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    driver = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}[parsed.get_backend_name()]
    return parsed.set(drivername=driver).render_as_string(hide_password=False)


def _tune_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",  # survives kill -9; a power cut may lose the last moments
        "foreign_keys = ON",
        "busy_timeout = 10000",
        "cache_size = -32000",
        "temp_store = MEMORY",
        "secure_delete = FAST",  # what is freed within a page is zeroed; whole pages when somebody erases
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _end_when_idle(seconds: float) -> Callable[[Any, object], None]:
    """Have PostgreSQL end a transaction that its client leaves unfinished for so long.

    A process that stops in the middle of a transaction (frozen, suspended, cut off without a word) keeps its row locks,
    and whoever takes its runs over would wait for them for as long as it sleeps.
    """

    def set_timeout(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = {int(seconds * 1000)}")
        cursor.close()
        connection.commit()

    return set_timeout


def make_engine(url: str) -> AsyncEngine:
    """An engine for a `sqlite:///path` or `postgresql://…` URL; the SQLite file's folder is made."""
    parsed = make_url(driver_url(url))
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(
            parsed,
            json_serializer=dumps,
            json_deserializer=orjson.loads,
            hide_parameters=True,
            pool_size=10,
            max_overflow=10,
            pool_timeout=300,  # a crowd waits its turn; the request's own limits end it sooner
        )
        event.listen(engine.sync_engine, "connect", _tune_sqlite)
        return engine
    engine = create_async_engine(
        parsed,
        json_serializer=dumps,
        json_deserializer=orjson.loads,
        hide_parameters=True,
        pool_size=10,
        max_overflow=10,
        pool_pre_ping=True,
    )
    event.listen(engine.sync_engine, "connect", _end_when_idle(_LONGEST_IDLE))
    return engine


def make_writing_engine(url: str, stalled: float) -> Engine:
    """The writer's own engine: synchronous, one connection."""
    parsed = make_url(driver_url(url))
    sqlite = parsed.get_backend_name() == "sqlite"
    engine = create_engine(
        parsed.set(drivername="sqlite") if sqlite else parsed,
        json_serializer=dumps,
        json_deserializer=orjson.loads,
        hide_parameters=True,  # what a run holds is nobody's to read in a log
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=not sqlite,
    )
    event.listen(engine, "connect", _tune_sqlite if sqlite else _end_when_idle(stalled))
    return engine


def conninfo(url: str) -> str:
    """The libpq URL of a PostgreSQL database, for what talks to it without SQLAlchemy."""
    return make_url(driver_url(url)).set(drivername="postgresql").render_as_string(hide_password=False)


def sqlite_path(url: str) -> Path:
    """The file of a SQLite database."""
    database = make_url(driver_url(url)).database
    assert database, "a SQLite database of ours is a file"
    return Path(database)


@asynccontextmanager
async def open_database(
    url: str,
    patience: float = 30.0,
    stalled: float = 6.0,
    seals: Seals | None = None,
    sensitive: Collection[str] = (),
) -> AsyncGenerator[Database]:
    """The database, open until the block ends; what was given to the writer is written before it closes.

    patience: seconds that writes wait for a PostgreSQL that is away. stalled: seconds for which a write of ours may
    stand unfinished before PostgreSQL undoes it and gives its locks to others. seals: what opens sealed values; without
    it they raise CannotUnseal. sensitive: as in Database.
    """
    engine, writing = make_engine(url), make_writing_engine(url, stalled)
    if seals is not None:
        for each in (engine.sync_engine, writing):
            give_keys(each, seals)
    try:
        async with Writer(writing, patience=patience) as writer:
            yield Database(engine, writer, sensitive=frozenset(sensitive), seals=seals)
    finally:
        writing.dispose()
        await engine.dispose()
