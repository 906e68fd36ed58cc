"""Dose arithmetic, each formula with its source. A result is a number with its unit and how it came about."""

from math import sqrt
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tools.errors import InvalidInput

Sex = Literal["female", "male"]
_CREATININE = 113.12
"""Molar mass of creatinine, g/mol (IUPAC standard atomic weights)."""


class Computed(BaseModel):
    """value in unit (UCUM), the formula with the numbers put in, and its source."""

    model_config = ConfigDict(frozen=True)

    value: float
    unit: str
    formula: str
    source: str


def weight_dose(dose_per_kg: float, weight_kg: float, largest: float | None = None) -> Computed:
    """A dose in mg from mg/kg and the body weight, not above the largest dose (mg) if one is given."""
    _positive(dose_per_kg=dose_per_kg, weight_kg=weight_kg)
    value = dose_per_kg * weight_kg
    capped = largest is not None and value > largest
    formula = f"{dose_per_kg:g} mg/kg × {weight_kg:g} kg = {value:.6g} mg" + (
        f", capped at {largest:g}" if capped else ""
    )
    return Computed(
        value=_rounded(largest if capped and largest else value), unit="mg", formula=formula, source="definition"
    )


def drip_rate(volume_ml: float, hours: float, drops_per_ml: float = 20) -> Computed:
    """Drops a minute of a gravity infusion; a set gives 20 (macro), 60 (micro) drops a mL or what is printed on it."""
    _positive(volume_ml=volume_ml, hours=hours, drops_per_ml=drops_per_ml)
    value = volume_ml * drops_per_ml / (hours * 60)
    formula = f"{volume_ml:g} mL × {drops_per_ml:g} drops/mL ÷ ({hours:g} h × 60 min) = {value:.4g} drops/min"
    return Computed(value=_rounded(value), unit="[drp]/min", formula=formula, source="definition")


def infusion_rate(dose_ug_kg_min: float, weight_kg: float, concentration_mg_ml: float) -> Computed:
    """Pump rate in mL/h of a dose in µg/kg/min from a solution in mg/mL."""
    _positive(dose_ug_kg_min=dose_ug_kg_min, weight_kg=weight_kg, concentration_mg_ml=concentration_mg_ml)
    value = dose_ug_kg_min * weight_kg * 60 / 1000 / concentration_mg_ml
    formula = (
        f"{dose_ug_kg_min:g} µg/kg/min × {weight_kg:g} kg × 60 min/h ÷ 1000 µg/mg ÷ {concentration_mg_ml:g} mg/mL "
        f"= {value:.4g} mL/h"
    )
    return Computed(value=_rounded(value), unit="mL/h", formula=formula, source="definition")


def creatinine_clearance(age: float, weight_kg: float, creatinine: float, unit: str, sex: Sex) -> Computed:
    """Creatinine clearance in mL/min after Cockcroft and Gault; for adults. unit: mg/dL or umol/L."""
    scr = _mg_per_dl(creatinine, unit)
    _adult(age)
    _positive(weight_kg=weight_kg)
    factor = 0.85 if sex == "female" else 1.0
    value = (140 - age) * weight_kg / (72 * scr) * factor
    formula = f"(140 − {age:g}) × {weight_kg:g} ÷ (72 × {scr:.4g} mg/dL)" + (" × 0.85" if sex == "female" else "")
    return Computed(
        value=_rounded(value),
        unit="mL/min",
        formula=formula,
        source="Cockcroft DW, Gault MH. Nephron 1976;16:31-41",
    )


def egfr(age: float, creatinine: float, unit: str, sex: Sex) -> Computed:
    """Estimated glomerular filtration rate in mL/min/1.73 m², CKD-EPI 2021 without race; for adults."""
    scr = _mg_per_dl(creatinine, unit)
    _adult(age)
    kappa, alpha = (0.7, -0.241) if sex == "female" else (0.9, -0.302)
    low, high = min(scr / kappa, 1) ** alpha, max(scr / kappa, 1) ** -1.2
    value = 142 * low * high * 0.9938**age * (1.012 if sex == "female" else 1)
    formula = f"142 × min({scr:.4g}/{kappa}, 1)^{alpha} × max({scr:.4g}/{kappa}, 1)^-1.200 × 0.9938^{age:g}"
    return Computed(
        value=_rounded(value),
        unit="mL/min/{1.73_m2}",
        formula=formula + (" × 1.012" if sex == "female" else ""),
        source="Inker LA et al. N Engl J Med 2021;385:1737-1749 (CKD-EPI 2021)",
    )


def body_surface(height_cm: float, weight_kg: float, formula: Literal["mosteller", "dubois"] = "mosteller") -> Computed:
    """Body surface area in m²."""
    _positive(height_cm=height_cm, weight_kg=weight_kg)
    if formula == "mosteller":
        return Computed(
            value=_rounded(sqrt(height_cm * weight_kg / 3600)),
            unit="m2",
            formula=f"√({height_cm:g} cm × {weight_kg:g} kg ÷ 3600)",
            source="Mosteller RD. N Engl J Med 1987;317:1098",
        )
    return Computed(
        value=_rounded(0.007184 * weight_kg**0.425 * height_cm**0.725),
        unit="m2",
        formula=f"0.007184 × {weight_kg:g}^0.425 × {height_cm:g}^0.725",
        source="Du Bois D, Du Bois EF. Arch Intern Med 1916;17:863-871",
    )


def body_mass_index(height_cm: float, weight_kg: float) -> Computed:
    """Body mass index in kg/m²."""
    _positive(height_cm=height_cm, weight_kg=weight_kg)
    value = weight_kg / (height_cm / 100) ** 2
    formula = f"{weight_kg:g} kg ÷ ({height_cm / 100:g} m)²"
    return Computed(value=_rounded(value), unit="kg/m2", formula=formula, source="definition")


def _mg_per_dl(creatinine: float, unit: str) -> float:
    _positive(creatinine=creatinine)
    match unit.strip().lower().replace("μ", "u").replace("µ", "u"):
        case "mg/dl":
            return creatinine
        case "umol/l":
            return creatinine * _CREATININE / 10_000
        case _:
            raise InvalidInput(f"creatinine is in mg/dL or umol/L, not {unit!r}", field="unit")


def _adult(age: float) -> None:
    if not 18 <= age <= 120:
        raise InvalidInput(f"the formula is for adults of 18 to 120 years, not {age:g}", field="age")


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < 1e9:
            raise InvalidInput(f"{name} must be above 0, not {value:g}", field=name)


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
