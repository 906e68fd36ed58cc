"""What the words around a number claim that it is: its kind, whose it is, and of which period.

So many true numbers stand in a run's results that a made-up one with one decimal often equals some of them. Said to be
the return of 2020, it must be that return: kind, subject, portfolio, period and sign are matched, not the value alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workflows.financial_advisor.places import Kind, Role

RETURNS: Final[frozenset[Kind]] = frozenset({"return", "return_a_year", "return_a_day", "expected"})
"""Kinds that keep their sign; a loss is positive in some results and negative in others, and is matched by its size."""


SCENARIO: Final = "scenario:"
"""What a scenario's name follows where it is a subject."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said of a number. kinds, ratios: what it is; none where nothing is said.

    subjects, periods: named around it. whole: whether a number of a whole portfolio can be meant. any_fund: whether one
    of a fund that isn't named can. earns, falls, rises: whether the words speak of returns, losses, gains.
    """

    kinds: frozenset[Kind] = frozenset()
    ratios: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    whole: bool = True
    any_fund: bool = False
    roles: frozenset[Role] = frozenset()
    periods: frozenset[str] = frozenset()
    a_year: bool = False
    earns: bool = False
    falls: bool = False
    rises: bool = False


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_EARNS: Final = _words(
    r"\breturn|\byield|\bgain|\bearn|\bgrew|\bgrow|\brose\b|\bmade\b|\bperform|\balpha\b|收益|回报|涨|赚|增值"
)
_SCENARIO: Final = _words(
    r"scenario|cris[ie]s|crash|stress|shock|sell.?off|rates? (?:rise|fall|go)|情景|危机|压力|暴跌|股灾|加息"
)
_KINDS: Final[tuple[tuple[re.Pattern[str], tuple[Kind, ...]], ...]] = (
    (_words(r"volatil|\bswings?\b|fluctuat|standard deviation|tracking error|波动|跟踪误差|标准差"), ("volatility",)),
    (_EARNS, ("return", "return_a_year", "return_a_day")),
    (
        _words(r"\bfalls?\b|\bfell|\bfalling|\bdrop|\blos[est]|\bloss|\bdown\b|\bworst|\bshrank|亏|跌|损失|缩水"),
        ("drawdown", "tail", "scenario", "return", "return_a_year", "return_a_day"),
    ),
    (
        _words(r"\bvar\b|value at risk|shortfall|(?:bad|worst) days?\b|风险价值|尾部|预期损失|单日"),
        ("tail", "return_a_day"),
    ),
    (_words(r"\b(?:best|worst) day|最好的一天|最差的一天|单日"), ("return_a_day",)),
    (_SCENARIO, ("scenario",)),
    (_words(r"\bbear\b|\bbearable|capacity|\bafford|severe year|承受|极端年份"), ("capacity",)),
    (_words(r"expect|estimat|assum|forecast|risk.free|inflation|预期|估计|假设|无风险|通胀"), ("expected",)),
    (
        _words(r"\bfees?\b|\bcosts?\b|\bcharges?\b|\bexpens|\btax|费|税|成本"),
        ("fee", "entry_fee", "exit_fee"),
    ),
    (
        _words(
            r"\bweights?\b|\bshares?\b|\ballocat|% (?:of|in|to)\b|\bper ?cent (?:of|in)\b|\bcash\b|\bhold|\bmakes? up|"
            r"占|比例|配置|仓位|权重|持有|现金|持仓"
        ),
        ("share", "risk_share"),
    ),
    (_words(r"contribut|(?:of|from) (?:the|its|your|all) (?:\w+ )?(?:risk|variance)|风险贡献|贡献"), ("risk_share",)),
    (
        _words(r"chance|probabilit|likel|\bpaths?\b|\bodds|months (?:were|that|ended)|概率|可能性|几率|月份"),
        ("probability",),
    ),
    (_words(r"confidence|置信"), ("confidence",)),
)  # fmt: skip
_RATIOS: Final = (
    ("sharpe", _words(r"sharpe|夏普")),
    ("sortino", _words(r"sortino|索提诺")),
    ("calmar", _words(r"calmar|卡玛")),
    ("beta", _words(r"\bbeta\b|贝塔")),
    ("correlation", _words(r"correlat|相关")),
    ("information_ratio", _words(r"information ratio|信息比率")),
)
"""Ratios by the name of their field."""
_TAIL: Final = _words(r"\bvar\b|value at risk|shortfall|风险价值|尾部|预期损失")
_DRAWDOWN: Final = _words(r"drawdown|\bpeak|deepest fall|largest fall|回撤")
_RISK: Final = _words(r"risk|variance|风险")
_DAY: Final = _words(r"\bdays?\b|\bdaily\b|单日|一天|每日|当日|日内")
_A_YEAR: Final = _words(r"\b(?:a|per|each|every) year|\bannual|\byearly\b|\bp\.?a\b|年化|每年|平均每年|一年平均")
_FALLS: Final = _words(
    r"\bfalls?\b|\bfell|\bfalling|\bdrop|\blos[est]|\bloss|\bdown\b|\bshrank|亏|跌|损失|缩水|回撤|\bminus\b|负"
)
_RISES: Final = _words(r"\bgain|\bearn|\bgrew|\bgrow|\brose\b|\bmade\b|\breturned\b|\bprofit|涨|赚|增值|盈利")
_ENTRY: Final = _words(r"entry|front.?end|subscri|申购|认购")
_EXIT: Final = _words(r"\bexit|redemption|back.?end|赎回")
_WHOLE: Final = _words(
    r"portfolio|\bmix\b|overall|\bwhole|\btotal|\byou\b|\byour\b|\bsell|\bbuy|\badd|replac|reduc|\brais|\blower|"
    r"组合|整体|总体|方案|您|卖|买|减|换|调整"
)
_A_FUND: Final = _words(
    r"\bfunds?\b|holding|position|largest|biggest|smallest|riskiest|\beach\b|\bone of|单只|基金|持仓|其中"
)
_PRONOUN: Final = _words(r"\b(?:it|its|this|that|these|they|their)\b|该|它|其|此")
_CURRENT: Final = _words(
    r"\bcurrent|\btoday|\bnow\b|\bheld\b|\bso far\b|what you hold|\byou hold|\byour portfolio|"
    r"您的组合|目前|现有|当前|现在的|持有的"
)
_PROPOSED: Final = _words(r"propos|recommend|\bnew\b|suggest|\bafterwards\b|建议|方案|新(?!兴)|调整后|推荐")
_COMPARED: Final = _words(
    r"\bfrom\b|\bwould\b|\bwill\b|\bthen\b|\bafter\b|instead|compared|\bthan\b|\bversus\b|\bvs\b|从|由|比|原"
)
_FRONTIER: Final = _words(
    r"frontier|minimum.?variance|least (?:risk|volatil)|best ratio|maximum.?sharpe|最小方差|有效前沿|最大夏普|最低风险"
)
_YEAR: Final = re.compile(
    r"(?<!since )(?<!from )(?<!until )(?<!as of )(?<! by )(?<!自)(?<!从)(?<!截至)(?<!到)(?<!至)(?<![\d.,-])"
    r"((?:19|20)\d\d)(?![\d.,]*\d|\s?[%％]|-\d|年(?:以来|起|至|\d))",
    re.IGNORECASE,
)
_SPELT: Final = {
    "one": 1, "two": 2, "three": 3, "five": 5, "six": 6, "ten": 10, "twelve": 12,
    "一": 1, "两": 2, "二": 2, "三": 3, "五": 5, "六": 6, "十": 10, "半": 6,
}  # fmt: skip
_SPAN: Final = re.compile(
    r"(?<![\w.])(?P<n>\d{1,2}|one|two|three|five|six|ten|twelve)[\s-]+(?P<unit>years?|months?)\b"
    r"|(?P<last>(?:last|past|over a|in a|previous|trailing) (?:year|twelve months))"
    r"|近?(?P<zh>\d{1,2}|[一两二三五六十半])(?P<zunit>年|个月)(?!化|均)",
    re.IGNORECASE,
)
_WHOLE_SPAN: Final = _words(
    r"since (?:inception|launch|the start)|in all\b|in total|altogether|cumulative|from \d{4}|"
    r"累计|成立以来|一共|总共|至今"
)
_THIS_YEAR: Final = _words(r"year.to.date|this year|\bytd\b|今年")
_CLAUSE: Final = re.compile(r"[,;:，；：、。.!?！？\n](?!\d)|[()（）]|\s(?:and|but|while|whereas)\s|而|但")
_END: Final = re.compile(r"[。！？\n]|[.!?](?=\s|$)")


def claim(bare: str, text: str, start: int, end: int, names: Mapping[str, str]) -> Claim:
    """What the words around [start, end) say: of its clause first, and where that is silent of its sentence.

    bare: the text with names blanked out, since a name says nothing of a number. names: what subjects are called
    (funds, kinds, scenarios), case-folded, with the subject of each.
    """
    left = max((match.end() for match in _END.finditer(bare, 0, start)), default=0)
    stop = _END.search(bare, end)
    right = stop.start() if stop else len(bare)
    parts = [match.end() for match in _CLAUSE.finditer(bare, left, start)]
    after = _CLAUSE.search(bare, end, right)
    clause = slice(parts[-1] if parts else left, after.start() if after else right)
    sentence = slice(left, right)
    before = slice(max((match.end() for match in _END.finditer(bare, 0, max(0, left - 1))), default=0), left)

    kinds = _kinds(bare[clause]) or _kinds(bare[sentence]) or _kinds(bare[before])
    subjects = _subjects(text[clause], names) or _subjects(text[sentence], names)
    carried = not subjects and bool(_PRONOUN.search(bare[sentence]))
    if carried:
        subjects = _subjects(text[before], names)
    periods = _periods(bare[clause]) or _periods(bare[sentence])
    words = bare[clause]
    if "drawdown" in kinds and _DAY.search(bare[sentence]) and not _DRAWDOWN.search(words):
        kinds |= _A_TAIL
    if any(not is_fund(each) for each in subjects):
        kinds |= _A_SCENARIO
    elif any(each.isdecimal() for each in periods):
        kinds -= _NOT_OF_A_YEAR - _named_kinds(bare[sentence])
    return Claim(
        kinds=kinds,
        ratios=frozenset(name for name, pattern in _RATIOS if pattern.search(words)),
        subjects=subjects,
        whole=carried or not any(is_fund(each) for each in subjects) or bool(_WHOLE.search(words)),
        any_fund=bool(_A_FUND.search(bare[sentence])),
        roles=_roles(words) or _roles(bare[sentence]),
        periods=periods,
        a_year=bool(_A_YEAR.search(words)) or (not periods and bool(_A_YEAR.search(bare[sentence]))),
        earns=bool(_EARNS.search(words)),
        falls=bool(_FALLS.search(words)),
        rises=bool(_RISES.search(words)),
    )


def is_fund(subject: str) -> bool:
    """Whether a subject is what money can be in, and no scenario."""
    return not subject.startswith(SCENARIO)


_A_TAIL: Final[frozenset[Kind]] = frozenset({"tail"})
_A_SCENARIO: Final[frozenset[Kind]] = frozenset({"scenario"})
_NOT_OF_A_YEAR: Final[frozenset[Kind]] = frozenset({"drawdown", "tail", "scenario"})


def _named_kinds(words: str) -> frozenset[Kind]:
    """Which of the losses that no calendar year has are named as such."""
    named: tuple[tuple[Kind, re.Pattern[str]], ...] = (
        ("drawdown", _DRAWDOWN),
        ("tail", _TAIL),
        ("scenario", _SCENARIO),
    )
    return frozenset(kind for kind, pattern in named if pattern.search(words))


def _kinds(words: str) -> frozenset[Kind]:
    found: set[Kind] = {kind for pattern, kinds in _KINDS if pattern.search(words) for kind in kinds}
    if any(pattern.search(words) for _, pattern in _RATIOS):
        found.add("ratio")
    if _DAY.search(words):
        if found & {"tail", "return_a_day"}:
            found -= {"return", "return_a_year", "drawdown", "scenario", "capacity"}
    else:
        found -= {"return_a_day"} if _TAIL.search(words) else {"return_a_day", "tail"}
    if _DRAWDOWN.search(words):
        found -= {"scenario", "tail", "return", "return_a_year"}
        found.add("drawdown")
    if _ENTRY.search(words) or _EXIT.search(words):
        found.discard("fee")
    if not _ENTRY.search(words):
        found.discard("entry_fee")
    if not _EXIT.search(words):
        found.discard("exit_fee")
    if not _RISK.search(words):
        found.discard("risk_share")
    return frozenset(found)


def _subjects(words: str, names: Mapping[str, str]) -> frozenset[str]:
    folded = words.casefold()
    return frozenset(subject for name, subject in names.items() if name in folded)


def _roles(words: str) -> frozenset[Role]:
    found: set[Role] = set()
    told: tuple[tuple[re.Pattern[str], Role], ...] = (
        (_CURRENT, "current"),
        (_PROPOSED, "proposed"),
        (_FRONTIER, "frontier"),
    )
    for pattern, role in told:
        if pattern.search(words):
            found.add(role)
    if found and _COMPARED.search(words):
        found |= {"current", "proposed"}
    return frozenset(found)


def _periods(words: str) -> frozenset[str]:
    found = {match[1] for match in _YEAR.finditer(words)}
    if not found and re.search(
        r"(?:since|from|自|从)\W*\d{4}|\d{4}-\d{2}-\d{2}|\d{4}年(?:以来|起)", words, re.IGNORECASE
    ):
        found = {"ALL"}
    for match in _SPAN.finditer(words):
        if match["last"]:
            found.add("1Y")
            continue
        said, unit = (match["n"], match["unit"]) if match["n"] else (match["zh"], match["zunit"])
        count = int(said) if said.isdecimal() else _SPELT[said.lower()]
        if unit[0] in "mM个" or said == "半":
            found.add("1Y" if count == 12 else f"{count}M")
        else:
            found.add(f"{count}Y")
    if _WHOLE_SPAN.search(words):
        found.add("ALL")
    if _THIS_YEAR.search(words):
        found.add("YTD")
    return frozenset(found)
