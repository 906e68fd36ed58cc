"""Funds compared and listed, conversions and fees, in words."""
# ruff: noqa: E501 (Chinese characters count double)

from tools.finance.results import (
    Conversion,
    Correlations,
    FeeDrag,
    FundsMeasured,
)
from tools.suitability.rules import rules
from workflows.financial_advisor.advice import Section
from workflows.financial_advisor.calls import result
from workflows.financial_advisor.material import Material, pct


def compared(m: Material) -> Section | None:
    found = result(m.situation.calls, "fund_measures", FundsMeasured)
    if found is None:
        return None
    facts = {fund.fund_id: fund for fund in m.situation.catalogue}
    lines: list[str] = []
    for each in found.funds:
        fund, measures = facts.get(each.fund_id), each.measures
        figures = [m.say(f"risk class {fund.risk_class}", f"风险等级{fund.risk_class}")] if fund else []
        if measures.annualised_return is not None:
            figures.append(
                m.say(f"{pct(measures.annualised_return)} a year", f"年化收益{pct(measures.annualised_return)}")
            )
        if measures.volatility is not None:
            figures.append(m.say(f"volatility {pct(measures.volatility)}", f"波动率{pct(measures.volatility)}"))
        depth = pct(measures.maximum_drawdown.depth)
        figures.append(m.say(f"deepest fall {depth}", f"最大回撤{depth}"))
        if fund:
            figures.append(m.say(f"fee {pct(fund.ongoing_fee, 2)} a year", f"费率每年{pct(fund.ongoing_fee, 2)}"))
        span = m.say(f"{measures.start} to {measures.end}", f"{measures.start}至{measures.end}")
        lines.append(f"{m.name(each.fund_id)}{m.say(': ', '：')}{m.comma.join(figures)} ({span}).")
    pair = result(m.situation.calls, "correlation", Correlations)
    if pair is not None and len(pair.ids) == 2 and pair.matrix[0][1] is not None:
        lines.append(
            m.say(
                f"Their returns have a correlation of {pair.matrix[0][1]:.2f}.",
                f"两者收益的相关系数为{pair.matrix[0][1]:.2f}。",
            )
        )
    return Section(key="comparison", title=m.say("The funds", "基金对比"), paragraphs=tuple(lines))


def funds(m: Material) -> Section | None:
    s = m.situation
    if s.intent != "funds":
        return None
    known = s.classified.client_class if s.classified else None
    highest = rules().matching[known] if known else None
    shown = [each for each in s.catalogue if highest is None or each.risk_class <= highest]
    lines = [
        f"{m.name(each.fund_id)}{m.say(': ', '：')}{m.category(each.category)}{m.comma}{each.risk_class}{m.comma}"
        f"{each.currency}{m.comma}{m.say('fee', '费率')} {pct(each.ongoing_fee, 2)}"
        for each in shown[:30]
    ]
    return Section(key="funds", title=m.say("Funds", "基金"), paragraphs=tuple(lines))


def conversion(m: Material) -> Section | None:
    found = result(m.situation.calls, "conversion", Conversion)
    if found is None:
        return None
    day = m.say(f" on {found.rate_day}", f"（{found.rate_day}）") if found.rate_day else ""
    line = m.say(
        f"{found.currency} {found.amount:,.2f} are {found.target} {found.converted:,.2f}, at a rate of {found.rate:.4f}{day}.",
        f"{found.amount:,.2f} {found.currency}折合{found.converted:,.2f} {found.target}，汇率{found.rate:.4f}{day}。",
    )
    return Section(key="conversion", title=m.say("Conversion", "货币兑换"), paragraphs=(line,))


def fees(m: Material) -> Section | None:
    found = result(m.situation.calls, "fees", FeeDrag)
    if found is None:
        return None
    years = f"{found.years:g}"
    gross = pct(found.assumptions["gross_return"])
    lines = [
        m.say(
            f"Over {years} years at an assumed {gross} a year before costs, {m.money(found.invested)} would grow to "
            f"{m.money(found.without_costs)} without fees and to {m.money(found.with_fees)} with them.",
            f"假设费前年收益{gross}，{years}年后{m.money(found.invested)}在没有费用时为{m.money(found.without_costs)}，"
            f"扣除费用后为{m.money(found.with_fees)}。",
        ),
        m.say(
            f"The fees take {m.money(found.fee_cost)}, {pct(found.reduction_in_yield, 2)} of yield a year.",
            f"费用共计{m.money(found.fee_cost)}，每年降低收益率{pct(found.reduction_in_yield, 2)}。",
        ),
    ]
    return Section(key="fees", title=m.say("What fees take", "费用影响"), paragraphs=tuple(lines))
