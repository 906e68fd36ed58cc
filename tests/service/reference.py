"""LangGraph's own server, for tests that compare ours with it; `make reference` installs it."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

REFERENCE = os.environ.get("CONSILIA_REFERENCE_PYTHON", "")

needs_reference = pytest.mark.skipif(not REFERENCE, reason="CONSILIA_REFERENCE_PYTHON is not set: see make reference")


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The URL of the reference serving the langgraph.json in this folder, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(REFERENCE).parent / "langgraph"), "dev", "--no-browser", "--no-reload", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--n-jobs-per-worker", "20"],
        cwd=folder,
        env={**os.environ, "LANGSMITH_TRACING": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(url + "/ok").status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.3)
    yield url
    process.terminate()
    process.wait(20)
