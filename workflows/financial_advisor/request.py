"""What a client asks for: read from the question by rule. It is the embedded answer to the question UNDERSTAND."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from tools.suitability.client import ClientClass, Knowledge, Objective
from workflows.financial_advisor.numbers_written import Written, dates, written

Language = Literal["en", "zh"]
Intent = Literal[
    "analyse", "compare", "rebalance", "allocate", "loss", "retirement", "fees", "stress", "currency", "less_risk",
    "funds", "buy", "answer",
]  # fmt: skip
Refusal = Literal["guarantee", "insider", "manipulation", "leverage", "greeting", "scope"]


class Request(BaseModel):
    """A question as understood. Amounts are in `currency` where it is named; fractions and years as elsewhere.

    intents: what is asked, most important first. funds: names or ids, as written. risk_scale: 0.5 for half the risk.
    insists: the client wants something although it was called unsuitable. explains: why the last answer says what it
    says. as_of: a day that is asked about, ISO 8601.
    horizon_years … client_class: facts about the client that the question gives. unused: pieces of the question that
    cannot be used as they stand: an amount below zero, 500 years, a currency that is not known here.
    """

    model_config = ConfigDict(frozen=True)

    language: Language
    intents: list[Intent] = Field(min_length=1)
    funds: list[str] = Field(default_factory=list[str], max_length=20)
    amount: float | None = Field(default=None, ge=0, le=1e15)
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    target_currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    years: float | None = Field(default=None, ge=0, le=80)
    monthly_saving: float | None = Field(default=None, ge=0, le=1e12)
    monthly_spending: float | None = Field(default=None, ge=0, le=1e12)
    target: float | None = Field(default=None, ge=0, le=1e15)
    risk_scale: float | None = Field(default=None, gt=0, le=5)
    as_of: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    insists: bool = False
    explains: bool = False
    horizon_years: float | None = Field(default=None, ge=0, le=80)
    loss_capacity: float | None = Field(default=None, ge=0, le=1)
    objective: Objective | None = None
    knowledge: Knowledge | None = None
    client_class: ClientClass | None = None
    refusal: Refusal | None = None
    unused: list[str] = Field(default_factory=list[str], max_length=20)


class Words(BaseModel):
    """The vocabulary by which a question is read: alternatives of regular expressions, by what they mean."""

    model_config = ConfigDict(frozen=True)

    refusals: dict[Refusal, list[str]]
    intents: dict[Intent, list[str]]
    topic: dict[str, list[str]]
    currencies: dict[str, list[str]]
    objectives: dict[Objective, list[str]]
    knowledge: dict[Knowledge, list[str]]


@cache
def words() -> Words:
    """The vocabulary that comes with Consilia, in request_words.toml."""
    return Words.model_validate(tomllib.loads(Path(__file__).with_name("request_words.toml").read_text("utf-8")))


def _says(folded: str, patterns: list[str]) -> re.Match[str] | None:
    """The first of the patterns that the text holds."""
    return next((match for each in patterns if (match := re.search(each, folded))), None)


def asks_why(text: str) -> bool:
    """Whether a follow-up asks for the reasons of the last answer."""
    return _says(text.casefold(), words().topic["why"]) is not None


_CODES: Final = re.compile(r"\b[CR][1-5]\b|\b[A-Z][A-Z0-9]{1,11}(?:-[A-Z0-9]{1,12})+\b|\b[A-Z]{3}\b")
"""Classes, funds and currencies, which are written alike in both languages."""


def language_of(text: str, fallback: Language = "en") -> Language:
    """Chinese when a good part of the letters are Han characters; the fallback for a text without letters."""
    words_ = _CODES.sub(" ", text)
    han = len(re.findall(r"[\u4e00-\u9fff]", words_))
    latin = len(re.findall(r"[A-Za-z]", words_))
    if not han and not latin:
        return fallback
    return "zh" if han * 3 >= latin else "en"


def refused(text: str) -> Refusal | None:
    """What in a request must be refused, whatever else it asks."""
    folded = text.casefold()
    return next((name for name, patterns in words().refusals.items() if _says(folded, patterns)), None)


def read(
    text: str, *, fallback: Language = "en", names: dict[str, str] | None = None, follows: bool = False
) -> Request:
    """The question, read by rule. names: ids by known fund names (folded). follows: an earlier one was answered."""
    folded, language = text.casefold(), language_of(text, fallback)
    intents: list[Intent] = [name for name, patterns in words().intents.items() if _says(folded, patterns)]
    numbers = written(text)
    investing = bool({"allocate", "buy"} & set(intents))
    facts = _facts(folded, text, numbers, bare=not intents, investing=investing)
    refusal = refused(text)
    if not intents:
        on_topic = (
            bool(_funds(text, names or {})) or bool(_says(folded, words().topic["market"])) or bool(facts) or follows
        )
        intents = ["answer"] if facts else ["analyse"]
        refusal = refusal or (None if on_topic else "scope")
    found = _funds(text, names or {})
    if found and intents == ["analyse"] and not _says(folded, words().topic["own"]):
        intents = ["compare"]
    currencies = _currencies(folded)
    to = re.search(r"(?:\bto\b|\binto\b|\bin\b|换成|折合(?:成)?|兑换(?:成)?|成)\s*([^\s,，。?？]{1,10})", folded)
    target = next(iter(_currencies(to[1])), None) if to else None
    unused = _unused(text, numbers)
    named = _code(text, currencies)
    return Request(
        language=language,
        intents=intents,
        funds=found,
        amount=None if _foreign(text) else _amount(text, numbers),
        currency=named or next((each for each in currencies if each != target), None),
        unused=unused,
        target_currency=target,
        years=_years(text, numbers),
        monthly_saving=_monthly(text, numbers, r"sav\w*|put aside|invest\w*|pay in|存|投|储蓄|定投"),
        monthly_spending=_monthly(text, numbers, r"spend\w*|withdraw\w*|need|live on|take out|花|支出|取|生活费"),
        target=_target(text, numbers),
        risk_scale=_scale(folded),
        as_of=next((day for _, _, day in dates(text) if len(day) == 10), None),
        insists=bool(_says(folded, words().topic["insists"])),
        refusal=refusal,
        **facts,  # pyright: ignore[reportArgumentType], checked by the model
    )


_FOREIGN = re.compile(
    r"\d[\d,.]*\s*[万亿千百]*\s*(?![万亿千百])[\u4e00-\u9fff]{1,5}?(?:元|镑|盾|比索|卢比|卢布|法郎|克朗)"
    r"|\d[\d,.]*\s+(?!US|American)[A-Z][a-z]+ (?:dollars?|pounds?|francs?|pesos?|rupees?|crowns?)"
)
"""Amounts in a currency that is named with its country: 10000津巴布韦元, 5 Zimbabwe dollars."""
_CODE = re.compile(r"(?:\d|million|thousand|万)\s*([A-Z]{3})\b")


def _foreign(text: str) -> list[str]:
    """Amounts in a currency that no word of the vocabulary stands for, as written."""
    known = [each for code, patterns in words().currencies.items() if code not in ("CNY", "USD") for each in patterns]
    known += ["美元", "美金", "人民币", r"us\$"]
    found = [match.group() for match in _FOREIGN.finditer(text)]
    return [each for each in found if not _says(each.casefold(), known)]


def _negative(text: str, number: Written) -> bool:
    """Whether a minus stands before it, which no range has put there: 存-2000元, but not 15-20."""
    before = text[max(0, number.start - 2) : number.start]
    return number.sign == "-" or (before[-1:] in ("-", "\u2212") and not before[:1].isdigit())


def _code(text: str, known: list[str]) -> str | None:
    """A currency's code beside an amount that no word of the vocabulary stands for."""
    found = _CODE.search(text)
    return found[1] if found and found[1] not in known else None


