"""Manifests: what is written for a cluster is what `consilia pool up` would start, and the pool finds it again."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from agents.pool_settings import PoolSettings
from service.commands.pool import app

POOL = """
[[pool.models]]
name = "qwen3"
catalogue = "Qwen/Qwen3-8B"
api_key = { env = "KEY" }
serve = { port = 8000, replicas = 2, gpus = 1, context = 32768, options = ["--enforce-eager", "--seed=7"] }

[[pool.models]]
name = "deepseek-r1"
catalogue = "deepseek-ai/DeepSeek-R1"
serve = { port = 8010, gpus = 16, hosts = 2, context = 65536, ready_seconds = 5400 }
"""


def written(folder: Path, pool: str = POOL, *words: str) -> dict[str, list[dict[str, Any]]]:
    """The objects, by file; fails with what was printed."""
    (folder / "consilia.toml").write_text(pool)
    options = ["manifests", "--out", str(folder / "out"), "--config", str(folder / "consilia.toml"), *words]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0, done.output
    return {path.stem: list(yaml.safe_load_all(path.read_text())) for path in (folder / "out").glob("*.yaml")}


def asked(folder: Path) -> PoolSettings:
    """The pool that Consilia gets: it must be valid as it stands."""
    return PoolSettings.model_validate(tomllib.loads((folder / "out" / "pool.toml").read_text())["pool"])


def test_servers_of_one_host_are_stateful_sets_whose_replicas_the_pool_asks_by_name(tmp_path: Path) -> None:
    service, made, policy = written(tmp_path)["qwen3"]
    assert (service["kind"], made["kind"], policy["kind"]) == ("Service", "StatefulSet", "NetworkPolicy")
    assert (service["spec"]["clusterIP"], made["spec"]["replicas"]) == ("None", 2)
    pod = made["spec"]["template"]["spec"]
    [container] = pod["containers"]
    line = " ".join(container["command"])
    assert "--model Qwen/Qwen3-8B --served-model-name qwen3 --host 0.0.0.0 --port 8000 --max-model-len 32768" in line
    assert "--reasoning-parser qwen3 --enable-auto-tool-choice" in line
    assert line.endswith("--enforce-eager --seed=7")
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["securityContext"]["runAsNonRoot"]
    [key] = [each for each in container["env"] if each["name"] == "VLLM_API_KEY"]
    assert key["valueFrom"]["secretKeyRef"]["name"] == "qwen3-key"
    model = asked(tmp_path).models[0]
    assert model.endpoints == [f"http://qwen3-{n}.qwen3.consilia.svc:8000/v1" for n in range(2)]
    [claim] = made["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "28Gi", "15.3 GiB of weights, and some more"


def test_a_server_of_several_hosts_is_a_group_that_lends_its_gpus_to_the_leader_by_ray(tmp_path: Path) -> None:
    group, policy = written(tmp_path, POOL, "--gpu", "amd.com/gpu", "--namespace", "llm")["deepseek-r1"]
    template = group["spec"]["leaderWorkerTemplate"]
    assert (group["kind"], template["size"]) == ("LeaderWorkerSet", 2)
    leader, worker = (template[f"{kind}Template"]["spec"]["containers"][0] for kind in ("leader", "worker"))
    assert "ray start --head" in leader["command"][2]
    assert "--tensor-parallel-size 8 --pipeline-parallel-size 2" in leader["command"][2]
    assert "startupProbe" in leader
    assert 'ray start --address="$LWS_LEADER_ADDRESS:6379" --block' in worker["command"][2]
    assert leader["resources"]["limits"]["amd.com/gpu"] == worker["resources"]["limits"]["amd.com/gpu"] == "8"
    names = policy["spec"]["podSelector"]["matchExpressions"][0]["values"]
    assert names == ["deepseek-r1", "deepseek-r1-worker"]
    assert asked(tmp_path).models[1].endpoints == ["http://deepseek-r1-0.deepseek-r1.llm.svc:8000/v1"]


def test_ray_serve_serves_all_models_behind_one_address(tmp_path: Path) -> None:
    made, _ = written(tmp_path, POOL, "--ray-serve")["models"]
    assert made["kind"] == "RayService"
    [application] = yaml.safe_load(made["spec"]["serveConfigV2"])["applications"]
    assert application["import_path"] == "ray.serve.llm:build_openai_app"
    qwen, r1 = application["args"]["llm_configs"]
    assert qwen["model_loading_config"] == {"model_id": "qwen3", "model_source": "Qwen/Qwen3-8B"}
    assert (qwen["engine_kwargs"]["max_model_len"], qwen["engine_kwargs"]["enforce_eager"]) == (32768, True)
    assert qwen["engine_kwargs"]["seed"] == 7
    assert (r1["engine_kwargs"]["tensor_parallel_size"], r1["engine_kwargs"]["pipeline_parallel_size"]) == (8, 2)
    groups = made["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    assert [(each["groupName"], each["replicas"]) for each in groups] == [("qwen3", 2), ("deepseek-r1", 2)]
    models = asked(tmp_path).models
    assert {(each.dialect, each.endpoints[0]) for each in models} == {
        ("rayserve", "http://models-serve-svc.consilia.svc:8000/v1")
    }


@pytest.mark.parametrize(
    ("serve", "more", "told"),
    [
        ("port = 8000", "", "serve.gpus = 0"),
        ('port = 8000, gpus = 1, source = "./weights"', "", "is a folder here"),
        ("port = 8000, gpus = 1", 'adapters = { a = "./loras/a" }', "a folder here"),
        ("port = 8000, gpus = 1, context = 999999", "", "takes 40,960 tokens"),
    ],
)
def test_what_a_cluster_cannot_have_is_refused_by_name(tmp_path: Path, serve: str, more: str, told: str) -> None:
    entry = f'[[pool.models]]\nname = "q"\ncatalogue = "qwen3-8b"\n{more}\nserve = {{ {serve} }}\n'
    (tmp_path / "consilia.toml").write_text(entry)
    done = CliRunner().invoke(app, ["manifests", "--config", str(tmp_path / "consilia.toml")])
    assert done.exit_code == 2
    assert "model 'q'" in done.output
    assert told in " ".join(done.output.split())


def test_a_pool_that_starts_nothing_has_nothing_to_write(tmp_path: Path) -> None:
    (tmp_path / "consilia.toml").write_text("")
    done = CliRunner().invoke(app, ["manifests", "--config", str(tmp_path / "consilia.toml")])
    assert (done.exit_code, "has serve" in done.output) == (2, True)
