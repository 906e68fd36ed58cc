"""The answer as one HTML file (no script, nothing loaded, prints well, light and dark) and as Markdown."""
# ruff: noqa: E501 (Chinese characters count double)

import re
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tools.charts.chart import Chart
from tools.charts.palette import STYLE
from tools.charts.text import clean
from workflows.financial_advisor.advice import Advice, Section
from workflows.inert import inert

_LABELS = {
    "en": {
        "title": "Financial advice", "question": "Your question", "figures": "Figures as a table",
        "sources": "Where each figure comes from", "figure": "Figure", "call": "Call", "value": "Where in its result",
        "calls": "Tool calls", "tool": "Tool", "given": "Arguments", "engine": "Answered by", "embedded": "the embedded engine",
        "class": "Client class", "outcome": "Suitability", "generated": "Made", "client": "your own words",
        "degraded": "A model should have answered but none was there: the embedded engine stepped in.",
        "passed": "passed unchanged", "changed": "changed by the rules", "blocked": "blocked", "not_needed": "nothing recommended",
        "synthetic": "Demonstration: all values are made up.", "removed": "Taken out, because no tool returned it or it may not be said",
        "weights": "Recommended shares", "fund": "Fund", "share": "Share",
    },
    "zh": {
        "title": "投资顾问报告", "question": "您的问题", "figures": "数据表", "sources": "每个数字的来源", "figure": "数字", "call": "调用",
        "value": "结果中的位置", "calls": "工具调用", "tool": "工具", "given": "参数", "engine": "由谁回答", "embedded": "内置引擎",
        "class": "客户等级", "outcome": "适当性", "generated": "生成时间", "client": "您的陈述",
        "degraded": "本应由模型回答，但没有可用的模型，因此由内置引擎代答。", "passed": "原样通过", "changed": "按规则调整", "blocked": "未通过",
        "not_needed": "无投资建议", "synthetic": "演示：所有数据均为虚构。", "removed": "已删除的内容（没有工具返回该数字，或不得如此表述）",
        "weights": "建议占比", "fund": "基金", "share": "占比",
    },
}  # fmt: skip
_PLACE: Mapping[str, tuple[str, ...]] = {
    "portfolio": ("allocation", "growth", "drawdown"), "stress": ("stress",), "recommendation": ("frontier",),
    "projection": ("projection",),
}  # fmt: skip
"""Which charts stand after which section."""


def _placed(advice: Advice, charts: Mapping[str, Chart]) -> dict[str, list[Chart]]:
    """The charts after each section; those of a section that a follow-up leaves out stand with its recommendation."""
    there = {section.key for section in advice.sections}
    found: dict[str, list[Chart]] = {key: [] for key in there}
    for section, keys in _PLACE.items():
        where = section if section in there else "recommendation"
        if where in there:
            found[where] += [charts[key] for key in keys if key in charts]
    return found


def html(advice: Advice, charts: Mapping[str, Chart]) -> str:
    """The report as a page; every figure in the text carries the tool call that gave it."""
    environment = Environment(
        loader=PackageLoader("workflows.financial_advisor"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["clean"] = clean
    t = _LABELS[advice.language]
    placed = _placed(advice, charts)
    shown = {id(chart) for group in placed.values() for chart in group}

    def figure(chart: Chart) -> Markup:
        return Markup(chart.figure(t["figures"]))  # noqa: S704, charts escape their text

    def annotated(section: Section, paragraph: str) -> list[tuple[str, str]]:
        return _annotated(advice, section, paragraph)

    def bullet(paragraph: str) -> bool:
        return paragraph.startswith("- ")

    return environment.get_template("report.html.j2").render(
        advice=advice,
        t=t,
        chart_style=Markup(STYLE),  # noqa: S704, a constant of ours
        placed=placed,
        rest=[chart for chart in charts.values() if id(chart) not in shown],
        figure=figure,
        annotated=annotated,
        bullet=bullet,
    )


def _annotated(advice: Advice, section: Section, paragraph: str) -> list[tuple[str, str]]:
    """The paragraph in pieces: (text, source), the source empty for words and "t3 measures.volatility" for a figure."""
    body = paragraph.removeprefix("- ")
    figures = {each.text: f"{each.call} {each.path}" for each in advice.figures if each.section == section.key}
    if not figures:
        return [(body, "")]
    pattern = "|".join(re.escape(text) for text in sorted(figures, key=len, reverse=True))
    pieces: list[tuple[str, str]] = []
    place = 0
    for match in re.finditer(rf"(?<![A-Za-z0-9.,])(?:{pattern})(?![0-9])", body):
        pieces += [(body[place : match.start()], ""), (match.group(), figures[match.group()])]
        place = match.end()
    return [each for each in [*pieces, (body[place:], "")] if each[0]]


def markdown(advice: Advice, charts: Mapping[str, Chart]) -> str:
    """The report as Markdown, the charts as tables of their figures."""
    t = _LABELS[advice.language]
    placed = _placed(advice, charts)
    parts = [f"# {t['title']}", f"> {_escaped(advice.question)}"]
    if advice.synthetic:
        parts.append(f"*{t['synthetic']}*")
    for section in advice.sections:
        heading = [f"## {section.title}"] if section.title else []
        lines = [_escaped(each) for each in section.paragraphs]
        body = "\n".join(lines) if any(each.startswith("- ") for each in lines) else "\n\n".join(lines)
        parts += [*heading, body]
        for chart in placed[section.key]:
            parts += [f"### {chart.title}", chart.description, chart.table_markdown()]
    if advice.figures:
        rows = [f"| {each.text} | {each.call} | `{each.path}` |" for each in advice.figures]
        parts += [
            f"## {t['sources']}",
            f"| {t['figure']} | {t['call']} | {t['value']} |\n| --- | --- | --- |\n" + "\n".join(rows),
        ]
    parts.append(f"_{advice.disclosure}_")
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    """Text that Markdown takes as text: no HTML, no links, no images."""
    said = inert(clean(text))
    bullet = said.startswith("- ")
    body = re.sub(r"([\\`*_<>\[\]|#!])", r"\\\1", said.removeprefix("- "))
    return f"- {body}" if bullet else body
