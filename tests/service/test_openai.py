"""/v1 through the front door: a real service over model servers, with plain HTTP as any OpenAI client speaks it."""

import json
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.agents.conftest import ModelServer, start_model_server
from tests.conftest import Server, start_server

POOL = """
[[pool.models]]
name = "qwen3"
catalogue = "qwen3-8b"
endpoints = ["{one}", "{two}"]
adapters = {{ contract-review = "./loras/contract-review" }}
price_in = 1.0
price_out = 2.0

[[pool.models]]
name = "deepseek-r1"
catalogue = "deepseek-r1"
endpoints = ["{three}"]
concurrency = 1

[pool]
queue_length = 2
health_seconds = 0.5
breaker_seconds = 0.5
outage_seconds = 0.5
"""


GRAPH = """
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph

from agents.chat_model import chat_model


async def talk(state: MessagesState, config: RunnableConfig):
    return {"messages": [await chat_model(config, "qwen3").ainvoke(state["messages"], config)]}


graph = StateGraph(MessagesState).add_node("talk", talk).add_edge(START, "talk").compile()
"""


@dataclass
class Front:
    """The service, its model servers, and a client with a key."""

    server: Server
    models: list[ModelServer]
    client: httpx.Client

    def chat(self, content: str = "Hello, who are you today?", **fields: Any) -> httpx.Response:
        body = {"model": "qwen3", "messages": [{"role": "user", "content": content}], **fields}
        return self.client.post("/v1/chat/completions", json=body)

    def stream(self, content: str = "Hello, who are you today?", **fields: Any) -> list[str]:
        """The payloads of the events."""
        text = self.chat(content, stream=True, **fields).raise_for_status().text
        return [line[6:] for line in text.splitlines() if line.startswith("data: ")]

    def totals(self, by: str = "model") -> list[dict[str, Any]]:
        time.sleep(0.1)  # nobody waits for the usage of a chat to be written
        asked = self.client.get("/usage", params={"by": by}, headers={"x-api-key": self.server.key})
        return asked.raise_for_status().json()

    def script(self, *replies: dict[str, Any]) -> None:
        for each in self.models:
            each.script(*replies)

    def heard(self) -> list[dict[str, Any]]:
        return [request for each in self.models for request in each.heard()]


@pytest.fixture(scope="module")
def started() -> Iterator[Front]:
    models = [start_model_server("--model", "qwen3", "--model", "contract-review") for _ in range(2)]
    models.append(start_model_server("--model", "deepseek-r1"))
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "consilia.toml"
        one, two, three = (each.url for each in models)
        head, _, tail = POOL.partition("[pool]")
        (Path(folder) / "talk.py").write_text(GRAPH)
        workflows = '[workflows]\ntalk = "./talk.py:graph"\n'
        config.write_text(f"{workflows}[pool]{tail}" + head.format(one=one, two=two, three=three))
        server = start_server(Path(folder) / "var")
        client = httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.key}"}, timeout=20)
        yield Front(server, models, client)
        server.process.terminate()
        server.process.wait(20)
    for each in models:
        each.stop()


@pytest.fixture
def front(started: Front) -> Front:
    started.script()
    return started


def test_the_models_are_listed_with_auto_and_adapters(front: Front) -> None:
    names = [each["id"] for each in front.client.get("/v1/models").json()["data"]]
    assert names == ["auto", "qwen3", "qwen3/contract-review", "deepseek-r1"]


def test_a_named_model_answers_and_the_call_is_accounted_for(front: Front) -> None:
    before = {each["name"]: each for each in front.totals()}
    front.script({"text": "I am here.", "tokens": 500_000, "prompt_tokens": 1_000_000})
    answer = front.chat()
    body = answer.json()
    assert body["choices"][0]["message"]["content"] == "I am here."
    assert (body["model"], answer.headers["x-consilia-model"]) == ("qwen3", "qwen3")
    after = {each["name"]: each for each in front.totals()}
    calls, cost = (after["qwen3"][name] - before.get("qwen3", {}).get(name, 0) for name in ("calls", "cost"))
    assert (calls, cost) == (1, pytest.approx(2.0))
    by_tenant = front.totals("tenant")
    assert by_tenant[0]["calls"] >= 1


