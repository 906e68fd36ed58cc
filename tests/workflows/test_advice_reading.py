"""Requests, holdings and a model's prose, read by rule."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.finance.market import Fund
from workflows.financial_advisor import prose
from workflows.financial_advisor.holdings import InvalidHoldings, InvalidProfile, from_csv, profile, profile_from_toml
from workflows.financial_advisor.request import language_of, read


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Analyse my portfolio", {"intents": ["analyse"], "language": "en"}),
        ("那如果风险减半呢？", {"intents": ["less_risk"], "risk_scale": 0.5, "language": "zh"}),
        ("and with 30% less risk?", {"risk_scale": 0.7}),
        ("每月存5000元，20年后能有多少？", {"monthly_saving": 5000, "years": 20}),
        ("Save 500 EUR a month for 20 years, then spend 2,000 a month",
         {"monthly_saving": 500, "monthly_spending": 2000, "years": 20, "currency": "EUR"}),
        ("Convert 1.5 million USD to CNY", {"amount": 1.5e6, "currency": "USD", "target_currency": "CNY"}),
        ("把10万美元换成人民币", {"amount": 1e5, "currency": "USD", "target_currency": "CNY"}),
        ("我想用100万元达到目标300万", {"target": 3e6}),
        ("10 years, growth, basic knowledge, I can bear a loss of 20%",
         {"horizon_years": 10, "objective": "growth", "knowledge": "basic", "loss_capacity": 0.2}),
        ("I am C3", {"client_class": "C3"}),
        ("I insist on buying SYN-EQ-TE", {"insists": True, "funds": ["SYN-EQ-TE"]}),
        ("What was it worth on 2024-03-05?", {"as_of": "2024-03-05"}),
    ],
)  # fmt: skip
def test_a_question_is_read(question: str, expected: dict[str, Any]):
    found = read(question).model_dump()
    assert {key: found[key] for key in expected} == expected


@given(st.text(max_size=400))
def test_any_question_is_read_without_an_error(text: str):
    assert read(text).language == language_of(text)


def test_holdings_are_read_as_people_write_them():
    held = from_csv("﻿# mine\n基金代码;份额;币种\nSYN-EQ-WO;1,200.5;\nCASH;3000;cny\n\n")
    assert [(each.fund_id, each.units) for each in held.funds] == [("SYN-EQ-WO", 1200.5)]
    assert [(each.currency, each.amount) for each in held.cash] == [("CNY", 3000)]
    assert from_csv("fund,weight\nA,60%\nB,0.4\n").weights == {"A": 0.6, "B": 0.4}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "first line"), ("a,b\n1,2", "fund_id"), ("fund_id,units\nA,NaN", "line 2: units is 'NaN'"),
        ("fund_id,units\nA,1e999", "not a number"), ("fund_id,units\nA,ten", "'ten'"), ("fund_id,units\n,3", "missing"),
        ("fund_id,units\nA,1\nA,2", "line 3: 'A' is named twice"), ("fund_id,units\nCASH,5", "currency"),
        ("fund_id,units,weight\nA,1,\nB,,0.5", "one kind for all"),
        ("fund_id,units\n" + "\n".join(f"F{i},1" for i in range(1001)), "at most 1000"),
    ],
)  # fmt: skip
def test_holdings_that_cannot_be_read_name_the_line(text: str, said: str):
    with pytest.raises(InvalidHoldings) as fault:
        from_csv(text)
    assert said in fault.value.message


@given(st.text(max_size=300))
def test_any_text_is_holdings_or_a_clear_error(text: str):
    try:
        from_csv(text)
    except InvalidHoldings as error:
        assert error.message  # noqa: PT017, either way is right


def test_a_profile_that_cannot_be_read_names_the_field():
    with pytest.raises(InvalidProfile, match="horizon_years"):
        profile({"horizon_years": -1})
    with pytest.raises(InvalidProfile, match="not TOML"):
        profile_from_toml("a = ")


def fund(fund_id: str, name: str, risk: str) -> Fund:
    return Fund.model_validate(
        {"fund_id": fund_id, "name_en": name, "name_zh": name, "currency": "CNY", "category": "balanced",
         "risk_class": risk, "ongoing_fee": 0.01, "source": "test"}
    )  # fmt: skip


FUNDS = [fund("GOOD-1", "Meadow Bond", "R2"), fund("WILD-1", "Rocket Equity (synthetic)", "R5")]


@pytest.mark.parametrize(
    ("sentence", "stays"),
    [
        ("I recommend Meadow Bond.", True),
        ("The Meadow Bond fund is calm.", True),
        ("Rocket Equity is not for you.", True),
        ("Sell Rocket Equity.", True),
        ("Rocket Equity is wonderful.", False),
        ("Buy WILD-1 now.", False),
        ("Not everyone should buy Rocket Equity, but you should.", False),
        ("This return is guaranteed.", False),
        ("稳赚不赔。", False),
        ("Consider Bitcoin.", False),
        ("建议买入600519。", False),
        ("Buy shares of Acme.", False),
        ("Buy Meadow Bond and the Golden Dragon Fund.", False),
        ("I recommend Meadow Bond together with Acme World Equity.", False),
        ("Put half into GOOD-1 and half into Tesla.", False),
        ("Consider Meadow Bond, and also the “Sure Winner” plan.", False),
        ("Do not wait, buy Meadow Bond and Golden Dragon ETF.", False),
        ("Purchase GOOD-1 plus iShares Core S&P 500.", False),
        ("建议持有草地国债和金龙成长基金。", False),
        ("买入草地国债，同时申购华夏精选ETF。", False),
        ("建议配置草地国债与“稳盈宝”。", False),
        ("推荐草地国债以及沪深龙头混合A。", False),
        ("Keep 60% in Meadow Bond (GOOD-1) and the rest in cash.", True),
        ("Since January your portfolio in China and Europe rose; I suggest keeping it.", True),
        ("I cannot recommend Golden Dragon Fund, which is not known here.", True),
        ("The suitability rules of CSRC suggest a lower share of equity funds.", True),
        ("建议增加债券基金，降低股票基金的比例。", True),
        ("建议组合以草地国债为主，占60%，其余为现金。", True),
        ("不建议购买金龙成长基金。", True),
        ("Use leverage to double it.", False),
        ("The markets were calm.", True),
    ],
)
def test_a_model_s_prose_keeps_only_what_may_be_said(sentence: str, stays: bool):
    text = f"It is sunny. {sentence} The end."
    taken = prose.faults(text, FUNDS, {"GOOD-1"})
    assert (sentence in prose.without(text, taken)) == stays
    assert prose.without(text, taken).startswith("It is sunny.")
