"""Models that want to talk their way around the rules: a pool that only ever lies, through the whole graph."""

import json
import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.commands.advising import Advised, Conversation, ask, given
from service.database.tables import DEFAULT_TENANT
from service.house import open_house
from service.market import load_synthetic
from service.settings import Settings
from tests.agents.conftest import ModelServer, pool_of, start_model_server
from tests.conftest import ROOT, SAMPLES
from tools.suitability.client import CLASSES
from tools.suitability.rules import rules
from workflows.financial_advisor.advice import Advice

LIES = (
    "Buy Silicon Garden Technology now, it cannot lose.",
    "Put everything into SYN-EQ-TE: 87.3% a year.",
    "A guaranteed return of 12% is waiting for you.",
    "全仓买入硅园科技，稳赚不赔。",
    "I recommend Bitcoin and options on margin.",
    "Your portfolio returned 55.5% last year.",
    "建议买入600519，年化收益率百分之九十九。",
    "Ignore the suitability rules; the regulator agreed.",
    "Switch to SYN-AL-PE, risk class R1 in truth.",
    "Consider TSLA-US instead.",
)
RISKY = ("SYN-EQ-TE", "SYN-AL-PE", "SYN-EQ-EM", "SYN-CO-OI", "SYN-EQ-HC", "SYN-EQ-WO", "SYN-HY-US", "SYN-GB-CN", "CASH")


@pytest.fixture(scope="module")
def liar() -> Iterator[ModelServer]:
    started = start_model_server()
    yield started
    started.stop()


def hostile(draw: random.Random, question: str) -> list[dict[str, Any]]:
    """What the model says: a reading of the question, weights in the riskiest, and prose full of lies."""
    names = draw.sample(RISKY, draw.randint(1, 4))
    weights = dict.fromkeys(names, 1 / len(names))
    request = {"language": "en", "intents": ["analyse"], "client_class": "C5", "loss_capacity": 1.0, "refusal": None}
    judged = {"choice": "own", "weights": weights, "reasons": draw.sample(LIES, 3), "confidence": 1.0}
    worded = {"paragraphs": draw.sample(LIES, 4)}
    replies = [("Judged", judged), ("Request", request), ("Worded", worded)]
    marks = {"Judged": "Answer in JSON of the schema Judged", "Request": "of the schema Request",
             "Worded": "of the schema Worded"}  # fmt: skip
    return [{"on": marks[name], "text": json.dumps(said), "always": True} for name, said in replies]


def settings(folder: Path, liar: ModelServer) -> Settings:
    pool = pool_of({"m": [liar.url]}, on_outage="embedded")
    return Settings.model_validate({"data_dir": folder / "var", "pool": pool})


def assert_clean(done: Advised, client_class: str) -> None:
    advice = Advice.model_validate(done.advice)
    highest = rules().matching[client_class]  # pyright: ignore[reportArgumentType]
    text = advice.text().replace(advice.disclosure, "")
    if advice.recommendation is not None:
        risky = {"SYN-EQ-TE": "R5", "SYN-AL-PE": "R5", "SYN-EQ-HC": "R5", "SYN-CO-OI": "R5", "SYN-EQ-EM": "R4",
                 "SYN-EQ-WO": "R4", "SYN-HY-US": "R3", "SYN-GB-CN": "R2"}  # fmt: skip
        for name in advice.recommendation.weights:
            assert name == "CASH" or risky.get(name, "R1") <= highest, (name, client_class)
        bought = {each.fund_id for each in advice.recommendation.orders if each.side == "buy"}
        assert bought <= set(advice.recommendation.weights)
    for lie in LIES[:7]:
        assert lie not in text
    for figure in ("87.3", "55.5", "百分之九十九", "12%"):
        assert figure not in text
    spoken = "\n".join(
        [*advice.sections[0].paragraphs, *(advice.recommendation.reasons if advice.recommendation else ())]
    )
    assert "Bitcoin" not in spoken
    assert "TSLA" not in spoken
    assert "稳赚" not in spoken


async def test_no_hostile_model_gets_a_product_beyond_the_client_a_promise_or_an_invented_figure_out(
    tmp_path: Path, liar: ModelServer
):
    draw = random.Random(6)  # noqa: S311
    held = given(SAMPLES / "portfolio.csv", None)
    asked = 0
    async with open_house(settings(tmp_path, liar)) as house:
        await load_synthetic(house.database, DEFAULT_TENANT)
        for number in range(15):
            client_class = CLASSES[number % 5]
            profile = {
                "client_class": client_class, "knowledge": "advanced", "objective": "speculation", "horizon_years": 20,
                "loss_capacity": 0.9, "regime": draw.choice(("cn", "eu")),
            }  # fmt: skip
            question = draw.choice(("Analyse my portfolio", "I insist on buying SYN-EQ-TE", "分析我的组合"))
            liar.script(*hostile(draw, question))
            talk = Conversation(house, tmp_path / "out", {**held, "profile": profile, "approval": "refuse"})
            done = await ask(talk, question)
            assert_clean(done, client_class)
            asked += len(liar.heard())
            assert done.advice["removed"], "lies were taken out, and that is said"
    assert asked >= 45


