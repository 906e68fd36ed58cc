"""Numbers with their units, brought to one scale, so that 0.5 g equals 500 mg and 37 °C equals 98.6 °F."""

import re
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from tools.medicine.lexicon import vocabulary, words
from tools.medicine.numerals import Number, Strength, numbers
from tools.medicine.worded_fractions import half_more

SOFT = frozenset({"tablet", "percent", "rate", "pressure", "count", "packyear"})
"""Dimensions whose unit is often left unwritten in clinical text, or worded otherwise."""
_DIVIDED = re.compile(r"\s*(?:/\s*\(?|per\b|par\b|por\b|pro\b|每)\s*")
_INSIDE = re.compile(r"\s*(?:/|·|\*|×|x|\.|⋅)\s*")
"""Between units in brackets below a stroke: μg/(kg·min)."""
_BEFORE = re.compile(r"(?<![a-z])(day|week|month|jour|semaine|mois|dia|semana|mes|tag|woche|monat)s?\s+$")
_TIMES = re.compile(r"\s*(?:次|回|times?\b|fois\b|veces\b|vez\b|mal\b)")
_LINK = re.compile(r"\s*(?:-|~|～|—|至|到|or|to|a|à|ou|und|bis|oder|o|y|et|and|/|x|×|、|,|;|或|\*)\s*")
_VAGUE = re.compile(
    r"[\s-]*(?:余|多|来|几|个|plus|\+|full|more|consecutive|further|additional|successive|post-?operative|hospital|th|st|nd|rd"
    r"|postoperativen?)*\s*-?\s*"
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its unit. dimension: None where no unit is written; factor: to the dimension's base unit."""

    values: tuple[float, ...]
    dimension: str | None
    factor: float
    strength: Strength
    start: int
    end: int

    def scaled(self) -> tuple[float, ...]:
        """The readings in the base unit of the dimension."""
        if self.dimension == "fahrenheit":
            return tuple((value - 32) / 1.8 for value in self.values)
        return tuple(value * self.factor for value in self.values)


@cache
def _units() -> tuple[re.Pattern[str], dict[str, tuple[str, float]]]:
    table = {
        word: (row["dim"], float(row["factor"])) for row in vocabulary("units").values() for word in words(row["words"])
    }
    rows = sorted(table, key=len, reverse=True)
    joined = "|".join(
        re.escape(row.rstrip("*"))
        + (r"[a-z]*" if row.endswith("*") else r"(?![a-z])" if row[-1].isascii() and row[-1].isalnum() else "")
        for row in rows
    )
    return re.compile(rf"(?:{joined})"), table


def quantities(folded: str, lang: str) -> list[Quantity]:
    """Every number of folded text with the unit that belongs to it; in "5-10 mg" the unit belongs to both."""
    found: list[Quantity] = []
    for number in numbers(folded, lang):
        if not found or number.start >= found[-1].end:  # the half of "une heure et demie" is told already
            found.append(_with_unit(folded, number))
    found = [_ordinal(folded, each) for each in found]
    for index in range(len(found) - 2, -1, -1):
        this, following = found[index], found[index + 1]
        if (
            this.dimension is None
            and following.dimension
            and this.strength != "hint"
            and _LINK.fullmatch(folded, this.end, following.start)
        ):
            found[index] = replace(this, dimension=following.dimension, factor=following.factor)
    for index, (this, following) in enumerate(pairwise(found)):  # 32+4周: 32 weeks and 4 days
        weeks = this.dimension in {None, "time"} and following.dimension == "time" and following.factor == 7
        if weeks and folded[this.end : following.start].strip() == "+" and following.values[0] < 7 < this.values[0]:
            found[index : index + 2] = [replace(this, dimension="time", factor=7.0), replace(following, factor=1.0)]
    return found


def _ordinal(folded: str, number: Quantity) -> Quantity:
    """ "day 3" and "week 12" are the third day and the twelfth week, as 第3天 is."""
    before = _BEFORE.search(folded, max(0, number.start - 12), number.start)
    if number.dimension is not None or before is None or number.strength == "hint":
        return number
    _, table = _units()
    dimension, factor = _lookup(table, before[1])
    return replace(number, dimension=dimension, factor=factor)


def _with_unit(folded: str, number: Number) -> Quantity:
    pattern, table = _units()
    bare = Quantity(number.values, None, 1.0, number.strength, number.start, number.end)
    if percent := re.search(r"百分之$", folded[: number.start]):
        return replace(bare, dimension="percent", start=percent.start())
    gap = _VAGUE.match(folded, number.end)
    at = gap.end() if gap else number.end
    unit = pattern.match(folded, at)
    if unit is None and at != number.end:
        unit = pattern.match(folded, number.end) or pattern.match(folded, number.end + 1)
    if unit is None:
        return (
            replace(bare, dimension="temperature")
            if re.match(r"\s*(?:°|º|度)", folded[number.end :]) and 34 <= number.values[0] <= 43
            else bare
        )
    dimension, factor = _lookup(table, unit.group())
    end, inside = unit.end(), False
    if dimension == "time" and unit.group() in {"日", "月", "a", "an"} and unit.group() != "日":
        dimension, factor = ("time", factor) if unit.group() != "a" else (None, 1.0)
        end = end if dimension else number.end
    while divided := (_INSIDE if inside else _DIVIDED).match(folded, end):
        inside = inside or "(" in divided.group()
        below = pattern.match(folded, divided.end())
        if below is None or dimension is None:
            break
        lower, size = _lookup(table, below.group())
        if lower == "time" and dimension in {"mass", "volume", "units", "tablet"} and "kg" not in below.group():
            dimension, factor = f"{dimension}/time", factor if size == 1 else factor / size
            if size == 1:  # "50 mg per day" is a dose for which other languages write "50 mg daily"
                dimension = dimension.removesuffix("/time")
        else:
            dimension, factor = f"{dimension}/{lower}", factor / size
        end = below.end()
    if inside and folded[end : end + 1] == ")":
        end += 1
    values = number.values
    if dimension == "time" and (after := half_more(folded, end)):
        values, end = tuple(value + 0.5 for value in values), after
    return replace(bare, values=values, dimension=dimension or None, factor=factor, end=end)


def _lookup(table: dict[str, tuple[str, float]], text: str) -> tuple[str, float]:
    if text in table:
        return table[text]
    return next(table[stem] for size in range(len(text), 0, -1) if (stem := f"{text[:size]}*") in table)


def same(one: Quantity, other: Quantity) -> bool:
    """Whether both say the same amount: on one scale, with the rounding that a conversion brings."""
    if "fahrenheit" in {one.dimension, other.dimension} and {one.dimension, other.dimension} != {"fahrenheit"}:
        return {one.dimension, other.dimension} == {"fahrenheit", "temperature"} and _near(one, other, 0.0, 0.08)
    if {one.dimension, other.dimension} == {None, "percent"}:  # 0.86 of the cells, 86 %
        share, percent = (one, other) if one.dimension is None else (other, one)
        return any(0 < a < 1 and abs(a * 100 - b) < 1e-6 for a in share.values for b in percent.values)
    if one.dimension == other.dimension:
        rounding = 1e-6 if one.factor == other.factor else 0.1 if one.dimension == "time" else 0.006
        return _near(one, other, rounding, 0.0)
    return False


def _near(one: Quantity, other: Quantity, relative: float, absolute: float) -> bool:
    return any(
        abs(mine - theirs) <= max(relative * max(abs(mine), abs(theirs)), absolute, 1e-15)
        for mine in one.scaled()
        for theirs in other.scaled()
    )


def same_number(one: Quantity, other: Quantity) -> bool:
    """Whether both are written with the same number, whatever the units."""
    return any(abs(a - b) <= 1e-6 * max(abs(a), abs(b)) for a in one.values for b in other.values)


@cache
def _analytes() -> list[tuple[float, re.Pattern[str]]]:
    from tools.medicine.lexicon import pattern

    return [(float(row["mass"]), pattern(words(row["words"]), "en")) for row in vocabulary("analytes").values()]


def same_amount(one: Quantity, other: Quantity, texts: str) -> bool:
    """Whether a mass and an amount concentration agree (mg/dL, mmol/L), for an analyte that the folded texts name."""
    mass, amount = (one, other) if (one.dimension or "").startswith("mass/") else (other, one)
    if mass.dimension != "mass/volume" or amount.dimension != "amount/volume":
        return False
    return any(
        abs(m / molar - a) <= 0.03 * a
        for molar, names in _analytes()
        if names.search(texts)
        for m in mass.scaled()
        for a in amount.scaled()
    )
