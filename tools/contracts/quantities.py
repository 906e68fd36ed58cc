"""The numbers of a contract: durations, percentages, rates by the day, multiples and sums, in English and Chinese.

A *measure* names what a playbook compares: `notice_days`, `payment_days`, `daily_rate`, … A duration belongs to the
subject whose word stands nearest to it ("sixty (60) days after receipt of the invoice" is a payment term).
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_WORDS = {word: value for value, word in enumerate(_SMALL)} | _TENS
_NUMBER_WORD = (
    rf"(?:(?:{'|'.join(_TENS)})[- ](?:{'|'.join(_SMALL[1:10])})|{'|'.join(sorted(_WORDS, key=len, reverse=True))}"
    r"|(?:one|two|three) hundred(?: (?:and )?(?:twenty|eighty|sixty|fifty))?)"
)
_HAN = "零〇一二三四五六七八九十百两"
_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365, "日": 1, "天": 1, "周": 7, "月": 30, "年": 365}

_DURATION = re.compile(
    rf"(?<![\w.,$])(?:(?P<word>{_NUMBER_WORD})[\s-]*)?(?:\(\s*(?P<paren>\d{{1,4}})\s*\)|(?P<digits>\d{{1,4}}))?[\s-]*"
    r"(?:(?:business|calendar|working|consecutive|full)\s+)?(?P<unit>day|week|month|year)s?\b",
    re.IGNORECASE,
)
_CHINESE_DURATION = re.compile(
    rf"(?<![{_HAN}\d年月.第])(?<!逾期)(?<!延迟)(?<!每)(?P<han>[{_HAN}]{{1,5}}|\d{{1,4}})\s*(?:[（(]\s*(?P<paren>\d{{1,4}})\s*[)）])?\s*"
    r"(?P<unit>个工作日|工作日|个自然日|自然日|日历日|日|天|周|个月|年)(?!\d)"
)
_PERCENT = re.compile(
    rf"(?<![A-Za-z\d.])(?:(?P<digits>\d{{1,3}}(?:\.\d{{1,4}})?)|(?P<word>{_NUMBER_WORD}))\s*(?P<sign>%|％|‰|per\s?cent\b)",
    re.IGNORECASE,
)
_CHINESE_PERCENT = re.compile(
    rf"(?P<base>百|千|万)分之(?P<han>[{_HAN}]{{1,4}}(?:点[{_HAN}]{{1,3}})?|\d{{1,3}}(?:\.\d{{1,3}})?)"
)
_MULTIPLE = re.compile(
    rf"(?:(?P<word>{_NUMBER_WORD})\s*)?(?:\(?(?P<digits>\d{{1,2}}(?:\.\d)?)\)?)?\s*(?P<unit>times)\b|(?P<twice>\btwice\b|\bdouble\b)"
    rf"|(?P<han>[{_HAN}]{{1,2}}|\d{{1,2}}(?:\.\d)?)倍",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"(?:US\$|USD|\$|€|EUR|£|GBP|RMB|CNY|¥|￥|人民币)\s*(?P<sum>\d[\d,]{0,14}(?:\.\d{1,2})?)\s*(?P<scale>万|亿|million)?"
    r"|(?P<yuan>\d[\d,]{0,14}(?:\.\d{1,2})?)\s*(?P<wan>万|亿)?元",
    re.IGNORECASE,
)
_PER = (
    (
        "day",
        re.compile(
            r"(?:per|a|each|every)\s+(?:\w+\s+)?day|per\s+diem|daily|每(?:逾期|延迟|迟延)?[一壹1]?[日天]|按日|逾期[一1]?[日天]|日利率|每日|每天",
            re.I,
        ),
    ),
    ("week", re.compile(r"(?:per|a|each|every)\s+(?:\w+\s+)?week|weekly|每周", re.I)),
    ("month", re.compile(r"(?:per|a|each|every)\s+(?:\w+\s+)?month|monthly|每月|按月|月利率|月息", re.I)),
    ("year", re.compile(r"per\s+annum|(?:per|a|each|every)\s+(?:\w+\s+)?year|annual|annum|每年|年利率|年化", re.I)),
)

Kind = Literal["duration", "percent", "multiple", "money"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its span. value: days, percent points, times, or currency units. per: what a rate runs by."""

    kind: Kind
    value: float
    per: str
    start: int
    end: int


