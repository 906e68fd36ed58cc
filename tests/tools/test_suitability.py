"""Suitability: the class follows from what is known, and nothing beyond it leaves the gate."""

import math
import random
import re

import pytest

from tools.errors import InvalidInput
from tools.suitability.client import CLASSES, KNOWLEDGE, OBJECTIVES, Client
from tools.suitability.gate import CASH, Gated, Product, gate
from tools.suitability.questionnaire import Classified, classify, questionnaire
from tools.suitability.rules import RISKS, rules

CATEGORIES = tuple(rules().knowledge)
BEST = {each.key: each.options[-1].key for each in questionnaire().questions}
WORST = {each.key: each.options[0].key for each in questionnaire().questions}


def client(**changes: object) -> Client:
    known = {
        "client_class": "C5", "knowledge": "advanced", "objective": "growth", "horizon_years": 20, "loss_capacity": 0.9,
    }  # fmt: skip
    return Client.model_validate({**known, **changes})


def product(fund_id: str, risk: str = "R3", category: str = "balanced", **changes: object) -> Product:
    return Product.model_validate({"fund_id": fund_id, "risk_class": risk, "category": category, **changes})


def rules_broken(gated: Gated) -> set[str]:
    return {each.rule for each in gated.breaches}


def test_the_questionnaire_yields_the_class_with_its_score():
    best, worst = classify(Client(answers={**BEST, "objective": "growth"})), classify(Client(answers=WORST))
    assert (best.client_class, worst.client_class) == ("C5", "C1")
    assert best.score is not None
    assert 95 < best.score < 100
    assert (worst.score, worst.lowest) == (0, True)
    assert not best.missing
    assert "of 100 points" in best.reasons["en"][0]
    assert "满分100" in best.reasons["zh"][0]


def test_better_answers_never_lower_the_score_and_every_class_can_be_reached():
    seen: set[str] = set()
    draw = random.Random(4)  # noqa: S311
    for _ in range(3000):
        answers = {each.key: draw.choice(each.options).key for each in questionnaire().questions}
        before = classify(Client(answers=answers))
        assert before.client_class is not None
        seen.add(before.client_class)
        asked = draw.choice(questionnaire().questions)
        after = classify(Client(answers={**answers, asked.key: asked.options[-1].key}))
        assert after.score is not None
        assert before.score is not None
        assert after.score >= before.score
    assert seen == set(CLASSES)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"loss_capacity": 0.0}, "C1"),
        ({"loss_capacity": 0.05}, "C2"),
        ({"loss_capacity": 0.15}, "C3"),
        ({"horizon_years": 0.5}, "C2"),
        ({"horizon_years": 2}, "C3"),
        ({"knowledge": "none"}, "C2"),
        ({"client_class": "C4"}, "C4"),
        ({"client_class": "C5", "answers": WORST}, "C1"),
    ],
)
def test_what_is_known_caps_the_class(facts: dict[str, object], expected: str):
    assert classify(client(**facts)).client_class == expected


def test_an_answer_that_does_not_exist_is_named():
    with pytest.raises(InvalidInput, match="no question 'shoe_size'"):
        classify(Client(answers={"shoe_size": "44"}))
    with pytest.raises(InvalidInput, match="income: 'lottery'"):
        classify(Client(answers={"income": "lottery"}))


def test_without_facts_nothing_is_recommended():
    gated = gate({"A": 1.0}, [product("A", "R1", "money_market")], classify(Client(client_class="C5")))
    assert (gated.outcome, gated.weights) == ("blocked", {})
    assert "horizon_years" in gated.breaches[0].limit


@pytest.mark.parametrize("client_class", CLASSES)
@pytest.mark.parametrize("risk", RISKS)
def test_the_matching_table_holds(client_class: str, risk: str):
    gated = gate({"A": 0.05}, [product("A", risk, "money_market")], classify(client(client_class=client_class)))
    assert ("A" in gated.weights) == (risk[1] <= client_class[1])
    if risk[1] > client_class[1]:
        [breach] = gated.breaches
        assert breach.rule == "product_class"
        assert "130" in breach.source.en
        assert "第二十二条" in breach.source.zh


