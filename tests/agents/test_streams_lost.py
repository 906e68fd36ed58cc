"""A server lost in the middle of a stream: the question is asked again elsewhere, and nobody hears half an answer."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessageChunk

from agents.chat_answer import ChatAnswer
from agents.chat_model import PoolChat
from agents.chatting import Chat, decide
from agents.dialects import DialectName
from agents.faults import AnswerLost
from agents.pool import Pool
from tests.agents.conftest import ModelServer, pool_of

Servers = tuple[ModelServer, ModelServer]
STUCK: list[DialectName] = ["ollama", "lmstudio", "mlx", "ktransformers"]
"""Servers that cannot go on from a text."""

ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
HALF = {"name": "add", "arguments": '{"a": 7, "b": 8}'}
WHOLE = {"name": "add", "arguments": '{"a": 1, "b": 2}'}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}


@asynccontextmanager
async def opened(endpoints: list[str], dialect: DialectName = "vllm", **more: Any) -> AsyncIterator[Pool]:
    entry = {"name": "m", "catalogue": "qwen3-8b", "endpoints": endpoints, "dialect": dialect, "context": 32_768}
    async with Pool(pool_of({}, models=[entry], **{"health_seconds": 60, "breaker_failures": 9, **more})) as pool:
        yield pool


def each_dies_once(servers: Servers, half: dict[str, Any], then: dict[str, Any], *before: dict[str, Any]) -> None:
    """Each server dies in the middle of its first answer."""
    for each in servers:
        each.script(*before, {**half, "pause": 0.005}, {**then, "always": True})


class Heard(AsyncCallbackHandler):
    """What LangChain's callbacks are told, message by message."""

    def __init__(self) -> None:
        self.messages: dict[str, AIMessageChunk] = {}

    async def on_llm_new_token(self, token: str, *, chunk: Any = None, **more: Any) -> None:
        message = chunk.message
        known = self.messages.get(message.id)
        self.messages[message.id] = message if known is None else known + message


async def through_v1(pool: Pool, **given: Any) -> tuple[str, list[str]]:
    """(text, arguments of the tool calls) as a client of /v1 puts the chunks together."""
    chat = Chat([{"role": "user", "content": "Good morning to everybody here."}], thinking=False)
    answer = ChatAnswer(pool, chat, await decide(pool, chat), {"messages": chat.messages, "stream": True, **given})
    text, calls = "", dict[int, str]()
    async for chunk in answer.chunks():
        for choice in chunk.get("choices") or []:
            text += choice["delta"].get("content") or ""
            for part in choice["delta"].get("tool_calls") or []:
                calls[part["index"]] = calls.get(part["index"], "") + part["function"]["arguments"]
    return text, list(calls.values())


async def through_astream(pool: Pool, **given: Any) -> tuple[str, list[str]]:
    """The same of `PoolChat.astream`."""
    chunks = [chunk async for chunk in PoolChat(pool=pool, thinking=False).astream("Good morning to all.", **given)]
    whole = chunks[0]
    for each in chunks[1:]:
        whole = whole + each
    return str(whole.content), [json.dumps(call["args"]) for call in whole.tool_calls]


WAYS = pytest.mark.parametrize("ask", [through_v1, through_astream])


@WAYS
@pytest.mark.parametrize("die_after", [2, 3])
async def test_a_tool_call_is_heard_when_it_is_whole_and_asked_again_until_then(
    servers: Servers, ask: Any, die_after: int
) -> None:
    half = {"text": None, "tool_calls": [HALF], "die_after": die_after}
    each_dies_once(servers, half, {"text": None, "tool_calls": [WHOLE] * 2})
    async with opened([each.url for each in servers]) as pool:
        assert await ask(pool, tools=[ADD]) == ("", [WHOLE["arguments"]] * 2)
    assert sum(len(each.heard()) for each in servers) == 3


@WAYS
async def test_text_before_a_tool_call_is_gone_on_from_and_the_half_call_is_void(servers: Servers, ask: Any) -> None:
    goes_on = {"text": " Now.", "tool_calls": [WHOLE], "on": "continue_final_message", "always": True}
    half = {"text": "Adding.", "tool_calls": [HALF], "die_after": 3}
    each_dies_once(servers, half, {"text": "never"}, goes_on)
    async with opened([each.url for each in servers]) as pool:
        assert await ask(pool, tools=[ADD]) == ("Adding. Now.", [WHOLE["arguments"]])


