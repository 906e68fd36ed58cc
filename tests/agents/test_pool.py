"""The pool over real HTTP servers: affinity, failover, back-pressure, breaker, drain, health, and bad pool files."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.completion import Completion, Draft
from agents.exchange import Call, Exchange, Restarted
from agents.faults import (
    ContextExceeded,
    InvalidPool,
    ModelBusy,
    ModelFailed,
    ModelLost,
    RequestRefused,
    UnknownPoolModel,
)
from agents.pool import Pool, rendezvous
from agents.pool_settings import ApiKeySource
from agents.routing import Needs, NoModelAvailable
from service.settings import InvalidSettings, load
from tests.agents.conftest import ModelServer, pool_of, start_model_server

Servers = tuple[ModelServer, ModelServer]


def call(text: str = "Hello", **fields: Any) -> Call:
    return Call("m", {"messages": [{"role": "user", "content": text}], "max_tokens": 50}, **fields)


async def answer(exchange: Exchange, begun: Callable[[Exchange], None] = lambda _: None) -> tuple[Completion, int]:
    """The whole answer, and how often it began anew. begun: is told when a part of it has come."""
    draft, restarts = Draft(), 0
    async with aclosing(exchange.pieces()) as pieces:
        async for piece in pieces:
            if isinstance(piece, Restarted):
                draft, restarts = Draft(), restarts + 1
            else:
                draft.take(piece)
                if draft.begun:
                    begun(exchange)
    return draft.completion(exchange.price), restarts


async def test_an_answer_comes_whole_streamed_or_not(servers: Servers) -> None:
    one, _ = servers
    one.script({"text": "It is long.", "thinking": "Let me see", "cached": 8}, {"text": "It is long."})
    async with Pool(pool_of({"m": [one.url]})) as pool:
        streamed, _ = await answer(pool.exchange(call()))
        assert (streamed.text, streamed.thinking, streamed.finish) == ("It is long.", "Let me see", "stop")
        assert (streamed.usage.tokens_in, streamed.usage.tokens_thinking, streamed.usage.tokens_cached) == (12, 3, 8)
        at_once, _ = await answer(pool.exchange(call(stream=False)))
        assert at_once.text == "It is long."


async def test_questions_on_one_document_go_to_one_endpoint_and_the_others_are_spread(servers: Servers) -> None:
    async with Pool(pool_of({"m": [each.url for each in servers]})) as pool:
        for document in "abcdefghijkl":
            exchanges = [pool.exchange(call(affinity=document)) for _ in range(3)]
            await asyncio.gather(*(answer(each) for each in exchanges))
            assert len({each.endpoint.url for each in exchanges if each.endpoint}) == 1
        assert all(each.heard() for each in servers), "twelve documents lie on both endpoints"


@given(st.lists(st.sampled_from([f"http://h{n}" for n in range(8)]), min_size=2, unique=True), st.text(max_size=20))
def test_a_lost_endpoint_moves_only_its_own_documents(urls: list[str], key: str) -> None:
    best = max(urls, key=lambda url: rendezvous(key, url))
    for lost in urls:
        if lost != best:
            left = [url for url in urls if url != lost]
            assert max(left, key=lambda url: rendezvous(key, url)) == best


@pytest.mark.parametrize("how", [{"die_after": 3}, {"error_after": 2}, {"status": 500}, {"status": 502}])
async def test_an_endpoint_lost_in_the_middle_is_replaced_and_nothing_is_half(
    servers: Servers, how: dict[str, Any]
) -> None:
    one, two = servers
    async with Pool(pool_of({"m": [one.url, two.url]})) as pool:
        first = one if rendezvous("doc", one.url) > rendezvous("doc", two.url) else two
        other = two if first is one else one
        first.script({"text": "one two three four five", **how})
        other.script({"text": "six seven eight"})
        exchange = pool.exchange(call(affinity="doc"))
        completion, restarts = await answer(exchange)
        assert completion.text == "six seven eight"
        assert restarts == (0 if "status" in how else 1)
        assert [each.endpoint for each in exchange.lost] == [first.url]


async def test_no_answer_is_wrong_or_lost_when_a_server_is_killed_under_load() -> None:
    one, two = start_model_server(), start_model_server()
    try:
        for each in (one, two):
            each.script({"text": "a b c d e f g h", "pause": 0.01, "always": True})
        async with Pool(pool_of({"m": [one.url, two.url]}, retry_share=1.0)) as pool:
            writing = asyncio.Event()

            def begun(exchange: Exchange) -> None:
                if exchange.endpoint and exchange.endpoint.url == one.url:
                    writing.set()

            asked = [asyncio.create_task(answer(pool.exchange(call(f"q{n}")), begun)) for n in range(60)]
            await asyncio.wait_for(writing.wait(), 20)
            one.stop()  # kill -9
            answers = await asyncio.gather(*asked)
            assert {completion.text for completion, _ in answers} == {"a b c d e f g h"}
            assert sum(restarts for _, restarts in answers) > 0, "some had begun on the killed server"
    finally:
        one.stop()
        two.stop()


async def test_a_plain_answer_is_gone_on_from_where_it_broke_off(servers: Servers) -> None:
    one, two = servers
    async with Pool(pool_of({"m": [one.url, two.url]})) as pool:
        first = one if rendezvous("doc", one.url) > rendezvous("doc", two.url) else two
        other = two if first is one else one
        first.script({"text": "one two three four five", "die_after": 3})
        other.script({"text": "three four five", "on": "continue_final_message"})
        heard: list[str] = []

        def resume() -> dict[str, Any]:
            return {"messages": [], "continue_final_message": True, "so_far": "".join(heard)}

        async with aclosing(pool.exchange(call(affinity="doc", resume=resume)).pieces()) as pieces:
            async for piece in pieces:
                assert not isinstance(piece, Restarted)
                heard += [choice["delta"].get("content") or "" for choice in piece["choices"]]
        assert "".join(heard) == "one two three four five"
        assert other.heard()[0]["so_far"] == "one two "


async def test_a_full_server_is_waited_for_and_is_no_failure(servers: Servers) -> None:
    one, _ = servers
    one.script({"status": 429, "headers": {"Retry-After": "0"}}, {"status": 503}, {"text": "At last."})
    async with Pool(pool_of({"m": [one.url]})) as pool:
        exchange = pool.exchange(call())
        completion, _ = await answer(exchange)
        assert completion.text == "At last."
        assert exchange.lost == []
        assert pool.status()["models"][0]["endpoints"][0]["failures"] == 0


async def test_waiting_is_bounded_by_time_and_by_the_length_of_the_queue(servers: Servers) -> None:
    one, _ = servers
    one.script({"status": 429, "always": True})
    async with Pool(pool_of({"m": [one.url]}, queue_seconds=0.6)) as pool:
        with pytest.raises(ModelBusy, match=r"full for 0\.6 s"):
            await answer(pool.exchange(call()))
    one.script({"text": "slow", "wait": 0.5, "always": True})
    settings = pool_of({"m": [one.url]}, queue_length=1)
    settings.models[0].concurrency = 1
    async with Pool(settings) as pool:
        outcomes = await asyncio.gather(*(answer(pool.exchange(call())) for _ in range(4)), return_exceptions=True)
        assert sum(isinstance(each, ModelBusy) for each in outcomes) == 2
        assert sum(isinstance(each, tuple) for each in outcomes) == 2


async def test_an_endpoint_never_gets_more_requests_at_a_time_than_it_should(servers: Servers) -> None:
    one, _ = servers
    one.script({"text": "x", "wait": 0.05, "always": True})
    settings = pool_of({"m": [one.url]})
    settings.models[0].concurrency = 3
    async with Pool(settings) as pool:
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, pool.status()["models"][0]["endpoints"][0]["active"])
                await asyncio.sleep(0.002)

        watching = asyncio.create_task(watch())
        answers = await asyncio.gather(*(answer(pool.exchange(call())) for _ in range(20)))
        watching.cancel()
        assert len(answers) == 20
        assert most == 3


async def test_what_the_server_calls_wrong_is_not_asked_again(servers: Servers) -> None:
    one, _ = servers
    too_long = "This model's maximum context length is 32768 tokens. However, you requested 40000"
    one.script({"status": 400, "message": "top_p must be in (0, 1]"}, {"status": 400, "message": too_long})
    async with Pool(pool_of({"m": [one.url]})) as pool:
        with pytest.raises(RequestRefused, match="top_p must be"):
            await answer(pool.exchange(call()))
        with pytest.raises(ContextExceeded):
            await answer(pool.exchange(call()))
        assert len(one.heard()) == 2


async def test_retries_have_a_bound_and_a_budget(servers: Servers) -> None:
    one, _ = servers
    one.script({"status": 502, "always": True})
    async with Pool(pool_of({"m": [one.url]}, retries=2, breaker_failures=100)) as pool:
        with pytest.raises(ModelLost, match="lost 3 times"):
            await answer(pool.exchange(call()))
        assert len(one.heard()) == 3
    async with Pool(pool_of({"m": [one.url]}, retries=5, retry_share=0.0, breaker_failures=100)) as pool:
        one.script({"status": 502, "always": True})
        for _ in range(5):
            with pytest.raises(ModelLost):
                await answer(pool.exchange(call()))
        assert len(one.heard()) == 5 + 10, "ten retries are free, then the budget is spent"


async def test_an_adapter_that_is_loaded_meanwhile_is_found() -> None:
    server = start_model_server()
    try:
        entry = {"name": "m", "catalogue": "qwen3-8b", "endpoints": [server.url], "adapters": {"later": "./later"}}
        async with Pool(pool_of({}, models=[entry], health_seconds=0.05)) as pool:
            assert pool.candidates()[0].adapters == ()
            httpx.post(f"{server.root}/_script", json={"adapters": ["later"]}).raise_for_status()
            async with asyncio.timeout(10):
                while pool.candidates()[0].adapters != ("later",):
                    await asyncio.sleep(0.02)
            assert pool.route(Needs(adapter="later")).adapter == "later"
    finally:
        server.stop()


NO_ANSWERS = (
    '{"choices": 5}', '{"choices": [5]}', "[]", "null", "x", '{"choices": [{"delta": "x"}]}',
    '{"choices": [{"delta": {"content": 5}}]}', '{"choices": [{"delta": {"tool_calls": [5]}}]}',
    '{"choices": [{"delta": {"content": "a"}, "finish_reason": ["x"]}]}', '{"choices": [{"index": "0"}]}',
)  # fmt: skip


async def test_a_server_that_sends_what_is_no_answer_is_replaced(servers: Servers) -> None:
    one, two = servers
    two.script({"text": "whole", "always": True})
    for line in NO_ANSWERS:
        one.script({"raw": [line, "[DONE]"], "always": True})
        async with Pool(pool_of({"m": [one.url, two.url]})) as pool:
            document = next(n for n in map(str, range(99)) if rendezvous(n, one.url) > rendezvous(n, two.url))
            exchange = pool.exchange(call(affinity=document))
            completion, _ = await answer(exchange)
            assert completion.text == "whole", line
            assert [each.endpoint for each in exchange.lost] == [one.url], line


async def test_a_request_at_which_servers_fail_takes_none_of_them_out(servers: Servers) -> None:
    for each in servers:
        each.script({"status": 500, "on": "poison", "always": True}, {"text": "fine", "always": True})
    async with Pool(pool_of({"m": [each.url for each in servers]}, breaker_failures=1)) as pool:
        for _ in range(4):
            with pytest.raises(ModelFailed, match="failed at this request"):
                await answer(pool.exchange(call("poison")))
        assert {each["state"] for each in pool.status()["models"][0]["endpoints"]} == {"up"}
        assert (await answer(pool.exchange(call())))[0].text == "fine"
        servers[0].script({"status": 500, "always": True})
        for _ in range(4):
            assert (await answer(pool.exchange(call())))[0].text == "fine"
        states = [each["state"] for each in pool.status()["models"][0]["endpoints"]]
        assert states == ["broken", "up"], "where another can answer it is the server that is at fault"


async def test_a_breaker_opens_and_closes_again(servers: Servers) -> None:
    one, two = servers
    one.script({"status": 500, "always": True}, well=True)
    two.script({"text": "two", "always": True})
    async with Pool(pool_of({"m": [one.url, two.url]}, breaker_failures=2, breaker_seconds=0.4)) as pool:
        for _ in range(8):
            await answer(pool.exchange(call()))
        states = {each["url"]: each["state"] for each in pool.status()["models"][0]["endpoints"]}
        assert states[one.url] == "broken"
        assert len(one.heard()) == 2
        one.script({"text": "one", "always": True})
        await asyncio.sleep(0.5)
        texts = [(await answer(pool.exchange(call())))[0].text for _ in range(4)]
        assert "one" in texts
        assert pool.status()["models"][0]["endpoints"][0]["state"] == "up"


async def test_health_is_watched_and_a_drained_endpoint_gets_nothing_new(servers: Servers) -> None:
    one, two = servers
    async with Pool(pool_of({"m": [one.url, two.url]})) as pool:
        one.script(well=False)
        await asyncio.sleep(0.8)
        assert [each["state"] for each in pool.status()["models"][0]["endpoints"]] == ["down", "up"]
        one.script()
        await asyncio.sleep(0.8)
        pool.drain(two.url)
        await asyncio.gather(*(answer(pool.exchange(call())) for _ in range(6)))
        assert (len(one.heard()), len(two.heard())) == (6, 0)
        pool.drain(one.url)
        with pytest.raises(NoModelAvailable, match="has no endpoint that answers"):
            await answer(pool.exchange(call()))
        pool.drain(one.url, draining=False)
        assert (await answer(pool.exchange(call())))[0].text == "Hello there."
        with pytest.raises(UnknownPoolModel):
            pool.drain("http://nowhere/v1")


async def test_a_model_that_is_down_is_passed_over_with_the_reason_and_waited_for_when_alone() -> None:
    server = start_model_server("--model", "big")
    gone = start_model_server("--model", "small")
    catalogue = {"big": "qwen3-32b", "small": "qwen3-8b"}
    try:
        async with Pool(pool_of({"big": [server.url], "small": [gone.url]}, catalogue)) as pool:
            assert pool.route(Needs(low_latency=True)).model == "small"
            gone.stop()
            await asyncio.sleep(1.0)
            moved = pool.route(Needs(low_latency=True))
            assert moved.model == "big"
            assert any("small gave no answer" in reason for reason in moved.reasons)
            server.stop()
            await asyncio.sleep(1.0)
            with pytest.raises(NoModelAvailable):
                await pool.routed(Needs())
    finally:
        server.stop()
        gone.stop()


async def test_a_server_that_comes_back_with_another_model_is_not_asked() -> None:
    server = start_model_server("--model", "m")
    async with Pool(pool_of({"m": [server.url]})) as pool:
        server.stop()
        await asyncio.sleep(0.7)
        other = start_model_server("--model", "x", "--model", "y", "--port", str(server.port))
        try:
            await asyncio.sleep(0.9)
            (endpoint,) = pool.status()["models"][0]["endpoints"]
            assert (endpoint["state"], "it came back with 'x' in place of 'm'" in endpoint["fault"]) == ("down", True)
            other.stop()
            other = start_model_server("--model", "m", "--port", str(server.port))
            await asyncio.sleep(0.9)
            assert (await answer(pool.exchange(call())))[0].text == "Hello there."
        finally:
            other.stop()


async def test_gpu_hours_are_shared_by_the_requests_that_run_together(servers: Servers) -> None:
    one, _ = servers
    one.script({"text": "x", "wait": 0.3, "always": True})
    settings = pool_of({"m": [one.url]})
    settings.models[0].gpu_hour = 3600.0  # one a second
    async with Pool(settings) as pool:
        exchanges = [pool.exchange(call()) for _ in range(6)]
        answers = await asyncio.gather(*(answer(each) for each in exchanges))
        total = sum(completion.usage.cost for completion, _ in answers)
        assert 0.28 < total < 0.6, "six at a time for 0.3 s cost about 0.3 together, not 1.8"


async def test_a_closed_exchange_stops_the_server(servers: Servers) -> None:
    one, _ = servers
    one.script({"text": " ".join("abcdefghij" * 20), "pause": 0.02})
    async with Pool(pool_of({"m": [one.url]})) as pool:
        async with aclosing(pool.exchange(call()).pieces()) as pieces:
            await anext(pieces)
        assert pool.status()["models"][0]["endpoints"][0]["active"] == 0
        await asyncio.sleep(0.6)
        assert pool.status()["models"][0]["endpoints"][0]["running"] == 0


async def test_a_wrong_key_name_or_url_is_told_at_start_with_the_remedy(servers: Servers, tmp_path: Path) -> None:
    one, _ = servers
    locked = start_model_server("--key", "right")
    try:
        settings = pool_of({"m": [locked.url]})
        with pytest.raises(InvalidPool, match=r"'m'.*key is refused: set api_key"):
            async with Pool(settings):
                pass
        key = tmp_path / "key"
        key.write_text("right\n")
        entry = {"name": "m", "catalogue": "qwen3-8b", "endpoints": [locked.url], "api_key": {"file": str(key)}}
        async with Pool(pool_of({}, models=[entry])) as pool:
            assert (await answer(pool.exchange(call())))[0].text == "Hello there."
    finally:
        locked.stop()
    with pytest.raises(InvalidPool, match=r"connection refused.*start it, or correct the URL"):
        async with Pool(pool_of({"m": [locked.url]})):
            pass
    with pytest.raises(InvalidPool, match=r"is it the URL of the server's /v1"):
        async with Pool(pool_of({"m": [one.root]})):
            pass
    entry = {"name": "q", "catalogue": "qwen3-8b", "endpoints": [one.url], "served": "other"}
    with pytest.raises(InvalidPool, match=r"it serves m, not 'other': set served"):
        async with Pool(pool_of({}, models=[entry])):
            pass
    entry = {"name": "m", "catalogue": "qwen3-8b", "endpoints": [one.url], "context": 40_000}
    with pytest.raises(InvalidPool, match=r"context = 40000 is more than the 32768 tokens"):
        async with Pool(pool_of({}, models=[entry])):
            pass
    warned = pool_of({"m": [locked.url]}, on_start="warn")
    async with Pool(warned) as pool:
        assert pool.status()["models"][0]["endpoints"][0]["state"] == "down"


ENTRY = 'name = "a"\ncatalogue = "qwen3-8b"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('name = "a"\ncatalogue = "qwen3-7b"\nendpoints = ["http://h/v1"]', "did you mean"),
        ('name = "a"\ncatalogue = "qwen3-8b"', "has no endpoints"),
        ('name = "auto"\ncatalogue = "qwen3-8b"\nendpoints = ["http://h/v1"]', "not one of: auto"),
        ('name = "a"\ncatalogue = "qwen3-8b"\nendpoints = ["h:80"]', "an endpoint is a URL"),
        ('name = "a"\ncatalogue = "qwen3-8b"\nendpoints = ["http://h/v1"]\ncontext = 9000000', "more than the model's"),
        ('name = "a"\ncatalogue = "qwen3-8b"\nendpoints = ["http://h/v1"]\napi_key = { env = "A", file = "b" }', "env"),
        ('name = "a"\ncatalogue = "qwen3-8b"\nendpoints = ["http://h/v1"]\ngpu_hour = 2\nprice_in = 1', "gpu_hour"),
        (
            'name = "a"\ncatalogue = "qwen3-8b"\nendpoints = ["http://h/v1"]\n[[pool.models]]\n'
            'name = "a"\ncatalogue = "qwen3-4b"\nendpoints = ["http://i/v1"]',
            "two models are named 'a'",
        ),
        (
            'name = "a"\ncatalogue = "llama-3.1-8b"\nendpoints = ["http://h/v1"]\n'
            "[pool.licences]\nopen_source_only = true",
            "is not open source (pool.licences.open_source_only); remove it",
        ),
        (
            'name = "a"\ncatalogue = "llama-3.1-8b"\nendpoints = ["http://h/v1"]\n'
            '[pool.licences]\nforbidden = ["Llama 3.1 Community License"]',
            "its licence, Llama 3.1 Community License, is forbidden by pool.licences.forbidden; remove it",
        ),
        (
            'name = "a"\ncatalogue = "qwen3-8b"\nendpoints = ["http://h/v1"]\n[pool.routing]\nattempts = 0',
            "pool.routing: attempts",
        ),
        (f"{ENTRY}endpoints = ['http://h:99999/v1']", "an endpoint is a URL"),
        (f"{ENTRY}endpoints = ['http://me:hidden@h/v1']", "holds no user and password"),
        (f"{ENTRY}endpoints = ['http://h/v1']\napi_key = 'hidden'", "pool.models.0.api_key"),
        (f"{ENTRY}endpoints = ['http://h/v1']\nadapters = {{ '--x' = 'y' }}", "an adapter's name is of letters"),
        (f"{ENTRY}endpoints = ['http://h/v1']\nadapters = {{ a = 'y' }}", "an adapter of its own name"),
        (f"{ENTRY}endpoints = ['http://h/v1']\n[pool]\nhealth_seconds = inf", "a finite number"),
        (f"{ENTRY}serve = {{ port = 8000, host = '--evil' }}", "serve.host"),
        (f"{ENTRY}serve = {{ port = 8000, gpus = 1, devices = [-1] }}", "serve.devices.0 = -1"),
    ],
)
def test_a_bad_pool_file_is_refused_with_the_entry_and_the_remedy(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "consilia.toml"
    path.write_text("[[pool.models]]\n" + text)
    with pytest.raises(InvalidSettings, match=r"^(?!.*hidden)(?!.*Value error)") as caught:
        load(path)
    assert told in caught.value.message


@pytest.mark.parametrize("held", ["", "one\ntwo", "schlüssel", "a\rX-Evil: 1"])
def test_a_key_file_that_holds_no_key_is_refused_by_its_name(tmp_path: Path, held: str) -> None:
    path = tmp_path / "key"
    path.write_text(held, newline="")
    with pytest.raises(ValueError, match=f"the key file {path}"):
        ApiKeySource(file=path).read()
