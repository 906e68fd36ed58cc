"""Starting what is measured: the stub, our service, vllm-router and LiteLLM's proxy, each in its own environment."""

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from benchmarks.pool.load import Target

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENTS = ROOT / "var" / "bench"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def process(command: list[str], folder: Path, health: str, **environment: str) -> Generator["subprocess.Popen[bytes]"]:
    """A server in a session of its own, once its health URL answers; its log is in the folder."""
    log = folder / f"{Path(command[0]).name}-{time.monotonic_ns()}.log"
    with log.open("wb") as out:
        kept = {**os.environ, **environment}
        started = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out, env=kept, start_new_session=True)
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                if httpx.get(health, timeout=2, trust_env=False).status_code < 500:
                    break
            except httpx.HTTPError:
                pass
            if started.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield started
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(started.pid, number)
                started.wait(15)


@contextmanager
def stub(folder: Path) -> Generator[Target]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "benchmarks.pool.stub", str(port)]
    with process(command, folder, f"{url}/health", PYTHONPATH=str(ROOT)) as run:
        yield Target("the model server alone", url, pid=run.pid)


@contextmanager
def consilia(folder: Path, upstream: Target, catalogue: str = "qwen3-8b", more: str = "") -> Generator[Target]:
    """`consilia serve` with one model, in one process. more: further tables of its configuration."""
    port = free_port()
    (folder / "consilia.toml").write_text(
        f'data_dir = "{folder}/var"\nport = {port}\n[[pool.models]]\nname = "bench"\ncatalogue = "{catalogue}"\n'
        f'endpoints = ["{upstream.url}/v1"]\n{more}'
    )
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "service.cli", "serve"]
    with process(command, folder, f"{url}/ok", PYTHONPATH=str(ROOT)) as run:
        yield Target("consilia /v1", url, (folder / "var" / "first-key").read_text().strip(), run.pid)


@contextmanager
def vllm_router(folder: Path, upstream: Target) -> Generator[Target]:
    port, metrics = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    program = ROOT / ".venv-vllm-router" / "bin" / "vllm-router"
    command = [str(program), "--host", "127.0.0.1", "--port", str(port), "--worker-urls", upstream.url]
    command += ["--prometheus-port", str(metrics), "--log-level", "warning"]
    with process(command, folder, f"{url}/health") as run:
        yield Target("vllm-router", url, pid=run.pid)


@contextmanager
def litellm(folder: Path, upstream: Target) -> Generator[Target]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (folder / "litellm.yaml").write_text(
        "model_list:\n  - model_name: bench\n    litellm_params:\n      model: openai/bench\n"
        f"      api_base: {upstream.url}/v1\n      api_key: none\n"
    )
    program = ENVIRONMENTS / "litellm" / "bin" / "litellm"
    command = [str(program), "--config", "litellm.yaml", "--host", "127.0.0.1", "--port", str(port)]
    key = f"sk-{secrets.token_hex(16)}"
    kept = {"LITELLM_LOG": "ERROR", "LITELLM_TELEMETRY": "False", "LITELLM_MASTER_KEY": key}
    with process(command, folder, f"{url}/health/liveliness", **kept) as run:
        yield Target("LiteLLM proxy", url, key, run.pid)


def version(target: str) -> str:
    """The version of a gateway's package, from its environment."""
    places = {"vllm-router": ROOT / ".venv-vllm-router", "LiteLLM proxy": ENVIRONMENTS / "litellm"}
    if target not in places:
        return ""
    package = "litellm" if "LiteLLM" in target else "vllm_router"
    found = [path.name for path in places[target].glob(f"lib/python*/site-packages/{package}-*.dist-info")]
    return re.sub(rf"^{package}-|\.dist-info$", "", found[0]) if found else "?"
