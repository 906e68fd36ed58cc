"""What a percentage is said to be (a volatility, a loss, a share …), and which results can be that.

So many true percentages stand in a run's results that a made-up one with one decimal often equals some of them. Said to
be a volatility, it must be one: the words around it say which fields may be its source.
"""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """words: by which a text says what a figure is. paths: of the fields that hold it. negative: only below zero."""

    words: re.Pattern[str]
    paths: re.Pattern[str]
    negative: re.Pattern[str] | None = None


def _meaning(words: str, paths: str, negative: str | None = None) -> Meaning:
    below = re.compile(negative) if negative else None
    return Meaning(re.compile(words, re.IGNORECASE), re.compile(paths), below)


_RETURNS: Final = r"return|annualised|\.total\b|_day$|yield|alpha"
_MEANINGS: Final = (
    _meaning(r"volatil|\bswings?\b|fluctuat|波动", r"volatility|deviation|tracking_error|risk_scale"),
    _meaning(r"\breturn|\byield|\bgain|\bearn|\bgrew|\bgrow|\brose|\bmade\b|收益|回报|涨|赚", _RETURNS),
    _meaning(
        r"drawdown|\bfall|\bfell|\bdrop|\blos[est]|\bloss|\bdown\b|\bworst|回撤|亏|跌|损失|缩水",
        r"drawdown|depth|value_at_risk|shortfall|change|by_fund|loss|worst|capacity",
        _RETURNS,
    ),
    _meaning(r"\bfees?\b|\bcosts?\b|\bcharges?\b|\bexpens|\btax|费|税|成本", r"fee|cost|tax|reduction_in_yield|rate$"),
    _meaning(
        r"\bweights?\b|\bshares?\b|\ballocat|% (?:of|in|to)\b|\bper ?cent (?:of|in)\b|占|比例|配置|仓位|权重|持有",
        r"weight|share|by_|risk$|before|after|target|gap|limit|positive|bounds|turnover|severe",
    ),
    _meaning(r"scenario|crisis|crash|stress|shock|rates? (?:rise|fall)|情景|危机|压力|暴跌|加息", r"change|by_fund"),
    _meaning(r"chance|probabilit|likel|\bpaths?\b|\bodds|概率|可能性|几率", r"probability|confidence|positive"),
    _meaning(r"confidence|\bvar\b|value at risk|置信|风险价值", r"confidence|value_at_risk|shortfall"),
)
_CLAUSE: Final = re.compile(r"[,;:，；：、。.!?！？\n](?!\d)|\s(?:and|but|while|whereas|而|但)\s")


def meanings(text: str, start: int, end: int) -> list[Meaning]:
    """What the words around [start, end) say that it is: those of its clause, else those of its sentence."""
    before = [match.end() for match in _CLAUSE.finditer(text, 0, start)]
    after = _CLAUSE.search(text, end)
    clause = text[before[-1] if before else 0 : after.start() if after else len(text)]
    left = max((text.rfind(mark, 0, start) for mark in ("。", ". ", "\n", "！", "？")), default=-1) + 1
    right = min((at for mark in ("。", ". ", "\n", "！", "？") if (at := text.find(mark, end)) >= 0), default=len(text))
    for around in (clause, text[left:right]):
        if found := [each for each in _MEANINGS if each.words.search(around)]:
            return found
    return []


def fits(path: str, value: float, said: list[Meaning]) -> bool:
    """Whether a result's field can be what is said of a figure; anything can where nothing is said."""
    return not said or any(
        each.paths.search(path) or (each.negative is not None and value < 0 and each.negative.search(path))
        for each in said
    )