def han_number(text: str) -> float:
    """三十 → 30, 一百二十 → 120, 五 → 5, 零点五 → 0.5, and digits as they are."""
    if re.fullmatch(r"[\d.]+", text):
        return float(text)
    whole, _, fraction = text.partition("点")
    total = unit = 0
    for character in whole:
        if character == "百":
            total, unit = total + (unit or 1) * 100, 0
        elif character == "十":
            total, unit = total + (unit or 1) * 10, 0
        else:
            unit = _DIGITS[character]
    value = float(total + unit)
    for place, character in enumerate(fraction, start=1):
        value += _DIGITS.get(character, 0) / 10**place
    return value


def _english_number(word: str) -> float:
    value = 0
    for part in re.split(r"[\s-]+", word.lower()):
        value = value * 100 if part == "hundred" else value + _WORDS.get(part, 0)
    return float(value)


def quantities(text: str) -> list[Quantity]:
    """Every quantity of a sentence, in order."""
    found: list[Quantity] = []
    for match in _DURATION.finditer(text):
        digits = match["paren"] or match["digits"]
        if not digits and not match["word"]:
            continue
        value = float(digits) if digits else _english_number(match["word"])
        found.append(Quantity("duration", value * _DAYS[match["unit"].lower()], "", match.start(), match.end()))
    for match in _CHINESE_DURATION.finditer(text):
        value = float(match["paren"]) if match["paren"] else han_number(match["han"])
        if value < 1900:
            found.append(Quantity("duration", value * _DAYS[match["unit"][-1]], "", match.start(), match.end()))
    for match in _PERCENT.finditer(text):
        number = float(match["digits"]) if match["digits"] else _english_number(match["word"])
        value = number / (10 if match["sign"] == "‰" else 1)
        found.append(Quantity("percent", value, _per(text, match), match.start(), match.end()))
    for match in _CHINESE_PERCENT.finditer(text):
        value = han_number(match["han"]) * {"百": 1.0, "千": 0.1, "万": 0.01}[match["base"]]
        found.append(Quantity("percent", value, _per(text, match), match.start(), match.end()))
    for match in _MULTIPLE.finditer(text):
        if match["twice"]:
            value = 2.0
        elif match["han"]:
            value = han_number(match["han"])
        elif match["digits"] or match["word"]:
            value = float(match["digits"]) if match["digits"] else _english_number(match["word"])
        else:
            continue
        found.append(Quantity("multiple", value, "", match.start(), match.end()))
    for match in _MONEY.finditer(text):
        scale = {"万": 1e4, "亿": 1e8, "million": 1e6}.get((match["scale"] or match["wan"] or "").lower(), 1.0)
        value = float((match["sum"] or match["yuan"]).replace(",", "")) * scale
        found.append(Quantity("money", value, "", match.start(), match.end()))
    return sorted(found, key=lambda quantity: quantity.start)


def _per(text: str, match: re.Match[str]) -> str:
    """What a percentage runs by: the nearest "per day", "每日", … in the same part of the sentence."""
    nearest, best = "", 61
    left, right = max(0, match.start() - 30), match.end() + 60
    window = text[left:right]
    for name, expression in _PER:
        for hit in expression.finditer(window):
            distance = max(left + hit.start() - match.end(), match.start() - left - hit.end(), 0)
            if distance < best:
                nearest, best = name, distance
    return nearest


