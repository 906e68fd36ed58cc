"""Made-up figures in what a model writes are caught, of every kind; true ones stay. On the synthetic market."""
# ruff: noqa: E501 (sentences as models write them)

import asyncio
from collections.abc import Iterator

import pytest

from tools.finance.results import Allocation, FeeDrag, FundsMeasured, PortfolioMeasured, Projection, Stress, Valuation
from tools.suitability.gate import Gated
from workflows.financial_advisor import evaluation
from workflows.financial_advisor.calls import result
from workflows.financial_advisor.figure_sentences import Names
from workflows.financial_advisor.grounds import grounds
from workflows.financial_advisor.rehearsing import TODAY, rehearse
from workflows.financial_advisor.state import AdviceState
from workflows.financial_advisor.tracing import trace, untraceable


@pytest.fixture(scope="module")
def turns() -> list[AdviceState]:
    return [asyncio.run(rehearse(question, client, held)) for client, held, question in evaluation.TURNS]


def test_of_made_up_figures_95_in_100_are_caught_whatever_their_kind_and_no_true_one_goes(turns: list[AdviceState]):
    scores = evaluation.score(turns, seed=1, fictions=5)
    assert scores.lost == []
    assert len(scores.kinds) > 25
    for kind, each in scores.kinds.items():
        if "0 decimals" not in kind:  # so few whole per cents are there that some are true of something by chance
            assert each.recall >= 0.95, (kind, each)
            assert each.swaps_caught >= 0.9 * each.swapped, (kind, each)
    whole = [each for kind, each in scores.kinds.items() if "0 decimals" in kind]
    assert sum(each.caught for each in whole) >= 0.97 * sum(each.made_up for each in whole)


def per_cent(value: float, decimals: int = 1) -> str:
    return f"{100 * value:.{decimals}f}%"


