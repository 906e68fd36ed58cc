"""Contract review from end to end on a pool of models: every record, route and schema; an outage; a model that errs."""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.agents.conftest import ModelServer, start_model_server
from tests.conftest import SAMPLES, Server, start_server

POOL = """
[pool]
health_seconds = 0.5
breaker_seconds = 0.5
outage_seconds = 0.5
keep_thinking = true

[[pool.models]]
name = "qwen3"
catalogue = "qwen3-8b"
endpoints = ["{qwen}"]
price_in = 1.0

[[pool.models]]
name = "deepseek-r1"
catalogue = "deepseek-r1"
endpoints = ["{deepseek}"]
"""


@dataclass
class Office:
    """The service and its two model servers."""

    server: Server
    qwen: ModelServer
    deepseek: ModelServer

    def review(self, **config: Any) -> dict[str, Any]:
        """A review of the sample agreement, waited for; the run's row."""
        headers = {"x-api-key": self.server.key}
        with httpx.Client(base_url=self.server.url, headers=headers, timeout=60) as client:
            text = (SAMPLES / "mutual-nda.md").read_bytes()
            file_id = client.post("/files", files={"file": ("nda.md", text)}).json()["file_id"]
            body = {
                "assistant_id": "contract_review",
                "input": {"file_id": file_id},
                "config": {"configurable": config},
            }
            client.post("/runs/wait", json=body)
        return self.rows("SELECT * FROM runs ORDER BY run_id DESC LIMIT 1")[0]

    def calls(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM model_calls WHERE run_id = ? ORDER BY started_at, call_id", run["run_id"])

    def rows(self, query: str, *values: str) -> list[dict[str, Any]]:
        with sqlite3.connect(self.server.data_dir / "consilia.db") as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query, values)]


@pytest.fixture(scope="module")
def started() -> Iterator[Office]:
    qwen, deepseek = start_model_server("--model", "qwen3"), start_model_server("--model", "deepseek-r1")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "consilia.toml").write_text(POOL.format(qwen=qwen.url, deepseek=deepseek.url))
        server = start_server(Path(folder) / "var")
        yield Office(server, qwen, deepseek)
        server.process.terminate()
        server.process.wait(20)
    qwen.stop()
    deepseek.stop()


@pytest.fixture
def office(started: Office) -> Office:
    started.qwen.script()
    started.deepseek.script()
    return started


QUOTE = "Either party may terminate this Agreement"


def test_a_contract_is_reviewed_by_the_models_and_everything_is_on_record(office: Office) -> None:
    office.deepseek.script({"text": '{"judgements": []}', "thinking": "I weigh each risk"})
    run = office.review()
    assert (run["status"], run["engine"], run["degraded"]) == ("success", "models", 0)
    calls = office.calls(run)
    assert [(call["question"].split(".")[1], call["model"], call["thinking"]) for call in calls] == [
        ("identify", "qwen3", 0),
        ("find_clauses", "qwen3", 0),
        ("judge", "deepseek-r1", 1),
        ("amend", "qwen3", 0),
    ]
    assert all(json.loads(call["reasons"]) for call in calls)
    assert all(call["cost"] == pytest.approx(call["tokens_in"] / 1e6) for call in calls if call["model"] == "qwen3")
    assert calls[2]["reasoning"] == "I weigh each risk"
    assert all(call["endpoint"].startswith("http://127.0.0.1:") for call in calls)
    asked = [request["messages"] for request in office.qwen.heard()]
    assert len({messages[0]["content"] for messages in asked}) == 1
    beginnings = {messages[1]["content"].split("</material", 1)[0] for messages in asked}
    assert len(beginnings) == 1, "every question on the contract begins with the same bytes"
    salts = {request["cache_salt"] for request in office.qwen.heard()}
    assert len(salts) == 1


def test_a_quote_that_is_not_in_the_contract_never_leaves(office: Office) -> None:
    invented = json.dumps({"clauses": [{"category": "termination", "quote": "made up", "confidence": 1}]})
    for each in (office.qwen, office.deepseek):
        each.script({"text": invented, "on": "FoundClauses", "always": True})
    run = office.review()
    assert run["status"] == "success"
    find = office.calls(run)[1]
    attempts = json.loads(find["attempts"])
    assert [each["fault"] for each in attempts[:2]] == ["failed_check", "failed_check"]
    assert {"repair", "think", "stronger"} <= {each["step"] for each in attempts}
    assert json.loads(find["answer"]) == {"clauses": []}
    assert any("only what passes is kept" in reason for reason in json.loads(find["reasons"]))
    assert "made up" not in run["output"]


def test_an_outage_fails_the_run_or_marks_it_degraded_as_its_config_says(office: Office) -> None:
    for each in (office.qwen, office.deepseek):
        each.script({"status": 500, "always": True})
    failed = office.review()
    assert failed["status"] == "error"
    assert json.loads(failed["error"])["code"] in ("no_model_available", "model_lost", "model_failed")
    degraded = office.review(on_outage="embedded")
    assert (degraded["status"], degraded["engine"], degraded["degraded"]) == ("success", "embedded+models", 1)
    last = office.calls(degraded)[-1]
    assert (last["model"], last["engine"]) == ("embedded", "embedded")
    assert "the run is degraded" in last["reasons"]
