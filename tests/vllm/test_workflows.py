"""The workflows on real model servers, from end to end through the service.

What tiny random models say is noise, so where a question's own check asks for sense (a translation of every segment)
its attempts are spent in vain: what holds of the last answer is kept, or the run ends with that very error. All else is
checked: who was asked and why, that each accepted answer fits its schema, that each refused one has its fault recorded.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from pydantic import BaseModel

from service.commands.advising import given
from service.database.engine import open_database
from service.database.tables import DEFAULT_TENANT
from service.market import load_synthetic
from tests.conftest import SAMPLES, Server, start_server
from tests.vllm.conftest import FAMILIES, Servers
from workflows.contract_review import questions as contract_questions
from workflows.financial_advisor.advice import Advice
from workflows.medical_translation import questions as medical_questions

pytestmark = pytest.mark.vllm

SCHEMAS: dict[str, type[BaseModel]] = {
    f"{workflow}.{each.__name__}": each
    for workflow, module in (("contract_review", contract_questions), ("medical_translation", medical_questions))
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, BaseModel)
}


@pytest.fixture(scope="module")
def service(servers: Servers) -> Iterator[Server]:
    """A `consilia serve` over the running model servers: it reads their consilia.toml."""
    started = start_server(servers.folder / "service", CONSILIA_SEALING__WORKFLOWS="[]")
    yield started
    started.process.terminate()
    started.process.wait(20)


@pytest.fixture
async def sdk(service: Server) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=service.url, api_key=service.key, timeout=600) as client:
        yield client


def upload(service: Server, name: str) -> str:
    files = {"file": (name, (SAMPLES / name).read_bytes())}
    answer = httpx.post(f"{service.url}/files", files=files, headers={"x-api-key": service.key}, trust_env=False)
    return answer.json()["file_id"]


def asked(service: Server, thread: str, workflow: str) -> list[dict[str, Any]]:
    """The model calls of a thread's runs, each checked for what must hold of any."""
    calls = recorded(service, thread)
    for call in calls:
        attempts = json.loads(call["attempts"])
        assert call["engine"] == "pool", call
        assert call["model"] in FAMILIES
        assert json.loads(call["reasons"]), "a decision has its reasons"
        assert 1 <= len(attempts) <= 6
        assert call["tokens_in"] > 0
        assert all(attempt["fault"] and attempt["told"] for attempt in attempts[:-1]), attempts
        if call["answer"] not in (None, "null"):
            SCHEMAS[f"{workflow}.{call['schema_name']}"].model_validate_json(call["answer"])
            salvaged = "failed_check" in {attempt["fault"] for attempt in attempts}
            assert attempts[-1]["fault"] is None or salvaged, "what holds of an answer may be kept, no other"
            assert call["error"] in (None, "null")
        else:
            assert json.loads(call["error"])["code"] == "escalation_exhausted", call["error"]
            assert attempts[-1]["fault"]
    return calls


def recorded(service: Server, thread: str) -> list[dict[str, Any]]:
    connection = sqlite3.connect(service.data_dir / "consilia.db")
    connection.row_factory = sqlite3.Row
    query = "SELECT c.* FROM model_calls c JOIN runs r USING (run_id) WHERE r.thread_id = ? ORDER BY c.started_at"
    calls = [dict(row) for row in connection.execute(query, (thread,))]
    connection.close()
    assert calls
    return calls


@pytest.mark.parametrize("name", ["mutual-nda.md", "software-licence.txt"])
async def test_a_contract_is_reviewed_by_the_models(service: Server, sdk: LangGraphClient, name: str) -> None:
    thread = (await sdk.threads.create())["thread_id"]
    given = {"file_id": upload(service, name)}
    result: Any = await sdk.runs.wait(thread, "contract_review", input=given, raise_error=False)
    calls = asked(service, thread, "contract_review")
    assert calls[0]["question"] == "contract_review.identify"
    assert calls[0]["model"] == "qwen3", "extraction goes to Qwen 3"
    judging = [call for call in calls if call["question"] == "contract_review.judge"]
    assert all(json.loads(call["attempts"])[0]["model"] == "deepseek" for call in judging), "reasoning goes to R1"
    ended(result, calls)
    if "review" in result:
        assert result["review"]["document"] == name


async def test_a_record_is_translated_as_far_as_noise_can(service: Server, sdk: LangGraphClient) -> None:
    thread = (await sdk.threads.create())["thread_id"]
    given = {"file_id": upload(service, "会诊病历.docx"), "targets": ["en"]}
    result: Any = await sdk.runs.wait(thread, "medical_translation", input=given, raise_error=False)
    calls = asked(service, thread, "medical_translation")
    assert json.loads(calls[0]["attempts"])[0]["model"] == "qwen3", "translation goes to Qwen 3"
    ended(result, calls)


async def test_a_portfolio_is_advised_on_as_far_as_noise_can(service: Server, sdk: LangGraphClient) -> None:
    async with open_database(f"sqlite:///{service.data_dir / 'consilia.db'}") as database:
        await load_synthetic(database, DEFAULT_TENANT)
    thread = (await sdk.threads.create())["thread_id"]
    asking = {"question": "Analyse my portfolio", **given(SAMPLES / "portfolio-euro.csv", SAMPLES / "client-euro.toml")}
    result: Any = await sdk.runs.wait(thread, "financial_advisor", input=asking, raise_error=False)
    calls = recorded(service, thread)
    assert all(call["engine"] == "pool" and call["model"] in FAMILIES and json.loads(call["reasons"]) for call in calls)
    assert {"financial_advisor.understand"} <= {call["question"] for call in calls}
    if "__error__" in result:
        assert result["__error__"]["error"] == "EscalationExhausted", result
        assert json.loads(calls[-1]["error"])["code"] == "escalation_exhausted"
    else:
        Advice.model_validate(result["advice"])


@pytest.mark.parametrize("name", ["auto", "qwen3", "deepseek", "qwen3/contract-review"])
def test_an_openai_client_is_answered_and_accounted_for(service: Server, name: str) -> None:
    body = {"model": name, "messages": [{"role": "user", "content": "Go on. /no_think"}], "max_tokens": 24}
    headers = {"authorization": f"Bearer {service.key}"}
    with httpx.Client(base_url=f"{service.url}/v1", headers=headers, timeout=120, trust_env=False) as client:
        assert {"auto", *FAMILIES} <= {card["id"] for card in client.get("/models").json()["data"]}
        whole = client.post("/chat/completions", json=body)
        assert whole.status_code == 200, whole.text
        assert whole.json()["usage"]["completion_tokens"] > 0
        with client.stream("POST", "/chat/completions", json={**body, "stream": True}) as streamed:
            lines = [line for line in streamed.iter_lines() if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    assert len(lines) > 10
    assert "error" not in json.loads(lines[-2].removeprefix("data: "))


def ended(result: dict[str, Any], calls: list[dict[str, Any]]) -> None:
    """A result, or an interrupt, when every question was answered; else the error of the one that was not."""
    unanswered = [call for call in calls if call["answer"] in (None, "null")]
    if unanswered:
        assert result["__error__"]["error"] == "EscalationExhausted", result
    else:
        assert "__error__" not in result, result
