"""The charts of an answer, drawn from the tools' results."""
# ruff: noqa: E501 (Chinese characters count double)

from tools.charts import lines
from tools.charts.bars import Row, bars, stacked
from tools.charts.chart import Chart
from tools.charts.donut import donut
from tools.charts.lines import Band, Series
from tools.charts.scatter import Point, scatter
from tools.finance.results import Frontier, PortfolioMeasured, Projection, Stress
from tools.suitability.gate import CASH
from workflows.financial_advisor.calls import result
from workflows.financial_advisor.material import Material, pct


def drawn(m: Material) -> dict[str, Chart]:
    """Charts by key: allocation, growth, drawdown, frontier, stress, projection; each where there are figures for it."""
    made = {
        "allocation": _allocation(m),
        "growth": _growth(m),
        "drawdown": _drawdown(m),
        "frontier": _frontier(m),
        "stress": _stress(m),
        "projection": _projection(m),
    }
    return {key: chart for key, chart in made.items() if chart is not None}


def _by_category(m: Material, weights: dict[str, float]) -> dict[str, float]:
    categories = {fund.fund_id: fund.category for fund in m.situation.catalogue}
    found: dict[str, float] = {}
    for name, share in weights.items():
        key = "cash" if name == CASH else str(categories.get(name, "alternative"))
        found[key] = found.get(key, 0.0) + share
    return found


def _allocation(m: Material) -> Chart | None:
    """Shares by kind: before and after in two rows, or as a ring where there is only one."""
    now = _by_category(m, m.situation.weights)
    then = _by_category(m, m.gated.weights) if m.gated and m.judged and m.judged.choice != "keep" else {}
    if now and then:
        keys = sorted({*now, *then}, key=lambda key: -max(now.get(key, 0), then.get(key, 0)))
        rows = [
            Row(m.say("Now", "现在"), [now.get(key, 0.0) for key in keys]),
            Row(m.say("Recommended", "建议"), [then.get(key, 0.0) for key in keys]),
        ]
        return stacked(
            m.say("Allocation, now and recommended", "资产配置：现在与建议"), rows, [m.category(key) for key in keys],
            name=m.say("Portfolio", "组合"),
        )  # fmt: skip
    shown = now or then
    if not shown:
        return None
    total = m.situation.total
    return donut(
        m.say("Allocation", "资产配置"), [(m.category(key), share) for key, share in shown.items()],
        centre=(m.money(total), m.say("in all", "合计")) if total else None, rest=m.say("Other", "其他"),
        columns=(m.say("Kind", "类别"), m.say("Share", "占比")),
    )  # fmt: skip


def _measured(m: Material) -> tuple[PortfolioMeasured | None, PortfolioMeasured | None]:
    now, then = (result(m.situation.calls, key, PortfolioMeasured) for key in ("current", "proposed"))
    return now, then if m.judged is not None and m.judged.choice != "keep" else None


def _growth(m: Material) -> Chart | None:
    now, then = _measured(m)
    named = ((m.say("Your portfolio", "您的组合"), now), (m.say("Recommended", "建议的组合"), then))
    shown = [
        Series(name, [each.day for each in one.growth], [each.value * 100 for each in one.growth])
        for name, one in named
        if one is not None and len(one.growth) > 1
    ]
    if not shown:
        return None
    return lines.line(m.say("Growth of 100", "100元的增长" if m.situation.currency == "CNY" else "初始值100的增长"), shown,
                      day=m.say("Date", "日期"))  # fmt: skip


def _drawdown(m: Material) -> Chart | None:
    now, then = _measured(m)
    one = now or then
    if one is None or len(one.drawdown) < 2:
        return None
    name = m.say("Your portfolio", "您的组合") if now is not None else m.say("Recommended", "建议的组合")
    depth = [-abs(each.value) for each in one.drawdown]
    title = m.say(f"Drawdown at month ends: {name.lower()}", f"回撤（月末净值）：{name}")
    return lines.drawdown(title, Series(name, [each.day for each in one.drawdown], depth), day=m.say("Date", "日期"))


def _frontier(m: Material) -> Chart | None:
    found = result(m.situation.calls, "frontier", Frontier)
    if found is None:
        return None
    points = [
        Point(m.name(name).split(" (")[0].split("（")[0], each.volatility, each.expected_return)
        for name, each in found.funds.items()
        if name != CASH
    ]
    now, then = _measured(m)
    for name, one in ((m.say("Your portfolio", "您的组合"), now), (m.say("Recommended", "建议的组合"), then)):
        if one is not None and one.measures.volatility is not None and one.measures.annualised_return is not None:
            points.append(Point(name, one.measures.volatility, one.measures.annualised_return, True))
    return scatter(
        m.say("Efficient frontier of the suitable funds", "可匹配基金的有效前沿"), points,
        curve=[(each.volatility, each.expected_return) for each in found.points],
        axes=(m.say("Volatility a year", "年化波动率"), m.say("Mean return a year, from history", "历史平均年收益")),
        curve_name=m.say("Frontier", "有效前沿"), name=m.say("Fund", "基金"),
    )  # fmt: skip


def _stress(m: Material) -> Chart | None:
    now, then = result(m.situation.calls, "stress", Stress), result(m.situation.calls, "proposed_stress", Stress)
    if now is None and then is None:
        return None
    before = {each.scenario: each for each in (now or then).scenarios if each.change is not None}  # pyright: ignore[reportOptionalMemberAccess], one of them is there
    after = (
        {each.scenario: each for each in then.scenarios}
        if now and then and m.judged and m.judged.choice != "keep"
        else {}
    )
    names = [m.say("Your portfolio", "您的组合") if now else m.say("Recommended", "建议的组合")]
    names += [m.say("Recommended", "建议的组合")] if after else []
    rows = [
        Row(
            m.say(each.title_en, each.title_zh),
            [each.change or 0.0, *([after[key].change or 0.0] if key in after else [])],
        )
        for key, each in before.items()
        if not after or (key in after and after[key].change is not None)
    ]
    if not rows:
        return None
    return bars(
        m.say("What a crisis would change", "压力情景下的变化"), rows, names, value=pct, name=m.say("Scenario", "情景")
    )


def _projection(m: Material) -> Chart | None:
    found = result(m.situation.calls, "projection", Projection)
    if found is None:
        return None
    rows = found.bands
    wide = Band(m.say("5–95%", "5–95%分位"), [each.p5 for each in rows], [each.p95 for each in rows])
    narrow = Band(m.say("25–75%", "25–75%分位"), [each.p25 for each in rows], [each.p75 for each in rows])
    return lines.fan(
        m.say("Range of possible wealth", "财富的可能区间"), [each.month / 12 for each in rows], [each.p50 for each in rows],
        [wide, narrow], value=m.money, step=m.say("Year", "年"), middle=m.say("Median", "中位数"),
        goal=(m.say("Goal", "目标"), found.target) if found.target else None,
    )  # fmt: skip
