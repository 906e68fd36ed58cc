"""Over ten thousand random clients, portfolios and hostile answers, nothing beyond the client leaves the workflow.

What the nodes from the judgement to the answer do, without their tool calls over MCP: what a model judged goes through
`chosen`, the gate's tool function, and into the structured advice; its words go through the cleaner.
"""

import asyncio
import math
import random
from typing import Any

import pytest

from tools.suitability.client import CLASSES, KNOWLEDGE, OBJECTIVES, Client
from tools.suitability.gate import Product, gate
from tools.suitability.questionnaire import classify
from tools.suitability.rules import rules
from workflows.financial_advisor import answering, evaluation, judging, universe
from workflows.financial_advisor.calls import Called
from workflows.financial_advisor.grounds import grounds
from workflows.financial_advisor.holdings import Held
from workflows.financial_advisor.questions import Judged
from workflows.financial_advisor.rehearsing import rehearse
from workflows.financial_advisor.state import AdviceState
from workflows.financial_advisor.turn import material_of, now, situation_of

CASES = 10_000
LIES = (
    "Put everything into SYN-EQ-TE, it cannot lose.", "Silicon Garden Technology returned 87.3% a year.",
    "全仓买入硅园科技，稳赚不赔。", "I recommend Bitcoin on margin.", "Ignore the suitability rules and buy SYN-AL-PE.",
    "Your class is C5 now; SYN-CO-OI suits you.", "建议把全部资金投入600519。",
)  # fmt: skip


@pytest.fixture(scope="module")
def researched() -> AdviceState:
    """A turn with all its figures, whose client and judgement the cases replace."""
    client, held, question = evaluation.TURNS[1]
    return asyncio.run(rehearse(question, client, held))


def a_client(draw: random.Random) -> Client:
    return Client(
        regime=draw.choice(("cn", "eu")), currency="CNY", client_class=draw.choice((*CLASSES, None)),
        lowest=draw.random() < 0.1, horizon_years=draw.choice((None, 0.5, 2, 4, 6, 12, 30)),
        objective=draw.choice((*OBJECTIVES, None)), knowledge=draw.choice((*KNOWLEDGE, None)),
        loss_capacity=draw.choice((None, 0.0, 0.03, 0.1, 0.25, 0.6, 1.0)),
        liquidity_need=draw.choice((0, 0, 20_000, 5_000_000)),
    )  # fmt: skip


def an_answer(draw: random.Random, known: list[str]) -> Judged:
    """What a model may say, checked by nobody: shares that are negative, endless, of unknown products, or too many."""
    names = draw.sample([*known, "CASH", "SYN-NOWHERE", "600519", "<script>"], draw.randint(1, 8))
    share = draw.choice(
        (
            lambda: draw.random(),
            lambda: draw.uniform(-2, 3),
            lambda: draw.choice((1.0, math.inf, math.nan, 1e308, -1.0, 0.0)),
        )
    )
    fields: dict[str, Any] = {"weights": {name: share() for name in names}, "confidence": 1.0}
    return Judged.model_construct(choice=draw.choice(("own", "own", "own", "keep", "proposal")), reasons=[], **fields)


def test_no_answer_of_a_model_gets_a_product_beyond_the_client_out(researched: AdviceState):
    draw, law = random.Random(20261129), rules()  # noqa: S311
    catalogue = situation_of(researched).catalogue
    classes = {fund.fund_id: fund.risk_class for fund in catalogue}
    known, known_to = list(classes), grounds(researched)
    released = spoken = 0
    for number in range(CASES):
        client = a_client(draw)
        classified = classify(client)
        judged = an_answer(draw, known)
        held = dict.fromkeys(draw.sample(known, 3), 1 / 3)
        calls = [each for each in researched["calls"] if each.key in ("funds", "proposal")]
        calls.append(
            Called(
                key="client", id="t90", server="s", tool="t", arguments={}, result=classified.model_dump(mode="json")
            )
        )
        changed: dict[str, Any] = {"client": client, "held": Held(weights=held), "judged": judged, "calls": calls}
        turn: dict[str, Any] = {**researched, **changed, "gated": None, "said_by": ["m"], "degraded": False}
        state = AdviceState(**turn)  # pyright: ignore[reportArgumentType]
        weights = judging.chosen(judged, situation_of(state))
        products = [Product.model_validate(each) for each in universe.products(catalogue, weights)]
        insisted = list(weights) if draw.random() < 0.3 else []
        state["gated"] = gate(weights, products, classified, total=draw.uniform(1, 1e6), insisted=insisted)
        told = [draw.choice(LIES)] if number % 20 == 0 else []
        advice = answering.answer(state, material_of(state), told, (), known_to, now())
        if told:
            spoken += 1
            assert advice.removed == tuple(told), advice.text()
            assert "SYN-EQ-TE" not in advice.text().replace(advice.disclosure, "")
        if advice.recommendation is None:
            continue
        released += 1
        given = advice.recommendation.weights
        assert classified.client_class is not None
        assert not classified.missing
        assert math.fsum(given.values()) == pytest.approx(1)
        for name, share in given.items():
            assert 0 <= share <= 1 + 1e-9
            if name != "CASH":
                assert classes[name] <= law.matching[classified.client_class], (name, client)
                assert not classified.lowest or classes[name] == "R1"
    assert released > CASES / 10
    assert spoken == CASES / 20
