"""The ready profiles under deploy/pools: each loads, is planned on the GPUs it names, and gives its command lines."""

from pathlib import Path

import pytest

from agents.dialects import DIALECTS
from agents.pool import Pool
from agents.serving.gpus import read_gpus
from agents.serving.launch import launches
from agents.serving.planning import Wish, fit, native_precision
from agents.serving.served import Launch
from service.settings import Settings, load
from tests.conftest import ROOT

PROFILES = ROOT / "deploy" / "pools"
GPUS = {
    "one-24gb-gpu": ["1xRTX4090-24G", "1xL4-24G", "1xA10-24G"],
    "eight-80gb-gpus": ["8xH100-80G", "8xA100-80G"],
    "two-hosts-deepseek-r1": ["2x8xH100-80G"],
}


def profile(name: str) -> tuple[Settings, tuple[Launch, ...]]:
    settings = load(PROFILES / f"{name}.toml")
    found = launches(settings.pool.models, python=Path("python"), router=Path("router"), folder=PROFILES)
    return settings, found


def test_every_profile_is_tested_here() -> None:
    assert {path.stem for path in PROFILES.glob("*.toml")} == {*GPUS, "laptop-cpu", "laptop-llamacpp", "other-servers"}


@pytest.mark.parametrize(("name", "gpus"), [(name, gpus) for name, kinds in GPUS.items() for gpus in kinds])
def test_a_profile_fits_the_gpus_that_it_names(name: str, gpus: str) -> None:
    settings, found = profile(name)
    hosts = read_gpus(gpus)
    taken = 0
    for model in settings.pool.models:
        serve = model.serve
        assert serve is not None
        assert serve.hosts <= len(hosts)
        wish = Wish(context=serve.context, utilisation=serve.utilisation)
        precision = serve.precision or native_precision(model.facts)
        placed = fit(model.facts, precision, hosts[0], serve.gpus // serve.hosts, serve.hosts, wish)
        assert placed is not None, f"{model.name} does not fit {gpus}"
        assert placed.context == serve.context
        taken += serve.gpus * serve.replicas
    assert taken == sum(host.count for host in hosts)
    visible = [each.environment.get("CUDA_VISIBLE_DEVICES", "").split(",") for each in found]
    used = [gpu for each in visible for gpu in each]
    assert len(used) == len(set(used)), "no GPU is given twice"


def test_the_laptop_s_profile_needs_no_gpu() -> None:
    settings, [only] = profile("laptop-cpu")
    assert only.alone
    assert "CUDA_VISIBLE_DEVICES" not in only.environment
    assert settings.pool.models[0].endpoints == ["http://127.0.0.1:8000/v1"]


def test_a_laptop_may_run_llama_cpp_instead() -> None:
    _, [only] = profile("laptop-llamacpp")
    assert only.command[only.command.index("--hf-repo") + 1] == "Qwen/Qwen3-8B-GGUF:Q4_K_M"


async def test_every_other_server_has_an_entry_and_one_that_does_not_run_is_no_fault() -> None:
    settings, found = profile("other-servers")
    assert found == ()
    assert {model.dialect for model in settings.pool.models} == set(DIALECTS) - {"vllm", "rayserve"}
    gone = [  # a port that nothing answers at: somebody may run these servers at their own
        model.model_copy(update={"endpoints": ["http://127.0.0.1:1/v1"]}) for model in settings.pool.models
    ]
    async with Pool(settings.pool.model_copy(update={"models": gone})) as pool:
        states = {model["endpoints"][0]["state"] for model in pool.status()["models"]}
    assert states == {"down"}


def test_two_hosts_are_one_endpoint() -> None:
    settings, [only] = profile("two-hosts-deepseek-r1")
    assert settings.pool.models[0].endpoints == ["http://127.0.0.1:8000/v1"]
    assert only.command[only.command.index("--model") + 1] == "deepseek-ai/DeepSeek-R1"
