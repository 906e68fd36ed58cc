"""Sentences that say something of one figure of a turn's results, as models write them, in English and Chinese.

For the evaluation of the check on figures. {x} is the place of the figure.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tools.finance.results import FundList, FundsMeasured, Measures, PortfolioMeasured, Projection, Stress, Valuation
from tools.suitability.gate import CASH, Gated
from workflows.financial_advisor.calls import result
from workflows.financial_advisor.state import AdviceState
from workflows.financial_advisor.words import CATEGORIES, UNITS

# Every key of the state is optional to LangGraph; a rehearsed turn sets what is read here.
# pyright: reportTypedDictNotRequiredAccess=false


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with a hole, the figure that belongs there, and from where made-up ones are drawn. form: how it is
    printed; {x} in the text is the hole."""

    kind: str
    text: str
    value: float
    low: float
    high: float
    form: str = "percent"


def sentences(state: AdviceState) -> Iterator[Sentence]:
    """What a model might say of the results, in English and Chinese."""
    names = Names(state)
    for key, en, zh in (("current", "Your portfolio", "目前的组合"), ("proposed", "The proposed mix", "建议的组合")):
        found = result(state["calls"], key, PortfolioMeasured)
        if found is None:
            continue
        yield from _of_series(found.measures, en, zh)
        yield Sentence("fee", f"{en} costs {{x}} a year.", found.weighted_ongoing_fee, 0.001, 0.03)
        yield Sentence("fee", f"{zh}的综合费率为每年{{x}}。", found.weighted_ongoing_fee, 0.001, 0.03)
        for share in found.shares:
            if share.risk is not None and share.risk > 0:
                name = names.en(share.fund_id)
                yield Sentence("share of risk", f"In {_low(en)}, {name} brings {{x}} of the risk.", share.risk, 0, 1)
                yield Sentence(
                    "share of risk", f"{zh}中，{names.zh(share.fund_id)}的风险贡献为{{x}}。", share.risk, 0, 1
                )
    measured = result(state["calls"], "fund_measures", FundsMeasured)
    for each in measured.funds if measured else []:
        yield from _of_series(each.measures, names.en(each.fund_id), names.zh(each.fund_id))
    yield from _of_holdings(state, names)
    yield from _of_scenarios(state)
    yield from _of_plans(state)


def _low(text: str) -> str:
    """As inside a sentence; names keep their capitals."""
    return text[0].lower() + text[1:] if text.startswith(("Your", "The proposed")) else text


class Names:
    """What the funds of a turn are called."""

    def __init__(self, state: AdviceState) -> None:
        listed = result(state["calls"], "funds", FundList)
        self._funds = {each.fund_id: each for each in (listed.funds if listed else [])}

    def en(self, fund_id: str) -> str:
        return self._funds[fund_id].name_en if fund_id in self._funds else "cash"

    def zh(self, fund_id: str) -> str:
        return self._funds[fund_id].name_zh if fund_id in self._funds else "现金"


