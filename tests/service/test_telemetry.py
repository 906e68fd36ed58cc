"""Traces, metrics and logs through a real service, a real collector's protocol and scripted model servers."""

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from prometheus_client.parser import text_string_to_metric_families

from tests.agents.conftest import ModelServer, start_model_server
from tests.conftest import ENVIRONMENT, SAMPLES
from tests.service.receiving import Receiver, receiving

PLANTED = ("Philippa Quandt", "DE89370400440532013000", "philippa@example.org")
"""Personal data in a run's input; none of it may leave through logs, spans or metrics."""

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"

CONFIG = """
data_dir = "{folder}/var"
log_format = "json"
log_level = "debug"

[telemetry]
endpoint = "{collector}"
headers = {{ x-collector-key = "planted-collector-key" }}
trace_seconds = 0.2
metric_seconds = 0.5

[webhooks]
allow_networks = ["127.0.0.0/8"]

[[pool.models]]
name = "qwen3"
catalogue = "qwen3-8b"
endpoints = ["{model}"]
"""


@dataclass
class Collector:
    """Takes what an OpenTelemetry collector takes over HTTP."""

    server: ThreadingHTTPServer
    spans: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.headers.append(headers)
        self.bodies.append(body)
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append({each.key: each.value.string_value for each in resource.resource.attributes})
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        else:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics += [metric for scope in resource.scope_metrics for metric in scope.metrics]


def _attributes(span: Any) -> dict[str, Any]:
    def value(given: Any) -> Any:
        kind = given.WhichOneof("value")
        found = getattr(given, kind)
        return [value(each) for each in found.values] if kind == "array_value" else found

    return {each.key: value(each.value) for each in span.attributes}


