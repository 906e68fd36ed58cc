"""What went wrong with a tool call, in the answer's language, from the fault's code and details."""

from collections.abc import Mapping
from typing import Any, Final

from workflows.financial_advisor.calls import Fault
from workflows.financial_advisor.words import FAULTS

_CHINESE: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "unknown_fund": (("name", "没有名为「{name}」的基金或序列"),),
    "no_market_data": (
        ("fund_id", "「{fund_id}」没有净值数据，请先用 consilia data import-nav 导入"),
        ("date", "在{date}或之前没有净值"),
    ),
    "missing_rate": (
        ("date", "没有{date}由{source}兑换{target}的汇率"),
        ("source", "没有由{source}兑换{target}的汇率，请先导入该汇率序列"),
    ),
    "no_common_history": (("series", "{series}没有任何一天同时有净值"),),
    "history_too_short": (("observations", "只有{observations}个数据，至少需要{needed}个"),),
    "invalid_weights": (
        ("fund", "「{fund}」的权重为负数或不是数字；不支持卖空，权重须为0或以上"),
        ("sum", "权重合计为{sum:g}，须等于1；超过1即为杠杆，不予支持；不足1时请将其余部分标为CASH"),
        ("field", "没有给出任何权重"),
    ),
    "date_in_the_future": (("date", "{date}在未来"),),
    "invalid_input": (
        ("fund", "「{fund}」的份额不在允许范围内；不支持卖空"),
        ("cash", "现金须为0或以上的金额；负数即为负债（杠杆），不予支持"),
    ),
}
"""By code: sentences, each with the detail that it needs; the first whose detail is there is said."""


_FOR_MODELS: Final = "; find one with search_funds"
"""What a tool advises a model; a client asks."""


def told(fault: Fault, language: str) -> str:
    """The fault in one line: what kind it is, then what exactly; the tool's own English where there is no Chinese."""
    en, zh = FAULTS.get(fault.code, ("A tool could not answer", "工具无法给出结果"))
    if language == "en":
        return f"{en}: {fault.message.replace(_FOR_MODELS, '; ask which funds there are')}"
    return f"{zh}：{_chinese(fault) or fault.message}"


def _chinese(fault: Fault) -> str | None:
    given: dict[str, Any] = {
        name: "、".join(map(str, each)) if isinstance(each, list) else each  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType], names
        for name, each in fault.details.items()
    }
    if fault.details.get("field") == "cash":
        given["cash"] = True
    for name, sentence in _CHINESE.get(fault.code, ()):
        if name in given:
            try:
                return sentence.format(**given)
            except (KeyError, ValueError):
                continue
    return None
