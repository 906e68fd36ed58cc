"""All models as one RayService: Ray Serve with its OpenAI-compatible application, run by KubeRay."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from agents.catalogue import catalogue
from agents.serving.command_lines import RAY_PORT
from agents.serving.launch import context_options
from agents.serving.manifests import (
    CONFINED,
    PART,
    PORT,
    RAY_NAME,
    Cluster,
    Objects,
    memory_of,
    policy,
    secret,
    served,
    source_of,
    unprivileged,
)
from agents.serving.served import CannotServe, Served


def ray_serve(models: Sequence[Served], cluster: Cluster, folder: Path) -> Objects:
    """One RayService that serves all the models, for KubeRay. Raises CannotServe."""
    configs: Objects = []
    workers: Objects = []
    for model, serve in served(models):
        source, environment = source_of(model, serve, folder)
        _refuse_adapters(model, "a RayService")
        here = serve.gpus // serve.hosts
        facts = catalogue().find(model.catalogue)
        engine = _as_fields([*context_options(model, serve, facts, local=source.startswith("/")), *serve.options])
        engine |= {"scheduling_policy": "priority"}
        engine |= {"gpu_memory_utilization": serve.utilisation, "tensor_parallel_size": here}
        engine |= {"pipeline_parallel_size": serve.hosts} if serve.hosts > 1 else {}
        engine |= {"reasoning_parser": facts.reasoning_parser} if facts.reasoning_parser else {}
        parser = {"enable_auto_tool_choice": True, "tool_call_parser": facts.tool_parser} if facts.tool_parser else {}
        config: dict[str, Any] = {
            "model_loading_config": {"model_id": model.served or model.name, "model_source": source},
            "engine_kwargs": {**engine, **parser},
            "deployment_config": {"num_replicas": serve.replicas},
        }
        configs.append({**config, **({"runtime_env": {"env_vars": environment}} if environment else {})})
        workers.append(
            {
                "groupName": model.name[:60],
                "replicas": serve.replicas * serve.hosts,
                "minReplicas": serve.replicas * serve.hosts,
                "maxReplicas": serve.replicas * serve.hosts,
                "rayStartParams": {"num-gpus": str(here)},
                "template": _ray_pod("ray-worker", cluster, memory_of(model, serve), here),
            }
        )
    application = {
        "name": "models",
        "import_path": "ray.serve.llm:build_openai_app",
        "route_prefix": "/",
        "args": {"llm_configs": configs},
    }
    head = {"rayStartParams": {"num-cpus": "0", "num-gpus": "0", "dashboard-host": "0.0.0.0"}}  # noqa: S104
    spec = {
        "serveConfigV2": yaml.safe_dump({"applications": [application]}, sort_keys=False),
        "rayClusterConfig": {
            "rayVersion": cluster.ray_image.rpartition(":")[2].partition("-")[0],
            "headGroupSpec": {**head, "template": _ray_pod("ray-head", cluster, 8, 0)},
            "workerGroupSpecs": workers,
        },
    }
    meta = {"name": RAY_NAME, "namespace": cluster.namespace, "labels": dict(PART)}
    made = {"apiVersion": "ray.io/v1", "kind": "RayService", "metadata": meta, "spec": spec}
    operator = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kuberay-system"}}}
    return [made, policy(RAY_NAME, [RAY_NAME], cluster, operator)]


def _refuse_adapters(model: Served, where: str) -> None:
    if model.adapters:
        raise CannotServe(
            f"model {model.name!r}: adapters are not written into {where}; write manifests for plain Kubernetes instead"
        )


def _ray_pod(name: str, cluster: Cluster, memory: int, gpus: int) -> dict[str, Any]:
    """The pod template of Ray's head or workers."""
    resources: dict[str, Any] = {"requests": {"cpu": str(max(2, 4 * gpus)), "memory": f"{memory}Gi"}}
    resources["limits"] = {"memory": f"{memory * 2}Gi", **({cluster.gpu: str(gpus)} if gpus else {})}
    container: dict[str, Any] = {"name": name, "image": cluster.ray_image, "resources": resources}
    container["env"] = [{"name": "HF_TOKEN", "valueFrom": secret("hugging-face", "token", optional=True)}]
    container["securityContext"] = CONFINED
    if not gpus:
        ports = {"serve": PORT, "gcs": RAY_PORT, "dashboard": 8265, "client": 10001}
        container["ports"] = [{"name": name, "containerPort": port} for name, port in ports.items()]
    spec = {"automountServiceAccountToken": False, "securityContext": unprivileged(1000), "containers": [container]}
    return {"metadata": {"labels": {"app.kubernetes.io/name": RAY_NAME, **PART}}, "spec": spec}


def _as_fields(words: Sequence[str]) -> dict[str, Any]:
    """Options of a command line as fields: `--max-model-len 8` is max_model_len: 8, `--enforce-eager` is true."""
    fields: dict[str, Any] = {}
    for at, word in enumerate(words):
        if not word.startswith("--"):
            continue
        name, _, given = word[2:].partition("=")
        follows = words[at + 1] if at + 1 < len(words) and not words[at + 1].startswith("--") else ""
        fields[name.replace("-", "_")] = yaml.safe_load(given or follows) if given or follows else True
    return fields
