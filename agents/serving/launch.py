"""From `[[pool.models]]` with `serve = {…}` to the commands that start their servers: nothing is started here."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from agents.catalogue import catalogue
from agents.model import Model
from agents.serving.llamacpp import llamacpp_server
from agents.serving.served import CannotServe, Launch, Served, key_place
from agents.serving.settings import Serve

LORA_RANKS: Final = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks that vLLM's --max-lora-rank takes (vllm/config/lora.py, 0.32)."""


def launches(
    models: Sequence[Served], *, python: Path, router: Path, folder: Path, llamacpp: Path = Path("llama-server")
) -> tuple[Launch, ...]:
    """Every process that the models ask for, servers before the router in front of them.

    python: of vLLM's environment. router, llamacpp: the programs vllm-router and llama-server. folder: what relative
    paths start from. Raises CannotServe.
    """
    _check_ports(models)
    found: list[Launch] = []
    device = 0
    for model in models:
        if (serve := model.serve) is None:
            continue
        here = serve.gpus // serve.hosts
        for number, port in enumerate(serve.ports()):
            devices = serve.devices[number * here : (number + 1) * here] or range(device, device + here)
            device += 0 if serve.devices else here
            start, program = (llamacpp_server, llamacpp) if model.dialect == "llamacpp" else (_server, python)
            found.append(start(model, serve, number, port, tuple(devices), program, folder))
        if serve.router:
            found.append(_router(model, serve, router))
    return tuple(found)