def test_auto_is_routed_with_the_reasons_in_a_header(front: Front) -> None:
    thinking = front.chat("Prove that there are infinitely many primes. /think", model="auto")
    assert thinking.json()["model"] == "deepseek-r1"
    assert "hard reasoning" in thinking.headers["x-consilia-reasons"]
    assert "/think" not in front.models[2].heard()[0]["messages"][0]["content"]
    tools = [{"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}]
    assert front.chat(model="auto", tools=tools).json()["model"] == "qwen3"


def test_makers_sampling_thinking_and_the_tenants_salt_are_sent_and_a_callers_own_fields_win(front: Front) -> None:
    front.chat("One. /no_think")
    front.chat("Two. /think")
    front.chat("Three.", temperature=0.1, cache_salt="mine", priority=-5, model="qwen3/contract-review")
    plain, thinking, own = (
        next(each for each in front.heard() if each["messages"][0]["content"].startswith(word))
        for word in ("One", "Two", "Three")
    )
    assert (plain["temperature"], plain["top_p"], plain["top_k"]) == (0.7, 0.8, 20)
    assert plain["chat_template_kwargs"] == {"enable_thinking": False}
    assert (thinking["temperature"], thinking["thinking_token_budget"]) == (0.6, 8192)
    assert thinking["chat_template_kwargs"] == {"enable_thinking": True}
    assert (own["temperature"], own["model"]) == (0.1, "contract-review")
    assert own["cache_salt"] == plain["cache_salt"] != "mine"
    assert "priority" not in own


def test_a_stream_has_openais_form(front: Front) -> None:
    front.script({"text": "one two three", "thinking": "let me see"})
    events = front.stream(stream_options={"include_usage": True})
    chunks = [json.loads(each) for each in events[:-1]]
    assert events[-1] == "[DONE]"
    assert len({each["id"] for each in chunks}) == 1
    deltas = [each["choices"][0]["delta"] for each in chunks if each["choices"]]
    assert "".join(each.get("content") or "" for each in deltas) == "one two three"
    assert "".join(each.get("reasoning") or "" for each in deltas) == "let me see"
    assert chunks[-1]["usage"]["completion_tokens"] == 6
    assert all(json.loads(each).get("usage") is None for each in front.stream()[:-1])


def test_a_tool_call_passes_through_streamed_and_not(front: Front) -> None:
    front.script({"text": None, "tool_calls": [{"name": "add", "arguments": '{"a": 1, "b": 2}'}], "always": True})
    tools = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
    message = front.chat(tools=tools).json()["choices"][0]
    assert message["message"]["tool_calls"][0]["function"]["arguments"] == '{"a": 1, "b": 2}'
    assert message["finish_reason"] == "tool_calls"
    chunks = [json.loads(each) for each in front.stream(tools=tools)[:-1]]
    parts = [call for each in chunks for call in each["choices"][0]["delta"].get("tool_calls", [])]
    assert "".join(each["function"]["arguments"] for each in parts) == '{"a": 1, "b": 2}'


def test_a_server_that_dies_in_the_middle_of_a_stream_is_gone_on_from_without_a_seam(front: Front) -> None:
    front.script(
        {"text": "three four", "on": "continue_final_message", "always": True},
        {"text": "one two three four", "die_after": 3, "pause": 0.01},
    )
    chunks = [json.loads(each) for each in front.stream()[:-1]]
    assert "".join(each["choices"][0]["delta"].get("content") or "" for each in chunks) == "one two three four"
    again = next(each for each in front.heard() if each.get("continue_final_message"))
    assert again["messages"][-1] == {"role": "assistant", "content": "one two "}
    front.script({"text": "one two three four", "die_after": 3, "pause": 0.01})
    front.models[0].script({"text": "whole"})
    front.models[1].script({"text": "one two", "die_after": 1, "pause": 0.01}, {"text": "whole"})
    assert front.chat().json()["choices"][0]["message"]["content"] in ("whole", "one two")


SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
CALLED = {"name": "add", "arguments": '{"a": 1, "b": 2}'}


def said(events: list[str], name: str = "content") -> str:
    deltas = [choice["delta"] for each in events[:-1] for choice in json.loads(each).get("choices", [])]
    return "".join(each.get(name) or "" for each in deltas)


def called(events: list[str]) -> list[str]:
    """The arguments of each tool call, put together as OpenAI's clients do."""
    calls: dict[int, str] = {}
    for each in events[:-1]:
        for choice in json.loads(each).get("choices", []):
            for part in choice["delta"].get("tool_calls") or []:
                calls[part["index"]] = calls.get(part["index"], "") + part["function"]["arguments"]
    return list(calls.values())


def test_an_answer_held_to_a_schema_is_asked_for_again_when_its_server_dies(front: Front) -> None:
    front.script({"text": '{"a": "b c d e"}', "die_after": 3, "pause": 0.01}, {"text": '{"z": 1}', "always": True})
    events = front.stream(response_format=SCHEMA)
    assert (said(events), events[-1]) == ('{"z": 1}', "[DONE]")
    assert "chat" in {each["name"] for each in front.totals("workflow")}


def test_a_tool_call_is_asked_for_again_when_its_server_dies(front: Front) -> None:
    half = {
        "text": None,
        "tool_calls": [{"name": "add", "arguments": '{"a": 7, "b": 8}'}],
        "die_after": 2,
        "pause": 0.01,
    }
    front.script(half, {"text": None, "tool_calls": [CALLED] * 2, "always": True})
    events = front.stream(tools=[ADD])
    assert (called(events), events[-1]) == ([CALLED["arguments"]] * 2, "[DONE]")


def test_text_before_a_tool_call_is_gone_on_from_and_the_half_call_is_void(front: Front) -> None:
    front.script(
        {"text": " Now.", "tool_calls": [CALLED], "on": "continue_final_message", "always": True},
        {"text": "Adding.", "tool_calls": [CALLED], "die_after": 3, "pause": 0.01},
    )
    events = front.stream(tools=[ADD])
    assert (said(events), called(events), events[-1]) == ("Adding. Now.", [CALLED["arguments"]], "[DONE]")


def test_deepseek_is_gone_on_from_by_its_text_and_thinks_anew_where_it_had_not_ended(front: Front) -> None:
    r1 = front.models[2]
    r1.script(
        {"text": "four.", "on": "continue_final_message"},
        {"thinking": "a", "text": "It is four.", "die_after": 4, "pause": 0.01},
    )
    events = front.stream(model="deepseek-r1")
    assert (said(events), events[-1]) == ("It is four.", "[DONE]")
    again = next(each for each in r1.heard() if each.get("continue_final_message"))
    assert again["messages"][-1]["content"] == "It is ", "its template cuts thinking off"
    r1.script(
        {"thinking": "one two three", "text": "x", "die_after": 3, "pause": 0.01},
        {"thinking": "four", "text": "It is five."},
    )
    events = front.stream(model="deepseek-r1")
    assert (said(events), events[-1]) == ("It is five.", "[DONE]")
    assert said(events, "reasoning").startswith("one two ")
    assert said(events, "reasoning").endswith("the thinking begins anew.)\n\nfour")


def test_a_parser_that_takes_the_rest_of_an_answer_for_thinking_is_read_right(front: Front) -> None:
    front.script(
        {"thinking": "three four", "text": "", "on": "continue_final_message", "always": True},
        {"text": "one two three four", "die_after": 3, "pause": 0.01},
    )
    events = front.stream()
    assert (said(events), said(events, "reasoning"), events[-1]) == ("one two three four", "", "[DONE]")


def test_thinking_is_bounded_in_two_passes_where_the_server_bounds_none(front: Front) -> None:
    refused = {"status": 400, "message": "thinking_token_budget is set but reasoning_config is not", "always": True}
    first = {"thinking": "w " * 20, "text": "", "finish": "length", "tokens": 8192, "always": True}
    second = {"text": "It is four.", "on": "continue_final_message", "tokens": 3, "always": True}
    front.script(second, {**refused, "on": "thinking_token_budget"}, first)
    whole = front.chat("Two and two? /think").json()
    assert whole["choices"][0]["message"]["content"] == "It is four."
    assert whole["choices"][0]["message"]["reasoning"].startswith("w w")
    assert (whole["choices"][0]["finish_reason"], whole["usage"]["completion_tokens"]) == ("stop", 8195)
    asked = [each for each in front.heard() if "thinking_token_budget" not in each]
    assert [each.get("max_tokens") for each in asked] == [8192, None]
    assert asked[1]["messages"][-1]["content"].endswith("</think>\n\n")
    events = front.stream(
        content="Two and two? /think", max_tokens=9000, stream_options={"include_usage": True}, tools=[ADD]
    )
    assert (said(events), events[-1]) == ("It is four.", "[DONE]")
    assert said(events, "reasoning").startswith("w w")
    ends = [choice["finish_reason"] for each in events[:-1] for choice in json.loads(each)["choices"]]
    assert [each for each in ends if each] == ["stop"], "the end of the first pass is none"
    assert json.loads(events[-2])["usage"]["completion_tokens"] == 8195
    assert front.heard()[-1].get("max_tokens", 9000 - 8192) == 9000 - 8192


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"model": "gpt-9", "messages": [{"role": "user", "content": "x"}]}, 404, "it has qwen3, deepseek-r1"),
        ({"model": "qwen3", "messages": []}, 400, "messages must be"),
        ({"model": "qwen3"}, 400, "messages must be"),
        ({"model": "qwen3", "messages": [{"content": "x"}]}, 400, "each with a role"),
        (["x"], 400, "messages must be"),
        ({"model": {}, "messages": [{"role": "user"}]}, 400, "model must be a text"),
        ({"model": "qwen3/none", "messages": [{"role": "user"}]}, 404, "has no adapter 'none'; it has contract-review"),
        ({"messages": [{"role": "user"}], "reasoning_effort": []}, 400, "reasoning_effort must be a text"),
        ({"messages": [{"role": "user"}], "tools": ["x"]}, 400, "tools must be"),
        ({"model": "qwen3", "messages": [{"role": "user", "content": "word " * 60_000}]}, 400, "less than the"),
    ],
)
def test_a_wrong_request_is_answered_in_openais_form(front: Front, body: Any, status: int, told: str) -> None:
    answer = front.client.post("/v1/chat/completions", json=body)
    assert answer.status_code == status
    assert told in answer.json()["error"]["message"]


