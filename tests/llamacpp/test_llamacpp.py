"""Asking a real llama.cpp server through the pool, and keeping one running."""

import json
import os
import signal
import time
from contextlib import aclosing
from typing import Any, Literal

import httpx
import pytest
from pydantic import BaseModel, Field

from agents.chat_answer import ChatAnswer
from agents.chat_model import PoolChat
from agents.chatting import Chat, decide
from agents.exchange import Call
from agents.faults import ContextExceeded
from agents.pool import Pool
from agents.question import Question
from agents.routing import Needs
from tests.llamacpp.conftest import KEY, Served
from tests.model_servers import look_up
from tests.vllm.questions import HERE, Records, counsel

OTHER = {"type": "function", "function": {"name": "other", "parameters": {"type": "object", "properties": {}}}}


class Ruling(BaseModel):
    """An answer of few letters: this server may be built without optimisation."""

    severity: Literal["low", "medium", "high"]
    years: int = Field(ge=0, le=9)


def ruling(needs: Needs) -> Question[Ruling]:
    embedded = Ruling(severity="low", years=0)
    return Question("test.ruling", Ruling, "How severe is it?", needs, lambda facts: embedded)


async def whole(pool: Pool, content: str = "Which law governs?", **given: Any) -> dict[str, Any]:
    """The body that a client of /v1 gets."""
    chat = Chat([{"role": "user", "content": content}], thinking=given.pop("thinking", False))
    answer = ChatAnswer(pool, chat, await decide(pool, chat), {"messages": chat.messages, **given})
    return await answer.whole()


async def favoured(served: Served) -> dict[str, int]:
    """The bias of the token that begins a tool call: the last of the vocabulary (scripts/make_tiny_gguf.py)."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
        card = (await client.get(f"{served.root}/v1/models")).json()["data"][0]
    return {str(card["meta"]["n_vocab"] - 1): 100}


async def test_an_answer_obeys_its_schema_without_and_with_thinking_that_keeps_to_its_budget(served: Served) -> None:
    for needs in (Needs(extraction=True), Needs(reasoning=True)):
        records = Records()
        async with Pool(served.settings.model_copy(update={"keep_thinking": True})) as pool:
            answered = await counsel(pool, records).ask(HERE, ruling(needs), "A contract.", {})
            assert pool.without_budget == set(), "this llama.cpp keeps to thinking_budget_tokens"
        assert isinstance(answered.value, Ruling)
        [call] = records.calls
        assert (call.engine, call.thinking, bool(call.reasoning)) == ("pool", needs.reasoning, needs.reasoning)
        assert call.usage.tokens_in > 0
        assert all(attempt["passes"] == 1 for attempt in call.attempts)
        assert not needs.reasoning or len(call.reasoning or "") <= 12 * 4


async def test_text_streams_piece_by_piece_with_its_usage_and_thinking_apart(pool: Pool) -> None:
    chunks = [each async for each in PoolChat(pool=pool, thinking=True, max_tokens=24).astream("Go on.")]
    assert len(chunks) > 5
    joined = chunks[0]
    for each in chunks[1:]:
        joined = joined + each
    assert joined.additional_kwargs["reasoning_content"]
    assert "</think>" not in str(joined.content)
    assert joined.usage_metadata is not None
    assert joined.usage_metadata["output_tokens"] > 12


async def test_a_tool_is_called_with_arguments_of_its_schema_streamed_and_not(served: Served, pool: Pool) -> None:
    given = {
        "tools": [OTHER, look_up(8)],
        "tool_choice": {"type": "function", "function": {"name": "look_up"}},
        "logit_bias": await favoured(served),
        "max_tokens": 200,
    }
    message = (await whole(pool, **given))["choices"][0]["message"]
    call, *_ = message["tool_calls"]  # noise goes on calling
    assert (call["function"]["name"], set(json.loads(call["function"]["arguments"]))) == ("look_up", {"term", "page"})
    chat = Chat([{"role": "user", "content": "Which law governs?"}], thinking=False)
    answer = ChatAnswer(pool, chat, await decide(pool, chat), {"messages": chat.messages, **given, "stream": True})
    pieces = [chunk async for chunk in answer.chunks()]
    completion = answer.completion()
    assert completion is not None
    called, *_ = completion.tool_calls
    assert (called.name, set(json.loads(called.arguments))) == ("look_up", {"term", "page"})
    assert len(pieces) > 5


async def test_a_thinking_is_closed_and_gone_on_from_in_two_passes(pool: Pool) -> None:
    """As on an older llama.cpp, which bounds no thinking. A whole answer comes back with what it went on from."""
    pool.without_budget.add("qwen3")
    body = await whole(pool, thinking=True, max_tokens=40)
    message = body["choices"][0]["message"]
    assert message["reasoning_content"]
    assert message["content"]
    assert "<think>" not in message["content"]
    assert body["usage"]["completion_tokens"] == 40
    chunks = [each async for each in PoolChat(pool=pool, thinking=True, max_tokens=24).astream("Go on.")]
    assert "<think>" not in "".join(str(each.content) for each in chunks)


async def test_a_question_too_long_is_known_as_such_and_tokens_are_counted(pool: Pool) -> None:
    text = "Which law governs? " * 400
    tokens, counted = await pool.tokens(text, 10)
    assert counted
    assert 1000 < tokens <= len(text)
    call = Call("qwen3", {"messages": [{"role": "user", "content": "word " * 2000}], "max_tokens": 4})
    with pytest.raises(ContextExceeded, match="exceeds the available context size"):
        async with aclosing(pool.exchange(call).pieces()) as pieces:
            await anext(pieces)


async def test_its_health_and_load_are_seen(served: Served, pool: Pool) -> None:
    [endpoint] = pool.status()["models"][0]["endpoints"]
    assert (endpoint["state"], pool.candidates()[0].room) == ("up", 8192)
    async with httpx.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {KEY}"}) as client:
        metrics = (await client.get(f"{served.root}/metrics")).text
    for name in (pool.dialect("qwen3").running, pool.dialect("qwen3").waiting):
        assert f"\n{name} " in metrics, name
    assert httpx.post(f"{served.root}/v1/chat/completions", json={}, trust_env=False).status_code == 401, "it has a key"


def test_one_killed_with_kill_9_is_started_anew(served: Served) -> None:
    [before] = json.loads(served.consilia("status", "--json"))["servers"]
    assert before["state"] == "healthy"
    os.kill(before["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        [after] = json.loads(served.consilia("status", "--json"))["servers"]
        if after["state"] == "healthy" and after["pid"] != before["pid"]:
            return
    raise AssertionError(after)
