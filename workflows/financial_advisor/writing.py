"""The answer in words, from what the tools returned: the embedded writer, in English and Chinese.

Every figure is printed from a result of this turn; nothing is computed here. What is known only by code (a notice, a
fault) is worded in the answer's language.
"""
# ruff: noqa: E501 (Chinese characters count double)

from collections.abc import Sequence

from pydantic import TypeAdapter

from tools.finance.results import (
    Allocation,
    Conversion,
    Correlations,
    FeeDrag,
    FundsMeasured,
    Measures,
    Notice,
    PortfolioMeasured,
    Projection,
    Rebalanced,
    ScenarioOutcome,
    Stress,
)
from tools.suitability.gate import CASH, Breach, Gated
from tools.suitability.rules import rules
from workflows.financial_advisor.advice import Section
from workflows.financial_advisor.calls import Fault, failed, result
from workflows.financial_advisor.material import Material, pct
from workflows.financial_advisor.words import FACTS, FAULTS, NOTICES, RISK

_NOTICE_LIST = TypeAdapter(list[Notice])


def sections(m: Material) -> list[Section]:
    """The answer's parts, in the order in which a client should read them. Empty parts are left out."""
    s = m.situation
    made = [
        _faults(m),
        _portfolio(m) if s.done("current") or s.done("valuation") else None,
        _stress(m),
        _compared(m),
        _funds(m),
        _conversion(m),
        _fees(m),
        _suitability(m),
        _recommendation(m),
        _orders(m),
        _projection(m),
        _client_order(m),
        _caveats(m),
    ]
    return [each for each in made if each is not None and each.paragraphs]


def opening(m: Material) -> list[str]:
    """The first sentences: the answer in short."""
    s, gated = m.situation, m.gated
    measured, proposed = result(s.calls, "current", PortfolioMeasured), result(s.calls, "proposed", PortfolioMeasured)
    found: list[str] = []
    if s.valuation is not None:
        found.append(
            m.say(
                f"Your portfolio is worth {m.money(s.valuation.total)}.",
                f"您的组合目前价值{m.money(s.valuation.total)}。",
            )
        )
    stress = result(s.calls, "stress", Stress)
    if s.intent in ("loss", "stress") and stress is not None and (worst := _worst(stress)):
        change, amount = worst[0].change or 0.0, worst[0].amount
        lost = m.say(f", {m.money(-amount)}", f"，即{m.money(-amount)}") if amount else ""
        title = m.say(worst[0].title_en, worst[0].title_zh)
        found.append(
            m.say(
                f"In the worst of the scenarios ({title}) you would have lost {pct(-change)}{lost}.",
                f"在最坏的情景（{title}）下，您会亏损{pct(-change)}{lost}。",
            )
        )
    fees, saved = result(s.calls, "fees", FeeDrag), result(s.calls, "projection", Projection)
    if s.intent == "fees" and fees is not None:
        found.append(
            m.say(
                f"Fees take {m.money(fees.fee_cost)} over {fees.years:g} years.",
                f"{fees.years:g}年内费用共计{m.money(fees.fee_cost)}。",
            )
        )
    if s.intent == "retirement" and saved is not None:
        middle = m.money(saved.bands[-1].p50)
        found.append(
            m.say(
                f"By {saved.bands[-1].day} the middle case is {middle}.",
                f"到{saved.bands[-1].day}，中位数情形为{middle}。",
            )
        )
    now = measured.measures.volatility if measured else None
    then = proposed.measures.volatility if proposed else None
    if m.judged is not None and m.judged.choice == "keep":
        found.append(m.say("It fits you; I recommend to keep it as it is.", "组合与您匹配，建议维持不变。"))
    elif gated is not None and gated.outcome == "blocked":
        found.append(m.say("I may not recommend anything yet.", "目前还不能给出投资建议。"))
    elif then is not None and now is not None:
        found.append(
            m.say(
                f"I recommend a change that takes its yearly volatility from {pct(now)} to {pct(then)}.",
                f"建议调整组合，年化波动率由{pct(now)}变为{pct(then)}。",
            )
        )
    elif then is not None:
        found.append(
            m.say(
                f"I recommend a portfolio with a yearly volatility of {pct(then)}.",
                f"建议的组合年化波动率为{pct(then)}。",
            )
        )
    return found


def _faults(m: Material) -> Section | None:
    """What could not be computed, and why; one paragraph a fault, in words first."""
    told: dict[str, str] = {}
    for call in m.situation.calls:
        fault: Fault | None = failed(m.situation.calls, call.key)
        if fault is not None:
            title = m.say(*FAULTS.get(fault.code, ("A tool could not answer", "工具无法给出结果")))
            told.setdefault(fault.message, f"{title}{m.say(': ', '：')}{fault.message}")
    return Section(
        key="faults", title=m.say("What could not be computed", "无法计算的内容"), paragraphs=tuple(told.values())
    )