def test_what_is_too_long_has_the_code_by_which_clients_shorten(front: Front) -> None:
    front.script({"status": 400, "message": "This model's maximum context length is 8 tokens.", "always": True})
    assert front.chat().json()["error"]["code"] == "context_length_exceeded"
    assert front.chat("word " * 60_000).json()["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user"},
        {"role": "user", "content": 5},
        {"role": "user", "content": [{"type": "text", "text": None}, 7]},
        {"role": "user", "content": "x", "tool_calls": 5},
        {"role": {}, "content": "x"},
        {"role": "system"},
        {"role": "assistant", "content": [{"type": "text", "text": "x"}]},
    ],
)
def test_strange_messages_are_the_model_servers_to_judge(front: Front, message: dict[str, Any]) -> None:
    for model in ("qwen3", "deepseek-r1"):
        body = {"model": model, "messages": [{"role": "user", "content": "x"}, message, message]}
        assert front.client.post("/v1/chat/completions", json=body).status_code == 200


def test_nesting_without_end_is_refused(front: Front) -> None:
    body = '{"model": "qwen3", "messages": [{"role": "user"}], "metadata": ' + '{"a":' * 600 + "1" + "}" * 601
    refused = front.client.post("/v1/chat/completions", content=body)
    assert (refused.status_code, "nested too deeply" in refused.text) == (400, True)