def _server(
    model: Served, serve: Serve, number: int, port: int, devices: tuple[int, ...], python: Path, folder: Path
) -> Launch:
    facts = catalogue().find(model.catalogue)
    source, environment = weights(model, serve, facts, folder)
    words = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", source]
    words += ["--served-model-name", model.served or model.name, "--host", serve.host, "--port", str(port)]
    words += context_options(model, serve, facts, local=bool(environment.get("HF_HUB_OFFLINE")))
    words += family_options(facts)
    words += ["--enable-prompt-tokens-details", "--scheduling-policy", "priority", "--disable-uvicorn-access-log"]
    if serve.load_format != "auto":
        words += ["--load-format", serve.load_format]
    words += list(_adapters(model, serve, folder))
    if serve.runtime_adapters or model.adapters:
        environment["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "1"
    environment["VLLM_NO_USAGE_STATS"] = "1"
    words += _gpus(serve, environment, devices) if serve.gpus else _cpu(serve, environment)
    return Launch(
        name=model.name if serve.replicas == 1 else f"{model.name}-{number}",
        model=model.name,
        command=(*words, *serve.options),
        environment=environment,
        url=serve.root(port),
        ready_seconds=serve.ready_seconds,
        key=key_place(model),
        alone=not serve.gpus,
    )


def weights(model: Served, serve: Serve, facts: Model, folder: Path) -> tuple[str, dict[str, str]]:
    """(what --model is, the environment for it). Raises CannotServe."""
    source = serve.source or "hf:"
    hub, _, name = source.partition(":")
    if hub in ("hf", "modelscope"):
        if serve.precision in ("fp8", "int4") and not name:
            name = facts.quantised.get(serve.precision, "")
            if not name:
                have = ", ".join(facts.quantised) or "none"
                raise CannotServe(
                    f"model {model.name!r}: no published {serve.precision} weights of {facts.title} are known "
                    f"(known: {have}); name them by serve.source"
                )
        own = facts.modelscope if hub == "modelscope" else facts.hugging_face
        return name or own, {"VLLM_USE_MODELSCOPE": "1"} if hub == "modelscope" else {}
    path = (folder / source).resolve()
    if not (path / "config.json").is_file():
        raise CannotServe(
            f"model {model.name!r}: {path} is no folder with a model (no config.json there); "
            "serve.source is a folder, hf:ORG/NAME or modelscope:ORG/NAME"
        )
    return str(path), {"HF_HUB_OFFLINE": "1"}


def context_options(model: Served, serve: Serve, facts: Model, *, local: bool) -> list[str]:
    """The length of a request. local: its own folder says how long it may be. Raises CannotServe."""
    if serve.context is None:
        return [] if local else ["--max-model-len", str(facts.context)]
    if serve.context > facts.context and "--hf-overrides" not in serve.options:
        told = f"with the rope scaling of its card {facts.extended_context:,}" if facts.extended_context else "no more"
        raise CannotServe(
            f"model {model.name!r}: serve.context = {serve.context:,}, but {facts.title} takes {facts.context:,} "
            f"tokens, {told}; lower it, or give the scaling in serve.options (--hf-overrides)"
        )
    return ["--max-model-len", str(serve.context)]


def family_options(facts: Model) -> list[str]:
    """The parsers of the family. Its published chat template serves tools, so none of vLLM's examples is needed.

    Without the strict level vLLM holds a tool's arguments to JSON, but not to the tool's schema (0.32, llama3_json).
    """
    words = ["--reasoning-parser", facts.reasoning_parser] if facts.reasoning_parser else []
    if facts.tool_parser:
        words += ["--enable-auto-tool-choice", "--tool-call-parser", facts.tool_parser]
        words += ["--tool-strict-level", "parameter"]
    return words


def _adapters(model: Served, serve: Serve, folder: Path) -> Iterator[str]:
    if not model.adapters and not serve.runtime_adapters:
        return
    yield from ("--enable-lora", "--max-lora-rank", str(min(rank for rank in LORA_RANKS if rank >= serve.lora_rank)))
    modules: list[str] = []
    for name, where in model.adapters.items():
        path = (folder / where).resolve()
        config = path / "adapter_config.json"
        if not config.is_file():
            raise CannotServe(
                f"model {model.name!r}: the adapter {name!r} is not in {path} (no adapter_config.json there)"
            )
        rank = json.loads(config.read_text(encoding="utf-8")).get("r", 0)
        if rank > serve.lora_rank:
            raise CannotServe(f"model {model.name!r}: adapter {name!r} has rank {rank}; set serve.lora_rank = {rank}")
        modules.append(f"{name}={path}")
    if modules:
        yield from ("--lora-modules", *modules)


def _gpus(serve: Serve, environment: dict[str, str], devices: tuple[int, ...]) -> list[str]:
    if serve.hosts == 1:  # with several, Ray gives out the GPUs
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, devices))
    tensor = serve.gpus // serve.hosts
    words = ["--gpu-memory-utilization", f"{serve.utilisation:g}"]
    words += ["--tensor-parallel-size", str(tensor)] if tensor > 1 else []
    if serve.hosts > 1:
        words += ["--pipeline-parallel-size", str(serve.hosts), "--distributed-executor-backend", "ray"]
    return words


def _cpu(serve: Serve, environment: dict[str, str]) -> list[str]:
    """Servers on the CPU share its cores: vLLM would bind each to the same ones."""
    environment["VLLM_CPU_KVCACHE_SPACE"] = str(serve.cache_gib)
    if serve.threads is not None:
        environment |= {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": str(serve.threads)}
    return []


def _router(model: Served, serve: Serve, program: Path) -> Launch:
    workers = [serve.root(port) for port in serve.ports()]
    words = [str(program), "--host", serve.host, "--port", str(serve.port), "--policy", "cache_aware"]
    words += ["--prometheus-host", "127.0.0.1", "--prometheus-port", str(serve.metrics_port)]
    return Launch(
        name=f"{model.name}-router",
        model=model.name,
        command=(*words, "--worker-startup-timeout-secs", str(int(serve.ready_seconds)), "--worker-urls", *workers),
        environment={},
        url=serve.root(serve.port),
        ready_seconds=serve.ready_seconds + 60,
    )


def _check_ports(models: Sequence[Served]) -> None:
    taken: dict[int, str] = {}
    for model in models:
        for port in model.serve.taken if model.serve else []:
            if port in taken:
                raise CannotServe(f"models {taken[port]!r} and {model.name!r} both serve on port {port}; move one")
            taken[port] = model.name
