"""From a configuration to the commands that start its servers."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from agents.pool_settings import PoolSettings
from agents.serving.control import wanted
from agents.serving.launch import launches
from agents.serving.served import CannotServe, Launch
from agents.serving.settings import Serve
from service.settings import InvalidSettings, load

PYTHON, ROUTER = Path("/env/bin/python"), Path("/router/bin/vllm-router")


def launched(text: str, folder: Path = Path()) -> dict[str, Launch]:
    pool = PoolSettings.model_validate(tomllib.loads(text))
    return {each.name: each for each in launches(pool.models, python=PYTHON, router=ROUTER, folder=folder)}


def entry(serve: str, name: str = "qwen3", catalogue: str = "qwen3-8b", more: str = "") -> str:
    return f'[[models]]\nname = "{name}"\ncatalogue = "{catalogue}"\n{more}\nserve = {{ {serve} }}\n'


def option(launch: Launch, name: str) -> str:
    return launch.command[launch.command.index(name) + 1]


def test_replicas_take_the_next_ports_and_the_next_gpus() -> None:
    found = launched(
        entry("port = 8000, gpus = 2, replicas = 2") + entry("port = 8010, gpus = 1", "llama", "llama-3.1-8b")
    )
    assert list(found) == ["qwen3-0", "qwen3-1", "llama"]
    assert [option(each, "--port") for each in found.values()] == ["8000", "8001", "8010"]
    visible = [each.environment["CUDA_VISIBLE_DEVICES"] for each in found.values()]
    assert visible == ["0,1", "2,3", "4"]
    assert option(found["qwen3-0"], "--tensor-parallel-size") == "2"
    assert "--tensor-parallel-size" not in found["llama"].command
    assert option(found["qwen3-0"], "--reasoning-parser") == "qwen3"
    assert option(found["llama"], "--tool-call-parser") == "llama3_json"
    assert option(found["qwen3-0"], "--model") == "Qwen/Qwen3-8B"
    assert option(found["qwen3-0"], "--max-model-len") == "40960"
    assert not any(each.alone for each in found.values())


def test_the_pool_asks_the_servers_or_the_router_in_front_of_them() -> None:
    assert Serve(port=8000, replicas=2).endpoints() == ["http://127.0.0.1:8000/v1", "http://127.0.0.1:8001/v1"]
    assert Serve(port=8000, host="0.0.0.0").endpoints() == ["http://127.0.0.1:8000/v1"]  # noqa: S104
    assert Serve(port=8000, replicas=2, router=True).endpoints() == ["http://127.0.0.1:8000/v1"]
    found = launched(entry("port = 8000, gpus = 1, replicas = 2, router = true"))
    assert list(found) == ["qwen3-0", "qwen3-1", "qwen3-router"]
    router = found["qwen3-router"]
    assert router.command[0] == str(ROUTER)
    assert option(router, "--port") == "8000"
    assert option(router, "--prometheus-port") == "8003"
    assert router.command[-2:] == ("http://127.0.0.1:8001", "http://127.0.0.1:8002")


def test_weights_come_from_either_hub_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    sources = {
        "": ("Qwen/Qwen3-8B", None),
        "hf:Qwen/Qwen3-8B-Base": ("Qwen/Qwen3-8B-Base", None),
        "modelscope:": ("Qwen/Qwen3-8B", "1"),
        "modelscope:me/qwen3": ("me/qwen3", "1"),
        "./mine": (str((tmp_path / "mine").resolve()), None),
    }
    for source, (weights, modelscope) in sources.items():
        [launch] = launched(entry(f'port = 8000, source = "{source}"'), tmp_path).values()
        assert (option(launch, "--model"), launch.environment.get("VLLM_USE_MODELSCOPE")) == (weights, modelscope)
    [llama] = launched(entry('port = 1, source = "modelscope:"', "llama", "llama-3.1-8b")).values()
    assert option(llama, "--model") == "LLM-Research/Meta-Llama-3.1-8B-Instruct"
    [small] = launched(entry('port = 8000, gpus = 1, precision = "int4"')).values()
    assert option(small, "--model") == "Qwen/Qwen3-8B-AWQ"


def test_two_hosts_are_one_server_over_ray() -> None:
    [r1] = launched(entry("port = 8000, gpus = 16, hosts = 2", "r1", "deepseek-r1")).values()
    assert option(r1, "--tensor-parallel-size") == "8"
    assert option(r1, "--pipeline-parallel-size") == "2"
    assert option(r1, "--distributed-executor-backend") == "ray"
    assert "CUDA_VISIBLE_DEVICES" not in r1.environment, "Ray gives out the GPUs"


def test_a_server_on_the_cpu_gets_its_cache_and_its_turn() -> None:
    [launch] = launched(entry("port = 8000, cache_gib = 3, threads = 2")).values()
    assert launch.alone
    assert launch.environment["VLLM_CPU_KVCACHE_SPACE"] == "3"
    assert launch.environment["OMP_NUM_THREADS"] == "2"
    assert "CUDA_VISIBLE_DEVICES" not in launch.environment


def test_adapters_are_loaded_at_start_or_may_be_later(tmp_path: Path) -> None:
    (tmp_path / "lora").mkdir()
    (tmp_path / "lora" / "adapter_config.json").write_text('{"r": 16}')
    [launch] = launched(entry("port = 8000", more='adapters = { review = "lora" }'), tmp_path).values()
    assert option(launch, "--lora-modules") == f"review={(tmp_path / 'lora').resolve()}"
    assert "--enable-lora" in launch.command
    assert launch.environment["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "1"
    [open_] = launched(entry("port = 8000, runtime_adapters = true")).values()
    assert "--enable-lora" in open_.command
    assert "--lora-modules" not in open_.command
    [closed] = launched(entry("port = 8000")).values()
    assert "--enable-lora" not in closed.command
    with pytest.raises(CannotServe, match=r"'review' has rank 16; set serve\.lora_rank = 16"):
        launched(entry("port = 8000, lora_rank = 8", more='adapters = { review = "lora" }'), tmp_path)


def test_no_key_stands_in_a_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOL_KEY", "hidden")
    [launch] = launched(entry("port = 8000", more='api_key = { env = "POOL_KEY" }')).values()
    assert launch.key == "env:POOL_KEY"
    assert "hidden" not in launch.model_dump_json()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (entry('port = 8000, source = "./nowhere"'), r"'qwen3': .*nowhere is no folder with a model"),
        (entry("port = 8000, context = 60000"), r"serve.context = 60,000, but Qwen3 8B takes 40,960 .* 131,072"),
        (entry('port = 8000, precision = "fp8"', "r1", "deepseek-r1"), r"no published fp8 weights of DeepSeek-R1"),
        (entry("port = 8000", more='adapters = { x = "./nope" }'), r"adapter 'x' is not in .*nope"),
        (
            entry("port = 8000, replicas = 2") + entry("port = 8001", "llama", "llama-3.1-8b"),
            r"'qwen3' and 'llama' both serve on port 8001",
        ),
    ],
)
def test_what_cannot_be_served_is_told_with_its_entry(text: str, told: str) -> None:
    with pytest.raises(CannotServe, match=told):
        launched(text)


@pytest.mark.parametrize(
    ("serve", "told"),
    [
        ("port = 8000, gpus = 9, hosts = 2", "must be a multiple of it"),
        ("port = 8000, gpus = 16, hosts = 2, replicas = 2", "one replica"),
        ("port = 8000, gpus = 2, devices = [0]", "devices names 1 GPUs"),
        ("port = 8000, gpu = 2", "Extra inputs"),
        ("gpus = 2", "Field required"),
    ],
)
def test_a_wrong_serve_stops_the_start_with_a_sentence(tmp_path: Path, serve: str, told: str) -> None:
    text = entry(serve).replace("[[models]]", "[[pool.models]]")
    (tmp_path / "consilia.toml").write_text(text)
    with pytest.raises(InvalidSettings, match=told):
        load(tmp_path / "consilia.toml")


def test_what_is_not_installed_is_told_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool: Any = PoolSettings.model_validate(tomllib.loads(entry("port = 8000")))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotServe, match="run: consilia pool install --cpu"):
        wanted(pool.models, pool.serving, tmp_path)
    with pytest.raises(CannotServe, match="asks for no servers"):
        wanted([], pool.serving, tmp_path)


LLAMACPP = 'dialect = "llamacpp"'


def test_llama_cpp_is_started_with_a_gguf_file_and_its_own_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny.gguf").touch()
    [launch] = launched(entry('port = 8000, source = "tiny.gguf", context = 4096', more=LLAMACPP), tmp_path).values()
    assert launch.command[:3] == ("llama-server", "--model", str(tmp_path / "tiny.gguf"))
    assert (option(launch, "--alias"), option(launch, "--ctx-size")) == ("qwen3", "4096")
    assert "--metrics" in launch.command
    assert (launch.key_variable, launch.environment["CUDA_VISIBLE_DEVICES"]) == ("LLAMA_API_KEY", "")
    [hub] = launched(entry('port = 8000, gpus = 1, source = "hf:me/some-GGUF:Q8_0"', more=LLAMACPP)).values()
    assert (option(hub, "--hf-repo"), option(hub, "--n-gpu-layers")) == ("me/some-GGUF:Q8_0", "all")
    pool: Any = PoolSettings.model_validate(
        tomllib.loads(entry('port = 8000, source = "tiny.gguf"', more=LLAMACPP) + '[serving]\nllamacpp = "./none"\n')
    )
    with pytest.raises(CannotServe, match=r"no llama\.cpp server 'none'; install it, and name it by pool\.serving"):
        wanted(pool.models, pool.serving, tmp_path)
    program = tmp_path / "llama-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    [found] = wanted(pool.models, pool.serving.model_copy(update={"llamacpp": Path("llama-server")}), tmp_path)
    assert found.command[0] == str(program), "no vLLM is needed"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (entry("port = 8000", more=LLAMACPP), "'' is no GGUF file"),
        (entry('port = 8000, source = "./none.gguf"', more=LLAMACPP), r"none\.gguf is no GGUF file"),
        (entry('port = 8000, source = "modelscope:a/b"', more=LLAMACPP), "is no GGUF file"),
        (entry("port = 8000, router = true", more=LLAMACPP), r"not started with serve\.router; take it out"),
    ],
)
def test_what_llama_cpp_cannot_serve_is_told_with_its_entry(text: str, told: str) -> None:
    with pytest.raises(CannotServe, match=told):
        launched(text)


def test_a_server_that_is_not_started_here_has_no_serve() -> None:
    with pytest.raises(ValueError, match=r"SGLang cannot; start it yourself, and name its endpoints"):
        PoolSettings.model_validate(tomllib.loads(entry("port = 8000", more='dialect = "sglang"')))