def _unused(text: str, numbers: list[Written]) -> list[str]:
    """Pieces of a question that cannot be used as they stand, as written."""
    found = _foreign(text)
    for each in numbers:
        years = re.match(r"\s*-?(?:years?|年)", text[each.end : each.end + 8], re.IGNORECASE)
        if years and 80 < each.value < 1900:
            found.append(text[each.start : each.end + years.end()])
        elif (_negative(text, each) and not each.percent) or each.value > 1e12:
            found.append(text[each.start : each.end])
    return list(dict.fromkeys(piece.strip() for piece in found))[:20]


def _facts(folded: str, text: str, numbers: list[Written], *, bare: bool, investing: bool) -> dict[str, object]:
    """What the question says about the client. bare: it asks nothing, so that it answers what was asked before.

    investing: money is to be invested, so that years are those that it can stay.
    """
    found: dict[str, object] = {}
    if (said := re.search(r"\bc([1-5])\b", folded)) is not None:
        found["client_class"] = f"C{said[1]}"
    for each in numbers:
        before, after = text[max(0, each.start - 30) : each.start].casefold(), text[each.end : each.end + 16].casefold()
        if each.percent and re.search(r"los[es]|bear|afford|承受|亏|损失", before + after) and each.value <= 1:
            found["loss_capacity"] = each.value
        years = re.match(r"\s*-?(?:years?|年)", after)
        if years and (bare or investing or re.search(r"horizon|need (?:it|the money)|期限|要用|持有", before + after)):
            found.setdefault("horizon_years", min(each.value, 80.0))
    for objective, patterns in words().objectives.items():
        if _says(folded, patterns) and (bare or re.search(r"objective|goal|aim|want|目标|希望|想|for\b", folded)):
            found.setdefault("objective", objective)
    for level, patterns in words().knowledge.items():
        if _says(folded, patterns):
            found.setdefault("knowledge", level)
    return found