def test_a_refusal_a_wrong_key_and_a_loss_keep_their_status(front: Front) -> None:
    front.script({"status": 400, "message": "top_p must be in (0, 1]", "always": True})
    refused = front.chat(top_p=3)
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")
    assert "top_p must be" in refused.json()["error"]["message"]
    stranger = httpx.post(f"{front.server.url}/v1/chat/completions", json={}, headers={"Authorization": "Bearer x"})
    assert stranger.status_code == 401
    front.models[2].script({"status": 502, "always": True})
    lost = front.chat(model="deepseek-r1", stream=True)
    assert lost.status_code == 503
    assert "data:" not in lost.text
    front.models[2].script()
    assert front.chat(model="deepseek-r1").status_code == 200, "it is waited for, and is back"


class Refused:
    """What OpenAI's own client is told, with a key of its own."""

    def __init__(self, front: Front, key: str) -> None:
        self.client = openai.OpenAI(base_url=f"{front.server.url}/v1", api_key=key, max_retries=0, timeout=20)

    def __call__(self, content: str = "Good morning to all.", **fields: Any) -> tuple[int, str, str]:
        messages: Any = [{"role": "user", "content": content}]
        with pytest.raises(openai.APIStatusError) as caught:
            self.client.chat.completions.create(model="deepseek-r1", messages=messages, **fields)
        error = caught.value
        assert isinstance(error.body, dict), error.body
        assert set(error.body) == {"message", "type", "param", "code"}
        assert error.body["message"] in error.message, "a person reads the reason"
        return error.status_code, str(error.code), str(error.body["message"])


