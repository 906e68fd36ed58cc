"""Each server's dialect: what is sent to it, and its own shapes read, from its documentation and recordings."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from agents.ask import Counsel
from agents.chat_model import PoolChat
from agents.demand import Needs
from agents.dialects import DIALECTS, DialectName
from agents.faults import ContextExceeded
from agents.pool import Pool
from agents.question import Question
from tests.agents.conftest import Ledger, ModelServer, pool_of, start_model_server
from tools.record import Place


class Word(BaseModel):
    word: str


QUESTION = Question("test.word", Word, "Say a word.", Needs(reasoning=True), lambda facts: Word(word="x"))

PATHS: dict[DialectName, str] = {
    "vllm": "/health,/metrics,/tokenize",
    "sglang": "/health,/metrics",
    "llamacpp": "/health,/metrics,/tokenize",
    "ollama": "/",
    "lmstudio": "",
    "mlx": "",
    "ktransformers": "",
    "rayserve": "",
}


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **more}
    return json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


def usage(**details: Any) -> str:
    told = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29, **details}
    return json.dumps({"id": "x", "object": "chat.completion.chunk", "choices": [], "usage": told})


ANSWER = '{"word": "yes"}'

RECORDED: dict[DialectName, list[str]] = {
    # recorded from vLLM 0.32.0 on the CPU
    "vllm": [
        chunk({"role": "assistant", "content": ""}, logprobs=None),
        chunk({"reasoning": "let me"}, logprobs=None, token_ids=None),
        chunk({"reasoning": " see"}, token_ids=None),
        chunk({"content": ANSWER}, "stop", stop_reason=None, token_ids=None),
        usage(
            prompt_tokens_details={"cached_tokens": 16, "created_cache_tokens": 0},
            completion_tokens_details={"reasoning_tokens": 4},
        ),
        "[DONE]",
    ],
    # SGLang sends both fields in every delta, the empty one as null
    "sglang": [
        chunk({"role": "assistant", "content": "", "reasoning_content": None, "tool_calls": None}),
        chunk({"role": None, "content": None, "reasoning_content": "let me see", "tool_calls": None}),
        chunk({"role": None, "content": ANSWER, "reasoning_content": None, "tool_calls": None}),
        chunk({"role": None, "content": None, "reasoning_content": None}, "stop", matched_stop=151645),
        usage(prompt_tokens_details={"cached_tokens": 16}, reasoning_tokens=4),
        "[DONE]",
    ],
    # recorded from llama.cpp 0.5.0-dev: null for the first content, timings beside the usage, no count of the thinking
    "llamacpp": [
        chunk({"role": "assistant", "content": None}),
        chunk({"reasoning_content": "let me"}),
        chunk({"reasoning_content": " see"}),
        chunk({"content": ANSWER}),
        chunk({}, "stop"),
        json.dumps(
            {
                "choices": [],
                "created": 1,
                "id": "chatcmpl-x",
                "model": "m",
                "system_fingerprint": "b1-0c1e570",
                "object": "chat.completion.chunk",
                "usage": {
                    "completion_tokens": 9,
                    "prompt_tokens": 20,
                    "total_tokens": 29,
                    "prompt_tokens_details": {"cached_tokens": 16},
                },
                "timings": {"cache_n": 16, "prompt_n": 4, "prompt_ms": 24.1, "predicted_n": 9, "predicted_ms": 39.9},
            }
        ),
        "[DONE]",
    ],
    # Ollama repeats the role, and an empty content beside the reasoning
    "ollama": [
        chunk({"role": "assistant", "content": "", "reasoning": "let me see"}),
        chunk({"role": "assistant", "content": ANSWER}),
        chunk({"role": "assistant", "content": ""}, "stop"),
        usage(),
        "[DONE]",
    ],
    "lmstudio": [
        chunk({"role": "assistant", "reasoning_content": "let me see"}),
        chunk({"role": "assistant", "content": ANSWER}),
        chunk({}, "stop"),
        usage(),
        "[DONE]",
    ],
    # MLX constrains nothing: models like to fence what they write
    "mlx": [
        chunk({"role": "assistant", "reasoning": "let me see", "content": ""}),
        chunk({"role": "assistant", "content": f"```json\n{ANSWER}\n```"}),
        chunk({"role": "assistant", "content": ""}, "stop"),
        usage(),
        "[DONE]",
    ],
    # KTransformers' own server leaves the thinking in the text and ends without usage
    "ktransformers": [
        chunk({"role": "assistant", "content": "<think>\nlet me"}),
        chunk({"role": "assistant", "content": " see\n</think>\n\n"}),
        chunk({"role": "assistant", "content": ANSWER}),
        chunk({"role": "assistant", "content": ""}, "stop"),
        "[DONE]",
    ],
}


RECORDED["rayserve"] = RECORDED["vllm"]  # it hands vLLM's chunks on


@pytest.fixture(scope="module", params=list(DIALECTS))
def served(request: pytest.FixtureRequest) -> Iterator[tuple[DialectName, ModelServer]]:
    server = start_model_server("--only", PATHS[request.param])
    yield request.param, server
    server.stop()


def settings(dialect: DialectName, server: ModelServer) -> Any:
    entry = {"name": "m", "catalogue": "qwen3-8b", "endpoints": [server.url], "dialect": dialect, "context": 32_768}
    return pool_of({}, models=[entry])


async def test_its_recorded_answer_is_read_and_only_what_it_knows_is_sent(
    served: tuple[DialectName, ModelServer], ledger: Ledger
) -> None:
    name, server = served
    server.script({"raw": RECORDED[name]})
    async with Pool(settings(name, server)) as pool:
        assert pool.status()["models"][0]["endpoints"][0]["state"] == "up"
        counsel = Counsel(pool, ledger, salt="s" * 32)
        answered = await counsel.ask(Place("n", "t"), QUESTION, "The material.", {})
    assert answered.value.word == "yes"
    (call,) = ledger.calls
    assert call.thinking
    if name != "ktransformers":
        assert (call.usage.tokens_in, call.usage.tokens_out) == (20, 9)
        assert call.usage.tokens_thinking > 0
    (request,) = server.heard()
    sent = set(request) - {"model", "messages", "stream", "max_tokens", "temperature", "top_p"}
    assert (
        sent
        == {
            "vllm": {
                *("top_k", "min_p", "chat_template_kwargs", "response_format", "stream_options"),
                *("cache_salt", "thinking_token_budget"),
            },
            "sglang": {"top_k", "min_p", "chat_template_kwargs", "response_format", "stream_options"},
            "llamacpp": {
                *("top_k", "min_p", "chat_template_kwargs", "response_format", "stream_options"),
                "thinking_budget_tokens",
            },
            "ollama": {"reasoning_effort", "response_format", "stream_options"},
            "lmstudio": {"top_k", "response_format", "stream_options"},
            "mlx": {"top_k", "min_p", "chat_template_kwargs", "stream_options"},
            "ktransformers": set(),
            "rayserve": {
                *("top_k", "min_p", "chat_template_kwargs", "response_format", "stream_options"),
                *("cache_salt", "thinking_token_budget"),
            },
        }[name]
    )
    last = request["messages"][-1]["content"]
    assert ("JSON schema of the answer" in last) == (name in ("mlx", "ktransformers"))
    assert (" /think" in last) == (name in ("lmstudio", "ktransformers"))


async def test_thinking_is_turned_off_in_its_own_way(served: tuple[DialectName, ModelServer]) -> None:
    name, server = served
    server.script({"text": "Hello.", "always": True})
    async with Pool(settings(name, server)) as pool:
        said = await PoolChat(pool=pool, thinking=False).ainvoke("Good morning to everybody here")
    assert said.content == "Hello."
    (request,) = server.heard()
    match DIALECTS[name].switch:
        case "template":
            assert request["chat_template_kwargs"] == {"enable_thinking": False}
        case "effort":
            assert request["reasoning_effort"] == "none"
        case "prompt":
            assert request["messages"][-1]["content"].endswith(" /no_think")
        case "none":
            pass


async def test_a_full_queue_inside_a_stream_is_back_pressure(served: tuple[DialectName, ModelServer]) -> None:
    name, server = served
    full = {"object": "error", "message": "The request queue is full.", "type": "SERVICE_UNAVAILABLE", "code": 503}
    server.script({"raw": [json.dumps({"error": full}), "[DONE]"]}, {"text": "Then."})
    async with Pool(settings(name, server)) as pool:
        assert (await PoolChat(pool=pool).ainvoke("Good morning to everybody here")).content == "Then."
        assert pool.status()["models"][0]["endpoints"][0]["failures"] == 0


async def test_a_tool_demanded_by_name_is_offered_alone_where_names_are_not_heeded(
    served: tuple[DialectName, ModelServer],
) -> None:
    name, server = served
    server.script({"text": None, "tool_calls": [{"name": "add", "arguments": "{}"}]})
    tools = [
        {"type": "function", "function": {"name": each, "parameters": {"type": "object"}}} for each in ("add", "take")
    ]
    async with Pool(settings(name, server)) as pool:
        await PoolChat(pool=pool).bind_tools(tools, tool_choice="add").ainvoke("Good morning to everybody here")
    (request,) = server.heard()
    offered = [tool["function"]["name"] for tool in request["tools"]]
    if name == "llamacpp":
        assert (offered, request["tool_choice"]) == (["add"], "required")
    else:
        assert (offered, request["tool_choice"]["function"]["name"]) == (["add", "take"], "add")


@pytest.mark.parametrize(
    "told",
    [
        "request (15017 tokens) exceeds the available context size (4096 tokens), try increasing it",  # llama.cpp
        "This model's maximum context length is 8 tokens. However, you requested 12",  # vLLM
        "The input (9 tokens) is longer than the model's context length (8 tokens).",  # SGLang
    ],
)
async def test_what_is_too_long_is_known_from_each_servers_words(
    served: tuple[DialectName, ModelServer], told: str
) -> None:
    name, server = served
    server.script({"status": 400, "message": told, "always": True})
    async with Pool(settings(name, server)) as pool:
        with pytest.raises(ContextExceeded):
            await PoolChat(pool=pool).ainvoke("Good morning to everybody here")


@pytest.mark.parametrize("name", ["ollama", "lmstudio", "mlx", "ktransformers", "rayserve"])
def test_a_server_that_does_not_tell_its_context_must_be_configured_with_it(name: str) -> None:
    entry = {"name": "m", "catalogue": "qwen3-8b", "endpoints": ["http://h/v1"], "dialect": name}
    with pytest.raises(ValidationError, match="does not tell its context; set context"):
        pool_of({}, models=[entry])


def test_every_dialect_names_its_sources() -> None:
    assert all(dialect.sources for dialect in DIALECTS.values())
