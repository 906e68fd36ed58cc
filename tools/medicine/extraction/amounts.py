"""Numbers with units as a record writes them, their UCUM units, and reference ranges."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from functools import cache
from typing import Final

from tools.medicine.extraction.keydata import Amount, Reference
from tools.medicine.lexicon import fold

NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}|\d+(?:[.,·]\d+)?"
UNIT: Final = (
    r"(?:[x×*·]\s?10\s?(?:\^|\*\*)?\s?(?:\d{1,2}|[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2})(?:\s?/\s?(?:l|ml|μl|ul)|(?![\d.]))|10\s?(?:\^|\*)\s?\d{1,2}\s?/\s?(?:l|ml|μl|ul)"
    r"|g/l|g/dl|mg/dl|mg/l|mg/24h|g/24h|g/d|μg/l|ug/l|mcg/l|ng/ml|ng/l|ng/dl|pg/ml|μg/ml|ug/ml|μg/dl|ug/dl|mcg/dl|mcg/ml"
    r"|mmol/l|μmol/l|umol/l|nmol/l|pmol/l|mmol/mol|mol/l|meq/l|mosm/kg|mosm/l"
    r"|[kmμu]?iu/m?l|[mμu]?ui/m?l|[mμu]?u/m?l|u/l|ui/l|ie/l|miu/ml|μiu/ml|uiu/ml"
    r"|ml/min(?:/1[.,]73\s?m(?:2|²|\^2))?|k/μl|k/ul|m/μl|m/ul|/μl|/ul|/mm3|/mm³|/hpf|/hp|个/μl|个/ul|g%|mm/h|mm/1h|fl|pg|%|‰|秒|s\b|sec\b|mmhg|kpa|copies/ml|mg/g)"
)
_UCUM: Final = {
    "%": "%", "‰": "[ppth]", "秒": "s", "s": "s", "sec": "s", "mmhg": "mm[Hg]", "kpa": "kPa", "fl": "fL", "pg": "pg", "g/l": "g/L",
    "g/dl": "g/dL", "g%": "g/dL", "mg/dl": "mg/dL", "mg/l": "mg/L", "ug/l": "ug/L", "mcg/l": "ug/L", "ng/ml": "ng/mL", "ng/l": "ng/L",
    "ng/dl": "ng/dL", "pg/ml": "pg/mL", "ug/ml": "ug/mL", "mcg/ml": "ug/mL", "ug/dl": "ug/dL", "mcg/dl": "ug/dL", "mmol/l": "mmol/L",
    "umol/l": "umol/L", "nmol/l": "nmol/L", "pmol/l": "pmol/L", "mmol/mol": "mmol/mol", "mol/l": "mol/L", "meq/l": "meq/L",
    "mosm/kg": "mosm/kg", "mosm/l": "mosm/L", "u/l": "U/L", "ui/l": "[IU]/L", "mui/l": "m[IU]/L", "mui/ml": "m[IU]/mL", "uui/ml": "u[IU]/mL", "ui/ml": "[IU]/mL", "ie/l": "[IU]/L", "iu/l": "[IU]/L", "u/ml": "U/mL",
    "iu/ml": "[IU]/mL", "miu/l": "m[IU]/L", "miu/ml": "m[IU]/mL", "uiu/ml": "u[IU]/mL", "mu/l": "mU/L", "kiu/l": "k[IU]/L", "uu/ml": "uU/mL",
    "ml/min": "mL/min", "mm/h": "mm/h", "mm/1h": "mm/h", "k/ul": "10*3/uL", "m/ul": "10*6/uL", "/ul": "/uL", "/mm3": "/uL", "/mm³": "/uL",
    "个/ul": "/uL", "/hpf": "/[HPF]", "/hp": "/[HPF]", "mg/24h": "mg/(24.h)", "g/24h": "g/(24.h)", "g/d": "g/d", "copies/ml": "{copies}/mL",
    "mg/g": "mg/g", "mg": "mg", "g": "g", "kg": "kg", "ug": "ug", "mcg": "ug", "ng": "ng", "ml": "mL", "l": "L", "iu": "[IU]", "u": "U",
    "ui": "[IU]", "ie": "[IU]", "mmol": "mmol", "meq": "meq", "cm": "cm", "m": "m", "mm": "mm", "kg/m2": "kg/m2", "℃": "Cel", "°c": "Cel",
    "°f": "[degF]", "℉": "[degF]", "/min": "/min", "bpm": "/min", "lb": "[lb_av]", "lbs": "[lb_av]", "in": "[in_i]", "l/min": "L/min",
}  # fmt: skip
_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹μµ", "0123456789uu")


def ucum(unit: str) -> str | None:
    """The UCUM code of a unit as written, or None. (The Unified Code for Units of Measure, ucum.org.)"""
    plain = re.sub(r"\s", "", fold(unit)).translate(_SUPERSCRIPTS)
    if power := re.fullmatch(r"(?:[x×*·])?10(?:\^|\*{1,2})?(\d{1,2})/(l|ml|ul)", plain):
        return f"10*{power[1]}/{ {'l': 'L', 'ml': 'mL', 'ul': 'uL'}[power[2]] }"
    if plain.startswith("ml/min/1"):
        return "mL/min/{1.73_m2}"
    return _UCUM.get(plain)


def number(text: str, lang: str = "en") -> float:
    """The value of a number as matched by NUMBER.

    English, Chinese and Japanese group digits by commas; where a comma is the decimal mark, a period groups.
    """
    text = text.replace("·", ".")
    if lang in {"es", "de", "fr", "it", "pt"}:
        if re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?", text):
            text = text.replace(".", "")
        return float(text.replace(",", "."))
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", text) and not text.startswith("0"):
        return float(text.replace(",", ""))
    return float(text.replace(",", "."))


@cache
def range_pattern() -> re.Pattern[str]:
    """A reference range after a value: (135-145), 参考值 3.5-9.5, ref: <5.0."""
    label = r"(?:参考(?:值|范围|区间)?|正常(?:值|范围|参考值)?|ref(?:erence)?(?: range| interval)?\.?|normal(?: range)?|norm|normalwert(?:e)?|valores? de referencia|vr|vn|valeurs? (?:de reference|normales?)|n|基準値|基準範囲|正常値)"
    return re.compile(
        rf"\s{{0,6}}(?:[\t|]\s?)?(?P<open>[（(\[]?)\s?(?P<label>{label}\s?[:：=]?\s?)?(?:(?P<low>{NUMBER})\s?(?:-|~|～|—|至|to|bis|a)\s?(?P<high>{NUMBER})|(?P<sign>[<>≤≥＜＞])\s?(?P<limit>{NUMBER}))\s?(?:{UNIT})?\s?(?P<close>[）)\]]?)"
    )


def reference(match: re.Match[str], text: str, lang: str = "en") -> Reference | None:
    """The range of a match of range_pattern; None where nothing marks it as a range of reference."""
    if match["low"]:
        low, high = number(match["low"], lang), number(match["high"], lang)
        if low > high:
            return None
        return Reference(low=low, high=high, text=text)
    limit = number(match["limit"], lang)
    return Reference(high=limit, text=text) if match["sign"] in "<≤＜" else Reference(low=limit, text=text)


def amount(value: str, unit: str | None, high: str | None = None, lang: str = "en") -> Amount:
    """A number with its unit."""
    written = unit.strip() if unit else None
    return Amount(
        value=number(value, lang),
        high=number(high, lang) if high else None,
        unit=written,
        ucum=ucum(written) if written else None,
    )
