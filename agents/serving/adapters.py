"""LoRA adapters in running servers, by vLLM's own endpoints for it (docs.vllm.ai, LoRA adapters, dynamic serving)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx

from agents.serving.processes import read_key
from agents.serving.served import CannotServe, Launch

_SWITCH: Final = "VLLM_ALLOW_RUNTIME_LORA_UPDATING"


def load(launches: Sequence[Launch], name: str, folder: Path | None) -> list[str]:
    """Load the adapter into every server; the servers' names. One that has it already is fine. Raises CannotServe."""
    if folder is None or not (folder / "adapter_config.json").is_file():
        raise CannotServe(f"{folder or 'no folder'}: name the adapter's folder, with its adapter_config.json")
    return _each(launches, "load_lora_adapter", {"lora_name": name, "lora_path": str(folder.resolve())}, "already")


def unload(launches: Sequence[Launch], name: str) -> list[str]:
    """Take the adapter out of every server; the servers' names. One that has it not is fine. Raises CannotServe."""
    return _each(launches, "unload_lora_adapter", {"lora_name": name}, "cannot be found")


def _each(launches: Sequence[Launch], path: str, body: dict[str, str], fine: str) -> list[str]:
    servers = [launch for launch in launches if not launch.name.endswith("-router")]
    for launch in servers:
        if _SWITCH not in launch.environment:
            raise CannotServe(
                f"{launch.name} was not started to take adapters while it runs; "
                f"set serve.runtime_adapters = true for model {launch.model!r} and run: consilia pool up"
            )
        key = read_key(launch)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            answer = httpx.post(f"{launch.url}/v1/{path}", json=body, headers=headers, timeout=120, trust_env=False)
        except httpx.HTTPError as error:
            raise CannotServe(f"{launch.name} at {launch.url} does not answer: {error}") from None
        if answer.status_code != 200 and fine not in answer.text:
            raise CannotServe(f"{launch.name} refused the adapter {body['lora_name']!r}: {answer.text[:400]}")
    return [launch.name for launch in servers]
