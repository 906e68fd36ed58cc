"""deploy/: valid by the formats' own schemas, and of one piece with the code: ports, paths, settings, metric names."""

import importlib.resources
import json
import re
import sys
from pathlib import Path
from typing import Any

import dockerfile
import httpx
import jsonschema
import kubernetes_validate
import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from scripts.write_dashboard import TARGET, dashboard
from service.settings import Settings, load
from tests.conftest import ROOT, Server

DEPLOY = ROOT / "deploy"
MANIFESTS = sorted(DEPLOY.glob("kubernetes/*.yaml"))
KUBERNETES = "1.33"


def _documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def _cluster() -> list[dict[str, Any]]:
    kustomization = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())
    names = [*kustomization["resources"], "secret.example.yaml"]
    return [each for name in names for each in _documents(DEPLOY / "kubernetes" / name)]


def _pods() -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in _cluster()
        if each["kind"] in ("Deployment", "StatefulSet", "Job")
    }


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_compose_fits_the_compose_specification(compose: dict[str, Any]):
    found = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(found.read_text())
    shown = {name: each for name, each in compose.items() if not name.startswith("x-")}
    jsonschema.validators.validator_for(schema)(schema).validate(shown)


def test_compose_names_only_what_it_has(compose: dict[str, Any]):
    services, volumes, networks = compose["services"], compose["volumes"], compose["networks"]
    assert {"api", "worker", "postgres", "vllm", "upgrade"} <= set(services)
    assert services["worker"]["deploy"]["replicas"] == 2
    for name, service in services.items():
        assert set(service.get("networks", [])) <= set(networks), name
        assert set(service.get("depends_on", {})) <= set(services), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), f"{name}: {source}"
            else:
                assert source in volumes, f"{name}: {source}"
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name} is published beyond the loopback: {port}"


def test_the_containers_of_the_service_have_few_rights(compose: dict[str, Any]):
    for name in ("api", "worker", "upgrade"):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["user"] == "10001:10001"
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_recipe_is_one_that_a_builder_takes_and_gives_few_rights():
    """Parsed by the builders' own parser (moby/buildkit)."""
    steps = dockerfile.parse_file(str(DEPLOY / "Containerfile"))
    stages = [at for at, step in enumerate(steps) if step.cmd == "FROM"]
    assert len(stages) == 2, "a stage that builds, a stage that runs"
    assert [step.value for step in steps[: stages[0]]] == [("PYTHON=3.13-slim-trixie",)], "a named version, not latest"
    assert all(steps[at].value[0] == "python:${PYTHON}" for at in stages)
    built = steps[stages[0]].value[2]
    last = steps[stages[1] :]
    assert [step.cmd for step in last].count("RUN") == 1, "nothing is installed beside what was built"
    assert [step.flags for step in last if step.cmd == "COPY"] == [(f"--from={built}",)]
    assert not [step for step in steps if step.cmd in ("ADD", "ONBUILD")]
    assert [step.value for step in last if step.cmd == "USER"] == [("10001:10001",)]
    assert [step.cmd for step in last].index("USER") > [step.cmd for step in last].index("RUN")
    for step in last:
        if step.cmd in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
            assert step.json, f"{step.cmd} goes through no shell, so that signals reach the service"
    [check] = [step for step in last if step.cmd == "HEALTHCHECK"]
    compile(check.value[3], "HEALTHCHECK", "exec")
    assert "/ready" in check.value[3]
    pipes = [step.value[0] for step in steps if step.cmd == "RUN"]
    assert not any(
        word in each for each in pipes for word in ("curl", "wget", "sudo", "apt-get upgrade", "--trusted-host")
    )