def _funds(text: str, names: Mapping[str, str]) -> list[str]:
    """Ids of known funds that the text names, in its order, and what looks like an id but is not known."""
    folded = text.casefold()
    hits: dict[str, int] = {}
    for name, fund_id in sorted(names.items(), key=lambda each: -len(each[0])):
        place = folded.find(name)
        if place >= 0 and len(name) >= 3:
            hits[fund_id] = min(place, hits.get(fund_id, place))
            folded = folded.replace(name, " " * len(name))
    for match in re.finditer(r"\b[A-Z][A-Z0-9]{1,11}(?:-[A-Z0-9]{1,12})+\b|\b\d{6}\b", text):
        if folded[match.start() : match.end()].strip():
            hits.setdefault(match.group(), match.start())
    return sorted(hits, key=lambda each: hits[each])[:20]


def _currencies(folded: str) -> list[str]:
    places = {
        code: min(match.start() for each in patterns if (match := re.search(each, folded)))
        for code, patterns in words().currencies.items()
        if _says(folded, patterns)
    }
    return sorted(places, key=lambda code: places[code])


_MONEY = r"cny|rmb|usd|eur|gbp|hkd|¥|\$|€|£|yuan|dollars?|euros?|元|美元|欧元|块"


def _amount(text: str, numbers: list[Written]) -> float | None:
    """The largest number that is an amount of money: with a currency or a scale beside it."""
    found = [0.0]
    for each in numbers:
        around = text[max(0, each.start - 5) : each.start] + " " + text[each.end : each.end + 8]
        scaled = re.search(r"[万亿]|million|thousand|\dk\b", text[each.start : each.end], re.IGNORECASE)
        if re.match(r"\s*-?(?:years?|年)", text[each.end : each.end + 8].casefold()):
            continue
        monthly = re.search(r"month|每(?:个)?月|月", text[max(0, each.start - 8) : each.end + 12], re.IGNORECASE)
        if (
            not each.percent
            and not monthly
            and not _negative(text, each)
            and (
                scaled
                or re.search(_MONEY, around.casefold())
                or re.match(r"\s*[A-Z]{3}\b", text[each.end : each.end + 6])
            )
        ):
            found.append(each.value)
    return max(found) or None


def _years(text: str, numbers: list[Written]) -> float | None:
    for each in numbers:
        if re.match(r"\s*-?(?:years?|年)", text[each.end : each.end + 8].casefold()) and each.value <= 80:
            return each.value
    return None


def _monthly(text: str, numbers: list[Written], verbs: str) -> float | None:
    """A number beside which a month and one of the verbs stand."""
    for each in numbers:
        before, after = text[max(0, each.start - 16) : each.start].casefold(), text[each.end : each.end + 20].casefold()
        month = re.search(r"每(?:个)?月.{0,6}$", before) or re.match(r".{0,8}(?:month|每月|/月|一个月)", after)
        other = each.percent or re.match(r"\s*-?(?:years?|年|岁|months?)", after)
        usable = not _negative(text, each) and each.value <= 1e12
        if month and not other and usable and re.search(verbs, before + after):
            return each.value
    return None


def _target(text: str, numbers: list[Written]) -> float | None:
    for each in numbers:
        before = text[max(0, each.start - 24) : each.start].casefold()
        if not each.percent and re.search(r"reach|target of|goal of|end up with|达到|攒到|目标(?:是|为)?", before):
            return each.value if each.value >= 1000 else None
    return None


def _scale(folded: str) -> float | None:
    if re.search(r"double|twice|翻倍|加倍", folded) and re.search(r"risk|风险", folded):
        return 2.0
    if re.search(r"more risk|风险.{0,3}(?:高|大)一(?:点|些)", folded):
        return 1.25
    if re.search(r"half|halv|减半|一半", folded) and re.search(r"risk|风险", folded):
        return 0.5
    percent = re.search(r"(\d{1,2})\s?% (?:less|lower) risk|风险(?:降低|减少)\s?(\d{1,2})\s?%", folded)
    if percent:
        return 1 - int(percent[1] or percent[2]) / 100
    if _says(folded, words().topic["less"]):
        return 0.75
    return None
