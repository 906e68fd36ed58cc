"""Model servers for the pool's tests, each a process of its own."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.pool_settings import PoolSettings
from agents.record import ModelCall
from tests.conftest import ROOT, start_until


@dataclass
class ModelServer:
    """A running server. `script` sets what it will say, `heard` is what it was asked."""

    port: int
    process: "subprocess.Popen[str]"

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def script(self, *replies: dict[str, Any], well: bool = True) -> None:
        httpx.post(f"{self.root}/_script", json={"replies": replies, "well": well}).raise_for_status()

    def heard(self) -> list[dict[str, Any]]:
        return httpx.get(f"{self.root}/_heard").json()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(10)


@dataclass
class Ledger:
    """Keeps the records of questions."""

    calls: list[ModelCall] = field(default_factory=list)

    async def model_called(self, call: ModelCall) -> None:
        self.calls.append(call)


def start_model_server(*options: str) -> ModelServer:
    with tempfile.TemporaryDirectory() as folder:
        process, told = start_until(
            r"listening on (\d+)",
            [sys.executable, "-m", "tests.agents.model_server", *options],
            Path(folder) / "log",
            cwd=ROOT,
        )
    return ModelServer(int(told[1]), process)


def pool_of(endpoints: dict[str, list[str]], catalogue: dict[str, str] | None = None, **settings: Any) -> PoolSettings:
    """Settings of a pool: endpoints by model name; quick to notice a loss."""
    entries = [
        {"name": name, "catalogue": (catalogue or {}).get(name, "qwen3-8b"), "endpoints": urls}
        for name, urls in endpoints.items()
    ]
    quick = {"health_seconds": 0.3, "breaker_seconds": 0.5, "outage_seconds": 0.5, "connect_seconds": 2.0}
    return PoolSettings.model_validate({"models": entries, **quick, **settings})


@pytest.fixture(scope="module")
def two_servers() -> Iterator[tuple[ModelServer, ModelServer]]:
    one, two = start_model_server(), start_model_server()
    yield one, two
    one.stop()
    two.stop()


@pytest.fixture
def servers(two_servers: tuple[ModelServer, ModelServer]) -> tuple[ModelServer, ModelServer]:
    for each in two_servers:
        each.script()
    return two_servers


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()