@dataclass
class Seen:
    """All that one service told while two runs were made: a good one and a failing one."""

    collector: Collector
    log: list[str]
    scraped: str
    good: dict[str, Any]
    failed: dict[str, Any]
    key: str
    traceparents: list[str | None]
    receiver: Receiver

    def named(self, start: str) -> list[Any]:
        return [span for span in self.collector.spans if span.name.startswith(start)]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            found.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *given: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Collector(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield found
    server.shutdown()
    thread.join(5)
    server.server_close()


def _script(model: ModelServer) -> None:
    look = {"name": "shelf__look", "arguments": json.dumps({"line": PLANTED[0]})}
    tear = {"name": "shelf__tear", "arguments": json.dumps({"line": PLANTED[1]})}
    model.script(
        {"text": '{"fair": true}', "on": "Is it fair", "always": True},
        {"text": None, "tool_calls": [look, tear]},
        {"text": "Done.", "always": True},
    )


@contextmanager
def traced(folder: Path, config: str) -> Iterator[tuple[httpx.Client, Path, str]]:
    """A service of its own with that configuration: a client, its log, its key. At its end all was sent."""
    (folder / "consilia.toml").write_text(config)
    log = folder / "log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.service.traced_house", str(folder / "consilia.toml")],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        assert process.stdout is not None
        told = re.search(r"http://\S+", process.stdout.readline())
        assert told, log.read_text()
        key = (folder / "var" / "first-key").read_text()
        with httpx.Client(base_url=told[0], headers={"x-api-key": key}, timeout=120) as http:
            yield http, log, key
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def seen(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("seen")
    model = start_model_server("--model", "qwen3")
    _script(model)
    config = CONFIG.format(folder=folder, collector=collector.url, model=model.url)
    try:
        with receiving() as receiver, traced(folder, config) as (http, log, key):
            text = f"Of {PLANTED[0]}, {PLANTED[1]}, {PLANTED[2]}"
            rows: list[dict[str, Any]] = []
            traces: list[str | None] = []
            for fail in (False, True):
                called = f"{receiver.url}/{PLANTED[0].replace(' ', '-')}"
                body = {"assistant_id": "traced", "input": {"text": text, "fail": fail}, "webhook": called}
                made = http.post("/runs", json=body, headers={"traceparent": CALLER}).json()
                path = f"/threads/{made['thread_id']}/runs/{made['run_id']}"
                http.get(f"{path}/join")
                rows.append(http.get(path).json())
                traces += httpx.get(f"{model.root}/_traces").json()
                _script(model)
            http.get("/store/items", params={"namespace": PLANTED[2], "key": PLANTED[0]})
            http.post("/runs/wait", content=f'{{"assistant_id": 7, "input": "{PLANTED[0]}"'.encode())
            http.get("/assistants/search", headers={"x-api-key": key[:-1] + "x"})
            scraped = http.get("/metrics").text
            assert http.get("/break", params={"quoted": PLANTED[1]}).status_code == 500  # last: it ends the connection
            wait_until(lambda: len(receiver.headers) == 2)
    finally:
        model.stop()
    return Seen(collector, log.read_text().splitlines(), scraped, *rows, key, traces, receiver)


RECORD = f"Patient: {PLANTED[0]}, born 1961-03-04. Diagnosis: asthma. Salbutamol 100 µg twice daily. {PLANTED[2]}"
AGREEMENT = (SAMPLES / "mutual-nda.md").read_text()[:6_000] + f"\n\nSigned for {PLANTED[0]}, paid to {PLANTED[1]}.\n"
QUESTIONS = {
    "contract_review": ("a.txt", AGREEMENT, {}),
    "medical_translation": ("a.txt", RECORD, {"targets": ["fr"]}),
    "financial_advisor": ("", "", {"question": f"I am {PLANTED[0]}, account {PLANTED[1]}. Is my portfolio too risky?"}),
}


@pytest.fixture(scope="module")
def in_words(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, dict[str, str]]:
    """The three workflows over what is planted, with the log in words: the log, /metrics, how each run ended."""
    folder = tmp_path_factory.mktemp("words")
    config = CONFIG.format(folder=folder, collector=collector.url, model="").split("[[pool.models]]")[0]
    config = config.replace('log_format = "json"', 'log_format = "text"')
    ended: dict[str, str] = {}
    with traced(folder, config) as (http, log, _):
        for name, (file, content, more) in QUESTIONS.items():
            given: dict[str, Any] = {**more}
            if file:
                named = f"{PLANTED[0]} {file}"
                given["file_id"] = http.post("/files", files={"file": (named, content.encode())}).json()["file_id"]
            for asked in (given, {**given, "file_id": str(UUID(int=7))} if file else {"question": PLANTED[0] * 2_000}):
                made = http.post("/runs", json={"assistant_id": name, "input": asked}).json()
                path = f"/threads/{made['thread_id']}/runs/{made['run_id']}"
                http.get(f"{path}/join")
                ended[f"{name}, {'good' if asked is given else 'failing'}"] = http.get(path).json()["status"]
        scraped = http.get("/metrics").text
        assert http.get("/break", params={"quoted": PLANTED[1]}).status_code == 500
    return log.read_text(), scraped, ended


def wait_until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)


def test_the_runs_were_as_planned(seen: Seen):
    assert seen.good["status"] == "success", seen.good
    assert seen.failed["status"] == "error", seen.failed
    assert PLANTED[0] in seen.failed["error"]["message"], "what is planted is in the record, where it belongs"


