"""Age and sex as a record states them."""

import re
from typing import Final

from tools.medicine.arithmetic import Sex
from tools.medicine.lexicon import fold

_AGE: Final = re.compile(
    r"(?:年龄|年齢|\bage|\bedad|\balter)\s*[:：]?\s*(?P<label>\d{1,3})(?!\d)"
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
    ages = [int(match["label"] or match["years"]) for match in _AGE.finditer(head)]
    stated = next((float(years) for years in ages if years <= 120), None)
    return 90.0 if stated is None and _OVER_89.search(text[:4_000]) else stated


def find_sex(text: str) -> Sex | None:
    """The sex that a record states first; None where it states none or the two are as near."""
    head = fold(text[:4_000])
    places = {sex: found.start() for sex, pattern in _SEX if (found := re.search(pattern, head))}
    if not places:
        return None
    return "female" if places.get("female", len(head)) < places.get("male", len(head)) else "male"