def made_key(front: Front, **fields: Any) -> str:
    body = {"name": "a client", "scopes": ["invoke"], **fields}
    return (
        front.client.post("/keys", json=body, headers={"x-api-key": front.server.key}).raise_for_status().json()["key"]
    )


def test_openais_client_shows_why_it_was_refused_whoever_refuses(front: Front) -> None:
    admin = {"x-api-key": front.server.key}
    assert Refused(front, "csl_none")()[:2] == (401, "unauthorized")
    status, code, told = Refused(front, made_key(front, scopes=["read"]))()
    assert (status, code, "invoke" in told) == (403, "not_permitted", True)
    good = Refused(front, made_key(front))
    status, code, told = good("x" * 17_000_000)
    assert (status, code, "over the limit" in told) == (413, "body_too_large", True)
    status, code, told = good("a \0 b")
    assert (status, code, "U+0000" in told) == (422, "invalid_text", True)
    front.models[2].script({"status": 400, "message": "top_p must be in (0, 1]"})
    assert "top_p must be" in good(top_p=3)[2]

    slow = made_key(front, requests_per_minute=1)
    Refused(front, slow).client.models.list()
    status, code, told = Refused(front, slow)()
    assert (status, code, "more than 1 requests a minute" in told) == (429, "rate_limited", True)

    made = front.client.post("/tenants", json={"name": "spent"}, headers=admin).raise_for_status().json()
    spent = made_key(front, tenant="spent")
    front.script({"text": "Two words.", "always": True})
    Refused(front, spent).client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Hello."}])
    time.sleep(0.2)  # nobody waits for the usage of a chat to be written
    limit = {"tokens_per_month": 1}
    front.client.patch(f"/tenants/{made['tenant_id']}", json=limit, headers=admin).raise_for_status()
    status, code, told = Refused(front, spent)()
    assert (status, code, "used up its budget" in told) == (402, "budget_used_up", True)