@pytest.mark.parametrize(
    ("rule", "weights", "products", "facts", "kept"),
    [
        ("unknown_product", {"X": 0.5}, [], {}, 0.0),
        ("invalid_weight", {"A": math.nan}, [product("A")], {}, 0.0),
        ("invalid_weight", {"A": -0.5}, [product("A")], {}, 0.0),
        ("leverage", {"A": 0.9, "CASH": 0.6}, [product("A", "R1", "money_market")], {}, 0.6),
        ("objective", {"A": 0.2}, [product("A", "R4", "equity_developed")], {"objective": "preservation"}, 0.0),
        ("knowledge", {"A": 0.1}, [product("A", "R4", "alternative")], {"knowledge": "basic"}, 0.0),
        ("horizon", {"A": 0.2}, [product("A", "R4", "equity_developed")], {"horizon_years": 4}, 0.0),
        ("single_fund", {"A": 0.5}, [product("A", "R4", "equity_developed")], {}, 0.25),
        ("category", {"A": 0.2, "B": 0.2}, [product("A", "R3", "gold"), product("B", "R3", "gold")], {}, 0.15),
        ("illiquid", {"A": 0.4}, [product("A", "R3", "balanced", dealing="quarterly")], {"client_class": "C3"}, 0.10),
        ("liquidity_need", {"A": 0.4}, [product("A", "R3")], {"liquidity_need": 75_000}, 0.25),
        ("loss_capacity", {"A": 0.4}, [product("A", "R3", severe_loss=0.5)], {"loss_capacity": 0.16}, 0.32),
    ],
)
def test_each_rule_takes_away_what_it_forbids_and_no_more(
    rule: str, weights: dict[str, float], products: list[Product], facts: dict[str, object], kept: float
):
    gated = gate(weights, products, classify(client(**facts)), total=100_000)
    assert rule in rules_broken(gated)
    assert gated.outcome == "changed"
    assert 1 - gated.weights[CASH] == pytest.approx(kept)
    assert sum(gated.weights.values()) == pytest.approx(1)
    assert all(each.title.en and each.title.zh and each.source.en and each.source.zh for each in gated.breaches)


def test_a_client_of_the_lowest_class_gets_r1_only_even_on_request():
    asked = gate({"A": 0.2}, [product("A", "R2")], classify(client(lowest=True, client_class="C1")), insisted=["A"])
    assert rules_broken(asked) == {"lowest_class"}
    assert asked.on_request == []


def test_a_product_that_a_client_insists_on_is_never_recommended_but_may_be_put_before_a_person():
    known = [product("A", "R4", "equity_developed")]
    asked = gate({"A": 0.2}, known, classify(client(client_class="C3")), insisted=["A", "NOWHERE"])
    assert "A" not in asked.weights
    assert asked.on_request == ["A"]
    european = gate({"A": 0.2}, known, classify(client(client_class="C3", regime="eu")), insisted=["A"])
    assert european.on_request == []
    assert "2014/65/EU" in european.breaches[0].source.en


def random_case(draw: random.Random) -> tuple[Client, list[Product], dict[str, float], float]:
    """A client, products and an adversarial answer: unknown ids, shares out of range, all in the riskiest."""
    known = Client(
        regime=draw.choice(("cn", "eu")),
        client_class=draw.choice((*CLASSES, None)),
        lowest=draw.random() < 0.1,
        knowledge=draw.choice((*KNOWLEDGE, None)) if draw.random() < 0.3 else draw.choice(KNOWLEDGE),
        objective=draw.choice(OBJECTIVES),
        horizon_years=draw.choice((0, 0.5, 2, 4, 10, 30)),
        loss_capacity=draw.choice((0.0, 0.03, 0.1, 0.25, 0.6, 1.0)),
        liquidity_need=draw.choice((0, 0, 1e4, 1e6)),
        answers={each.key: draw.choice(each.options).key for each in questionnaire().questions}
        if draw.random() < 0.5
        else {},
    )
    products = [
        Product(
            fund_id=f"F{number}",
            risk_class=draw.choice(RISKS),
            category=draw.choice((*CATEGORIES, "unheard_of")),
            dealing=draw.choice(("daily", "daily", "weekly", "monthly", "quarterly")),
            settlement_days=draw.choice((1, 2, 5, 30)),
            severe_loss=draw.choice((None, 0.05, 0.5, 1.0)),
        )
        for number in range(draw.randint(1, 12))
    ]
    names = [*(each.fund_id for each in products), "CASH", "f0", " F1", "GUARANTEED-12", "CASH ", "R1"]
    strange = (math.nan, math.inf, -math.inf, -1.0, 0.0, 1e308, 5.0, 1.0)
    weights = {
        draw.choice(names): draw.choice(strange) if draw.random() < 0.2 else draw.random()
        for _ in range(draw.randint(0, 14))
    }
    if draw.random() < 0.3:
        weights = {max(products, key=lambda each: each.risk_class).fund_id: 1.0}
    return known, products, weights, draw.choice((1e3, 1e5, 1e7))


