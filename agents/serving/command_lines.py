"""The command lines that start a plan's servers: vLLM on one host, vLLM on Ray across hosts."""

import shlex

from agents.serving.memory import native_precision
from agents.serving.planning import Placement, Plan, Wish

RAY_PORT = 6379


def command_lines(plan: Plan, wish: Wish | None = None, first_port: int = 8000) -> list[tuple[str, str]]:
    """(host, command) in the order in which to run them. Options are those of `vllm serve` and `ray start`."""
    wish = wish or Wish()
    lines: list[tuple[str, str]] = []
    ports: dict[str, int] = {}
    for placement in plan.placements:
        head, *others = (host.name for host in placement.hosts)
        if others:
            lines.append((head, f"ray start --head --port={RAY_PORT}"))
            lines += [(other, f"ray start --address={head}:{RAY_PORT}") for other in others]
        port = ports.get(head, first_port)
        ports[head] = port + 1
        lines.append((head, serve(placement, wish, port)))
    return lines


def serve(placement: Placement, wish: Wish, port: int) -> str:
    """The `vllm serve` line of one placement."""
    model, fit = placement.model, placement.fit
    whole = len(placement.gpus) == placement.hosts[0].count
    visible = "" if whole else "CUDA_VISIBLE_DEVICES=" + ",".join(map(str, placement.gpus)) + " "
    ready = model.quantised.get(fit.precision) if fit.precision != "bf16" else None
    reduced = fit.precision != native_precision(model)
    weights = (ready or model.hugging_face) if reduced else model.hugging_face
    if reduced and fit.precision == "int4" and ready is None:
        weights = f"./{model.name}-w4a16"
    words = ["vllm", "serve", weights, "--served-model-name", model.name, "--port", str(port)]
    words += ["--max-model-len", str(fit.context), "--gpu-memory-utilization", f"{wish.utilisation:g}"]
    if fit.tensor > 1:
        words += ["--tensor-parallel-size", str(fit.tensor)]
    if fit.pipeline > 1:
        words += ["--pipeline-parallel-size", str(fit.pipeline), "--distributed-executor-backend", "ray"]
    if fit.expert_parallel:
        words.append("--enable-expert-parallel")
    if reduced and fit.precision == "fp8" and ready is None:
        words += ["--quantization", "fp8"]
    if wish.cache_bytes == 1:
        words += ["--kv-cache-dtype", "fp8"]
    if not placement.hosts[0].gpu.computes_bfloat16 and model.dtype == "bfloat16":
        words += ["--dtype", "half"]
    if model.reasoning_parser:
        words += ["--reasoning-parser", model.reasoning_parser]
    if model.tool_parser:
        words += ["--enable-auto-tool-choice", "--tool-call-parser", model.tool_parser]
        words += ["--tool-strict-level", "parameter"]
    return visible + shlex.join(words)
