"""Names of products that no catalogue holds, in a sentence that advises: invented ones, or ones of somebody else.

A rule by form: a name that ends as funds' names do (… Fund, … ETF, …基金), a name in quotation marks, and in English any
other proper name inside the sentence. What is no product (a month, a measure, a regulator) is passed over.
"""
# ruff: noqa: E501 (Chinese characters count double)

import re
from collections.abc import Iterable
from typing import Final

_KIND: Final = (
    r"(?:Fund|ETF|ETC|ETN|Trust|Index|Note|Bond|Bonds|Certificate|Portfolio|SICAV|UCITS|Shares|Equity|Securities|Capital|"
    r"Holdings?|Token|Coin|Annuity|Treasury|Gold|Inc|Corp|Ltd|PLC|AG)"
)
_NAMED: Final = re.compile(rf"(?:[A-Z][\w&'’.-]*\s+){{1,5}}{_KIND}\b")
_PROPER: Final = re.compile(r"(?<![\w-])[a-z]?[A-Z][\w&'’-]*[a-z][\w&'’-]*(?:\s+(?:[A-Z][\w&'’-]*|\d+))*")
_QUOTED: Final = re.compile(r"[“\"「『《]([^”\"」』》\n]{2,60})[”\"」』》]")
_HAN: Final = re.compile(
    r"([\u3400-\u9fffA-Za-z0-9·]{2,16}?)(?:基金|ETF|LOF|REITs?|信托计划|信托|理财产品|理财|债券|股份|集合计划|联接[A-E]?|混合[A-E]?|指数[A-E]?)"
)
_PLAIN: Final = re.compile(
    r"(?:请|我|您|你|的|只|这|该|此|其|那|和|与|及|或|等|把|将|在|对|从|向|以|为|是|有|各|每|全部|部分|其他|其它|多|少|更|再|可|可以|考虑|建议|推荐|选择|"
    r"买入|买|卖出|申购|认购|赎回|加仓|减仓|增持|减持|持有|配置|投入|投资于|投资|投|转入|换成|降低|提高|增加|减少|调整|调到|保留|继续|适合|匹配|类|型|级|"
    r"货币|市场|债券|债|股票|股|指数|混合|平衡|均衡|黄金|商品|政府|国|企业|公司|信用|利率|海外|全球|新兴|发达|中国|美国|欧洲|亚洲|高收益|高|低|中|风险|稳健|"
    r"主动|被动|宽基|行业|房地产|不动产|另类|科技|医药|消费|一|二|两|三|四|五|六|七|八|九|十|\d|R[1-5]|C[1-5]|占比|比例|份额|资金|资产|组合|产品|主要|大|小|所有|本|短期|长期|现金|"
    r"您的|目前|现有|上述|以下|以上|下列|通过|分散|到|至|于|由|并|而|也|都|均|仅|不|未|已|了|着)+"
)
_NO_PRODUCT: Final = frozenset(
    [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "i",
        "europe",
        "european",
        "china",
        "chinese",
        "us",
        "usa",
        "uk",
        "america",
        "american",
        "asia",
        "asian",
        "japan",
        "emerging",
        "sharpe",
        "sortino",
        "calmar",
        "monte",
        "carlo",
        "mifid",
        "directive",
        "csrc",
        "esma",
        "eur",
        "usd",
        "cny",
        "gbp",
        "euro",
        "euros",
        "yuan",
        "dollar",
        "dollars",
        "your",
        "you",
        "the",
        "this",
        "that",
        "cash",
        "english",
        "covid",
        "global",
        "financial",
        "crisis",
    ]
)


def strangers(said: str, known: Iterable[str]) -> list[str]:
    """What in an advising sentence looks like a product and is none of the known names. known: names and ids."""
    left = said
    for name in sorted({each for each in known if len(each) > 1}, key=len, reverse=True):
        left = re.sub(re.escape(name), lambda match: "\u0000" * len(match.group()), left, flags=re.IGNORECASE)
    found = [match.group() for match in _NAMED.finditer(left) if not _common(match.group())]
    found += [match[1] for match in _QUOTED.finditer(left) if not _common(match[1])]
    first = len(left) - len(left.lstrip(" -•*\n"))
    for match in _PROPER.finditer(left):
        name = match.group().partition(" ")[2] if match.start() == first else match.group()
        if name and not _common(name):
            found.append(name)
    found += [match.group() for match in _HAN.finditer(left) if len(_PLAIN.sub("", match[1])) >= 2]
    return found


def _common(name: str) -> bool:
    """Whether all of its words are everyday ones, of which no product is made."""
    words = re.findall(r"[A-Za-z]+", name.casefold())
    return (
        not words and not re.search(r"[\u3400-\u9fff]", name)
        if not words
        else all(each in _NO_PRODUCT for each in words)
    )