def _of_series(found: Measures, en: str, zh: str) -> Iterator[Sentence]:
    vol, depth = found.volatility, found.maximum_drawdown.depth
    if vol:
        for text in (
            f"{en} has a volatility of {{x}} a year.", f"The value of {_low(en)} swings by {{x}} a year.",
            f"{zh}的年化波动率为{{x}}。", f"{zh}波动较大，每年约{{x}}。",
        ):  # fmt: skip
            yield Sentence("volatility", text, vol, 0.01, 0.35)
    if depth:
        for text in (
            f"At worst {_low(en)} lost {{x}} from its peak.", f"The deepest fall of {_low(en)} was {{x}}.",
            f"{zh}的最大回撤为{{x}}。",
        ):  # fmt: skip
            yield Sentence("loss", text, depth, 0.02, 0.6)
    if found.annualised_return is not None:
        value = found.annualised_return
        verb, said = ("returned", "年化收益率为") if value > 0 else ("lost", "年化亏损")
        for text in (
            f"{en} {verb} {{x}} a year.",
            f"Over the whole time {_low(en)} {verb} {{x}} annually.",
            f"{zh}{said}{{x}}。",
        ):
            yield Sentence("return a year", text, abs(value), 0.001, 0.2)
    total, verb, said = (
        found.total_return,
        *(("earned", "累计收益") if found.total_return > 0 else ("lost", "累计亏损")),
    )
    yield Sentence("return in all", f"Since the start {_low(en)} {verb} {{x}} in all.", abs(total), 0.01, 2)
    yield Sentence("return in all", f"成立以来，{zh}{said}{{x}}。", abs(total), 0.01, 2)
    for year in found.calendar_years[1:]:
        verb, said = ("gained", "上涨") if year.total > 0 else ("lost", "下跌")
        yield Sentence("return of a year", f"In {year.period}, {_low(en)} {verb} {{x}}.", abs(year.total), 0.001, 0.4)
        yield Sentence("return of a year", f"{year.period}年，{zh}{said}{{x}}。", abs(year.total), 0.001, 0.4)
    spans = {
        "1Y": ("the last year", "近一年"),
        "3Y": ("the past three years", "近三年"),
        "5Y": ("the past 5 years", "近5年"),
    }
    for period in found.returns:
        if period.period in spans and period.total > 0:
            past, recent = spans[period.period]
            yield Sentence("return of a period", f"Over {past} {_low(en)} earned {{x}}.", period.total, 0.001, 0.8)
            yield Sentence("return of a period", f"{recent}{zh}的累计收益率为{{x}}。", period.total, 0.001, 0.8)
    if found.expected_shortfall and found.value_at_risk:
        yield Sentence("loss", f"On a bad day {_low(en)} lost {{x}} or more.", found.value_at_risk, 0.001, 0.06)
        yield Sentence("loss", f"{zh}的单日风险价值为{{x}}。", found.value_at_risk, 0.001, 0.06)
    if found.sharpe:
        yield Sentence("ratio", f"The Sharpe ratio of {_low(en)} is {{x}}.", abs(found.sharpe), 0, 3, "ratio")
        yield Sentence("ratio", f"{zh}的夏普比率为{{x}}。", abs(found.sharpe), 0, 3, "ratio")


def _of_holdings(state: AdviceState, names: Names) -> Iterator[Sentence]:
    valued, gated = result(state["calls"], "valuation", Valuation), result(state["calls"], "gate", Gated)
    if valued is None:
        return
    currency = valued.currency
    top = valued.total * 2
    yield Sentence("amount", f"Your holdings are worth {currency} {{x}}.", valued.total, top / 20, top, "money")
    yield Sentence("amount", f"您的资产合计{{x}}{UNITS[currency]}。", valued.total, top / 20, top, "money")
    for name, share in valued.weights.items():
        yield Sentence("share", f"{names.en(name)} makes up {{x}} of your portfolio.", share, 0, 1)
        yield Sentence("share", f"{names.zh(name)}占您组合的{{x}}。", share, 0, 1)
    for kind, share in valued.by_category.items():
        if kind in CATEGORIES and share > 0:
            en, zh = CATEGORIES[kind]
            yield Sentence("share", f"You hold {{x}} in {en}.", share, 0, 1)
            yield Sentence("share", f"{zh}的占比为{{x}}。", share, 0, 1)
    for name, share in (gated.weights if gated else {}).items():
        where = "cash" if name == CASH else names.en(name)
        yield Sentence("share", f"I recommend {{x}} in {where}.", share, 0, 1)
        yield Sentence("share", f"建议将{{x}}配置于{names.zh(name)}。", share, 0, 1)


def _of_scenarios(state: AdviceState) -> Iterator[Sentence]:
    for key, en, zh in (
        ("stress", "your portfolio", "目前的组合"),
        ("proposed_stress", "the proposed mix", "建议的组合"),
    ):
        found = result(state["calls"], key, Stress)
        for each in found.scenarios if found else []:
            if each.change is not None and each.change < 0:
                yield Sentence(
                    "loss", f"In the scenario “{each.title_en}” {en} would lose {{x}}.", -each.change, 0.005, 0.6
                )
                yield Sentence("loss", f"在“{each.title_zh}”情景下，{zh}将亏损{{x}}。", -each.change, 0.005, 0.6)
            if each.amount:
                amount, low, high = -each.amount, abs(each.amount) / 10, abs(each.amount) * 4
                if amount > 0 and found:
                    yield Sentence("amount", f"That would cost {found.currency} {{x}}.", amount, low, high, "money")


def _of_plans(state: AdviceState) -> Iterator[Sentence]:
    found = result(state["calls"], "projection", Projection)
    if found is None:
        return
    last, years = found.bands[-1], state["client"].horizon_years or 10
    for text, value in (
        (f"In {years:.0f} years you may have {found.currency} {{x}} in the middle case.", last.p50),
        (f"In a bad case it would be {found.currency} {{x}}.", last.p5),
        (f"{years:.0f}年后的中位数为{{x}}{UNITS[found.currency]}。", last.p50),
    ):
        yield Sentence("amount", text, value, value / 3, value * 3, "money")