def retold(s: AdviceState) -> Iterator[str]:
    """An answer as a model might word it: several figures a sentence, pronouns, comparisons."""
    calls, p, names = s["calls"], per_cent, Names(s)
    cur, pro = result(calls, "current", PortfolioMeasured), result(calls, "proposed", PortfolioMeasured)
    st, ps = result(calls, "stress", Stress), result(calls, "proposed_stress", Stress)
    val, gt = result(calls, "valuation", Valuation), result(calls, "gate", Gated)
    prj, al = result(calls, "projection", Projection), result(calls, "proposal", Allocation)
    fm, fee = result(calls, "fund_measures", FundsMeasured), result(calls, "fees", FeeDrag)
    assert cur and pro and st and ps and val and gt and prj and al and fm and fee  # noqa: PT018
    m, q, b, f0, f1 = cur.measures, pro.measures, prj.bands[-1], fm.funds[0], fm.funds[1]
    big = max(val.holdings, key=lambda each: each.weight)
    risky = max(cur.shares, key=lambda each: each.risk or 0)
    worst = min((each for each in st.scenarios if each.change is not None), key=lambda each: each.change or 0)
    least = min((each for each in ps.scenarios if each.change is not None), key=lambda each: each.change or 0)
    y22 = next(each for each in m.calendar_years if each.period == "2022")
    r1, r3, r5 = (next(each for each in m.returns if each.period == period) for period in ("1Y", "3Y", "5Y"))
    capacity = p(s["client"].loss_capacity or 0, 0)
    went = "rose" if y22.total > 0 else "fell"
    yield f"Your portfolio is worth {val.currency} {val.total:,.0f} and has returned {p(m.annualised_return or 0)} a year with a volatility of {p(m.volatility or 0)}."
    yield f"It has returned {p(m.annualised_return or 0)} per year since 2014, at a volatility of {p(m.volatility or 0)}."
    yield f"Its deepest drawdown was {p(m.maximum_drawdown.depth)}, between {m.maximum_drawdown.peak} and {m.maximum_drawdown.trough}."
    yield f"The worst loss so far was {p(m.maximum_drawdown.depth)}."
    yield f"The largest holding is {names.en(big.fund_id)} with {p(big.weight)}; it accounts for {p(next(x.risk or 0 for x in cur.shares if x.fund_id == big.fund_id))} of the risk."
    yield f"Your riskiest position contributes {p(risky.risk or 0)} of the portfolio's risk."
    yield f"The proposed portfolio lowers volatility from {p(m.volatility or 0)} to {p(q.volatility or 0)}."
    yield f"I suggest a mix with a volatility of {p(q.volatility or 0)} instead of {p(m.volatility or 0)}."
    yield f"With the new allocation, the maximum drawdown would have been {p(q.maximum_drawdown.depth)} rather than {p(m.maximum_drawdown.depth)}."
    yield f"In the scenario “{worst.title_en}” you would lose {p(-(worst.change or 0))}, or about {val.currency} {-(worst.amount or 0):,.0f}."
    yield f"The worst stress scenario, {worst.title_en}, would cost {p(-(worst.change or 0))} of your money."
    yield f"Under the proposal the worst stress is a loss of {p(-(least.change or 0))}."
    yield f"In 2022 it {went} {p(abs(y22.total))}."
    yield f"2022 was {'a good' if y22.total > 0 else 'a bad'} year, with {'a gain' if y22.total > 0 else 'a loss'} of {p(abs(y22.total))}."
    yield f"Over the last three years it returned {p(r3.total)} in total, or {p(r3.annualised or 0)} a year."
    yield f"Over the past year the portfolio {'rose' if r1.total > 0 else 'fell'} by {p(abs(r1.total))}."
    yield f"The five-year return is {p(r5.total)} ({p(r5.annualised or 0)} annualised)."
    yield f"On a typical bad day you could lose {p(m.value_at_risk or 0, 2)}; the average of the worst days is {p(m.expected_shortfall or 0, 2)}."
    yield f"The one-day value at risk at {p(m.confidence, 0)} confidence is {p(m.value_at_risk or 0, 2)}."
    yield f"The Sharpe ratio is {m.sharpe:.2f}, and the Sortino ratio {m.sortino:.2f}."
    yield f"Your Sharpe ratio of {m.sharpe:.2f} would become {q.sharpe:.2f}."
    yield f"Ongoing fees come to {p(cur.weighted_ongoing_fee, 2)} a year."
    yield f"You pay {p(cur.weighted_ongoing_fee, 2)} in annual charges."
    yield f"{p(val.weights.get('CASH', 0))} of the portfolio is in cash."
    yield f"Cash makes up {p(gt.weights['CASH'])} of the recommendation."
    yield f"{p(m.positive_months or 0, 0)} of the months were positive."
    yield f"By the end of your horizon, the middle path reaches {val.currency} {b.p50:,.0f}; in a bad one {val.currency} {b.p5:,.0f}."
    yield f"A severe year would cost about {p(gt.severe_loss or 0)}, while you can bear {capacity}."
    yield f"You told me that you could bear a loss of {capacity} in a bad year."
    yield f"{names.en(f0.fund_id)} returned {p(f0.measures.annualised_return or 0)} a year and fluctuated by {p(f0.measures.volatility or 0)}."
    yield f"{names.en(f0.fund_id)} fell by up to {p(f0.measures.maximum_drawdown.depth)} from its peak."
    yield f"Compared with it, {names.en(f1.fund_id)} is calmer: its volatility is {p(f1.measures.volatility or 0)}."
    yield f"The estimated return of the new mix is {p(al.allocation.expected_return)} a year, at a volatility of {p(al.allocation.volatility)}."
    yield f"Diversification is limited: the average correlation is {cur.average_correlation:.2f}."
    yield f"It has {len(val.holdings)} funds, and {cur.effective_holdings:.1f} effective holdings."
    yield f"Fees reduce your yield by {p(fee.reduction_in_yield, 2)} a year and take {val.currency} {fee.fee_cost:,.0f} over the years."
    yield f"您的组合目前价值{val.total:,.0f}元，年化收益率{p(m.annualised_return or 0)}，波动率{p(m.volatility or 0)}。"
    yield f"历史最大回撤为{p(m.maximum_drawdown.depth)}，发生在{m.maximum_drawdown.peak}至{m.maximum_drawdown.trough}之间。"
    yield f"第一大持仓{names.zh(big.fund_id)}占{p(big.weight)}。"
    yield f"{names.zh(risky.fund_id)}贡献了{p(risky.risk or 0)}的风险。"
    yield f"建议方案将波动率从{p(m.volatility or 0)}降至{p(q.volatility or 0)}。"
    yield f"调整后最大回撤约为{p(q.maximum_drawdown.depth)}，夏普比率{q.sharpe:.2f}。"
    yield f"在{worst.title_zh}情景下，您可能亏损{p(-(worst.change or 0))}，约{-(worst.amount or 0):,.0f}元。"
    yield f"2022年组合{'上涨' if y22.total > 0 else '下跌'}{p(abs(y22.total))}。"
    yield f"过去三年累计收益率{p(r3.total)}，年化{p(r3.annualised or 0)}。"
    yield f"近一年{'上涨' if r1.total > 0 else '下跌'}了{p(abs(r1.total))}。"
    yield f"单日风险价值（95%置信水平）为{p(m.value_at_risk or 0, 2)}，极端情况下平均亏损{p(m.expected_shortfall or 0, 2)}。"
    yield f"综合费率每年{p(cur.weighted_ongoing_fee, 2)}。"
    yield f"现金占比{p(val.weights.get('CASH', 0))}，建议提高到{p(gt.weights['CASH'])}。"
    yield f"到期时中位数为{b.p50:,.0f}元，较差情形为{b.p5:,.0f}元。"
    yield f"极端年份的亏损约为{p(gt.severe_loss or 0)}，在您{capacity}的承受能力之内。"
    yield f"{names.zh(f0.fund_id)}年化收益{p(f0.measures.annualised_return or 0)}，年化波动{p(f0.measures.volatility or 0)}。"
    yield f"历史上有{p(m.positive_months or 0, 0)}的月份实现正收益。"
    yield f"组合中{p(val.weights.get('CASH', 0))}为现金。"


def test_an_answer_in_a_model_s_own_words_keeps_every_true_figure(turns: list[AdviceState]):
    for state in turns:
        known = grounds(state)
        for line in retold(state):
            assert [each.text for each in untraceable(line, known, TODAY, as_said=True)] == [], line


def test_a_figure_s_source_is_what_it_is_said_to_be(turns: list[AdviceState]):
    known = grounds(turns[0])
    measured = result(turns[0]["calls"], "current", PortfolioMeasured)
    assert measured is not None
    year = next(each for each in measured.measures.calendar_years if each.period == "2022")
    [_, figure] = trace(f"In 2022, your portfolio lost {-100 * year.total:.1f}%.", known, TODAY, as_said=True)
    assert figure.source is not None
    assert figure.source.path.startswith("measures.calendar_years[")
    assert (figure.source.period, figure.source.role) == ("2022", "current")
    for text in (
        f"In 2021, your portfolio lost {-100 * year.total:.1f}%.",
        f"In 2022, your portfolio gained {-100 * year.total:.1f}%.",
        f"In 2022, SYN-EQ-EU lost {-100 * year.total:.1f}%.",
        f"Its volatility is {-100 * year.total:.1f}% a year.",
    ):
        assert untraceable(text, known, TODAY, as_said=True) != [], text
