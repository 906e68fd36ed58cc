"""The answer in words, from what the tools returned: the embedded writer, in English and Chinese.

Every figure is printed from a result of this turn; nothing is computed here. What is known only by code (a notice, a
fault) is worded in the answer's language.
"""

from collections.abc import Sequence

from pydantic import TypeAdapter

from tools.finance.results import (
    FeeDrag,
    Notice,
    PortfolioMeasured,
    Projection,
    Stress,
)
from workflows.financial_advisor import fault_words, fund_words, portfolio_words, recommendation_words
from workflows.financial_advisor.advice import Section
from workflows.financial_advisor.calls import Fault, failed, result
from workflows.financial_advisor.material import Material, pct
from workflows.financial_advisor.words import FACTS, NOTICES

_NOTICE_LIST = TypeAdapter(list[Notice])


def sections(m: Material) -> list[Section]:
    """The answer's parts, in the order in which a client should read them. Empty parts are left out, and in a follow-up
    those that the answer before has told."""
    s = m.situation
    made = [
        _unused(m),
        _faults(m),
        portfolio_words.portfolio(m) if (s.done("current") or s.done("valuation")) and not s.follows else None,
        None if s.follows else portfolio_words.stress(m),
        fund_words.compared(m),
        fund_words.funds(m),
        fund_words.conversion(m),
        fund_words.fees(m),
        recommendation_words.suitability(m) if s.request.explains or not s.follows else None,
        recommendation_words.recommendation(m),
        None if s.request.explains else recommendation_words.orders(m),
        None if s.request.explains else recommendation_words.projection(m),
        recommendation_words.client_order(m),
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
    if s.intent in ("loss", "stress") and stress is not None and (worst := portfolio_words.worst_first(stress)):
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
    elif then is not None and now is not None and pct(then) == pct(now):
        found.append(
            m.say(
                f"I recommend a mix of the same risk, a yearly volatility of {pct(then)}.",
                f"建议的组合风险不变，年化波动率为{pct(then)}。",
            )
        )
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


def lead(m: Material) -> str:
    """The first sentence where there is nothing to sum up."""
    if any(failed(m.situation.calls, each.key) for each in m.situation.calls):
        return m.say("I could not work this out yet; below is what stands in the way.", "暂时无法得出结果，原因如下。")
    return m.say("Here is what I found.", "结果如下。")


def _unused(m: Material) -> Section | None:
    """What of the question was not used, so that nobody takes the answer for one to it."""
    pieces = m.situation.request.unused
    if not pieces:
        return None
    quoted = m.comma.join(f"“{each}”" for each in pieces)
    line = m.say(f"I did not use {quoted} of your question: it is out of range here, or a currency without a rate.",
                 f"您问题中的{quoted}未被采用：超出可计算的范围，或缺少该货币的汇率。")  # fmt: skip
    return Section(key="unused", title=m.say("Not used", "未采用"), paragraphs=(line,))


def _faults(m: Material) -> Section | None:
    """What could not be computed, and why; one paragraph a fault, in words first."""
    told: dict[str, None] = {}
    for call in m.situation.calls:
        fault: Fault | None = failed(m.situation.calls, call.key)
        if fault is not None:
            told.setdefault(fault_words.told(fault, m.language))
    return Section(key="faults", title=m.say("What could not be computed", "无法计算的内容"), paragraphs=tuple(told))


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
