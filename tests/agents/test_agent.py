"""The chat model and the tool-calling agent, in LangGraph, over model servers and real MCP tools."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel

from agents.agent import AgentLimits, agent
from agents.ask import Counsel
from agents.chat_model import NotInConsilia, PoolChat, chat_model
from agents.chatting import NoModelConfigured
from agents.pool import Pool
from tests.agents.conftest import Ledger, ModelServer, pool_of, start_model_server
from tools.host import Toolbox, ToolHost
from tools.record import ToolCall

Servers = tuple[ModelServer, ModelServer]


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def test_the_chat_model_answers_with_who_why_and_usage(servers: Servers, ledger: Ledger) -> None:
    one, _ = servers
    one.script({"text": "Good day.", "thinking": "hm hm", "cached": 4})
    async with Pool(pool_of({"m": [one.url]})) as pool:
        said = await PoolChat(pool=pool, ledger=ledger).ainvoke("Hello! /think")
    assert isinstance(said, AIMessage)
    assert said.content == "Good day."
    assert said.additional_kwargs["reasoning_content"] == "hm hm"
    assert said.response_metadata["model_name"] == "m"
    assert said.usage_metadata is not None
    assert said.usage_metadata["output_token_details"] == {"reasoning": 2}
    assert one.heard()[0]["messages"] == [{"role": "user", "content": "Hello!"}]
    (call,) = ledger.calls
    assert (call.question, call.answer and call.answer["text"]) == ("chat", "Good day.")


async def test_thinking_text_and_tool_calls_stream_through_stream_mode_messages(servers: Servers) -> None:
    one, _ = servers
    one.script(
        {
            "text": "Let us add.",
            "thinking": "I should add",
            "tool_calls": [{"name": "add", "arguments": '{"a":1,"b":2}'}],
        }
    )
    async with Pool(pool_of({"m": [one.url]})) as pool:
        model = PoolChat(pool=pool).bind_tools([add])

        async def node(state: MessagesState) -> dict[str, Any]:
            return {"messages": [await model.ainvoke(state["messages"])]}

        graph = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
        chunks = [
            chunk
            async for chunk, _ in graph.astream({"messages": [("user", "Add 1 and 2")]}, stream_mode="messages")
            if isinstance(chunk, AIMessageChunk)
        ]
    assert len({chunk.id for chunk in chunks}) == 1
    assert "".join(str(chunk.content) for chunk in chunks) == "Let us add."
    assert "".join(chunk.additional_kwargs.get("reasoning_content", "") for chunk in chunks) == "I should add"
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [("add", {"a": 1, "b": 2})]


async def test_a_server_lost_in_the_middle_is_gone_on_from_or_begins_a_new_message(
    servers: Servers,
) -> None:
    async with Pool(pool_of({"m": [each.url for each in servers]})) as pool:
        model = PoolChat(pool=pool)
        for each in servers:
            each.script({"text": "three four", "on": "continue_final_message"}, {"text": "one two x", "die_after": 3})
        streamed = [chunk async for chunk in model.astream("Hello")]
        assert "".join(str(chunk.content) for chunk in streamed) == "one two three four"
        schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
        for each in servers:
            each.script({"text": '{"a": "b"}', "die_after": 2}, {"text": '{"c": 1}', "always": True})
        servers[1].script({"text": '{"c": 1}', "always": True})
        for _ in range(4):  # whichever is asked first, the message is whole
            said = await model.ainvoke("Hello", response_format=schema)
            assert json.loads(str(said.content)) == {"c": 1}


async def test_structured_output_and_malformed_tool_calls_come_as_langchain_means_them(servers: Servers) -> None:
    one, _ = servers
    one.script({"text": None, "tool_calls": [{"name": "add", "arguments": '{"a": 1,'}]})
    async with Pool(pool_of({"m": [one.url]})) as pool:
        said = await PoolChat(pool=pool).bind_tools([add], tool_choice="add").ainvoke("Add")
    assert said.tool_calls == []
    assert said.invalid_tool_calls[0]["name"] == "add"
    assert one.heard()[0]["tool_choice"] == {"type": "function", "function": {"name": "add"}}


async def test_without_a_model_or_outside_consilia_the_error_says_what_to_do() -> None:
    async with Pool() as pool:
        with pytest.raises(NoModelConfigured, match=r"add \[\[pool.models\]\]"):
            await PoolChat(pool=pool).ainvoke("Hello")
    with pytest.raises(NotInConsilia, match="open a Pool"):
        chat_model({"configurable": {}})


class Sum(BaseModel):
    sum: int


@dataclass
class ToolLog:
    """What was called, and the results that a resumed run finds."""

    calls: list[ToolCall] = field(default_factory=list)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def returned(self, key: str) -> dict[str, Any] | None:
        return self.kept.get(key)

    async def tool_called(self, call: ToolCall) -> None:
        self.calls.append(call)
        if call.error is None and call.result is not None:
            self.kept[call.key] = call.result


@dataclass
class Desk:
    tools: Toolbox
    counsel: Counsel
    made: list[str]


@asynccontextmanager
async def desk(servers: Servers, ledger: Ledger, log: ToolLog) -> AsyncIterator[Desk]:
    made: list[str] = []
    server: MCPServer[Any] = MCPServer("sums")

    @server.tool()
    async def add_up(a: int, b: int) -> Sum:  # pyright: ignore[reportUnusedFunction]
        """Add two numbers."""
        made.append(f"{a}+{b}")
        await asyncio.sleep(0.01)
        return Sum(sum=a + b)

    @server.tool()
    async def fail() -> str:  # pyright: ignore[reportUnusedFunction]
        """Always fails."""
        raise ValueError("the market is closed")

    async with Pool(pool_of({"m": [servers[0].url]})) as pool, ToolHost({"sums": server}) as host:
        tools = Toolbox(host, log, "test", frozenset({"sums/*"}))
        yield Desk(tools, Counsel(pool, ledger), made)


def calls(*pairs: tuple[int, int], text: str | None = None) -> dict[str, Any]:
    made = [{"name": "sums__add_up", "arguments": json.dumps({"a": a, "b": b})} for a, b in pairs]
    return {"text": text, "tool_calls": made}


ASK = {"messages": [("user", "What is 1+2 and 3+4?")]}


async def test_the_agent_calls_tools_in_parallel_and_answers(servers: Servers, ledger: Ledger) -> None:
    servers[0].script(calls((1, 2), (3, 4)), {"text": "Three and seven."})
    async with desk(servers, ledger, ToolLog()) as here:
        graph = agent("You add.", ["sums/add_up"])
        state = await graph.ainvoke(ASK, context=here)
    assert sorted(here.made) == ["1+2", "3+4"]
    assert (state["messages"][-1].content, state["outcome"], state["calls"]) == ("Three and seven.", "answered", 2)
    first, second = servers[0].heard()
    assert [each["function"]["name"] for each in first["tools"]] == ["sums__add_up"]
    assert [each["role"] for each in second["messages"]] == ["system", "user", "assistant", "tool", "tool"]
    assert [call.question for call in ledger.calls] == ["chat", "chat"]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"name": "sums__add_up", "arguments": '{"a": 1,'}, "The call was not made. the arguments"),
        ({"name": "sums__multiply", "arguments": "{}"}, "there is no tool 'sums__multiply'; there are: sums__add_up"),
        ({"name": "sums__add_up", "arguments": '{"a": "x", "b": 2}'}, "tool_failed"),
        ({"name": "sums__fail", "arguments": "{}"}, "sums__fail"),
    ],
)
async def test_a_call_that_cannot_be_made_is_told_to_the_model_which_does_better(
    servers: Servers, ledger: Ledger, bad: dict[str, Any], told: str
) -> None:
    servers[0].script({"text": None, "tool_calls": [bad]}, calls((1, 2)), {"text": "Three."})
    async with desk(servers, ledger, ToolLog()) as here:
        state = await agent("You add.", ["sums/add_up"]).ainvoke(ASK, context=here)
    wrong = next(each for each in state["messages"] if isinstance(each, ToolMessage))
    assert wrong.status == "error"
    assert told in str(wrong.content)
    assert (here.made, state["outcome"]) == (["1+2"], "answered")


async def test_the_loop_is_bounded_by_calls_faults_tokens_and_time_and_still_answers(
    servers: Servers, ledger: Ledger
) -> None:
    close = {"text": "What I have.", "on": "No further tool", "always": True}
    bounds: list[tuple[AgentLimits, dict[str, Any], str]] = [
        (AgentLimits(calls=3), {**calls((1, 2), (1, 2)), "always": True}, "calls"),
        (AgentLimits(faults=2), {"tool_calls": [{"name": "nope", "arguments": "{}"}], "always": True}, "faults"),
        (AgentLimits(tokens=30), {**calls((1, 2)), "tokens": 20, "always": True}, "tokens"),
        (AgentLimits(seconds=0.2), {**calls((1, 2)), "wait": 0.15, "always": True}, "seconds"),
    ]
    for limits, reply, outcome in bounds:
        servers[0].script(close, reply)
        log = ToolLog()
        async with desk(servers, ledger, log) as here:
            state = await agent("You add.", ["sums/add_up"], limits).ainvoke(ASK, context=here)
        assert (state["outcome"], state["messages"][-1].content) == (outcome, "What I have.")
        assert len(log.calls) <= 3
        assert "tools" not in servers[0].heard()[-1]
        answered = {each.tool_call_id for each in state["messages"] if isinstance(each, ToolMessage)}
        asked = {call["id"] for each in state["messages"] if isinstance(each, AIMessage) for call in each.tool_calls}
        assert asked <= answered, "every call has an answer, made or not"


async def test_a_crash_between_two_tool_calls_repeats_neither(servers: Servers, ledger: Ledger) -> None:
    servers[0].script(calls((1, 2)), calls((3, 4)), {"text": "Done.", "status": 500}, {"text": "Done."})
    log = ToolLog()
    config = {"configurable": {"thread_id": "t"}}
    graph = agent("You add.", ["sums/add_up"])
    graph.checkpointer = InMemorySaver()
    async with desk(servers, ledger, log) as here:

        async def crash(call: ToolCall) -> None:
            await ToolLog.tool_called(log, call)
            if len(log.calls) == 2:
                raise RuntimeError("power cut")

        log.tool_called = crash  # type: ignore[method-assign]
        with pytest.raises(RuntimeError, match="power cut"):
            await graph.ainvoke(ASK, config, context=here)
        assert here.made == ["1+2", "3+4"]
        here.tools = Toolbox(here.tools.host, log, "test", here.tools.allowed)  # a new process has a new toolbox
        state = await graph.ainvoke(None, config, context=here)
    assert here.made == ["1+2", "3+4"]
    assert (state["messages"][-1].content, state["calls"]) == ("Done.", 2)


async def test_it_works_as_a_node_of_a_workflow(servers: Servers, ledger: Ledger) -> None:
    servers[0].script(calls((1, 2)), {"text": "Three."})
    async with desk(servers, ledger, ToolLog()) as here:
        graph = StateGraph(MessagesState, context_schema=Desk)
        graph.add_node("research", agent("You add.", ["sums/add_up"]))
        graph.add_edge(START, "research")
        state = await graph.compile().ainvoke(ASK, context=here)
    assert state["messages"][-1].content == "Three."


@pytest.fixture
def small() -> Iterator[ModelServer]:
    started = start_model_server("--context", "4096")
    yield started
    started.stop()


TOO_LONG = {"status": 400, "message": "This model's maximum context length is 4096 tokens. You requested 5000 tokens."}


@asynccontextmanager
async def small_desk(small: ModelServer, ledger: Ledger) -> AsyncIterator[Desk]:
    server: MCPServer[Any] = MCPServer("books")

    @server.tool()
    async def read(page: int) -> str:  # pyright: ignore[reportUnusedFunction]
        """Read a page."""
        return f"page {page}: " + "lorem ipsum " * 250

    async with Pool(pool_of({"m": [small.url]})) as pool, ToolHost({"books": server}) as host:
        while not pool.candidates() or pool.candidates()[0].room != 4096:
            await asyncio.sleep(0.05)
        yield Desk(Toolbox(host, ToolLog(), "test", frozenset({"books/*"})), Counsel(pool, ledger), [])


def reading(page: int) -> dict[str, Any]:
    return {"text": None, "tool_calls": [{"name": "books__read", "arguments": json.dumps({"page": page})}]}


async def test_older_results_are_shortened_first_to_keep_within_the_context(small: ModelServer, ledger: Ledger) -> None:
    small.script(*(reading(page) for page in range(1, 6)), {"text": "Read."})
    async with small_desk(small, ledger) as here:
        state = await agent("You read.", ["books/read"]).ainvoke({"messages": [("user", "Read")]}, context=here)
    assert (state["outcome"], state["calls"], state["messages"][-1].content) == ("answered", 5, "Read.")
    whole = [str(each.content) for each in state["messages"] if isinstance(each, ToolMessage)]
    assert all(len(each) > 3000 for each in whole), "what was found is kept whole; only what the model reads is shorter"
    for body in small.heard():
        assert len(json.dumps([body["messages"], body["tools"]])) / 4 + body["max_tokens"] <= 4096
    results = [each["content"] for each in small.heard()[-1]["messages"] if each["role"] == "tool"]
    assert "left out here, to keep within the model's context" in results[0]
    assert results[-1] == whole[-1], "the newest is read whole"


async def test_a_task_longer_than_the_context_is_cut_in_its_middle(small: ModelServer, ledger: Ledger) -> None:
    small.script({"text": "Read."})
    async with small_desk(small, ledger) as here:
        task = f"Begin. {'figures ' * 4000} Question?"
        state = await agent("You read.", ["books/read"]).ainvoke({"messages": [("user", task)]}, context=here)
    assert state["outcome"] == "answered"
    (body,) = small.heard()
    assert body["messages"][1]["content"].startswith("Begin. figures")
    assert body["messages"][1]["content"].endswith("figures  Question?")
    assert len(json.dumps([body["messages"], body["tools"]])) / 4 + body["max_tokens"] <= 4096


async def test_a_refusal_for_length_ends_the_agent_with_what_it_has(small: ModelServer, ledger: Ledger) -> None:
    small.script(reading(1), {**TOO_LONG, "always": True})
    async with small_desk(small, ledger) as here:
        state = await agent("You read.", ["books/read"]).ainvoke({"messages": [("user", "Read")]}, context=here)
    assert (state["outcome"], state["calls"]) == ("length", 1)
    assert "what was found so far stands" in str(state["messages"][-1].content)
    assert [len(each["messages"]) for each in small.heard()] == [2, 4, 4], "asked once more, with half the length"