def test_every_span_of_a_run_is_in_the_callers_trace_and_each_in_its_place(seen: Seen):
    spans = {span.span_id: span for span in seen.collector.spans if span.trace_id.hex() == TRACE}

    def above(span: Any) -> list[str]:
        names: list[str] = []
        while (span := spans.get(span.parent_span_id)) is not None:
            names.append(span.name)
        return names

    workflow = next(span for span in seen.named("invoke_workflow traced"))
    assert above(workflow) == ["POST /runs"]
    told = _attributes(workflow)
    assert told["gen_ai.operation.name"] == "invoke_workflow"
    assert told["gen_ai.conversation.id"] == seen.good["thread_id"]
    assert (told["consilia.run.id"], told["consilia.run.status"]) == (seen.good["run_id"], "success")
    top = ["invoke_workflow traced", "POST /runs"]
    assert above(next(iter(seen.named("chat qwen3")))) == ["ask traced.judge", "node judge", *top]
    assert above(seen.named("invoke_agent librarian")[0]) == ["node look_up", *top]
    agents = ["invoke_agent librarian", "node look_up", *top]
    assert above(seen.named("execute_tool look")[0]) == ["node call", *agents]
    assert above(seen.named("chat qwen3")[1]) == ["node think", *agents]
    served = seen.named("tools/call look")[0]
    assert above(served)[-len(agents) - 2 :] == ["execute_tool look", "node call", *agents], "the MCP server's own span"


def test_a_model_span_tells_tokens_and_sampling_but_no_words(seen: Seen):
    told = _attributes(seen.named("chat qwen3")[0])
    assert told["gen_ai.request.model"] == "qwen3"
    assert told["gen_ai.response.model"] == "qwen3"
    assert told["gen_ai.usage.input_tokens"] == 12
    assert told["gen_ai.usage.output_tokens"] > 0
    assert told["gen_ai.response.finish_reasons"] == ["stop"]
    assert told["server.address"] == "127.0.0.1"
    assert told["gen_ai.request.temperature"] > 0


def test_errors_are_told_by_their_kind(seen: Seen):
    torn = seen.named("execute_tool tear")[0]
    assert torn.status.code == 2
    assert _attributes(torn)["error.type"] == "page_torn"
    failed = seen.named("invoke_workflow traced")[1]
    assert _attributes(failed)["error.type"] == "graph_error"
    assert _attributes(seen.named("node close")[1])["error.type"] == "ValueError"


def test_the_names_of_attributes_are_those_of_the_conventions(seen: Seen):
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
    used = {each.key for span in seen.collector.spans for each in span.attributes if each.key.startswith("gen_ai.")}
    assert len(used) > 10
    assert used - known == set()


def test_the_trace_goes_on_to_the_model_servers(seen: Seen):
    assert len(seen.traceparents) >= 6
    requests = {f"00-{TRACE}-{span.span_id.hex()}-01" for span in seen.named("chat qwen3")}
    assert set(seen.traceparents) == requests


def test_metrics_tell_tokens_and_durations(seen: Seen):
    points: dict[str, list[Any]] = defaultdict(list)
    for metric in seen.collector.metrics:
        points[metric.name] += metric.histogram.data_points
    assert {"gen_ai.client.token.usage", "gen_ai.client.operation.duration", "gen_ai.workflow.duration"} <= set(points)
    kinds = {_attributes(point)["gen_ai.token.type"] for point in points["gen_ai.client.token.usage"]}
    assert kinds == {"input", "output"}
    operations = {_attributes(point)["gen_ai.operation.name"] for point in points["gen_ai.client.operation.duration"]}
    assert operations == {"chat", "execute_tool"}


def test_the_collector_is_told_who_speaks_and_gets_its_key(seen: Seen):
    assert all(headers["x-collector-key"] == "planted-collector-key" for headers in seen.collector.headers)
    assert {each["service.name"] for each in seen.collector.resources} == {"consilia"}
    assert {each["consilia.role"] for each in seen.collector.resources} == {"service"}


def test_every_line_of_the_log_is_json_with_the_ids_of_run_and_trace(seen: Seen):
    lines = [json.loads(line) for line in seen.log if line.strip()]
    closing = [line for line in lines if line["event"] == "closing"]
    assert [line["run_id"] for line in closing] == [seen.good["run_id"], seen.failed["run_id"]]
    assert all(line["trace_id"] == TRACE and len(line["span_id"]) == 16 for line in closing)
    (failed,) = [line for line in lines if line["event"] == "closing failed"]
    assert failed["exception"].startswith("ValueError at ")
    assert "traced_house.py:" in failed["exception"]
    foreign = [line for line in lines if line.get("logger") == "a.library"]
    assert foreign[0]["event"] == "could not read … of 7"
    assert foreign[0]["run_id"] == seen.good["run_id"]