def _figures(m: Material, measures: Measures) -> list[str]:
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
                f"The deepest fall was {pct(fall.depth)}, from {fall.peak} to {fall.trough}{recovered}.",
                f"最大回撤{pct(fall.depth)}（{fall.peak}至{fall.trough}{recovered}）。",
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


def _portfolio(m: Material) -> Section | None:
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
        lines += _figures(m, measured.measures)
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


def _worst(stress: Stress) -> list[ScenarioOutcome]:
    known = [each for each in stress.scenarios if each.change is not None]
    return sorted(known, key=lambda each: each.change or 0.0)


def _stress(m: Material) -> Section | None:
    stress = result(m.situation.calls, "stress", Stress)
    if stress is None:
        return None
    lines: list[str] = []
    for each in _worst(stress)[:3]:
        change = each.change or 0.0
        if change < 0:
            lost = m.say(f", {m.money(-each.amount)}", f"，即{m.money(-each.amount)}") if each.amount else ""
            title = m.say(each.title_en, each.title_zh)
            lines.append(m.say(f"{title}: a loss of {pct(-change)}{lost}.", f"{title}：亏损{pct(-change)}{lost}。"))
    return Section(key="stress", title=m.say("In a crisis", "压力情景"), paragraphs=tuple(lines))


def _compared(m: Material) -> Section | None:
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


def _funds(m: Material) -> Section | None:
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


def _conversion(m: Material) -> Section | None:
    found = result(m.situation.calls, "conversion", Conversion)
    if found is None:
        return None
    day = m.say(f" on {found.rate_day}", f"（{found.rate_day}）") if found.rate_day else ""
    line = m.say(
        f"{found.currency} {found.amount:,.2f} are {found.target} {found.converted:,.2f}, at a rate of {found.rate:.4f}{day}.",
        f"{found.amount:,.2f} {found.currency}折合{found.converted:,.2f} {found.target}，汇率{found.rate:.4f}{day}。",
    )
    return Section(key="conversion", title=m.say("Conversion", "货币兑换"), paragraphs=(line,))


def _fees(m: Material) -> Section | None:
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


def breach_line(m: Material, breach: Breach) -> str:
    """A breach in one line: what, how much, by which rule."""
    title = m.say(breach.title.en, breach.title.zh)
    share = ""
    if breach.before is not None and breach.effect != "blocked":
        after = pct(breach.after or 0.0)
        share = m.say(f" ({pct(breach.before)} → {after})", f"（{pct(breach.before)} → {after}）")
    source = m.say(breach.source.en, breach.source.zh)
    return f"{m.name(breach.subject)}{share}{m.say(': ', '：')}{title} [{source}]"


def _suitability(m: Material) -> Section | None:
    s = m.situation
    classified = s.classified
    if classified is None or not s.recommending:
        return None
    lines: list[str] = []
    if classified.client_class is not None:
        kind = m.say(*RISK[classified.client_class])
        highest = m.gated.highest if m.gated else None
        reach = m.say(f": products up to {highest}", f"：可匹配{highest}及以下产品") if highest else ""
        lines.append(
            m.say(
                f"Your class is {classified.client_class} ({kind}){reach}.",
                f"您的风险承受能力为{classified.client_class}（{kind}）{reach}。",
            )
        )
        why = classified.reasons.get(m.language, [])
        if why:
            lines.append(m.say("How it came about: ", "评定依据：") + m.say("; ", "；").join(why) + m.say(".", "。"))
    held = result(s.calls, "held_check", Gated)
    if held is not None and held.breaches:
        lines.append(m.say("What you hold does not fit in these points:", "您的现有持仓在以下方面不匹配："))
        lines += [f"- {breach_line(m, each)}" for each in held.breaches]
    elif held is not None:
        lines.append(m.say("What you hold fits all rules.", "您的现有持仓符合全部适当性规则。"))
    return Section(key="suitability", title=m.say("Suitability", "适当性"), paragraphs=tuple(lines))


def _recommendation(m: Material) -> Section | None:
    s, gated = m.situation, m.gated
    if not s.recommending or gated is None or m.judged is None:
        return None
    lines = list(m.judged.reasons)
    if gated.weights:
        parts = sorted(gated.weights.items(), key=lambda each: (each[0] == CASH, -each[1]))
        lines += [f"- {m.name(name)}: {pct(share)}" for name, share in parts if share >= 0.0005]
    if gated.breaches:
        lines.append(m.say("The suitability rules changed the proposal:", "适当性规则对方案的调整："))
        lines += [f"- {breach_line(m, each)}" for each in gated.breaches]
    proposed, measured = result(s.calls, "proposed", PortfolioMeasured), result(s.calls, "current", PortfolioMeasured)
    if proposed is not None and m.judged.choice != "keep":
        lines += _figures(m, proposed.measures)
    stress = result(s.calls, "proposed_stress", Stress)
    if stress is not None and m.judged.choice != "keep" and (worst := _worst(stress)) and (worst[0].change or 0) < 0:
        title = m.say(worst[0].title_en, worst[0].title_zh)
        loss = pct(-(worst[0].change or 0))
        lines.append(m.say(f"Its worst scenario, {title}: a loss of {loss}.", f"最坏情景（{title}）：亏损{loss}。"))
    proposal = result(s.calls, "proposal", Allocation)
    if proposal is None and (fault := failed(s.calls, "proposal")) is not None and measured is None:
        lines.append(fault.message)
    return Section(key="recommendation", title=m.say("Recommendation", "建议"), paragraphs=tuple(lines))