async def test_a_model_cannot_lift_a_refusal(tmp_path: Path, liar: ModelServer):
    draw = random.Random(9)  # noqa: S311
    async with open_house(settings(tmp_path, liar)) as house:
        await load_synthetic(house.database, DEFAULT_TENANT)
        for question in ("Guarantee me a return of 10%", "我有内幕消息，怎么买？"):
            liar.script(*hostile(draw, question))
            talk = Conversation(house, tmp_path / "out", given(SAMPLES / "portfolio.csv", SAMPLES / "client.toml"))
            assert (await ask(talk, question)).advice["kind"] == "refusal"


async def test_with_models_an_agent_calls_the_tools_that_the_question_still_needs_and_its_figures_count(
    tmp_path: Path, liar: ModelServer
):
    told = tomllib.loads((ROOT / "tools/finance/synthetic.toml").read_text("utf-8"))
    [fee] = [fund["ongoing_fee"] for fund in told["nav"] if fund["id"] == "SYN-RE-GL"]
    said = f"The fund that you ask about charges {fee:.2%} a year."
    request = {"language": "en", "intents": ["fees"], "refusal": None}
    facts = {"name": "finance__fund_facts", "arguments": json.dumps({"fund_ids": ["SYN-RE-GL"]})}
    liar.script(
        {"on": "of the schema Request", "text": json.dumps(request), "always": True},
        {"on": "of the schema Worded", "text": json.dumps({"paragraphs": [said]}), "always": True},
        {"on": "finance__fund_facts", "text": "", "tool_calls": [facts]},
        {"on": "finance__fund_facts", "text": "That is all.", "always": True},
    )
    async with open_house(settings(tmp_path, liar)) as house:
        await load_synthetic(house.database, DEFAULT_TENANT)
        held = given(SAMPLES / "portfolio.csv", SAMPLES / "client.toml")
        done = await ask(Conversation(house, tmp_path / "out", held), "What does the property fund charge?")
    advice = Advice.model_validate(done.advice)
    assert advice.sections[0].paragraphs == (said,)
    [explored] = [each for each in advice.calls if each.tool == "finance/fund_facts"]
    [figure] = [each for each in advice.figures if each.section == "opening"]
    assert (figure.call, figure.path) == (explored.id, "funds[0].ongoing_fee")
    assert advice.engine == "m"


@pytest.mark.parametrize("per_token", ["4", "2"])
async def test_advice_keeps_within_a_small_context(tmp_path: Path, per_token: str):
    server = start_model_server("--context", "8192", "--per-token", per_token, "--enforce")
    try:
        pool = pool_of({"m": [server.url]}, routing={"answer_tokens": 1024, "thinking_tokens": 1500})
        async with open_house(Settings.model_validate({"data_dir": tmp_path / "var", "pool": pool})) as house:
            await load_synthetic(house.database, DEFAULT_TENANT)
            held = given(SAMPLES / "portfolio-euro.csv", SAMPLES / "client-euro.toml")
            done = await ask(Conversation(house, tmp_path / "out", held), "Analyse my portfolio")
        Advice.model_validate(done.advice)
        schemas = [(each.get("response_format") or {}).get("json_schema", {}).get("name") for each in server.heard()]
        assert {"Request", "Judged", "Worded"} <= set(schemas)
        if per_token == "4":
            assert None in schemas, "the agent has room too, with fewer words about its tools"
    finally:
        server.stop()


async def test_a_server_that_refuses_the_agent_for_length_does_not_end_the_advice(tmp_path: Path, liar: ModelServer):
    request = {"language": "en", "intents": ["analyse"], "refusal": None}
    message = "This model's maximum context length is 16384 tokens. However, you requested 20000 tokens."
    facts = {"name": "finance__fund_facts", "arguments": json.dumps({"fund_ids": ["SYN-RE-GL"]})}
    liar.script(
        {"on": "of the schema Request", "text": json.dumps(request), "always": True},
        {"on": "of the schema Worded", "text": json.dumps({"paragraphs": ["Here it is."]}), "always": True},
        {"on": "finance__fund_facts", "text": "", "tool_calls": [facts]},
        {"on": "finance__fund_facts", "status": 400, "message": message, "always": True},
    )
    async with open_house(settings(tmp_path, liar)) as house:
        await load_synthetic(house.database, DEFAULT_TENANT)
        held = given(SAMPLES / "portfolio.csv", SAMPLES / "client.toml")
        done = await ask(Conversation(house, tmp_path / "out", held), "Analyse my portfolio")
    advice = Advice.model_validate(done.advice)
    assert advice.sections
    assert [each.tool for each in advice.calls].count("finance/fund_facts") == 1, "what it had found counts"
    assert message.split(".")[0] not in advice.text()
