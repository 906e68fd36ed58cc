"""Asking: each way an answer can be unfit is met on purpose; thinking, doubt, outages, long documents, the record."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agents import prompting
from agents.ask import Counsel
from agents.completion import split_thinking
from agents.demand import Needs
from agents.escalation import EscalationExhausted
from agents.faults import ModelBusy
from agents.pool import Pool
from agents.question import Question
from agents.routing import NoCapableModel, NoModelAvailable
from agents.splitting import split
from tests.agents.conftest import Ledger, ModelServer, pool_of, start_model_server
from tools.record import Place

HERE = Place("judge", "task-1")
Servers = tuple[ModelServer, ModelServer]


class Verdict(BaseModel):
    reason: str
    confidence: float


def embedded(facts: Mapping[str, Any]) -> Verdict:
    return Verdict(reason="by rule", confidence=1)


def question(needs: Needs | None = None, **fields: Any) -> Question[Verdict]:
    return Question(
        "test.judge", Verdict, "Judge {what}; {unknown} stays.", needs or Needs(extraction=True), embedded, **fields
    )


def verdict(reason: str = "because", confidence: float = 0.9) -> str:
    return json.dumps({"reason": reason, "confidence": confidence})


MODELS = {"small": "qwen3-8b", "strong": "deepseek-r1"}


async def ask(
    servers: Servers,
    ledger: Ledger,
    asked: Question[Verdict],
    material: str = "The tenant shall pay the rent on the first day of every month.",
    **settings: Any,
) -> Any:
    one, two = servers
    async with Pool(pool_of({"small": [one.url], "strong": [two.url]}, MODELS, **settings)) as pool:
        counsel = Counsel(pool, ledger, salt="s" * 32, priority=3)
        return await counsel.ask(HERE, asked, material, {"what": "the rent"})


async def test_the_material_comes_first_and_every_question_on_it_begins_with_the_same_bytes(
    servers: Servers, ledger: Ledger
) -> None:
    one, _ = servers
    one.script({"text": verdict(), "always": True})
    await ask(servers, ledger, question())
    await ask(servers, ledger, Question("test.other", Verdict, "Another thing.", Needs(extraction=True), embedded))
    first, second = one.heard()
    assert first["messages"][0] == second["messages"][0]
    shared = prompting.fenced("The tenant shall pay the rent on the first day of every month.")
    assert first["messages"][1]["content"].startswith(shared)
    assert second["messages"][1]["content"].startswith(shared)
    assert "Judge the rent; {unknown} stays." in first["messages"][1]["content"]
    assert first["response_format"]["json_schema"]["name"] == "Verdict"
    assert first["cache_salt"] == "s" * 32
    assert "priority" not in first, "this server was not started with priority scheduling"


@given(st.text(min_size=1), st.text())
def test_no_material_can_close_its_own_fence(material: str, question_text: str) -> None:
    fenced = prompting.fenced(material)
    mark = prompting.digest(material)[:12]
    assert fenced.count(f'</material id="{mark}">') == 1


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"text": ""}, "empty"),
    ({"text": '{"reason": "it is', "finish": "length"}, "truncated"),
    ({"text": "I think that it is a risk."}, "malformed"),
    ({"text": '{"reason": 4}'}, "malformed"),
    ({"text": verdict(), "finish": "content_filter"}, "wrong_finish"),
    ({"text": verdict(), "finish": "abort"}, "wrong_finish"),
    (
        {
            "text": verdict(
                "这项条款对承租人不利，因为租金必须在每月第一天支付，而没有任何宽限期，并且违约金过高，应当修改。" * 3
            )
        },
        "wrong_language",
    ),
    ({"text": verdict("forbidden")}, "failed_check"),
]


@pytest.mark.parametrize(("reply", "kind"), UNFIT)
async def test_an_unfit_answer_is_told_what_is_wrong_and_repaired(
    servers: Servers, ledger: Ledger, reply: dict[str, Any], kind: str
) -> None:
    one, _ = servers
    one.script(reply, {"text": verdict("fine")})
    asked = question(
        check=lambda answer, facts: ["the word is forbidden"] if answer.reason == "forbidden" else [],
        language=lambda facts: "en",
    )
    answered = await ask(servers, ledger, asked)
    assert (answered.value.reason, answered.said_by) == ("fine", "small")
    (call,) = ledger.calls
    assert [each["fault"] for each in call.attempts] == [kind, None]
    assert [each["step"] for each in call.attempts] == ["first", "repair"]
    first, again = one.heard()
    assert again["messages"][: len(first["messages"])] == first["messages"], "the shared prefix stays"
    assert "cannot be used" in again["messages"][-1]["content"]
    if kind == "truncated":
        assert again["max_tokens"] == 2 * first["max_tokens"]


async def test_repair_then_thinking_then_the_stronger_model_and_every_step_is_on_record(
    servers: Servers, ledger: Ledger
) -> None:
    one, two = servers
    one.script({"text": "no", "always": True})
    two.script({"text": verdict("strong"), "thinking": "I weigh it", "prompt_tokens": 100})
    answered = await ask(servers, ledger, question())
    (call,) = ledger.calls
    assert [(each["step"], each["model"], each["thinking"]) for each in call.attempts] == [
        ("first", "small", False),
        ("repair", "small", False),
        ("think", "small", True),
        ("stronger", "strong", True),
    ]
    assert answered.said_by == "strong"
    assert call.usage.tokens_in == 3 * 12 + 100
    assert call.reasoning is None, "thinking is not stored unless configured"
    assert any("stronger" in reason for reason in call.reasons)


async def test_nothing_holds_and_the_question_fails_with_its_record(servers: Servers, ledger: Ledger) -> None:
    for each in servers:
        each.script({"text": "no", "always": True})
    with pytest.raises(EscalationExhausted):
        await ask(servers, ledger, question())
    (call,) = ledger.calls
    assert call.answer is None
    assert call.error is not None
    assert call.error["code"] == "escalation_exhausted"
    assert len(call.attempts) <= 6


async def test_what_passes_of_a_failed_answer_is_kept_where_the_question_says_how(
    servers: Servers, ledger: Ledger
) -> None:
    for each in servers:
        each.script({"text": verdict("bad word"), "always": True})
    asked = question(
        check=lambda answer, facts: ["bad"] if "bad" in answer.reason else [],
        salvage=lambda answer, facts: Verdict(reason=answer.reason.replace("bad ", ""), confidence=0),
    )
    answered = await ask(servers, ledger, asked)
    assert answered.value.reason == "word"
    assert any("only what passes is kept" in reason for reason in ledger.calls[0].reasons)


async def test_a_doubtful_answer_goes_to_the_stronger_model_and_stands_where_there_is_none(
    servers: Servers, ledger: Ledger
) -> None:
    one, two = servers
    one.script({"text": verdict("unsure", 0.2), "always": True})
    two.script({"text": verdict("sure", 0.9)})
    asked = question(confidence=lambda answer: answer.confidence)
    assert (await ask(servers, ledger, asked)).value.reason == "sure"
    two.script({"text": verdict("unsure too", 0.3), "always": True})
    answered = await ask(servers, ledger, asked)
    assert answered.value.reason.startswith("unsure")
    assert any("doubtful one stands" in reason for reason in answered.route.reasons)


async def test_two_cheap_samples_that_disagree_ask_the_stronger_model(servers: Servers, ledger: Ledger) -> None:
    one, two = servers
    two.script({"text": verdict("strong"), "always": True})
    asked = question(samples=2, same=lambda a, b: a.reason == b.reason)
    one.script({"text": verdict("yes")}, {"text": verdict("no")})
    assert (await ask(servers, ledger, asked)).said_by == "strong"
    assert ledger.calls[0].attempts[1]["doubt"] == "two samples disagree"
    one.script({"text": verdict("yes"), "always": True})
    assert (await ask(servers, ledger, asked)).said_by == "small"
    assert len(one.heard()) == 2


async def test_a_thinking_budget_is_the_servers_or_closed_in_two_passes(servers: Servers, ledger: Ledger) -> None:
    one, _ = servers
    needs = Needs(reasoning=True)
    only_small = {"models": [{"name": "small", "catalogue": "qwen3-8b", "endpoints": [one.url]}]}
    one.script({"text": verdict("bounded"), "thinking": "a b c"})
    answered = await ask(servers, ledger, question(needs), **{**only_small, "routing": {"thinking_tokens": 1500}})
    request = one.heard()[0]
    assert (request["thinking_token_budget"], request["max_tokens"]) == (1500, 2048 + 1500)
    assert answered.value.reason == "bounded"
    refusal = "thinking_token_budget is set but reasoning_config is not; use --reasoning-parser"
    one.script(
        {"status": 400, "message": refusal, "on": "thinking_token_budget"},
        {"text": "", "thinking": "on and on", "finish": "length", "on": 'enable_thinking": true'},
        {"text": verdict("after"), "on": "continue_final_message"},
    )
    answered = await ask(servers, ledger, question(needs), **only_small)
    assert answered.value.reason == "after"
    assert ledger.calls[-1].attempts[0]["passes"] == 2
    last = one.heard()[-1]
    assert last["messages"][-1]["content"].startswith("<think>\non and on")
    assert last["messages"][-1]["content"].endswith("</think>\n\n")
    assert (last["continue_final_message"], last["add_generation_prompt"]) == (True, False)


async def test_thinking_is_kept_apart_and_stored_only_where_configured(servers: Servers, ledger: Ledger) -> None:
    _, two = servers
    needs = Needs(reasoning=True)
    two.script({"text": verdict(), "thinking": "secret thoughts", "always": True})
    await ask(servers, ledger, question(needs))
    await ask(servers, ledger, question(needs), keep_thinking=True)
    two.script({"text": f"hidden in the text</think>\n\n{verdict()}", "always": True})
    await ask(servers, ledger, question(needs), keep_thinking=True)
    assert [call.reasoning for call in ledger.calls] == [None, "secret thoughts", "hidden in the text"]


async def test_deepseek_r1_gets_no_system_prompt_its_temperature_and_no_switch(
    servers: Servers, ledger: Ledger
) -> None:
    _, two = servers
    two.script({"text": verdict()})
    await ask(servers, ledger, question(Needs(reasoning=True)))
    (request,) = two.heard()
    assert [each["role"] for each in request["messages"]] == ["user"]
    assert request["messages"][0]["content"].startswith(prompting.SYSTEM)
    assert (request["temperature"], request["top_p"]) == (0.6, 0.95)
    assert "chat_template_kwargs" not in request


async def test_an_outage_fails_the_question_or_is_answered_degraded_as_configured(ledger: Ledger) -> None:
    gone = start_model_server()
    settings = pool_of({"m": [gone.url]}, {"m": "qwen3-8b"})
    async with Pool(settings) as pool:
        gone.stop()
        with pytest.raises(NoModelAvailable):
            await Counsel(pool, ledger).ask(HERE, question(), "text", {"what": "it"})
        answered = await Counsel(pool, ledger, on_outage="embedded").ask(HERE, question(), "text", {"what": "it"})
    assert (answered.value.reason, answered.degraded, answered.said_by) == ("by rule", True, "embedded")
    assert [call.degraded for call in ledger.calls] == [False, False, True]
    assert "the run is degraded" in ledger.calls[2].reasons[0]


async def test_a_model_that_is_lost_while_asked_hands_its_question_to_the_next(
    servers: Servers, ledger: Ledger
) -> None:
    one, two = servers
    one.script({"status": 500, "always": True})
    two.script({"text": verdict("from the other")})
    answered = await ask(servers, ledger, question(), retries=1)
    assert answered.said_by == "strong"
    assert any("small gave no answer" in reason for reason in answered.route.reasons)


def long_contract(clauses: int) -> str:
    return "\n".join(
        f"{n}. The tenant shall pay the sum of {n} euros for the matter numbered {n}." for n in range(clauses)
    )


async def test_a_document_longer_than_every_context_is_split_and_merged_or_refused_with_the_numbers(
    ledger: Ledger,
) -> None:
    server = start_model_server("--context", "8192")
    try:
        text = long_contract(900)
        async with Pool(pool_of({"m": [server.url]})) as pool:
            counsel = Counsel(pool, ledger)
            with pytest.raises(NoCapableModel, match=r"context of 8,192 tokens is less than the \d+,\d+"):
                await counsel.ask(HERE, question(), text, {"what": "it"})
            server.script(*({"text": verdict(f"part {n}")} for n in range(32)))
            asked = question(merge=lambda parts: Verdict(reason=" + ".join(p.reason for p in parts), confidence=1))
            answered = await counsel.ask(HERE, asked, text, {"what": "it"})
        parts = len(server.heard())
        assert answered.value.reason == " + ".join(f"part {n}" for n in range(parts))
        assert parts >= 3
        assert any("longer than every context: part 1 of" in reason for reason in ledger.calls[1].reasons)
    finally:
        server.stop()


async def test_the_answer_gets_no_more_room_than_the_context_leaves(ledger: Ledger) -> None:
    server = start_model_server("--context", "8192")
    try:
        server.script({"text": verdict(), "always": True})
        text = long_contract(200)  # about 3,200 tokens by this server's count, four times that by the bound
        async with Pool(pool_of({"m": [server.url]})) as pool:
            counsel = Counsel(pool, ledger)
            for _ in range(2):
                await counsel.ask(HERE, question(answer_tokens=6_000), text, {"what": "it"})
        asked, again = server.heard()
        prompt = sum(len(each["content"]) for each in asked["messages"]) // 4
        assert 4_000 < asked["max_tokens"] <= 8_192 - prompt
        assert again["max_tokens"] == asked["max_tokens"]
    finally:
        server.stop()


async def test_a_runs_priority_reaches_a_server_that_schedules_by_it(servers: Servers, ledger: Ledger) -> None:
    one, _ = servers
    one.script({"text": verdict()})
    entry = {"name": "m", "catalogue": "qwen3-8b", "endpoints": [one.url], "priority_scheduling": True}
    async with Pool(pool_of({}, models=[entry])) as pool:
        await Counsel(pool, ledger, priority=3).ask(HERE, question(), "text", {"what": "it"})
    assert one.heard()[0]["priority"] == 3


@given(
    st.lists(st.text(alphabet="ab .\n第条1文", min_size=1, max_size=60), min_size=1, max_size=40).map("\n".join),
    st.integers(16, 200),
    st.data(),
)
def test_parts_hold_every_character_in_order_and_none_is_too_long(text: str, longest: int, data: Any) -> None:
    overlap = data.draw(st.integers(0, longest // 2 - 1))
    parts = split(text, longest, overlap)
    assert all(len(part.encode()) <= longest for part in parts)
    end = 0
    for part in parts:
        start = next(at for at in range(end, -1, -1) if text.startswith(part, at) and at + len(part) >= end)
        end = max(end, start + len(part))
    assert end == len(text)


@pytest.mark.parametrize(
    ("text", "opened", "thinking", "answer"),
    [
        ("<think>\nhm\n</think>\n\nYes", False, "hm", "Yes"),
        ("hm\n</think>\n\nYes", True, "hm", "Yes"),
        ("Yes", False, "", "Yes"),
        ("Yes", True, "", "Yes"),
        ("<think>never closed", False, "never closed", ""),
        ("see </think> in a text", False, "", "see </think> in a text"),
    ],
)
def test_thinking_in_the_text_is_split_off_by_the_models_rules(
    text: str, opened: bool, thinking: str, answer: str
) -> None:
    assert split_thinking(text, opened) == (thinking, answer)


async def test_a_question_that_waits_too_long_for_a_full_model_goes_to_the_next_where_the_policy_allows(
    servers: Servers, ledger: Ledger
) -> None:
    one, two = servers
    one.script({"status": 429, "headers": {"Retry-After": "5"}, "always": True})
    two.script({"text": verdict("from the other"), "always": True})
    soon = {"overflow_seconds": 0.05}
    answered = await ask(servers, ledger, question(), routing=soon)
    assert answered.said_by == "strong"
    assert "small is full, so it is passed over." in answered.route.reasons
    with pytest.raises(ModelBusy, match=r"full for 0\.4 s"):
        await ask(servers, ledger, question(), routing={"overflow_seconds": float("inf")}, queue_seconds=0.4)
    async with Pool(
        pool_of({"small": [one.url], "strong": [two.url]}, MODELS, routing=soon, queue_seconds=0.4)
    ) as pool:
        chat = Counsel(pool, ledger).chat_model()
        said = await chat.ainvoke("How are you today, and what should I do?")
        assert said.response_metadata["model_name"] == "strong"
        with pytest.raises(ModelBusy):
            await Counsel(pool, ledger).chat_model("small").ainvoke("A named model is waited for.")