@WAYS
async def test_an_answer_held_to_a_schema_is_asked_again(servers: Servers, ask: Any) -> None:
    each_dies_once(servers, {"text": '{"a": "b c d"}', "die_after": 3}, {"text": '{"c": 1}'})
    async with opened([each.url for each in servers]) as pool:
        assert await ask(pool, response_format=SCHEMA) == ('{"c": 1}', [])


@WAYS
@pytest.mark.parametrize("dialect", STUCK)
async def test_a_text_that_cannot_be_gone_on_from_is_asked_again_where_another_server_is(
    servers: Servers, ask: Any, dialect: DialectName
) -> None:
    each_dies_once(servers, {"text": "one two three four", "die_after": 3}, {"text": "It reads otherwise."})
    async with opened([each.url for each in servers], dialect) as pool:
        assert await ask(pool) == ("It reads otherwise.", [])
        half = {"text": None, "tool_calls": [HALF], "die_after": 2}
        each_dies_once(servers, half, {"text": None, "tool_calls": [WHOLE]})
        assert await ask(pool, tools=[ADD]) == ("", [WHOLE["arguments"]])


@WAYS
@pytest.mark.parametrize("dialect", STUCK)
async def test_a_server_alone_streams_and_its_second_answer_must_read_like_the_first(
    servers: Servers, ask: Any, dialect: DialectName
) -> None:
    one, _ = servers
    for second, expected in (("one two three", nullcontext()), ("otherwise", pytest.raises(AnswerLost))):
        one.script({"text": "one two three", "die_after": 3, "pause": 0.005}, {"text": second})
        async with opened([one.url], dialect) as pool:
            with expected:
                assert await ask(pool) == ("one two three", [])
    one.script({"text": "one two three", "die_after": 3, "pause": 0.005}, {"text": "one"})
    async with opened([one.url], dialect) as pool:
        with pytest.raises(AnswerLost):
            await ask(pool)


@pytest.mark.parametrize("dialect", ["vllm", *STUCK])
async def test_callbacks_of_ainvoke_hear_no_half_tool_call(servers: Servers, dialect: DialectName) -> None:
    each_dies_once(servers, {"text": None, "tool_calls": [HALF], "die_after": 3}, {"text": None, "tool_calls": [WHOLE]})
    heard = Heard()
    async with opened([each.url for each in servers], dialect) as pool:
        model = PoolChat(pool=pool, thinking=False).bind_tools([ADD])
        said = await model.ainvoke("Good morning to all.", {"callbacks": [heard]})
    assert [call["args"] for call in said.tool_calls] == [{"a": 1, "b": 2}]
    [message] = heard.messages.values()
    assert (message.id, message.tool_calls) == (said.id, said.tool_calls)


async def test_tool_calls_are_heard_as_they_come_where_the_pool_says_so(servers: Servers) -> None:
    each_dies_once(servers, {"text": None, "tool_calls": [HALF], "die_after": 3}, {"text": None, "tool_calls": [WHOLE]})
    async with opened([each.url for each in servers], hold_back=False) as pool:
        with pytest.raises(AnswerLost):
            await through_astream(pool, tools=[ADD])


async def test_an_answer_that_outgrows_the_budget_of_its_thinking_is_gone_on_from(servers: Servers) -> None:
    """A server that bounds no thinking gets the budget as its room; an answer that has begun must not be lost at it."""
    one, _ = servers
    one.script(
        {"text": " three four", "on": "continue_final_message"},
        {"thinking": "hm", "text": "one two", "finish": "length", "tokens": 8192},
    )
    async with opened([one.url], "sglang") as pool:
        model = PoolChat(pool=pool, thinking=True)
        chunks = [chunk async for chunk in model.astream("Good morning to all.")]
        assert "".join(str(each.content) for each in chunks) == "one two three four"
        one.script(
            {"text": " three four", "on": "continue_final_message"},
            {"thinking": "hm", "text": "one two", "finish": "length", "tokens": 8192},
        )
        heard = Heard()
        said = await model.ainvoke("Good morning to all.", {"callbacks": [heard]})
        assert said.content == "one two three four"
        assert [each.content for each in heard.messages.values()] == ["one two three four"]