def test_the_recipe_copies_only_what_the_context_has():
    recipe = (DEPLOY / "Containerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text()
    for line in re.findall(r"^COPY (?!--from)(.+)$", recipe, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source == "." or f"!{source}" in ignored, f"{source} is not in the build's context"
    for package in ("agents", "tools", "workflows", "service", "migrations", "pyproject.toml", "README.md", "LICENSE"):
        assert f"!{package}" in ignored


def test_the_configurations_are_ones_that_the_service_takes(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("VLLM_API_KEY", "k")
    settings = load(DEPLOY / "consilia.toml")
    assert settings.pool.models[0].endpoints == ["http://vllm:8000/v1"]
    assert settings.web.trusted_proxies == [compose["networks"]["inner"]["ipam"]["config"][0]["subnet"]]
    for name in ("api", "worker"):
        _check_environment(compose["services"][name]["environment"])
        grace = int(compose["services"][name]["stop_grace_period"].removesuffix("s"))
        assert grace > settings.limits.drain_seconds + 5
    [told] = [each for each in _cluster() if each["kind"] == "ConfigMap" and each["metadata"]["name"] == "consilia"]
    (tmp_path / "consilia.toml").write_text(told["data"]["consilia.toml"])
    in_cluster = load(tmp_path / "consilia.toml")
    assert in_cluster.execute is False
    for name in ("api", "worker"):
        pod = _pods()[name]
        assert pod["terminationGracePeriodSeconds"] > in_cluster.limits.drain_seconds + 5
        _check_environment({each["name"]: each.get("value", "") for each in pod["containers"][0].get("env", [])})


def _check_environment(environment: dict[str, Any]) -> None:
    for name in environment:
        if name.startswith("CONSILIA_"):
            assert name.removeprefix("CONSILIA_").split("__")[0].lower() in Settings.model_fields, name


def test_the_image_is_told_the_ports_that_are_used(compose: dict[str, Any]):
    recipe = (DEPLOY / "Containerfile").read_text()
    assert "CONSILIA_PORT=8321" in recipe
    assert "EXPOSE 8321 9321" in recipe
    assert "reverse_proxy api:8321" in (DEPLOY / "Caddyfile").read_text()
    assert compose["services"]["proxy"]["ports"] == ["127.0.0.1:8443:8443"]
    assert compose["services"]["worker"]["environment"]["CONSILIA_PROBE_PORT"] == "9321"
    scraped = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    ports = {each["dns_sd_configs"][0]["names"][0]: each["dns_sd_configs"][0]["port"] for each in scraped}
    assert ports == {"api": 8321, "worker": 9321, "vllm": 8000}
    assert set(ports) <= set(compose["services"])


@pytest.mark.parametrize(
    "path", [each for each in MANIFESTS if each.name != "kustomization.yaml"], ids=lambda p: p.name
)
def test_manifests_fit_the_schemas_of_kubernetes(path: Path):
    for document in _documents(path):
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_the_kustomization_names_every_manifest():
    named = set(yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())["resources"])
    assert named | {"secret.example.yaml", "kustomization.yaml"} == {path.name for path in MANIFESTS}


def test_manifests_name_only_what_the_cluster_has():
    cluster = _cluster()
    names = {kind: {each["metadata"]["name"] for each in cluster if each["kind"] == kind} for kind in _kinds(cluster)}
    secret = next(each for each in cluster if each["kind"] == "Secret")
    keys = {*secret["data"], *secret["stringData"]}
    labels = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in cluster
        if each["kind"] in ("Deployment", "StatefulSet", "Job")
    }
    ports = {port["name"] for pod in _pods().values() for box in pod["containers"] for port in box.get("ports", [])}
    for pod in _pods().values():
        for volume in pod["volumes"]:
            if "configMap" in volume:
                assert volume["configMap"]["name"] in names["ConfigMap"]
            if "secret" in volume:
                assert volume["secret"]["secretName"] in names["Secret"]
        mounted = {volume["name"] for volume in pod["volumes"]} | {"data"}
        for box in pod["containers"]:
            assert {each["name"] for each in box["volumeMounts"]} <= mounted
            assert {each["subPath"] for each in box["volumeMounts"] if "subPath" in each} <= keys
            for variable in box.get("env", []):
                if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                    assert reference["key"] in keys
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if request := box.get(probe, {}).get("httpGet"):
                    assert request["port"] in {each["name"] for each in box["ports"]}
                    assert request["path"] in ("/live", "/ready")
    for each in cluster:
        spec = each.get("spec", {})
        if each["kind"] == "Service":
            assert any(spec["selector"].items() <= have.items() for have in labels.values())
            assert {port["targetPort"] for port in spec["ports"]} <= ports
        if each["kind"] == "HorizontalPodAutoscaler":
            assert spec["scaleTargetRef"]["name"] in names[spec["scaleTargetRef"]["kind"]]
        if each["kind"] in ("PodDisruptionBudget", "NetworkPolicy"):
            wanted = (spec.get("selector") or spec.get("podSelector") or {}).get("matchLabels", {})
            assert any(wanted.items() <= have.items() for have in labels.values())


def _kinds(cluster: list[dict[str, Any]]) -> set[str]:
    return {each["kind"] for each in cluster}


def test_pods_run_as_nobody_with_a_read_only_root():
    for name, pod in _pods().items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for box in pod["containers"]:
            context = box["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in box["resources"]["limits"]


@pytest.fixture(scope="module")
def metrics(server: Server) -> dict[str, set[str]]:
    """Each sample's name at /metrics, with the labels that the family's children have (where it has any yet)."""
    found: dict[str, set[str]] = {"up": {"job", "instance"}}
    text = httpx.get(f"{server.url}/metrics", timeout=60).text
    for family in text_string_to_metric_families(text):
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(family.type, [""])
        labels = {name for sample in family.samples for name in sample.labels}
        for suffix in suffixes:
            found[family.name + suffix] = labels
    return found


def _expressions() -> list[str]:
    alerts = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
    told = [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]
    return [*told, *(target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", []))]


FROM_SCRAPING = {"job", "instance", "le"}
"""Labels that Prometheus adds, or a histogram's buckets have."""


@pytest.mark.parametrize("expression", _expressions())
def test_every_metric_and_label_of_the_dashboard_and_the_alerts_is_at_metrics(
    expression: str, metrics: dict[str, set[str]]
):
    tree: Any = promql_parser.parse(expression.replace("$__rate_interval", "5m"))  # Grafana's variable
    used: dict[str, set[str]] = {}
    grouped: set[str] = set()

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            used.setdefault(node.name, set()).update(each.name for each in node.matchers.matchers)
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            grouped.update(node.modifier.labels)

    promql_parser.walk(tree, pre_visit=visit)
    assert used, expression
    assert set(used) <= set(metrics), f"{set(used) - set(metrics)} is not at /metrics"
    for name, labels in used.items():
        if known := metrics[name] - FROM_SCRAPING:  # a family without children yet tells no labels
            assert labels | grouped <= known | FROM_SCRAPING, f"{name} has the labels {known}"


def test_alerts_say_what_they_mean_and_what_to_do():
    alerts = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 10
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"].endswith(".")


def test_the_dashboard_is_the_one_that_its_script_writes_and_no_two_panels_overlap():
    assert json.loads(TARGET.read_text()) == dashboard(), f"run: {sys.executable} -m scripts.write_dashboard"
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
