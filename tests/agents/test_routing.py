"""Routing: the default policy by example, and its invariants by property."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.catalogue import catalogue
from agents.escalation import EscalationExhausted
from agents.policy import InvalidPolicy, Policy, read_policy
from agents.routing import EMBEDDED, Candidate, Needs, NoCapableModel, NoModelAvailable, Route, route
from agents.signals import Failure, Signals, measure, token_bound
from agents.structure import structure_of

FULL = ("llama-3.1-8b", "llama-3.3-70b", "qwen3-8b", "qwen3-32b", "deepseek-r1")


def said(decided: Route) -> str:
    return " ".join(decided.reasons)


@pytest.mark.parametrize(
    ("needs", "model", "thinking"),
    [
        (Needs(reasoning=True), "deepseek-r1", True),
        (Needs(reasoning=True, languages=("en", "zh")), "deepseek-r1", True),
        (Needs(reasoning=True, languages=("de",)), "qwen3-32b", True),
        (Needs(extraction=True), "qwen3-32b", False),
        (Needs(languages=("ja",)), "qwen3-32b", False),
        (Needs(tools=True), "qwen3-32b", False),
        (Needs(tools=True, reasoning=True), "qwen3-32b", True),
        (Needs(low_latency=True), "llama-3.1-8b", False),
        (Needs(), "llama-3.3-70b", False),
        (Needs(extraction=True, low_latency=True, languages=("zh",)), "qwen3-8b", False),
    ],
)
def test_each_kind_of_question_goes_to_the_family_that_is_best_at_it(needs: Needs, model: str, thinking: bool) -> None:
    decided = route(needs, FULL)
    assert (decided.model, decided.thinking) == (model, thinking)
    assert (decided.budget is not None) == thinking
    assert decided.reasons


def test_with_no_model_the_embedded_engine_answers() -> None:
    assert route(Needs(reasoning=True), ()).engine == EMBEDDED


def test_an_absent_favourite_is_named_and_the_next_best_answers() -> None:
    decided = route(Needs(reasoning=True), ("llama-3.1-8b", "qwen3-8b"))
    assert decided.model == "qwen3-8b"
    assert "deepseek-r1 would come first; no such model is at hand" in said(decided)


def test_a_small_model_gives_way_to_one_that_is_big_enough() -> None:
    decided = route(Needs(reasoning=True), ("qwen3-0.6b", "deepseek-r1-distill-llama-70b"))
    assert decided.model == "deepseek-r1-distill-llama-70b"
    assert route(Needs(reasoning=True), ("qwen3-0.6b",)).model == "qwen3-0.6b"


def test_a_language_that_the_question_turns_out_to_be_in_counts() -> None:
    text = "这份合同的违约责任条款对供应商有什么风险？"
    decided = route(Needs(), ("llama-3.3-70b", "qwen3-8b"), measure(text))
    assert decided.model == "qwen3-8b"
    assert "LLaMA 3.3 70B Instruct is not made for zh" in said(decided)


def test_a_few_words_tell_no_language() -> None:
    assert measure("Who pays?").languages == ()
    assert measure("Who pays the costs of the delivery?").languages == ("en",)
    assert measure("谁付钱？").languages == ("zh",)


STRUCTURES = [
    ("prose", "The tenant shall pay the rent, the charges and the deposit on the first day, in full.\n" * 5),
    ("prose", "1. Term\nThis agreement runs for a year.\n2. Fees\nThe customer pays EUR 5, EUR 6 and EUR 7 a month."),
    ("prose", "Who pays; and why?"),
    ("code", "Why does this fail?\n```\ndef f(x):\n    return x +\n\nf(1)\nf(2)\n```\nIt says nothing."),
    ("code", "function add(a, b) {\n  return a + b;\n}\nconst three = add(1, 2);\nconsole.log(three);"),
    ("table", "| fund | cost |\n| --- | --- |\n| A | 1.2 |\n| B | 0.4 |"),
    ("table", "fund,cost,risk,year\nA,1.2,3,2020\nB,0.4,2,2021\nC,0.7,5,2022"),
    ("records", '{\n "fund": "A",\n "cost": 1.2,\n "years": [1, 2]\n}'),
    ("records", '{"id": "s1", "text": "Chest pain."}\n{"id": "s2", "text": "No fever."}\n{"id": "s3", "text": "x"}'),
    ("formulas", "$$\\int_0^1 x^2 dx$$\nProve that \\frac{1}{3} is its value.\nUse x^3 / 3."),
]


@pytest.mark.parametrize(("kind", "text"), STRUCTURES)
def test_the_structure_of_a_text_is_measured(kind: str, text: str) -> None:
    assert measure(text).structure.kind == kind


def test_what_is_no_prose_goes_to_qwen_and_the_reason_says_so() -> None:
    pool = ("llama-3.3-70b", "qwen3-32b")
    assert route(Needs(), pool, measure(STRUCTURES[0][1])).model == "llama-3.3-70b"
    decided = route(Needs(), pool, measure(STRUCTURES[6][1]))
    assert decided.model == "qwen3-32b"
    assert "is about tables rather than prose" in said(decided)
    assert route(Needs(low_latency=True), pool, measure(STRUCTURES[6][1])).model == "llama-3.3-70b", (
        "a need comes first"
    )


@given(st.text())
def test_any_text_has_a_structure(text: str) -> None:
    found = structure_of(text)
    assert 0 <= found.share <= 1
    assert found.sections >= 0


def test_a_full_model_is_passed_over_until_an_answer_came_and_waited_for_where_all_are_full() -> None:
    pool = ("deepseek-r1", "qwen3-8b")
    full = Failure("deepseek-r1", "full")
    moved = route(Needs(reasoning=True), pool, Signals(failures=(full,)))
    assert (moved.model, moved.step) == ("qwen3-8b", "first")
    assert "deepseek-r1 is full, so it is passed over." in moved.reasons
    both = (full, Failure("qwen3-8b", "full"))
    assert route(Needs(reasoning=True), pool, Signals(failures=both)).model == "deepseek-r1"
    twice = (full, Failure("qwen3-8b", "invalid", True), Failure("qwen3-8b", "invalid", True))
    assert route(Needs(reasoning=True), pool, Signals(failures=twice)).model == "deepseek-r1", "an escalation waits"


def test_sampling_follows_the_mode_and_the_makers() -> None:
    thinks, plain = route(Needs(reasoning=True), ("qwen3-8b",)), route(Needs(extraction=True), ("qwen3-8b",))
    assert thinks.sampling == {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0.0}
    assert plain.sampling == {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.0}


def test_a_document_longer_than_a_context_rules_the_model_out() -> None:
    decided = route(Needs(long_context=100_000), ("llama-3.1-8b", "qwen3-32b"))
    assert decided.model == "llama-3.1-8b"
    assert "its context of 40,960 tokens is less than the 102,048" in said(decided)
    with pytest.raises(NoCapableModel, match="less than the 202,048") as error:
        route(Needs(long_context=200_000), ("llama-3.1-8b", "qwen3-32b"))
    assert set(error.value.details["left_out"]) == {"llama-3.1-8b", "qwen3-32b"}  # type: ignore[call-overload]


def test_what_the_servers_take_counts_before_what_the_model_could() -> None:
    short = Candidate("llama", catalogue().find("llama-3.1-8b"), context=8192)
    with pytest.raises(NoCapableModel, match=r"its context of 8,192 tokens"):
        route(Needs(), (short,), Signals(tokens=8000))


def test_thinking_shrinks_to_the_room_that_is_left() -> None:
    decided = route(Needs(reasoning=True), ("qwen3-8b",), Signals(tokens=36_000))
    assert decided.budget == 40_960 - 36_000 - 2048
    crowded = route(Needs(reasoning=True), ("qwen3-8b",), Signals(tokens=38_500))
    assert not crowded.thinking
    assert "no room left to think" in said(crowded)


def test_tools_need_a_parser() -> None:
    with pytest.raises(NoCapableModel, match="no tool-call parser for DeepSeek-R1"):
        route(Needs(tools=True), ("deepseek-r1",))
    assert route(Needs(tools=True), ("deepseek-r1", "deepseek-r1-0528")).model == "deepseek-r1-0528"


def test_the_adapter_that_a_workflow_names_decides() -> None:
    tuned = Candidate("small", catalogue().find("qwen3-4b"), adapters=("contracts",))
    plain = Candidate("large", catalogue().find("qwen3-32b"))
    decided = route(Needs(extraction=True, adapter="contracts"), (plain, tuned))
    assert (decided.model, decided.adapter) == ("small", "contracts")
    without = route(Needs(extraction=True, adapter="contracts"), (plain,))
    assert (without.model, without.adapter) == ("large", None)
    assert "large has no adapter contracts, so it answers without." in said(without)


def test_an_invalid_answer_is_repaired_then_thought_over_then_given_to_the_stronger_model() -> None:
    pool, needs = ("qwen3-8b", "deepseek-r1"), Needs(extraction=True)
    steps: list[tuple[str, str, bool]] = []
    failures: tuple[Failure, ...] = ()
    while len(failures) < 5:
        decided = route(needs, pool, Signals(failures=failures))
        steps.append((decided.step, decided.model, decided.thinking))
        failures += (Failure(decided.model, "invalid", decided.thinking),)
    assert steps == [
        ("first", "qwen3-8b", False),
        ("repair", "qwen3-8b", False),
        ("think", "qwen3-8b", True),
        ("stronger", "deepseek-r1", True),
        ("repair", "deepseek-r1", True),
    ]
    with pytest.raises(EscalationExhausted, match="no attempt is left after 5"):
        route(needs, pool, Signals(failures=failures))


def test_a_doubtful_answer_goes_to_the_stronger_model_at_once() -> None:
    doubt = Signals(failures=(Failure("qwen3-8b", "doubtful"),))
    assert route(Needs(extraction=True), ("qwen3-8b", "deepseek-r1"), doubt).model == "deepseek-r1"
    alone = route(Needs(extraction=True), ("qwen3-8b",), doubt)
    assert (alone.step, alone.thinking) == ("think", True)


def test_a_model_without_servers_is_passed_over() -> None:
    down = Signals(failures=(Failure("deepseek-r1", "unavailable"),))
    decided = route(Needs(reasoning=True), ("deepseek-r1", "qwen3-8b"), down)
    assert (decided.model, decided.step) == ("qwen3-8b", "first")
    assert "deepseek-r1 gave no answer, so it is passed over." in decided.reasons
    with pytest.raises(NoModelAvailable):
        route(Needs(reasoning=True), ("deepseek-r1",), down)


def test_a_policy_from_the_configuration_wins() -> None:
    policy = read_policy({"prefer": {"reasoning": ["qwen3-32b", "deepseek-r1"]}, "thinking_tokens": 500}, "x.toml")
    decided = route(Needs(reasoning=True), FULL, policy=policy)
    assert (decided.model, decided.budget) == ("qwen3-32b", 500)
    assert policy.prefer["extraction"][0] == "qwen3"  # type: ignore[index]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"attempts": 0}, "attempts"),
        ({"prefer": {"reasonning": ["qwen3"]}}, "reasonning"),
        ({"tries": 1}, "tries"),
    ],
)
def test_a_wrong_policy_is_named_by_its_field(table: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidPolicy, match=rf"consilia.toml: \[routing\]: .*{told}"):
        read_policy(table, "consilia.toml: [routing]")


@pytest.mark.parametrize("text", ["", "Who pays?", "违约责任", "naïve – “quotes” 🙂", "x" * 999])
def test_no_text_has_more_tokens_than_its_bytes_and_one(text: str) -> None:
    assert token_bound(text) == len(text.encode()) + 1


NAMES = [model.name for model in catalogue().models]
LANGUAGES = st.lists(st.sampled_from(["en", "zh", "de", "ja", "pt-BR", "haw", "und"]), max_size=3).map(tuple)
NEEDS = st.builds(
    Needs,
    reasoning=st.booleans(),
    languages=LANGUAGES,
    tools=st.booleans(),
    extraction=st.booleans(),
    low_latency=st.booleans(),
    long_context=st.sampled_from([0, 3000, 30_000, 120_000, 250_000, 2_000_000]),
    adapter=st.sampled_from([None, "contracts"]),
)
POOLS = st.lists(
    st.builds(
        lambda name, context, adapters: Candidate(name, catalogue().find(name), context, adapters),
        st.sampled_from(NAMES),
        st.sampled_from([None, 4096, 16_384, 500_000]),
        st.sampled_from([(), ("contracts",)]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda each: each.name,
)
FAILURES = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["invalid", "doubtful", "unavailable", "full"]), st.booleans()),
    max_size=7,
)
POLICIES = st.builds(Policy, attempts=st.integers(1, 8), escalations=st.integers(0, 3))


def decide(needs: Needs, pool: list[Candidate], signals: Signals, policy: Policy) -> Route | None:
    try:
        return route(needs, pool, signals, policy)
    except (NoCapableModel, NoModelAvailable, EscalationExhausted):
        return None


def signals_of(pool: list[Candidate], failures: list[tuple[int, str, bool]]) -> Signals:
    named = (Failure(pool[i % len(pool)].name, kind, thinking) for i, kind, thinking in failures)  # type: ignore[arg-type]
    return Signals(tokens=10, failures=tuple(named))


@settings(max_examples=200, deadline=None)
@given(NEEDS, POOLS, FAILURES, POLICIES, st.randoms(use_true_random=False))
def test_routing_is_total_sound_and_deterministic(
    needs: Needs, pool: list[Candidate], failures: list[tuple[int, str, bool]], policy: Policy, chance: random.Random
) -> None:
    signals = signals_of(pool, failures)
    decided = decide(needs, pool, signals, policy)
    shuffled = chance.sample(pool, len(pool))
    assert decide(needs, shuffled, signals, policy) == decided
    if decided is not None:
        chosen = next(each for each in pool if each.name == decided.model)
        assert decided.thinking <= (chosen.model.thinking != "never")
        assert decided.thinking or chosen.model.thinking != "always"
        assert all(reason.endswith(".") for reason in decided.reasons)
        assert not needs.tools or chosen.model.tool_parser
        used = max(needs.long_context, signals.tokens) + (decided.budget or 0) + policy.answer_tokens
        assert needs.long_context == 0 or used <= chosen.room


@settings(max_examples=200, deadline=None)
@given(NEEDS, POOLS, FAILURES, POLICIES, st.sampled_from(NAMES))
def test_one_more_model_never_makes_a_question_unroutable(
    needs: Needs, pool: list[Candidate], failures: list[tuple[int, str, bool]], policy: Policy, name: str
) -> None:
    signals = signals_of(pool, failures)
    if decide(needs, pool, signals, policy) is not None:
        added = replace(pool[0], name="added", model=catalogue().find(name), context=None)
        assert decide(needs, [*pool, added], signals, policy) is not None
