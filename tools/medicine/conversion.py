"""Clinical units converted: mass, volume, length, time, pressure, temperature, and mass to amount by molar mass.

Units are UCUM codes (https://ucum.org) or what people write for them. Molar masses are those of
`vocabulary/analytes.toml`.
"""

import re
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel, ConfigDict

from tools.errors import InvalidInput
from tools.medicine.lexicon import fold, pattern, vocabulary, words

_PREFIXES = {"k": 1e3, "": 1.0, "d": 1e-1, "c": 1e-2, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
_BASES = {"g": "mass", "mol": "amount", "L": "volume", "m": "length"}
_OTHERS: dict[str, tuple[str, float]] = {
    "[lb_av]": ("mass", 453.59237),
    "[oz_av]": ("mass", 28.349523125),
    "[in_i]": ("length", 0.0254),
    "[ft_i]": ("length", 0.3048),
    "s": ("time", 1.0),
    "min": ("time", 60.0),
    "h": ("time", 3600.0),
    "d": ("time", 86400.0),
    "wk": ("time", 604800.0),
    "mm[Hg]": ("pressure", 133.322387415),
    "kPa": ("pressure", 1000.0),
    "Pa": ("pressure", 1.0),
    "cm[H2O]": ("pressure", 98.0665),
    "[IU]": ("units", 1.0),
    "u[IU]": ("units", 1e-6),
    "m[IU]": ("units", 1e-3),
    "U": ("catalytic", 1.0),
    "%": ("fraction", 1e-2),
    "kcal": ("energy", 4184.0),
    "kJ": ("energy", 1000.0),
}
_SPOKEN = {
    "lb": "[lb_av]", "lbs": "[lb_av]", "pound": "[lb_av]", "pounds": "[lb_av]", "oz": "[oz_av]", "in": "[in_i]",
    "inch": "[in_i]", "inches": "[in_i]", "ft": "[ft_i]", "feet": "[ft_i]", "mmhg": "mm[Hg]", "cmh2o": "cm[H2O]",
    "iu": "[IU]", "miu": "m[IU]", "uiu": "u[IU]", "units": "[IU]", "kpa": "kPa", "°c": "Cel", "℃": "Cel", "c": "Cel",
    "celsius": "Cel", "cel": "Cel", "°f": "[degF]", "℉": "[degF]", "f": "[degF]", "fahrenheit": "[degF]",
    "degf": "[degF]", "mcg": "ug", "μg": "ug", "µg": "ug", "l": "L", "ml": "mL", "dl": "dL", "μl": "uL", "µl": "uL",
    "cc": "mL", "kj": "kJ", "hr": "h", "day": "d", "week": "wk", "毫克": "mg", "微克": "ug", "克": "g", "千克": "kg",
    "公斤": "kg", "毫升": "mL", "升": "L", "厘米": "cm", "毫米": "mm", "米": "m", "毫米汞柱": "mm[Hg]", "千帕": "kPa",
}  # fmt: skip
_CASED = re.compile(r"(k|d|c|m|u|μ|µ|n|p|f)?(g|mol|L|l|m)")


class Converted(BaseModel):
    """A converted value. unit: UCUM code. how: the arithmetic in words, with its source."""

    model_config = ConfigDict(frozen=True)

    value: float
    unit: str
    how: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as UCUM, its dimension ("mass/volume") and its factor to the dimension's base units."""

    code: str
    dimension: str
    factor: float


def unit(text: str) -> Unit:
    """The unit that a UCUM code or what people write means. Raises InvalidInput."""
    parts = text.strip().replace(" ", "").replace("／", "/").split("/")
    if not 1 <= len(parts) <= 2 or not all(parts):
        raise InvalidInput(f"unit {text!r} is not known", field="unit")
    found = [_simple(part, text) for part in parts]
    if len(found) == 1:
        return found[0]
    one, per = found
    return Unit(f"{one.code}/{per.code}", f"{one.dimension}/{per.dimension}", one.factor / per.factor)


def _simple(part: str, whole: str) -> Unit:
    if part in {"Cel", "[degF]"}:
        return Unit(part, "temperature", 1.0)
    if part in _OTHERS:
        return Unit(part, *_OTHERS[part])
    if match := _CASED.fullmatch(part):
        prefix, base = (match[1] or "").replace("μ", "u").replace("µ", "u"), "L" if match[2] == "l" else match[2]
        return Unit(prefix + base, _BASES[base], _PREFIXES[prefix])
    spoken = _SPOKEN.get(part.lower())
    if spoken is None:
        raise InvalidInput(f"unit {whole!r} is not known", field="unit")
    return _simple(spoken, whole)


def convert(value: float, source: str, target: str, analyte: str = "") -> Converted:
    """Convert a value. analyte: needed between mass and amount (glucose, 肌酐 …). Raises InvalidInput.

    HbA1c converts between % (NGSP) and mmol/mol (IFCC) by the NGSP master equation.
    """
    if _is_hba1c(analyte):
        return _hba1c(value, source, target)
    mine, theirs = unit(source), unit(target)
    if mine.dimension == theirs.dimension == "temperature":
        return _temperature(value, mine.code, theirs.code)
    if mine.dimension == theirs.dimension:
        how = f"1 {mine.code} = {mine.factor / theirs.factor:.10g} {theirs.code}"
        return Converted(value=_rounded(value * mine.factor / theirs.factor), unit=theirs.code, how=how)
    pair = {mine.dimension.split("/")[0], theirs.dimension.split("/")[0]}
    if pair == {"mass", "amount"} and mine.dimension.split("/")[1:] == theirs.dimension.split("/")[1:]:
        name, mass = molar_mass(analyte)
        factor = mine.factor / theirs.factor
        factor = factor / mass if mine.dimension.startswith("mass") else factor * mass
        how = f"molar mass of {name}: {mass:g} g/mol; 1 {mine.code} = {factor:.6g} {theirs.code}"
        return Converted(value=_rounded(value * factor), unit=theirs.code, how=how)
    raise InvalidInput(f"{source} is a {mine.dimension}, {target} is a {theirs.dimension}", field="target")


def molar_mass(analyte: str) -> tuple[str, float]:
    """The analyte that a word of any language means, and its molar mass in g/mol. Raises InvalidInput."""
    folded = fold(analyte.strip())
    for name, (mass, found) in _analytes().items():
        if folded == name or (folded and found.fullmatch(folded)):
            return name, mass
    known = ", ".join(_analytes())
    raise InvalidInput(f"no molar mass for analyte {analyte!r}; known: {known}", field="analyte")


@cache
def _analytes() -> dict[str, tuple[float, re.Pattern[str]]]:
    return {
        name: (float(row["mass"]), pattern(words(row["words"]), "en")) for name, row in vocabulary("analytes").items()
    }


def _temperature(value: float, source: str, target: str) -> Converted:
    if source == target:
        return Converted(value=value, unit=target, how="the same unit")
    if target == "Cel":
        return Converted(value=_rounded((value - 32) / 1.8), unit=target, how="(°F − 32) / 1.8")
    return Converted(value=_rounded(value * 1.8 + 32), unit=target, how="°C × 1.8 + 32")


def _is_hba1c(analyte: str) -> bool:
    return fold(analyte.strip()) in {"hba1c", "a1c", "糖化血红蛋白", "hemoglobin a1c", "glycated hemoglobin"}


def _hba1c(value: float, source: str, target: str) -> Converted:
    how = "NGSP (%) = 0.09148 × IFCC (mmol/mol) + 2.152 (NGSP master equation, ngsp.org)"
    match source.strip(), target.strip():
        case "%", "mmol/mol":
            return Converted(value=_rounded((value - 2.152) / 0.09148), unit="mmol/mol", how=how)
        case "mmol/mol", "%":
            return Converted(value=_rounded(0.09148 * value + 2.152), unit="%", how=how)
        case _:
            raise InvalidInput(f"HbA1c converts between % and mmol/mol, not {source} and {target}", field="target")


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
