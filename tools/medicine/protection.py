"""What a translator must not touch, put in brackets ⟦…⟧: numbers with their units, dates, drug names, identities.

A model sees the value inside the brackets, so that its grammar can follow, and must give each pair back unchanged.
Afterwards the brackets go and each value is written as the target language writes it: 10毫克 as 10 mg, 2026年3月5日 as
5 March 2026, 阿司匹林 as aspirin. Brackets that stand for a person stay.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection
from typing import Final

from tools.medicine.drugs import find_drugs
from tools.medicine.lexicon import IDEOGRAPHIC, fold, language

OPEN, CLOSE = "⟦", "⟧"
BRACKETED: Final = re.compile(r"⟦[^⟦⟧\n]{1,200}⟧")

_UNITS: Final = {
    "毫克": "mg", "微克": "µg", "千克": "kg", "公斤": "kg", "克": "g", "毫升": "mL", "升": "L", "毫米汞柱": "mmHg",
    "毫摩尔/升": "mmol/L", "微摩尔/升": "µmol/L", "克/升": "g/L", "次/分": "/min", "次/分钟": "/min", "厘米": "cm",
    "毫米": "mm", "摄氏度": "°C", "国际单位": "IU", "毫克/日": "mg/day", "克/日": "g/day",
}  # fmt: skip
"""Units in Chinese characters and the symbols of the SI brochure (9th edition) or of common clinical use."""
_SYMBOL: Final = (
    r"(?:[munµμ]?(?:mol|g|l|L|m|U)(?:/(?:[mdµμ]?[lL]|kg|d|day|h|min|m2|m²|次|日|天))?|k?g|mmHg|kPa|IU(?:/[mM]?[lL])?|U/L"
    r"|bpm|/min|%|℃|°C|°F|cm|mm|ml/min(?:/1\.73\s?m²)?|×\s?10\^?\d+/L|×10[⁹¹²]+/L)"
)
_NUMBER: Final = r"[<>≤≥~≈]?\s?\d+(?:[.,]\d+)*(?:\s?(?:[-–~/×x*]|至)\s?\d+(?:[.,]\d+)*)*"
_CHINESE_UNIT: Final = "|".join(sorted(_UNITS, key=len, reverse=True))
_FIGURE: Final = re.compile(rf"(?<![A-Za-z\d.])({_NUMBER})(\s?(?:{_CHINESE_UNIT})|\s?{_SYMBOL}(?![A-Za-z]))?")
_CHINESE_DATE: Final = re.compile(r"(?P<y>(?:19|20)\d\d)\s*年\s*(?P<m>\d{1,2})\s*月(?:\s*(?P<d>\d{1,2})\s*[日号])?")
_ISO_DATE: Final = re.compile(r"(?<!\d)(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_MONTH_NAMES: Final = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}
_MONTHS: Final = {lang: names.split() for lang, names in _MONTH_NAMES.items()}

Naming = Callable[[str, str], str | None]
"""What a drug (by its International Nonproprietary Name) is called in a language; None where that is not known."""


def protect(text: str, source: str, target: str, naming: Naming) -> str:
    """The text with what must not change in brackets. Brackets that are there already stay as they are."""
    spans = [match.span() for match in BRACKETED.finditer(text)]
    marks: list[tuple[int, int]] = []

    def take(start: int, end: int) -> None:
        if all(end <= a or b <= start for a, b in [*spans, *marks]):
            marks.append((start, end))

    for pattern in (_CHINESE_DATE, _ISO_DATE):
        for match in pattern.finditer(text):
            take(*match.span())
    for drug in find_drugs(fold(text), language(source)):
        if drug.known and naming(drug.name, target):
            take(drug.start, drug.end)
    for match in _FIGURE.finditer(text):
        take(match.start(), match.end() - (len(match.group()) - len(match.group().rstrip())))
    for start, end in sorted(marks, reverse=True):
        text = f"{text[:start]}{OPEN}{text[start:end]}{CLOSE}{text[end:]}"
    return text


def faults(source: str, translation: str) -> list[str]:
    """Which brackets of a protected text did not come back, came twice, or are new; empty where all is well."""
    wanted, given = Counter(BRACKETED.findall(source)), Counter(BRACKETED.findall(translation))
    lost = [f"{each} is missing" for each in (wanted - given).elements()]
    return lost + [f"{each} is too many" for each in (given - wanted).elements()]


def neutral(text: str, target: str) -> bool:
    """Whether a text is the same in every language: figures, symbols of units, punctuation, brackets."""
    rest = BRACKETED.sub("", _ISO_DATE.sub("", text))
    if language(target) not in IDEOGRAPHIC and _HAN.search(rest):
        return False
    rest = re.sub(rf"{_SYMBOL}(?![A-Za-z])", "", _FIGURE.sub("", rest))
    return not any(character.isalpha() for character in rest)


def bare(text: str) -> str:
    """A protected text without its brackets."""
    return text.replace(OPEN, "").replace(CLOSE, "")


def restore(translation: str, source: str, target: str, naming: Naming, identities: Collection[str]) -> str:
    """The translation without brackets, each value as the target language writes it; identities stay bracketed."""

    def written(match: re.Match[str]) -> str:
        value = match.group()
        return value if value in identities else localised(value[1:-1], source, target, naming)

    return BRACKETED.sub(written, translation)


def localised(value: str, source: str, target: str, naming: Naming) -> str:
    """One protected value in the target language; as it stands where no rule applies."""
    if date := _CHINESE_DATE.fullmatch(value):
        return _date(date, target)
    if figure := _FIGURE.fullmatch(value):
        unit = (figure[2] or "").strip()
        if unit in _UNITS and language(target) not in IDEOGRAPHIC:
            return f"{figure[1]} {_UNITS[unit]}"
        return value
    drugs = find_drugs(fold(value), language(source))
    name = naming(drugs[0].name, target) if len(drugs) == 1 else None
    return name or value


def _date(date: re.Match[str], target: str) -> str:
    """A full date as Unicode CLDR's long form in en, fr, es, de; as it stands in zh and ja; else ISO 8601."""
    year, month, day = date["y"], int(date["m"]), int(date["d"]) if date["d"] else None
    lang = language(target)
    if lang in IDEOGRAPHIC or not 1 <= month <= 12:
        return date.group()
    if lang not in _MONTHS:
        return f"{year}-{month:02}" + (f"-{day:02}" if day else "")
    name = _MONTHS[lang][month - 1]
    of = " de " if lang == "es" else " "
    if day is None:
        return f"{name}{of}{year}"
    return f"{day}{'.' if lang == 'de' else ''}{of}{name}{of}{year}"
