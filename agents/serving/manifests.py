"""Model servers as objects of Kubernetes: StatefulSets for servers of one host, LeaderWorkerSets for those that span
several, or one RayService for all.

A replica keeps its name, so that the pool can ask each by its own address and keep a document's questions with one. The
forms are those of Kubernetes 1.30, LeaderWorkerSet 0.6 (leaderworkerset.x-k8s.io/v1) and KubeRay 1.4 (ray.io/v1, with
ray.serve.llm:build_openai_app).
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agents.catalogue import catalogue
from agents.serving.command_lines import RAY_PORT
from agents.serving.launch import context_options, family_options, weights
from agents.serving.memory import Precision, native_precision, weight_bytes
from agents.serving.served import CannotServe, Served
from agents.serving.settings import Serve

PORT: Final = 8000
_GIB: Final = 1024**3
RAY_NAME: Final = "models"
CONFINED: Final = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
_KEPT: Final = {
    "HF_HOME": "/weights/hugging-face",
    "MODELSCOPE_CACHE": "/weights/modelscope",
    "HOME": "/weights/home",
    "USER": "vllm",
    "XDG_CACHE_HOME": "/weights/cache",
    "VLLM_NO_USAGE_STATS": "1",
}
"""So that a user without a home may run it, and compiled kernels outlive a restart."""
PART: Final = {"app.kubernetes.io/part-of": "consilia"}

Objects = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Cluster:
    """image: of the model servers, which holds vLLM (and Ray where a server spans hosts). ray_image: for Ray Serve.
    gpu: the resource's name. storage: the class of the volumes for weights, None: the cluster's default."""

    namespace: str = "consilia"
    image: str = "vllm/vllm-openai:v0.32.0"
    ray_image: str = "rayproject/ray-llm:2.52.0-py311-cu128"
    gpu: str = "nvidia.com/gpu"
    storage: str | None = None


def kubernetes(models: Sequence[Served], cluster: Cluster, folder: Path) -> dict[str, Objects]:
    """The objects of each model, by its name. folder: what relative paths start from. Raises CannotServe."""
    return {model.name: _objects(model, serve, cluster, folder) for model, serve in served(models)}


def endpoints(models: Sequence[Served], cluster: Cluster, ray: bool) -> dict[str, list[str]]:
    """Where the pool asks, by model."""
    found: dict[str, list[str]] = {}
    for model, serve in served(models):
        name, space = model.name, f"{cluster.namespace}.svc"
        if ray:
            hosts = [f"{RAY_NAME}-serve-svc.{space}"]
        else:
            hosts = [f"{slug(name)}-{number}.{slug(name)}.{space}" for number in range(serve.replicas)]
        found[name] = [f"http://{host}:{PORT}/v1" for host in hosts]
    return found


def _objects(model: Served, serve: Serve, cluster: Cluster, folder: Path) -> Objects:
    name = slug(model.name)
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "model", **PART}
    meta = {"name": name, "namespace": cluster.namespace, "labels": labels}
    if serve.hosts > 1:  # its controller makes the service
        return [_group(model, serve, cluster, folder, meta), policy(name, [name, f"{name}-worker"], cluster)]
    service_spec: dict[str, Any] = {
        "clusterIP": "None",
        "selector": {"app.kubernetes.io/name": name},
        "ports": [{"name": "http", "port": PORT, "targetPort": "http"}],
    }
    service = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service_spec}
    return [service, _set(model, serve, cluster, folder, meta), policy(name, [name], cluster)]


def _set(model: Served, serve: Serve, cluster: Cluster, folder: Path, meta: Mapping[str, Any]) -> dict[str, Any]:
    name = meta["name"]
    template = {"metadata": {"labels": meta["labels"]}, "spec": _pod(model, serve, cluster, folder, _words)}
    spec = {
        "serviceName": name,
        "replicas": serve.replicas,
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
        "template": template,
        "volumeClaimTemplates": [_claim(model, serve, cluster)],
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": dict(meta), "spec": spec}


def _group(model: Served, serve: Serve, cluster: Cluster, folder: Path, meta: Mapping[str, Any]) -> dict[str, Any]:
    """A leader that serves, and workers that lend it their GPUs by Ray; when a pod dies the group starts anew.

    vLLM waits for the workers itself, up to half an hour (0.32, v1/executor/ray_utils.py).
    """
    labels = meta["labels"]
    others = {**labels, "app.kubernetes.io/name": f"{meta['name']}-worker"}

    def leads(model: Served, serve: Serve, folder: Path) -> list[str]:
        line = f"ray start --head --port={RAY_PORT} && exec {shlex.join(_words(model, serve, folder))}"
        return ["sh", "-c", line]

    def follows(model: Served, serve: Serve, folder: Path) -> list[str]:
        return ["sh", "-c", f'exec ray start --address="$LWS_LEADER_ADDRESS:{RAY_PORT}" --block']

    worker = _pod(model, serve, cluster, folder, follows, probed=False)
    leader = _pod(model, serve, cluster, folder, leads)
    for pod in (leader, worker):  # each downloads the weights anew where the volume is not kept
        pod["volumes"].append({"name": "weights", "emptyDir": {"sizeLimit": f"{_disk(model, serve)}Gi"}})
    template = {
        "size": serve.hosts,
        "restartPolicy": "RecreateGroupOnPodRestart",
        "leaderTemplate": {"metadata": {"labels": labels}, "spec": leader},
        "workerTemplate": {"metadata": {"labels": others}, "spec": worker},
    }
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": dict(meta),
        "spec": {"replicas": serve.replicas, "leaderWorkerTemplate": template},
    }


def _pod(
    model: Served, serve: Serve, cluster: Cluster, folder: Path, words: Any, *, probed: bool = True
) -> dict[str, Any]:
    _, environment = source_of(model, serve, folder)
    here = serve.gpus // serve.hosts
    memory = memory_of(model, serve)
    resources: dict[str, Any] = {"requests": {"cpu": str(max(4, 2 * here)), "memory": f"{memory}Gi"}}
    resources["limits"] = {"memory": f"{memory * 2}Gi", **({cluster.gpu: str(here)} if here else {})}
    fields = [{"name": name, "value": value} for name, value in sorted(environment.items())]
    fields += [{"name": name, "value": value} for name, value in _KEPT.items()]
    fields += [{"name": "VLLM_HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    fields += [{"name": "HF_TOKEN", "valueFrom": secret("hugging-face", "token", optional=True)}]
    if getattr(model, "api_key", None) is not None:
        fields += [{"name": "VLLM_API_KEY", "valueFrom": secret(f"{slug(model.name)}-key", "key")}]
    container: dict[str, Any] = {
        "name": "vllm",
        "image": cluster.image,
        "command": words(model, serve, folder),
        "env": fields,
        "resources": resources,
        "securityContext": CONFINED,
        "volumeMounts": [{"name": "weights", "mountPath": "/weights"}, {"name": "shm", "mountPath": "/dev/shm"}],  # noqa: S108
    }
    if probed:
        well = {"httpGet": {"path": "/health", "port": "http"}}
        container["ports"] = [{"name": "http", "containerPort": PORT}]
        tries = max(1, int(serve.ready_seconds) // 10)
        container["startupProbe"] = {**well, "periodSeconds": 10, "failureThreshold": tries}
        container["readinessProbe"] = {**well, "periodSeconds": 5}
        container["livenessProbe"] = {**well, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6}
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 60,
        "securityContext": unprivileged(10001),
        "containers": [container],
        "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}}],
    }


def _words(model: Served, serve: Serve, folder: Path) -> list[str]:
    facts = catalogue().find(model.catalogue)
    source, _ = source_of(model, serve, folder)
    here = serve.gpus // serve.hosts
    words = ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", source]
    words += ["--served-model-name", model.served or model.name, "--host", "0.0.0.0", "--port", str(PORT)]  # noqa: S104
    words += [*context_options(model, serve, facts, local=source.startswith("/")), *family_options(facts)]
    words += ["--enable-prompt-tokens-details", "--scheduling-policy", "priority", "--disable-uvicorn-access-log"]
    if serve.gpus:
        words += ["--gpu-memory-utilization", f"{serve.utilisation:g}"]
    if here > 1:
        words += ["--tensor-parallel-size", str(here)]
    if serve.hosts > 1:
        words += ["--pipeline-parallel-size", str(serve.hosts), "--distributed-executor-backend", "ray"]
    if serve.load_format != "auto":
        words += ["--load-format", serve.load_format]
    words += _adapters(model, serve)
    return [*words, *serve.options]


def _adapters(model: Served, serve: Serve) -> list[str]:
    if not model.adapters:
        return []
    for name, where in model.adapters.items():
        if where.startswith((".", "~")):
            raise CannotServe(
                f"model {model.name!r}: the adapter {name!r} is {where}, a folder here; in a cluster name one of "
                "the hub (ORG/NAME), or an absolute path of the image"
            )
    modules = [f"{name}={where}" for name, where in model.adapters.items()]
    return ["--enable-lora", "--max-lora-rank", str(serve.lora_rank), "--lora-modules", *modules]


def source_of(model: Served, serve: Serve, folder: Path) -> tuple[str, dict[str, str]]:
    """(what --model is, the environment for it): a hub's name, or a path inside the image."""
    if serve.source.startswith("/"):
        return serve.source, {"HF_HUB_OFFLINE": "1"}
    if serve.source and serve.source.partition(":")[0] not in ("hf", "modelscope"):
        raise CannotServe(
            f"model {model.name!r}: serve.source = {serve.source!r} is a folder here; in a cluster give hf:ORG/NAME, "
            "modelscope:ORG/NAME, or an absolute path of the image"
        )
    return weights(model, serve, catalogue().find(model.catalogue), folder)


