"""The command that starts llama.cpp's server for a `[[pool.models]]` entry with dialect = "llamacpp".

Options are those of `llama-server --help` (0.5.0-dev); its own defaults hold for the rest, among them the number of
requests at a time, which share the context.
"""

from pathlib import Path
from typing import Final

from agents.serving.served import CannotServe, Launch, Served, key_place
from agents.serving.settings import Serve

KEY: Final = "LLAMA_API_KEY"
"""The environment variable that it reads its key from."""


def llamacpp_server(
    model: Served, serve: Serve, number: int, port: int, devices: tuple[int, ...], program: Path, folder: Path
) -> Launch:
    """One server. program: llama-server, by name or path. Raises CannotServe."""
    _check(model, serve)
    words = [str(program), *_weights(model, serve, folder), "--alias", model.served or model.name]
    words += ["--host", serve.host, "--port", str(port), "--metrics"]
    words += ["--ctx-size", str(serve.context)] if serve.context else []
    words += ["--threads", str(serve.threads)] if serve.threads else []
    words += ["--n-gpu-layers", "all" if serve.gpus else "0"]
    return Launch(
        name=model.name if serve.replicas == 1 else f"{model.name}-{number}",
        model=model.name,
        command=(*words, *serve.options),
        environment={"CUDA_VISIBLE_DEVICES": ",".join(map(str, devices))},
        url=serve.root(port),
        ready_seconds=serve.ready_seconds,
        key=key_place(model),
        key_variable=KEY,
        alone=not serve.gpus,
    )


def _weights(model: Served, serve: Serve, folder: Path) -> list[str]:
    hub, _, name = serve.source.partition(":")
    if hub == "hf" and name:
        return ["--hf-repo", name]
    path = (folder / serve.source).resolve()
    if not serve.source or hub in ("hf", "modelscope") or not path.is_file():
        told = path if serve.source and hub not in ("hf", "modelscope") else repr(serve.source)
        raise CannotServe(
            f"model {model.name!r}: {told} is no GGUF file; llama.cpp's serve.source is one, or the repository that "
            "holds it: hf:ORG/NAME:QUANTISATION"
        )
    return ["--model", str(path)]


def _check(model: Served, serve: Serve) -> None:
    """Raises CannotServe for what only vLLM does."""
    beyond = {
        "adapters": bool(model.adapters) or serve.runtime_adapters,
        "serve.router": serve.router,
        "serve.hosts": serve.hosts > 1,
        "serve.precision": bool(serve.precision),
        'serve.load_format = "dummy"': serve.load_format != "auto",
    }
    if asked := [name for name, wanted in beyond.items() if wanted]:
        raise CannotServe(
            f"model {model.name!r}: llama.cpp is not started with {', '.join(asked)}; take it out, or use vLLM"
        )