_SUBJECTS = {
    "notice": r"notice|notif|通知",
    "cure": r"\bcur(?:e|ed|ing)\b|remed(?:y|ied)|rectif|补救|改正|整改|纠正|催告",
    "payment": r"\bpa(?:y|id|ys|yable|yments?)\b|invoice|\bdue\b|付款|支付|付清|发票|结清",
    "renewal": r"renew|extend|successive|continues? automatically|续展|续期|续约|顺延|延长",
    "survival": r"surviv|(?:after|following) (?:the )?(?:termination|expiration|expiry)|终止后|届满后|解除后|持续有效",
    "warranty": r"warrant|质保|保修|质量保证",
    "inspection": r"inspect|reject|accept(?:ance|ed)?\b|验收|检验|异议",
    "reporting": r"breach|incident|泄露|安全事件",
    "fees": r"\bfees?\b|amounts? paid|charges|合同价款|合同总额|服务费",
}
_SUBJECT_PATTERNS = {name: re.compile(text, re.IGNORECASE) for name, text in _SUBJECTS.items()}
_UNITS = {"days": 1.0, "months": 30.0, "years": 365.0}
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq,
}  # fmt: skip
_RATES = {"daily_rate": "day", "weekly_rate": "week", "monthly_rate": "month", "annual_rate": "year"}
MEASURES: tuple[str, ...] = (
    *_UNITS, *(f"{subject}_{unit}" for subject in _SUBJECTS for unit in _UNITS),
    "percent", "penalty_percent", *_RATES, "cap_multiple", "amount",
)  # fmt: skip
_COMPARISON = re.compile(r"^\s*(?P<measure>\w+)\s*(?P<operator><=|>=|==|<|>)\s*(?P<limit>\d+(?:\.\d+)?)\s*$")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`notice_days < 30`. Rates are fractions (万分之五 a day is 0.0005); percentages are points (30% is 30)."""

    measure: str
    operator: str
    limit: float

    def first(self, text: str) -> Quantity | None:
        """The quantity of `text` that the measure means and for which the comparison holds.

        Of several durations, the one nearest to the word that makes it the measure's.
        """
        holds: list[tuple[int, Quantity]] = []
        for quantity in quantities(text):
            measured = _measured(self.measure, quantity, text)
            if measured is not None and _OPERATORS[self.operator](round(measured[0], 6), self.limit):
                holds.append((measured[1] + _before(self.measure, quantity, text), quantity))
        return min(holds, key=lambda hold: hold[0])[1] if holds else None


def comparison(expression: str) -> Comparison:
    """Read `measure operator number`; ValueError says what is allowed."""
    match = _COMPARISON.match(expression)
    if match is None:
        raise ValueError(f"{expression!r} is no comparison; write a measure, one of < <= > >= ==, and a number")
    if match["measure"] not in MEASURES:
        raise ValueError(f"{match['measure']!r} is no measure; known: {', '.join(MEASURES)}")
    return Comparison(match["measure"], match["operator"], float(match["limit"]))


def _before(measure: str, quantity: Quantity, text: str) -> int:
    """Extra distance for a duration before "renew": that is what is renewed; for how long stands after the word."""
    if not measure.startswith("renewal"):
        return 0
    return 0 if _SUBJECT_PATTERNS["renewal"].search(text, max(0, quantity.start - 90), quantity.start) else 90


def _measured(measure: str, quantity: Quantity, text: str) -> tuple[float, int] | None:
    """(the quantity's value in the measure's unit, its distance from the measure's word), None if it is another's."""
    if measure in _RATES:
        return (quantity.value / 100, 0) if quantity.kind == "percent" and quantity.per == _RATES[measure] else None
    plain = {"percent": "percent", "penalty_percent": "percent", "cap_multiple": "multiple", "amount": "money"}
    if measure in plain:
        return (quantity.value, 0) if quantity.kind == plain[measure] and not quantity.per else None
    if quantity.kind != "duration":
        return None
    subject, _, unit = measure.rpartition("_")
    nearest, distance = _subject(quantity, text) if subject else ("", 0)
    return (quantity.value / _UNITS[unit], distance) if nearest == subject else None


def _subject(quantity: Quantity, text: str) -> tuple[str | None, int]:
    """The subject whose word stands nearest to a duration, within 90 characters (30 for Chinese), and how far."""
    reach = 30 if re.search(r"[一-鿿]", text) else 90
    nearest: str | None = None
    best = reach + 1
    left, right = max(0, quantity.start - reach), quantity.end + reach
    for name, expression in _SUBJECT_PATTERNS.items():
        for hit in expression.finditer(text[left:right]):
            start, end = left + hit.start(), left + hit.end()
            distance = max(start - quantity.end, quantity.start - end, 0)
            if distance < best:
                nearest, best = name, distance
    return nearest, best
