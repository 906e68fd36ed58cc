"""The servers under load: Consilia over SQLite and PostgreSQL, `langgraph dev`, and aegra. Each as its own process."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.postgresql import new_postgresql

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


@dataclass
class Running:
    """A server that answers. processes: its own, whose memory counts."""

    name: str
    url: str
    headers: dict[str, str]
    assistants: dict[str, str]
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    data_dir: Path | None = None
    database: str = ""

    def resident_mib(self) -> float:
        """Resident memory of its processes, MiB."""
        whole = 0
        for process in self.processes:
            status = Path(f"/proc/{process.pid}/status").read_text()
            found = re.search(r"VmRSS:\s+(\d+) kB", status)
            whole += int(found.group(1)) if found else 0
        return whole / 1024


def _folder_of_graphs(folder: Path, name: str = "langgraph.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "graphs.py", folder / "graphs.py")
    graphs = {each: f"./graphs.py:{each}" for each in ("three", "slow")}
    (folder / name).write_text(json.dumps({"dependencies": ["."], "graphs": graphs}))
    return folder


def _port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def _process(command: list[str], folder: Path, **environment: str) -> "Iterator[subprocess.Popen[bytes]]":
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_up(url: str, path: str, process: "subprocess.Popen[bytes]", log: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if httpx.get(url + path, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None:
            break
        time.sleep(0.2)
    raise RuntimeError(f"{url} does not answer:\n{log.read_text(errors='replace')[-3000:]}")


@contextmanager
def consilia(database: str = "sqlite", workers: int = 1, **environment: str) -> Iterator[Running]:
    """Consilia: one process over SQLite; over PostgreSQL an API process and workers."""
    with tempfile.TemporaryDirectory() as home:
        folder, port = _folder_of_graphs(Path(home)), _port()
        settings = {
            "PYTHONPATH": str(ROOT),
            "CONSILIA_DATA_DIR": str(folder / "var"),
            "CONSILIA_LANGGRAPH_JSON": str(folder / "langgraph.json"),
            "CONSILIA_LOG_LEVEL": "warning",
            **environment,
        }
        command = [sys.executable, "-m", "service.cli"]
        if database == "sqlite":
            with _process([*command, "serve", "--port", str(port)], folder, **settings) as process:
                yield _consilia_running("consilia, SQLite", folder, port, [process])
            return
        with new_postgresql(folder) as url:
            settings |= {"CONSILIA_DATABASE": url, "CONSILIA_EXECUTE": "false"}
            subprocess.run([*command, "db", "upgrade"], cwd=folder, env={**os.environ, **settings}, check=True)
            with _process([*command, "serve", "--port", str(port)], folder, **settings) as process:
                running = _consilia_running("consilia, PostgreSQL", folder, port, [process])
                running.database = url
                with _process([*command, "worker"], folder, **settings) as worker:
                    running.processes.append(worker)
                    time.sleep(3)
                    yield running


def _consilia_running(name: str, folder: Path, port: int, processes: Any) -> Running:
    url = f"http://127.0.0.1:{port}"
    _until_up(url, "/ok", processes[0], folder / "log")
    key = (folder / "var" / "first-key").read_text()
    graphs = {"three": "three", "slow": "slow"}
    return Running(name, url, {"x-api-key": key}, graphs, processes, folder / "var")


@contextmanager
def langgraph_dev(python: Path) -> Iterator[Running]:
    """LangGraph's development server, in memory. python: of an environment with langgraph-cli[inmem]."""
    with tempfile.TemporaryDirectory() as home:
        folder, port = _folder_of_graphs(Path(home)), _port()
        options = ["dev", "--no-browser", "--no-reload", "--port", str(port), "--n-jobs-per-worker", "64"]
        url = f"http://127.0.0.1:{port}"
        with _process([str(python.parent / "langgraph"), *options], folder, LANGSMITH_TRACING="false") as process:
            _until_up(url, "/ok", process, folder / "log")
            yield Running("langgraph dev", url, {}, {"three": "three", "slow": "slow"}, [process])


@contextmanager
def aegra(python: Path) -> Iterator[Running]:
    """aegra over PostgreSQL. python: of an environment with aegra-api."""
    with tempfile.TemporaryDirectory() as home:
        folder, port = _folder_of_graphs(Path(home), "aegra.json"), _port()
        with new_postgresql(folder) as database:
            settings = {"DATABASE_URL": database, "PORT": str(port), "AUTH_TYPE": "noop", "LOG_LEVEL": "WARNING"}
            options = ["-m", "uvicorn", "aegra_api.main:app", "--port", str(port), "--log-level", "warning"]
            settings |= {"AEGRA_CONFIG": str(folder / "aegra.json"), "HOST": "127.0.0.1"}
            url = f"http://127.0.0.1:{port}"
            with _process([str(python), *options], folder, **settings) as process:
                _until_up(url, "/health", process, folder / "log")
                yield Running("aegra, PostgreSQL", url, {}, {"three": "three", "slow": "slow"}, [process])