def test_each_tenant_has_a_salt_of_its_own(front: Front) -> None:
    front.script({"text": "Yes.", "always": True})
    admin = {"x-api-key": front.server.key}
    front.client.post("/tenants", json={"name": "apart"}, headers=admin).raise_for_status()
    for key in (made_key(front, tenant="apart"), made_key(front), made_key(front)):
        messages: Any = [{"role": "user", "content": "Is this clause enforceable?"}]
        Refused(front, key).client.chat.completions.create(model="deepseek-r1", messages=messages)
    apart, own, again = (each["cache_salt"] for each in front.models[2].heard())
    assert own == again != apart, "what one tenant asked cannot be told from how fast another is answered"


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/none"])
def test_what_v1_does_not_have_is_refused_in_openais_form(front: Front, path: str) -> None:
    answer = front.client.post(path, json={"model": "qwen3", "input": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    wrong = front.client.get("/v1/chat/completions")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"]


def test_a_full_queue_is_told_to_openais_client(front: Front) -> None:
    front.models[2].script({"text": "slow", "wait": 1.0, "always": True})
    good = Refused(front, made_key(front))

    def ask(number: int) -> Any:
        try:
            messages: Any = [{"role": "user", "content": f"Question {number}"}]
            return good.client.chat.completions.create(model="deepseek-r1", messages=messages)
        except openai.RateLimitError as error:
            return error

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(ask, range(6)))
    full = [each for each in answers if isinstance(each, openai.RateLimitError)]
    assert len(full) == 3, "one is asked and two wait"
    assert all(each.code == "model_busy" and "pool.queue_length" in each.message for each in full)


def test_openais_client_is_told_of_a_key_revoked_in_mid_answer(front: Front) -> None:
    front.models[2].script({"text": " ".join("abcdefghij" * 40), "pause": 0.02})
    admin = {"x-api-key": front.server.key}
    made = front.client.post("/keys", json={"name": "soon gone", "scopes": ["invoke"]}, headers=admin).json()
    client = Refused(front, made["key"]).client
    messages: Any = [{"role": "user", "content": "Talk at length, please."}]

    def read() -> None:
        for number, _ in enumerate(client.chat.completions.create(model="deepseek-r1", messages=messages, stream=True)):
            if number == 3:
                front.client.delete(f"/keys/{made['key_id']}", headers=admin).raise_for_status()

    with pytest.raises(openai.APIError, match="revoked"):
        read()


def test_many_at_a_time_are_all_answered(front: Front) -> None:
    front.script({"text": "a b c", "pause": 0.002, "always": True})
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda n: front.chat(f"Question {n}"), range(120)))
    assert {each.json()["choices"][0]["message"]["content"] for each in answers} == {"a b c"}


def test_a_client_that_goes_away_stops_the_server_and_is_accounted_for(front: Front) -> None:
    front.script({"text": " ".join("abcdefghij" * 30), "pause": 0.02, "always": True})
    before = sum(each["calls"] for each in front.totals())
    body = {"model": "qwen3", "stream": True, "messages": [{"role": "user", "content": "Talk at length, please."}]}
    with front.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert next(answer.iter_lines()).startswith("data: ")
    time.sleep(0.5)
    after = front.totals()
    assert sum(each["calls"] for each in after) == before + 1
    admin = {"x-api-key": front.server.key}
    models = front.client.get("/pool", headers=admin).raise_for_status().json()["models"]
    assert all(endpoint["active"] == 0 for model in models for endpoint in model["endpoints"])


def test_an_endpoint_is_drained_and_taken_back_over_rest(front: Front) -> None:
    admin = {"x-api-key": front.server.key}
    drained = front.client.post("/pool/drain", json={"endpoint": front.models[0].url}, headers=admin).json()
    assert drained["models"][0]["endpoints"][0]["state"] == "drained"
    for _ in range(4):
        front.chat()
    assert (len(front.models[0].heard()), len(front.models[1].heard())) == (0, 4)
    back = {"endpoint": front.models[0].url, "draining": False}
    assert front.client.post("/pool/drain", json=back, headers=admin).status_code == 200
    unknown = front.client.post("/pool/drain", json={"endpoint": "http://nowhere/v1"}, headers=admin)
    assert unknown.status_code == 404


def test_a_users_own_graph_asks_the_pool_and_streams_its_tokens(front: Front) -> None:
    front.script({"text": "one two three", "always": True})
    body = {
        "assistant_id": "talk",
        "input": {"messages": [{"role": "user", "content": "Count to three for me, please."}]},
        "stream_mode": ["messages-tuple"],
    }
    admin = {"x-api-key": front.server.key}
    text = front.client.post("/runs/stream", json=body, headers=admin).raise_for_status().text
    lines = [line[6:] for line in text.splitlines() if line.startswith("data: [")]
    words = [message["content"] for message, _ in map(json.loads, lines) if message["type"] == "AIMessageChunk"]
    assert words == ["one ", "two ", "three"]
    assert any(each["name"] == "talk" for each in front.totals("workflow"))
