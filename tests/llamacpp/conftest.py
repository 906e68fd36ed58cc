"""A real llama.cpp server with a tiny random Qwen 3, started by `consilia pool up` and shared by all tests.

CONSILIA_LLAMA_SERVER names its program (docs/pool.md says how one is built); without it these tests are skipped.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agents.pool import Pool
from tests.conftest import ROOT
from tests.model_servers import ModelServers

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


class Served(ModelServers):
    """The running server; its model is in the folder too."""

    @property
    def root(self) -> str:
        return self.settings.models[0].endpoints[0].removesuffix("/v1")


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
    made = Served(folder)
    made.config.write_text(CONFIG.format(folder=folder, program=Path(program).absolute(), port=port))
    with made.up():
        yield made


@pytest.fixture
async def pool(served: Served) -> AsyncIterator[Pool]:
    """The service's own pool over the running server."""
    async with Pool(served.settings) as opened:
        yield opened
