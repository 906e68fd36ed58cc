"""What `consilia pool` starts: its state, the planned cache against vLLM's own figure, adapters at run time."""

import json
import re
import subprocess

import httpx
import pytest

from agents.catalogue import catalogue
from agents.serving.checkpoint import cpu_cache_tokens, described
from agents.serving.memory import BLOCK
from tests.vllm.conftest import FAMILIES, VLLM, Servers, standing

pytestmark = pytest.mark.vllm


def test_every_server_is_healthy_and_knows_its_model(servers: Servers) -> None:
    told = standing(servers)
    assert set(told) == {"qwen3-0", "qwen3-1", "llama", "deepseek", "deepseek-router"}
    for name, each in told.items():
        assert each["state"] == "healthy", each
        [first, *_] = httpx.get(f"{each['url']}/v1/models", trust_env=False).json()["data"]
        assert first["id"] == name.partition("-")[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_planned_cache_is_what_vllm_logs(servers: Servers, family: str) -> None:
    serve = servers.model(family).serve
    assert serve is not None
    model = described(servers.folder / serve.source, catalogue().find(FAMILIES[family]))
    planned = cpu_cache_tokens(model, serve.cache_gib)
    log = servers.log("qwen3-0" if family == "qwen3" else family)
    [logged] = re.findall(r"KV cache size: ([\d,]+) tokens", log)
    assert abs(planned - int(logged.replace(",", ""))) <= BLOCK


def test_vllm_knows_every_parser_of_the_catalogue() -> None:
    code = (
        "import json\n"
        "from vllm.reasoning import ReasoningParserManager as R\n"
        "from vllm.tool_parsers import ToolParserManager as T\n"
        "print(json.dumps([[*R.reasoning_parsers, *R.lazy_parsers], [*T.tool_parsers, *T.lazy_parsers]]))"
    )
    told = subprocess.run([VLLM / "bin" / "python", "-c", code], capture_output=True, text=True, check=True).stdout
    reasoning, tools = json.loads(told.splitlines()[-1])
    for model in catalogue().models:
        assert model.reasoning_parser in (None, *reasoning), model.name
        assert model.tool_parser in (None, *tools), model.name


def test_an_adapter_is_loaded_at_start_and_changes_the_answer(servers: Servers) -> None:
    base = said(servers, "qwen3", "qwen3")
    assert said(servers, "qwen3", "qwen3") == base, "greedy answers repeat"
    assert said(servers, "qwen3", "contract-review") != base


def test_an_adapter_is_loaded_and_taken_out_while_the_server_runs(servers: Servers) -> None:
    serve = servers.model("llama").serve
    assert serve is not None
    folder = servers.folder / serve.source / "adapter"
    assert "is in llama" in servers.consilia("adapter", "llama", "later", str(folder))
    assert said(servers, "llama", "later") != said(servers, "llama", "llama")
    assert "left llama" in servers.consilia("adapter", "llama", "later", "--unload")
    assert httpx.post(**request(servers, "llama", "later")).status_code == 404


def request(servers: Servers, model: str, served: str) -> dict[str, object]:
    """A greedy question, as keyword arguments of httpx.post."""
    body = {
        "model": served,
        "messages": [{"role": "user", "content": "Which law governs?"}],
        "max_tokens": 16,
        "temperature": 0,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    url = f"{servers.model(model).endpoints[0]}/chat/completions"
    return {"url": url, "json": body, "timeout": 60}


def said(servers: Servers, model: str, served: str) -> str:
    answer = httpx.post(**request(servers, model, served), trust_env=False)
    assert answer.status_code == 200, answer.text
    message = answer.json()["choices"][0]["message"]
    return message["content"] or message["reasoning"]
