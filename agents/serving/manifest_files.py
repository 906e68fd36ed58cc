"""Manifests as files: YAML, a kustomization, and the pool as Consilia asks it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from agents.catalogue import catalogue
from agents.serving.manifests import Objects, served, slug
from agents.serving.served import Served


def pool_table(models: Sequence[Served], found: Mapping[str, Sequence[str]], ray: bool) -> str:
    """The `[[pool.models]]` by which Consilia asks these servers. found: their endpoints. ray: they are Ray Serve's."""
    parts = ["# Written by consilia pool manifests. The models as Consilia asks them in the cluster."]
    for model, serve in served(models):
        lines = ["[[pool.models]]", f'name = "{model.name}"', f'catalogue = "{model.catalogue}"']
        lines += [f'served = "{model.served}"'] if model.served else []
        lines += [f"endpoints = {json.dumps(list(found[model.name]))}", "priority_scheduling = true"]
        if ray:
            context = serve.context or catalogue().find(model.catalogue).context
            lines += ['dialect = "rayserve"', f"context = {context}"]
        if model.adapters:
            named = ", ".join(f"{json.dumps(name)} = {json.dumps(where)}" for name, where in model.adapters.items())
            lines.append(f"adapters = {{ {named} }}")
        if getattr(model, "api_key", None) is not None:
            lines.append(f'api_key = {{ file = "/run/secrets/consilia/{slug(model.name)}-key" }}')
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def kustomization(namespace: str, files: Sequence[str]) -> dict[str, Any]:
    """What `kubectl apply -k` reads."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": list(files),
    }


def as_yaml(objects: Objects) -> str:
    """The objects as one YAML file."""
    return "---\n".join(yaml.dump(each, Dumper=_Plain, sort_keys=False, width=120) for each in objects)


class _Plain(yaml.SafeDumper):
    """Without anchors, and texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)  # pyright: ignore[reportUnknownMemberType]


_Plain.add_representer(str, _block)