def test_the_trace_goes_on_to_who_is_called_at_the_end(seen: Seen):
    spans = {span.span_id: span for span in seen.collector.spans}
    called = [span for span in seen.named("POST webhook") if span.trace_id.hex() == TRACE]
    assert {f"00-{TRACE}-{span.span_id.hex()}-01" for span in called} == {
        headers["traceparent"] for headers in seen.receiver.headers
    }
    assert [spans[span.parent_span_id].name for span in called] == ["POST /runs"] * 2
    assert [_attributes(span)["consilia.run.id"] for span in called] == [seen.good["run_id"], seen.failed["run_id"]]


def test_a_fault_of_the_service_is_told_by_type_and_place(seen: Seen):
    lines = [json.loads(line) for line in seen.log if line.strip()]
    broken = [line for line in lines if "exception" in line and "ValueError" in line["exception"]]
    assert any(line["event"] == "request failed" and line["path"] == "/break" for line in broken)
    assert any(line.get("logger") == "uvicorn.error" for line in broken), "what uvicorn says of it goes the same way"


def test_the_three_workflows_tell_nothing_of_what_they_are_given(
    in_words: tuple[str, str, dict[str, str]], collector: Collector
):
    log, scraped, ended = in_words
    assert {each.partition(", ")[0] for each, status in ended.items() if status in ("success", "interrupted")} == {
        *QUESTIONS
    }, ended
    assert {each.partition(", ")[0] for each, status in ended.items() if status == "error"} == {*QUESTIONS}, ended
    assert "request failed" in log
    assert {span.name for span in collector.spans} >= {f"invoke_workflow {name}" for name in QUESTIONS}
    sent = b"".join(collector.bodies)
    for each in (*PLANTED, PLANTED[0].split(" ")[1]):
        assert each not in log + scraped, f"{each!r} is in the log in words or in /metrics"
        assert each.encode() not in sent, f"{each!r} was sent to the collector"


def test_no_secret_and_nothing_of_a_person_is_in_logs_spans_or_metrics(seen: Seen):
    told = "\n".join(seen.log) + seen.scraped
    sent = b"".join(seen.collector.bodies)
    secrets = (*PLANTED, seen.key, seen.key.rsplit("_", 1)[1], "sk-planted-secret-1234", "planted-collector-key")
    assert seen.log
    assert sent
    for each in secrets:
        assert each not in told, f"{each!r} is in a log or in /metrics"
        assert each.encode() not in sent, f"{each!r} was sent to the collector"


def test_prometheus_counts_the_same(seen: Seen):
    found: dict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
    for family in text_string_to_metric_families(seen.scraped):
        for sample in family.samples:
            found[sample.name][tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    assert found["consilia_runs_total"] == {("success", "traced"): 1, ("error", "traced"): 1}
    assert found["consilia_model_questions_total"]["qwen3", "answered"] >= 4
    assert found["consilia_model_tokens_total"]["qwen3", "input"] >= 48
    assert found["consilia_tool_calls_total"]["returned", "shelf", "look"] >= 1
    assert found["consilia_tool_calls_total"]["failed", "shelf", "tear"] >= 1
    assert found["consilia_pool_endpoints"]["qwen3", "up"] == 1
    assert found["consilia_run_duration_seconds_count"]["traced",] == 2


def test_a_log_line_that_finds_no_room_ends_nothing():
    """On a full disk the log could not be written, and the error that this raised ended the run that had spoken."""
    program = (
        "import resource, signal, structlog, sys\n"
        "from service.telemetry.logs import configure_logs\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "configure_logs('info')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\n"
        "structlog.get_logger('ours').error('no room')\n"
        "print('went on')\n"
    )
    with tempfile.TemporaryFile("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=full, text=True, timeout=60
        )
    assert done.stdout == "went on\n"
