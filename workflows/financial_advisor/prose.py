"""What a model writes may not say: promises, products beyond the client, and advice to buy what did not pass the gate.

The structured recommendation has gone through the gate; prose could still smuggle something past it. So a sentence of a
model that breaks one of these rules is taken out, whatever else it says, and the answer says that it was.
"""
# ruff: noqa: E501 (Chinese characters count double)

import re
from collections.abc import Collection, Sequence
from typing import Final

from tools.finance.market import Fund
from workflows.financial_advisor.request import refused
from workflows.financial_advisor.strangers import strangers
from workflows.financial_advisor.tracing import sentences

_ADVISING: Final = re.compile(
    r"\b(?:buy|purchase|invest|put (?:all|your|everything|more)|switch|move (?:all|your|everything)|add|increase|overweight|"
    r"recommend|suggest|should hold|go for|take|consider|pick|choose|load up|bet)\w*\b"
    r"|买|申购|认购|加仓|增持|配置|投入|投资于|转入|换成|推荐|建议|持有|考虑|选择|满仓|全仓|梭哈",
    re.IGNORECASE,
)
_BUYING: Final = re.compile(
    r"\b(?:buy|purchase|invest in|put .{0,30}into|switch to|move .{0,20}to|go for|load up|bet on)\b|买入|申购|认购|加仓|增持|转入|换成|满仓|全仓|梭哈",
    re.IGNORECASE,
)
_OTHER_THINGS: Final = re.compile(
    r"\b(?:bitcoin|crypto\w*|ethereum|options?|futures|warrants?|cfds?|forex|leveraged|inverse|penny stocks?|"
    r"structured (?:note|product)s?|private equity|hedge funds?|ipos?|single stocks?|nft)\b"
    r"|比特币|虚拟币|加密货币|期权|期货|权证|外汇保证金|分级基金|结构性产品|私募|打新|个股|股票账户",
    re.IGNORECASE,
)
_TICKER: Final = re.compile(r"\b[A-Z]{2,6}(?:[-.][A-Z0-9]{1,8})+\b|\b\d{6}(?:\.[A-Z]{2})?\b|\$[A-Z]{1,5}\b")
_NEGATION: Final = re.compile(
    r"\b(?:not|never|no|cannot|don't|avoid|without|beyond|above your|unsuitable|sell|reduce|exit)\b|不|勿|无法|避免|超出|高于|卖出|减持|赎回",
    re.IGNORECASE,
)


_REFRAINING: Final = re.compile(
    r"\b(?:not|never|cannot|can't|don't|won't|avoid)\b[\w\s']{0,25}\b(?:buy|purchas|invest|recommend|suggest|consider|add|hold|pick|choose)"
    r"|(?:不|勿|避免|无法|不能)(?:要|宜|会|应|再|予)?(?:买|申购|认购|加仓|增持|配置|投入|推荐|建议|考虑|选择|持有)",
    re.IGNORECASE,
)


def faults(text: str, catalogue: Sequence[Fund], allowed: Collection[str]) -> list[tuple[int, int, str]]:
    """(start, end, why) of the sentences that may not stay. allowed: ids of the funds that passed the gate or are held.

    A sentence that names another fund stays only where it neither advises nor lacks a negation. One goes that promises
    anything, that says to buy and names no fund that passed, or that advises another kind of product, an unknown id, or a
    product that the catalogue does not hold, also beside one that passed.
    """
    found: list[tuple[int, int, str]] = []
    known, passed = {fund.fund_id for fund in catalogue}, [each for each in catalogue if each.fund_id in allowed]
    names = [name for fund in catalogue for name in (fund.fund_id, *_bare(fund), fund.name_en, fund.name_zh)]
    for start, end in sentences(text):
        said = text[start:end]
        advises, denies = bool(_ADVISING.search(said)), bool(_NEGATION.search(said))
        others = [fund for fund in catalogue if fund.fund_id not in allowed and _names(fund, said)]
        if refused(said) is not None:
            found.append((start, end, "promise"))
        elif (others and (advises or not denies)) or (
            _BUYING.search(said) and not denies and not any(_names(fund, said) for fund in passed)
        ):
            found.append((start, end, "not_recommended"))
        elif (advises or _BUYING.search(said)) and (
            _OTHER_THINGS.search(said)
            or any(each not in known for each in _TICKER.findall(said))
            or (not _REFRAINING.search(said) and strangers(said, names))
        ):
            found.append((start, end, "unknown_product"))
    return found


def _names(fund: Fund, said: str) -> bool:
    folded = said.casefold()
    return any(each and each.casefold() in folded for each in (fund.fund_id, *_bare(fund)))


def _bare(fund: Fund) -> list[str]:
    """The fund's names without what stands in brackets."""
    return [re.sub(r"[（(].*?[)）]", "", each).strip() for each in (fund.name_en, fund.name_zh)]


def without(text: str, taken: Sequence[tuple[int, int, str]]) -> str:
    """The text without these sentences."""
    kept = [text[start:end] for start, end in sentences(text) if (start, end) not in {each[:2] for each in taken}]
    return "".join(kept).strip()
