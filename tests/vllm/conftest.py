"""Real vLLM servers on the CPU with tiny random models, started by `consilia pool up` and shared by all tests.

`make test-vllm` installs what they need. CONSILIA_TEST_POOL names the folder of servers that run already (its
consilia.toml and var/), so that one test can be tried again without waiting for them.
"""

import json
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agents.pool import Pool
from agents.pool_settings import PoolModel
from agents.serving.standing import Home
from tests.conftest import ROOT
from tests.model_servers import ModelServers

VLLM = ROOT / ".venv-vllm"
FAMILIES = {"qwen3": "qwen3-0.6b", "llama": "llama-3.2-1b", "deepseek": "deepseek-r1"}
QUICK = '["--enforce-eager", "--distributed-executor-backend", "uni"]'

CONFIG = """
data_dir = "{folder}/var"

[pool]
silence_seconds = 60
health_seconds = 1
breaker_seconds = 1

[pool.routing]
thinking_tokens = 24
hurried_thinking_tokens = 24
answer_tokens = 512
smallest = {{ agentic = 0, reasoning = 0, extraction = 0, multilingual = 0, low_latency = 0, structured = 0, \
english = 0 }}

[pool.serving]
environment = "{vllm}"
router = "{vllm}-router"
starts = {starts}
"""

MODEL = """
[[pool.models]]
name = "{name}"
catalogue = "{catalogue}"
priority_scheduling = true
{more}
serve = {{ port = {port}, replicas = {replicas}, source = "{models}/tiny-{name}", cache_gib = 1, threads = 1, \
runtime_adapters = {lora}, lora_rank = 8, ready_seconds = 600, router = {router}, options = {quick} }}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test that kills a server comes last."""
    items.sort(key=lambda item: "test_failover" in item.nodeid)


class Servers(ModelServers):
    """The running servers."""

    @property
    def home(self) -> Home:
        return Home(self.folder / "var")

    def model(self, name: str) -> PoolModel:
        return next(model for model in self.settings.models if model.name == name)

    def log(self, name: str) -> str:
        return self.home.log(name).read_text(encoding="utf-8", errors="replace")


def ports(count: int) -> int:
    """The first of so many free ports in a row."""
    for first in range(20_000 + os.getpid() % 5000 * 2, 60_000, 10):
        if all(_free(first + number) for number in range(count)):
            return first
    raise AssertionError("no free ports")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def write_config(folder: Path, models: Path) -> Servers:
    """A consilia.toml with two Qwen3 servers and an adapter, a LLaMA, and a DeepSeek behind a router."""
    first = ports(6)
    text = CONFIG.format(folder=folder, vllm=VLLM, starts=max(1, os.cpu_count() or 1))
    for name, catalogue in FAMILIES.items():
        qwen = name == "qwen3"
        adapter = f'adapters = {{ contract-review = "{models}/tiny-qwen3/adapter" }}' if qwen else ""
        text += MODEL.format(
            name=name,
            catalogue=catalogue,
            more=adapter,
            port=first,
            replicas=2 if qwen else 1,
            models=models,
            lora="true" if name == "llama" else "false",
            router="true" if name == "deepseek" else "false",
            quick=QUICK,
        )
        first += 2 if qwen else 1
    (folder / "consilia.toml").write_text(text)
    return Servers(folder)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """All four servers, healthy."""
    if running := os.environ.get("CONSILIA_TEST_POOL"):
        yield Servers(Path(running))
        return
    assert (VLLM / "bin" / "python").exists(), "run: make test-vllm"
    folder = tmp_path_factory.mktemp("pool")
    models = folder / "models"
    making = [VLLM / "bin" / "python", ROOT / "scripts" / "make_tiny_models.py", models]
    subprocess.run(making, check=True, capture_output=True)
    made = write_config(folder, models)
    with made.up():
        yield made


@pytest.fixture
async def pool(servers: Servers) -> AsyncIterator[Pool]:
    """The service's own pool over the running servers."""
    async with Pool(servers.settings) as opened:
        yield opened


def standing(servers: Servers) -> dict[str, dict[str, object]]:
    """`consilia pool status --json`, by server."""
    told = json.loads(servers.consilia("status", "--json"))
    assert told["supervisor"]
    return {each["name"]: each for each in told["servers"]}
