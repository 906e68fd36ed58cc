"""Suitability, the recommendation, its orders, and what may come of it, in words."""
# ruff: noqa: E501 (Chinese characters count double)

from tools.finance.results import (
    Allocation,
    PortfolioMeasured,
    Projection,
    Rebalanced,
    Stress,
)
from tools.suitability.gate import CASH, Breach, Gated
from workflows.financial_advisor import fault_words, portfolio_words
from workflows.financial_advisor.advice import Section
from workflows.financial_advisor.calls import failed, result
from workflows.financial_advisor.material import Material, pct
from workflows.financial_advisor.words import RISK


def breach_line(m: Material, breach: Breach) -> str:
    """A breach in one line: what, how much, by which rule."""
    title = m.say(breach.title.en, breach.title.zh)
    share = ""
    if breach.before is not None and breach.effect != "blocked":
        after = pct(breach.after or 0.0)
        share = m.say(f" ({pct(breach.before)} → {after})", f"（{pct(breach.before)} → {after}）")
    source = m.say(breach.source.en, breach.source.zh)
    return f"{m.name(breach.subject)}{share}{m.say(': ', '：')}{title} [{source}]"


def suitability(m: Material) -> Section | None:
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


def recommendation(m: Material) -> Section | None:
    s, gated = m.situation, m.gated
    if not s.recommending or gated is None or m.judged is None:
        return None
    lines = list(m.judged.reasons)
    if gated.weights:
        parts = sorted(gated.weights.items(), key=lambda each: (each[0] == CASH, -each[1]))
        lines += [
            f"- {_capital(m.name(name))}{m.say(': ', '：')}{pct(share)}" for name, share in parts if share >= 0.0005
        ]
    if gated.breaches:
        lines.append(m.say("The suitability rules changed the proposal:", "适当性规则对方案的调整："))
        lines += [f"- {breach_line(m, each)}" for each in gated.breaches]
    proposed, measured = result(s.calls, "proposed", PortfolioMeasured), result(s.calls, "current", PortfolioMeasured)
    if proposed is not None and m.judged.choice != "keep":
        lines += portfolio_words.figures(m, proposed.measures)
    stress = result(s.calls, "proposed_stress", Stress)
    if (
        stress is not None
        and m.judged.choice != "keep"
        and (worst := portfolio_words.worst_first(stress))
        and (worst[0].change or 0) < 0
    ):
        title = m.say(worst[0].title_en, worst[0].title_zh)
        loss = pct(-(worst[0].change or 0))
        lines.append(m.say(f"Its worst scenario, {title}: a loss of {loss}.", f"最坏情景（{title}）：亏损{loss}。"))
    proposal = result(s.calls, "proposal", Allocation)
    if proposal is None and (fault := failed(s.calls, "proposal")) is not None and measured is None:
        lines.append(fault_words.told(fault, m.language))
    return Section(key="recommendation", title=m.say("Recommendation", "建议"), paragraphs=tuple(lines))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def orders(m: Material) -> Section | None:
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
        need = m.situation.client.liquidity_need
        if found.cash_after < need:
            lines.append(
                m.say(
                    f"You need {m.money(need)} within a year: what is not in cash would have to come from selling funds.",
                    f"您一年内需要{m.money(need)}：现金不足的部分需要赎回基金。",
                )
            )
    return Section(key="orders", title=m.say("Orders that lead there", "调仓明细"), paragraphs=tuple(lines))


def projection(m: Material) -> Section | None:
    found = result(m.situation.calls, "projection", Projection)
    if found is None:
        return None
    last = found.bands[-1]
    paid = m.money(found.paid_in)
    start = (f"with {paid} paid in", f"累计投入{paid}")
    if not m.situation.request.monthly_saving:
        start = (f"starting from {paid}", f"以{paid}起步")
    lines = [
        m.say(
            f"By {last.day}, {start[0]}: {m.money(last.p50)} in the middle case, {m.money(last.p5)} in a bad one, "
            f"{m.money(last.p95)} in a good one.",
            f"到{last.day}，{start[1]}：中位数{m.money(last.p50)}，较差情形（5%分位）{m.money(last.p5)}，"
            f"较好情形（95%分位）{m.money(last.p95)}。",
        ),
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


def client_order(m: Material) -> Section | None:
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