def served(models: Sequence[Served]) -> Iterator[tuple[Served, Serve]]:
    found = [(model, model.serve) for model in models if model.serve is not None]
    if not found:
        raise CannotServe("no [[pool.models]] has serve = {…}, so there is nothing to write; see deploy/pools")
    for model, serve in found:
        if model.dialect != "vllm":
            raise CannotServe(f"model {model.name!r}: manifests are written for vLLM, not for {model.dialect}")
        if not serve.gpus:
            raise CannotServe(f"model {model.name!r}: serve.gpus = 0; manifests are written for servers on GPUs")
        yield model, serve


def _disk(model: Served, serve: Serve) -> int:
    """GiB for the weights as they are downloaded, and some more."""
    facts = catalogue().find(model.catalogue)
    precision: Precision = serve.precision or native_precision(facts)
    return int(weight_bytes(facts, precision) / _GIB * 1.2) + 10


def memory_of(model: Served, serve: Serve) -> int:
    """GiB of memory to ask for: what a host's share of the weights takes while it is read, and the server's own."""
    return max(16, _disk(model, serve) // serve.hosts // 4 + 16)


def _claim(model: Served, serve: Serve, cluster: Cluster) -> dict[str, Any]:
    room = {"requests": {"storage": f"{_disk(model, serve)}Gi"}}
    spec: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": room}
    if cluster.storage:
        spec["storageClassName"] = cluster.storage
    return {"metadata": {"name": "weights"}, "spec": spec}


def policy(
    name: str, pods: Sequence[str], cluster: Cluster, operator: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Only Consilia, the monitoring and the model's own pods reach a server: whoever does may load adapters."""
    asking = {"podSelector": named(["api", "worker"])}
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    among = [{"podSelector": named(pods)}, *([dict(operator)] if operator else [])]
    spec = {
        "podSelector": named(pods),
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [asking, monitoring], "ports": [{"port": PORT}]}, {"from": among}],
    }
    meta = {"name": f"model-{name}", "namespace": cluster.namespace, "labels": dict(PART)}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def named(names: Sequence[str]) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": list(names)}]}


def unprivileged(user: int) -> dict[str, Any]:
    """What the namespace's pod security, restricted, asks for."""
    profile = {"seccompProfile": {"type": "RuntimeDefault"}}
    return {"runAsNonRoot": True, "runAsUser": user, "runAsGroup": user, "fsGroup": user, **profile}


def secret(name: str, key: str, *, optional: bool = False) -> dict[str, Any]:
    return {"secretKeyRef": {"name": name, "key": key, **({"optional": True} if optional else {})}}


def slug(name: str) -> str:
    """A name that DNS takes (RFC 1123): of small letters, digits and '-'."""
    return re.sub(r"[^a-z0-9-]+", "-", name)[:50].strip("-")
