"""The answer's fixed words, in English and Chinese: units, kinds, faults, remarks, and what is asked of a client."""
# ruff: noqa: E501 (Chinese characters count double)

from collections.abc import Mapping
from typing import Final

UNITS: Final[Mapping[str, str]] = {
    "CNY": "元", "USD": "美元", "EUR": "欧元", "HKD": "港元", "GBP": "英镑", "JPY": "日元", "CHF": "瑞士法郎",
}  # fmt: skip
FACTS: Final[Mapping[str, tuple[str, str]]] = {
    "holdings": (
        "what you hold: fund ids with units (a CSV file, or in the input)",
        "您的持仓：基金代码和份额（CSV文件或直接输入）",
    ),
    "client_class": ("your risk class (C1 to C5), or the questionnaire's answers", "您的风险承受能力等级（C1至C5）或风险测评问卷"),
    "horizon_years": ("for how many years you can leave the money", "这笔资金可以投资多少年"),
    "objective": (
        "what the money is for: preservation, income, balanced, growth or speculation",
        "投资目标：保值、收入、稳健增值（平衡）、增长或投机",
    ),
    "knowledge": (
        "your knowledge of investments: none, basic, informed or advanced",
        "投资知识：没有、基础、较丰富或专业",
    ),
    "loss_capacity": ("the largest loss you could bear in a bad year, in %", "极端年份最多能承受百分之多少的亏损"),
}  # fmt: skip
CATEGORIES: Final[Mapping[str, tuple[str, str]]] = {
    "money_market": ("money market", "货币基金"), "government_bond": ("government bonds", "国债"),
    "corporate_bond": ("corporate bonds", "信用债"), "high_yield_bond": ("high yield bonds", "高收益债"),
    "balanced": ("balanced", "平衡型"), "equity_developed": ("developed market shares", "发达市场股票"),
    "equity_emerging": ("emerging market shares", "新兴市场股票"), "equity_china": ("Chinese shares", "中国股票"),
    "sector_equity": ("sector shares", "行业股票"), "real_estate": ("real estate", "房地产"),
    "commodity": ("commodities", "大宗商品"), "gold": ("gold", "黄金"), "alternative": ("alternatives", "另类投资"),
    "cash": ("cash", "现金"), "liquidity": ("liquidity", "流动性"), "illiquid": ("illiquid products", "低流动性产品"),
    "portfolio": ("the portfolio", "整个组合"), "client": ("you", "客户"), "Σ": ("all together", "合计"),
}  # fmt: skip
NOTICES: Final[Mapping[str, str]] = {
    "synthetic_data": "所用数据为虚构的演示数据，并非真实市场数据", "stale_data": "{subject}的最新净值已过时",
    "short_history": "{subject}历史数据较短，数字的可靠性有限", "missing_days": "部分交易日因并非所有序列都有数据而被剔除，未做任何填补",
    "no_data": "{subject}没有净值数据", "not_annualised": "{subject}数据不足一年，收益率未年化", "all_cash": "组合全部为现金",
    "rate_of_another_day": "{subject}汇率取自此前最近的交易日", "assumption": "预期收益取自历史均值或假设，不代表未来",
    "undefined_figure": "{subject}部分指标无法计算", "not_reached": "{subject}因最小交易单位未能完全达到目标",
    "mixed_sources": "真实数据与虚构数据混合使用",
}  # fmt: skip
FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "unknown_fund": ("I do not know this fund", "找不到该基金"),
    "no_market_data": ("There are no values of this fund", "该基金没有净值数据"),
    "missing_rate": ("An exchange rate is missing", "缺少所需汇率"),
    "no_common_history": ("The funds share no day with values", "各基金没有共同的净值日期"),
    "history_too_short": ("There are too few values for this figure", "历史数据太少，无法计算"),
    "invalid_weights": ("The weights cannot be used", "权重无法使用"),
    "date_in_the_future": ("The day lies in the future", "日期在未来"),
    "no_solution": ("No portfolio fulfils all limits", "没有满足全部限制的组合"),
    "invalid_input": ("A value cannot be used", "输入的数值无法使用"),
}  # fmt: skip
RISK: Final = {"C1": ("conservative", "保守型"), "C2": ("cautious", "稳健型"), "C3": ("balanced", "平衡型"),
                "C4": ("growth", "成长型"), "C5": ("aggressive", "积极型")}  # fmt: skip