def _orders(m: Material) -> Section | None:
    found = result(m.situation.calls, "orders", Rebalanced)
    if found is None or m.judged is None or m.judged.choice == "keep":
        return None
    lines = [
        m.say(
            f"- {'Buy' if each.side == 'buy' else 'Sell'} {each.units:,.2f} units of {m.name(each.fund_id)}: {m.money(each.amount)}",
            f"- {'买入' if each.side == 'buy' else '卖出'}{m.name(each.fund_id)} {each.units:,.2f}份：{m.money(each.amount)}",
        )
        for each in found.orders
    ]
    if lines:
        lines.append(
            m.say(f"Cash afterwards: {m.money(found.cash_after)}.", f"交易后现金：{m.money(found.cash_after)}。")
        )
    return Section(key="orders", title=m.say("Orders that lead there", "调仓明细"), paragraphs=tuple(lines))


def _projection(m: Material) -> Section | None:
    found = result(m.situation.calls, "projection", Projection)
    if found is None:
        return None
    last = found.bands[-1]
    lines = [
        m.say(
            f"By {last.day}, with {m.money(found.paid_in)} paid in: {m.money(last.p50)} in the middle case, "
            f"{m.money(last.p5)} in a bad one (1 of 20 is worse), {m.money(last.p95)} in a good one.",
            f"到{last.day}，累计投入{m.money(found.paid_in)}：中位数{m.money(last.p50)}，"
            f"较差情形（5%分位）{m.money(last.p5)}，较好情形（95%分位）{m.money(last.p95)}。",
        ).replace(" (1 of 20 is worse)", ""),
    ]
    if found.probability_of_target is not None and found.target is not None:
        lines.append(
            m.say(
                f"The goal of {m.money(found.target)} is reached on {pct(found.probability_of_target)} of the paths.",
                f"达到目标{m.money(found.target)}的概率为{pct(found.probability_of_target)}。",
            )
        )
    if m.situation.request.monthly_spending:
        lines.append(
            m.say(
                f"The money runs out on {pct(found.probability_of_ruin)} of the paths.",
                f"资金提前用尽的概率为{pct(found.probability_of_ruin)}。",
            )
        )
    lines.append(
        m.say(
            f"{found.paths:,} random paths (seed {found.seed}); a range under assumptions, no promise.",
            f"模拟路径{found.paths:,}条（随机种子{found.seed}）；仅为假设条件下的区间，不构成承诺。",
        )
    )
    return Section(key="projection", title=m.say("How it may go on", "未来的可能区间"), paragraphs=tuple(lines))


def _client_order(m: Material) -> Section | None:
    order = m.client_order
    if order is None:
        return None
    names = m.comma.join(m.name(each) for each in order.funds)
    if order.decision == "release":
        line = m.say(
            f"At your own request, against this advice and after a written warning, a person released: {names}. It is not "
            "recommended: its risk is above your class.",
            f"应您本人要求、经书面特别风险警示后，由人工放行：{names}。该产品风险高于您的承受能力，不属于本建议。",
        )
    else:
        line = m.say(f"A person refused your request for {names}.", f"您要求购买的{names}未获人工批准。")
    return Section(key="client_order", title=m.say("Your own request", "您本人的要求"), paragraphs=(line,))


def notice_line(m: Material, notice: Notice) -> str:
    """A remark on the data in the answer's language."""
    if m.language == "en":
        return notice.message
    return NOTICES[notice.code].format(subject=notice.subject or "")


def notices(m: Material) -> list[Notice]:
    """The remarks of all results, each once."""
    found: dict[tuple[str, str | None], Notice] = {}
    for call in m.situation.calls:
        for notice in _NOTICE_LIST.validate_python((call.result or {}).get("notices") or []):
            found.setdefault((notice.code, notice.subject if notice.code != "assumption" else notice.message), notice)
    return list(found.values())


def _caveats(m: Material) -> Section | None:
    lines = dict.fromkeys(notice_line(m, each) for each in notices(m))
    return Section(
        key="notices", title=m.say("About the data", "数据说明"), paragraphs=tuple(f"- {each}" for each in lines)
    )


def asking(m: Material, missing: Sequence[str]) -> list[Section]:
    """The question back for what is missing."""
    lines = [f"- {m.say(*FACTS.get(each.split(':')[0], (each, each)))}" for each in missing]
    lead = m.say("Before I can advise you I need to know:", "在给出建议之前，我还需要了解：")
    return [Section(key="question", title="", paragraphs=(lead, *lines))]