def assert_suits(gated: Gated, classified: Classified, products: list[Product], total: float) -> None:
    """Nothing beyond the client in what left the gate; written apart from the gate's own code."""
    law, known = rules(), {each.fund_id: each for each in products}
    if classified.client_class is None or classified.missing:
        assert gated.weights == {}
        return
    assert math.fsum(gated.weights.values()) == pytest.approx(1)
    held = {name: weight for name, weight in gated.weights.items() if name != CASH}
    who, highest = classified.client, law.matching[classified.client_class]
    assert set(held) <= set(known)
    assert all(0 <= weight <= 1 + 1e-9 for weight in gated.weights.values())
    for name, weight in held.items():
        one = known[name]
        assert one.risk_class <= highest
        assert not classified.lowest or one.risk_class == "R1"
        assert who.objective is not None
        assert one.risk_class <= law.objective[who.objective]
        assert weight <= law.single_fund[one.risk_class] + 1e-6
        assert who.horizon_years is not None
        assert who.horizon_years >= law.horizon.get(one.category, 5)
        assert who.knowledge is not None
        assert KNOWLEDGE.index(who.knowledge) >= KNOWLEDGE.index(law.knowledge.get(one.category, "advanced"))
    for category, limit in law.category.items():
        assert sum(weight for name, weight in held.items() if known[name].category == category) <= limit + 1e-6
    slow = sum(
        weight
        for name, weight in held.items()
        if known[name].dealing in ("monthly", "quarterly") or known[name].settlement_days > 10
    )
    assert slow <= law.illiquid.share(classified.client_class) + 1e-6
    locked = sum(w for n, w in held.items() if known[n].risk_class > "R2" or known[n].dealing != "daily")
    assert who.liquidity_need == 0 or locked * total <= max(0.0, total - who.liquidity_need) + 1e-3
    worst = sum(w * max(law.severe_loss[known[n].risk_class], known[n].severe_loss or 0) for n, w in held.items())
    assert who.loss_capacity is not None
    assert worst <= who.loss_capacity + 1e-6
    assert all(name in known and known[name].risk_class > highest for name in gated.on_request)
    assert not (gated.on_request and (classified.lowest or who.regime == "eu"))


def test_over_ten_thousand_random_cases_nothing_beyond_the_client_leaves_the_gate_and_what_left_it_passes_again():
    draw = random.Random(20261124)  # noqa: S311
    changed = 0
    for _ in range(10_000):
        known, products, weights, total = random_case(draw)
        classified = classify(known)
        insisted = [each.fund_id for each in products] if draw.random() < 0.3 else []
        gated = gate(weights, products, classified, total=total, insisted=insisted)
        assert_suits(gated, classified, products, total)
        again = gate(gated.weights, products, classified, total=total)
        assert again.outcome in ("passed", "blocked")
        assert again.weights == pytest.approx(gated.weights)
        changed += gated.outcome == "changed"
    assert changed > 5000


def cited(text: str) -> set[str]:
    """The articles that a source names, as rules.toml lists them under [checked]."""
    found: set[str] = set()
    for law, key in (("Order No. 130", "Order 130"), ("2014/65/EU", "2014/65/EU"), ("(EU) 2017/565", "2017/565")):
        for part in re.findall(re.escape(law) + r"(?: \(2016, rev. 2022\))?, arts?\. ([^;:\"]+)", text):
            article = ""
            for number, paragraph in re.findall(r"(\d+)?((?:\(\d+\))?)", part):
                article = number or article
                if key == "Order 130" and number:
                    found.add(f"{key}, {number}")
                elif key != "Order 130" and paragraph:
                    found.add(f"{key}, {article}{paragraph}")
    found |= {"ESMA35-43-3172"} if "ESMA35-43-3172" in text else set()
    return found | ({"AMAC 2017-4"} if "2017〕4号" in text else set())


def test_no_rule_cites_an_article_of_which_it_is_not_said_how_it_was_checked():
    law = rules()
    named = {each for text in law.texts.values() for source in (text.cn, text.eu) for each in cited(source.en)}
    assert named == set(law.checked)
    assert sum(how == "text" for how in law.checked.values()) >= 5
