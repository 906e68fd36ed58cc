"""What a portfolio is, has done, and would lose, in words."""
# ruff: noqa: E501 (Chinese characters count double)

from tools.finance.results import (
    Measures,
    PortfolioMeasured,
    ScenarioOutcome,
    Stress,
)
from tools.suitability.gate import CASH
from workflows.financial_advisor.advice import Section
from workflows.financial_advisor.calls import result
from workflows.financial_advisor.material import Material, pct


def figures(m: Material, measures: Measures) -> list[str]:
    """Return, risk and loss of one series, in sentences."""
    found: list[str] = []
    fall = measures.maximum_drawdown
    if measures.annualised_return is not None and measures.volatility is not None:
        found.append(
            m.say(
                f"From {measures.start} to {measures.end} it returned {pct(measures.annualised_return)} a year with a "
                f"volatility of {pct(measures.volatility)}.",
                f"{measures.start}至{measures.end}，年化收益率{pct(measures.annualised_return)}，"
                f"年化波动率{pct(measures.volatility)}。",
            )
        )
    else:
        found.append(
            m.say(
                f"From {measures.start} to {measures.end} it returned {pct(measures.total_return)} in all.",
                f"{measures.start}至{measures.end}，累计收益率{pct(measures.total_return)}。",
            )
        )
    if fall.depth > 0:
        recovered = (
            m.say(f", recovered on {fall.recovered}", f"，{fall.recovered}恢复")
            if fall.recovered
            else m.say(", not recovered yet", "，尚未恢复")
        )
        found.append(
            m.say(
                f"The deepest fall of daily values was {pct(fall.depth)}, from {fall.peak} to {fall.trough}{recovered}.",
                f"最大回撤（按日净值）{pct(fall.depth)}（{fall.peak}至{fall.trough}{recovered}）。",
            )
        )
    if measures.expected_shortfall is not None and measures.value_at_risk is not None:
        found.append(
            m.say(
                f"On a bad day (confidence {pct(measures.confidence, 0)}) it lost {pct(measures.value_at_risk, 2)} or more, "
                f"{pct(measures.expected_shortfall, 2)} on average.",
                f"在{pct(measures.confidence, 0)}置信水平下，单日亏损的风险价值（VaR）为{pct(measures.value_at_risk, 2)}，"
                f"超过该水平时平均亏损{pct(measures.expected_shortfall, 2)}。",
            )
        )
    if measures.sharpe is not None:
        found.append(
            m.say(
                f"Return for risk (Sharpe ratio, over cash without interest): {measures.sharpe:.2f}.",
                f"夏普比率（以零利率为基准）：{measures.sharpe:.2f}。",
            )
        )
    return found


def portfolio(m: Material) -> Section | None:
    s, lines = m.situation, list[str]()
    if s.valuation is not None:
        parts = sorted(s.valuation.by_category.items(), key=lambda each: -each[1])
        shares = m.comma.join(f"{m.category(name)} {pct(share)}" for name, share in parts)
        lines.append(
            m.say(
                f"Worth {m.money(s.valuation.total)} as of {s.valuation.as_of}: {shares}.",
                f"截至{s.valuation.as_of}价值{m.money(s.valuation.total)}：{shares}。",
            )
            if s.valuation.as_of
            else m.say(
                f"Worth {m.money(s.valuation.total)}: {shares}.", f"价值{m.money(s.valuation.total)}：{shares}。"
            )
        )
    measured = result(s.calls, "current", PortfolioMeasured)
    if measured is not None and measured.shares and any(name != CASH for name in measured.weights):
        lines += figures(m, measured.measures)
        risky = [each for each in measured.shares if each.risk is not None and each.fund_id != CASH]
        if len(risky) > 1:
            top = max(risky, key=lambda each: each.risk or 0)
            lines.append(
                m.say(
                    f"The largest share of the risk, {pct(top.risk or 0)}, comes from {m.name(top.fund_id)}, which is "
                    f"{pct(top.weight)} of the money.",
                    f"风险贡献最大的是{m.name(top.fund_id)}：占资金{pct(top.weight)}，贡献了{pct(top.risk or 0)}的风险。",
                )
            )
        lines.append(
            m.say(
                f"The funds' ongoing fees are {pct(measured.weighted_ongoing_fee, 2)} a year of the whole.",
                f"基金持续费用合计每年{pct(measured.weighted_ongoing_fee, 2)}。",
            )
        )
    elif measured is not None:
        lines.append(
            m.say("It is all cash: no market risk, and no return either.", "组合全部为现金：没有市场风险，也没有收益。")
        )
    return Section(key="portfolio", title=m.say("Your portfolio", "您的组合"), paragraphs=tuple(lines))


def worst_first(stress: Stress) -> list[ScenarioOutcome]:
    known = [each for each in stress.scenarios if each.change is not None]
    return sorted(known, key=lambda each: each.change or 0.0)


def stress(m: Material) -> Section | None:
    stress = result(m.situation.calls, "stress", Stress)
    if stress is None:
        return None
    lines: list[str] = []
    for each in worst_first(stress)[:3]:
        change = each.change or 0.0
        if change < 0:
            lost = m.say(f", {m.money(-each.amount)}", f"，即{m.money(-each.amount)}") if each.amount else ""
            title = m.say(each.title_en, each.title_zh)
            lines.append(m.say(f"{title}: a loss of {pct(-change)}{lost}.", f"{title}：亏损{pct(-change)}{lost}。"))
    return Section(key="stress", title=m.say("In a crisis", "压力情景"), paragraphs=tuple(lines))
