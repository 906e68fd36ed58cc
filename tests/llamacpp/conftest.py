"""A real llama.cpp server with a tiny random Qwen 3, started by `consilia pool up` and shared by all tests.

CONSILIA_LLAMA_SERVER names its program (docs/pool.md says how one is built); without it these tests are skipped.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.pool import Pool
from agents.pool_settings import PoolSettings
from service.settings import load
from tests.conftest import ENVIRONMENT, ROOT

CONFIG = """
data_dir = "{folder}/var"

[pool]
silence_seconds = 60
health_seconds = 1

[pool.routing]
thinking_tokens = 12
hurried_thinking_tokens = 12
answer_tokens = 512
smallest = {{ agentic = 0, reasoning = 0, extraction = 0, multilingual = 0, low_latency = 0, structured = 0, \
english = 0 }}

[pool.serving]
llamacpp = "{program}"

[[pool.models]]
name = "qwen3"
catalogue = "qwen3-0.6b"
dialect = "llamacpp"
api_key = {{ file = "{folder}/key" }}
serve = {{ port = {port}, source = "tiny.gguf", context = 8192, threads = 1, ready_seconds = 120 }}
"""
KEY = "a-key-of-the-tests"


@dataclass(frozen=True)
class Served:
    """The running server. folder: with consilia.toml, the model and var/."""

    folder: Path

    @property
    def settings(self) -> PoolSettings:
        return load(self.folder / "consilia.toml").pool

    @property
    def root(self) -> str:
        return self.settings.models[0].endpoints[0].removesuffix("/v1")

    def consilia(self, *words: str) -> str:
        """`consilia pool …` in a process of its own; fails with what it printed."""
        config = str(self.folder / "consilia.toml")
        command = [sys.executable, "-m", "service.cli", "pool", *words, "--config", config]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server, healthy."""
    program = shutil.which(os.environ.get("CONSILIA_LLAMA_SERVER", ""))
    if program is None:
        pytest.skip("CONSILIA_LLAMA_SERVER names no llama.cpp server (docs/pool.md says how to build one)")
    folder = tmp_path_factory.mktemp("llamacpp")
    making = [sys.executable, ROOT / "scripts" / "make_tiny_gguf.py", folder / "tiny.gguf"]
    subprocess.run(making, check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "key").write_text(KEY)
    (folder / "consilia.toml").write_text(CONFIG.format(folder=folder, program=Path(program).absolute(), port=port))
    made = Served(folder)
    try:
        made.consilia("up")
        yield made
    finally:
        made.consilia("down")


@pytest.fixture
async def pool(served: Served) -> AsyncIterator[Pool]:
    """The service's own pool over the running server."""
    async with Pool(served.settings) as opened:
        yield opened
