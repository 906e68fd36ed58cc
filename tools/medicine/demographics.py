"""Age and sex as a record states them, and the kidney function that follows from them and from creatinine."""

import re
from typing import Final, Literal

from tools.medicine.lexicon import fold

Sex = Literal["female", "male"]

_AGE: Final = re.compile(
    r"(?:年龄|年齢|age|edad|alter|[aâ]ge)\s*[:：]?\s*(?P<label>\d{1,3})(?!\d)"
    r"|(?<!\d)(?P<years>\d{1,3})\s*(?:岁|歳|[- ]?years?[- ]?old|[- ]?y/?o\b|\s?ans\b|\s?anos\b|\s?jahre?\s?alt|-jahrig)"
)
_OVER_89: Final = re.compile(r"⟦G\d+:90\+⟧")
_SEX: Final = (
    (
        "female",
        r"(?:性别|性別)\s*[:：]?\s*女|女性|\bfemale\b|\bwoman\b|\bsex\s*:\s*f\b|\bfemme\b|\bmujer\b|\bweiblich|\bfrau\b",
    ),
    (
        "male",
        r"(?:性别|性別)\s*[:：]?\s*男|男性|(?<!fe)\bmale\b|\bman\b|\bsex\s*:\s*m\b|\bhomme\b|\bvaron\b|\bmannlich|\bherr\b",
    ),
)


def find_age(text: str) -> float | None:
    """The age in years that stands first in a record; 90 where de-identification has hidden one above 89."""
    head = fold(text[:4_000])
    match = _AGE.search(head)
    if match is None:
        return 90.0 if _OVER_89.search(text[:4_000]) else None
    years = int(match["label"] or match["years"])
    return float(years) if years <= 120 else None


def find_sex(text: str) -> Sex | None:
    """The sex that a record states first; None where it states none or the two are as near."""
    head = fold(text[:4_000])
    places = {sex: found.start() for sex, pattern in _SEX if (found := re.search(pattern, head))}
    if not places:
        return None
    return "female" if places.get("female", len(head)) < places.get("male", len(head)) else "male"


def egfr(creatinine_umol: float, age: float, sex: Sex) -> float:
    """Estimated glomerular filtration rate in mL/min/1.73 m², by CKD-EPI 2021 (Inker, N Engl J Med 2021;385:1737).

    creatinine_umol: serum creatinine, µmol/L, above 0. age: years, 18 or more.
    """
    kappa, alpha, factor = (0.7, -0.241, 1.012) if sex == "female" else (0.9, -0.302, 1.0)
    ratio = creatinine_umol / 88.42 / kappa
    return float(142 * min(ratio, 1.0) ** alpha * max(ratio, 1.0) ** -1.2 * 0.9938**age * factor)
