"""Every figure of an answer is found in what a tool returned or the client said; what is not, is caught."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.financial_advisor.numbers_written import written
from workflows.financial_advisor.tracing import Ground, ground, sentences, trace, untraceable, without

RESULTS = {
    "t1": {
        "total": 1_234_567.89,
        "measures": {"volatility": 0.0842, "annualised_return": -0.0317, "observations": 2987, "start": "2014-01-02"},
        "growth": [{"day": "2015-05-05", "value": 1.4567}],
        "orders": [{"units": 8300.0, "amount": 70_320.92}, {"units": 12.0, "amount": 3.5}],
        "description": "guaranteed 12 % a year",
    }
}
KNOWN = ground(RESULTS, ["I can leave 50,000 EUR for fifteen years", {"loss_capacity": 0.2}], ["China 300 Index"])


@pytest.mark.parametrize(
    "text",
    [
        "It is worth 1,234,568.", "about 1.23 million", "价值123.5万元", "1\u202f234\u202f567.89",
        "1,234,567.9 CNY",
        "volatility 8.4%", "波动率8.42％", "８.４%", "842 basis points", "842个基点", "a loss of 3.2 percent",
        "百分之八点四", "−3.17%", "from 2014-01-02",
        "2014年1月2日", "since 2014", "2,987 values", "70,321元", "8,300.00份",
        "China 300 Index", "class C3 and R4", "[t17]", "1. first\n2. second", "50,000 EUR", "50 thousand", "5万欧元",
        "fifteen years", "15 years", "a fifth: 20%", "两成", "20 per cent", "1.2百万",
    ],
)  # fmt: skip
def test_a_figure_is_found_however_it_is_written(text: str):
    assert untraceable(text, KNOWN) == []


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("It is worth 1,234,600.", "1,234,600"), ("about 1.3 million", "1.3 million"), ("价值124万元", "124万"),
        ("volatility 8.5%", "8.5%"), ("百分之九", "百分之九"), ("+3.2%", "+3.2%"), ("guaranteed 12 % a year", "12 %"),
        ("from 2015-05-05", "2015-05-05"), ("in 2031", "2031"), ("1.4567", "1.4567"), ("45.7%", "45.7%"),
        ("twelve percent", "twelve percent"), ("thirty million", "thirty million"), ("三成", "三成"), ("翻倍", "翻倍"),
        ("it will double", "double"),
        ("三百万元", "三百万"), ("٩٩٪ of 99", "٩٩"), ("x12%", "12%"), ("0.5 bn", "0.5 bn"),
    ],
)  # fmt: skip
def test_a_figure_that_nobody_gave_is_caught(text: str, figure: str):
    assert figure in [each.text for each in untraceable(text, KNOWN)]


@given(st.floats(1e-4, 1e9), st.integers(0, 4), st.sampled_from(["{}", "{}%", "{}万元", "{} million", "{} bp"]))
def test_a_known_number_is_found_at_every_rounding(value: float, decimals: int, form: str):
    factor = {"{}": 1.0, "{}%": 100.0, "{}万元": 1e-4, "{} million": 1e-6, "{} bp": 1e4}[form]
    text = form.format(f"{value * factor:,.{decimals}f}")
    assert untraceable(text, ground({"t1": {"x": value}})) == []


def test_of_changed_figures_nearly_all_are_caught():
    draw = random.Random(7)  # noqa: S311
    known = ground({f"t{i}": {"a": draw.uniform(0, 0.4), "b": draw.uniform(1e4, 1e6)} for i in range(20)})
    caught = sum(
        bool(untraceable(f"{draw.uniform(0, 40):.2f}% of {draw.uniform(1e4, 1e6):,.0f}", known)) for _ in range(2000)
    )
    assert caught / 2000 > 0.99


@given(st.text(max_size=300))
def test_any_text_is_read_and_its_spans_lie_inside_it_in_order(text: str):
    figures = trace(text, KNOWN)
    assert all(0 <= each.start < each.end <= len(text) and text[each.start : each.end] == each.text for each in figures)
    assert [each.start for each in figures] == sorted(each.start for each in figures)
    spans = sentences(text)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))


def test_only_the_sentences_with_wrong_figures_go():
    text = "The volatility is 8.4%. It earned 99% last year. 波动率8.4%。收益率88%。The end."
    assert without(text, untraceable(text, KNOWN)) == "The volatility is 8.4%. 波动率8.4%。The end."


def test_the_source_of_a_figure_is_the_call_and_the_place_in_its_result():
    [figure] = trace("8.4%", KNOWN)
    assert figure.source is not None
    assert (figure.source.call, figure.source.path) == ("t1", "measures.volatility")
    [said] = trace("50,000", KNOWN)
    assert said.source is not None
    assert said.source.call == "client"


def test_with_nothing_known_every_number_is_caught():
    assert [each.text for each in untraceable("5 of 7, 8%, 九成", Ground((), {}))] == ["5", "7", "8%", "九成"]
    assert len(written("no number here, C3 and R5")) == 0


PORTFOLIO = ground(
    {
        "t1": {
            "measures": {"volatility": 0.0842, "annualised_return": 0.0511, "maximum_drawdown": {"depth": 0.2031}},
            "shares": [{"weight": 0.254, "risk": 0.391}],
            "weighted_ongoing_fee": 0.0071,
        }
    },
    ["I could bear a loss of 15%"],
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Its volatility is 8.4%.", True),
        ("Its volatility is 5.1%.", False),
        ("It returned 5.1% a year with a volatility of 8.4%.", True),
        ("It returned 25.4% a year.", False),
        ("The deepest fall was 20.3%; the fund is 25.4% of the money.", True),
        ("The fees are 8.4% a year.", False),
        ("年化波动率8.4%，最大回撤20.3%，占资金25.4%，贡献了39.1%的风险。", True),
        ("年化波动率20.3%。", False),
        ("费率为每年0.71%，收益率5.11%。", True),
        ("You could bear a loss of 15%.", True),
    ],
)
def test_a_percentage_must_be_what_it_is_said_to_be(text: str, holds: bool):
    assert (untraceable(text, PORTFOLIO, as_said=True) == []) == holds
    assert untraceable(text, PORTFOLIO) == []
