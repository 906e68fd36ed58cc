"""A prescribed dose against the largest that the sources give."""

from typing import Literal

from pydantic import Field

from tools.errors import InvalidInput
from tools.medicine.knowledge.entries import Drug, Entry, Limit, Warned

Verdict = Literal["within", "over", "unknown"]
_MASS = {"kg": 1e6, "g": 1e3, "mg": 1.0, "ug": 1e-3, "μg": 1e-3, "µg": 1e-3, "mcg": 1e-3, "ng": 1e-6}
_UNITS = frozenset({"u", "iu", "unit", "units", "[iu]", "单位", "国际单位", "ui", "ie"})
_ROUTES = {
    "oral": {"oral", "po", "p.o.", "orally", "by mouth", "口服", "per os", "vo", "vía oral", "par voie orale", "経口"},
    "intravenous": {"intravenous", "iv", "i.v.", "ivgtt", "intravenously", "静脉注射", "静脉滴注", "静滴", "静注",
                    "静脈内投与", "点滴静注", "intravenös"},
    "intramuscular": {"intramuscular", "im", "i.m.", "肌内注射", "肌肉注射", "肌注", "筋肉内注射"},
    "subcutaneous": {"subcutaneous", "sc", "s.c.", "subcut", "皮下注射", "ih", "subkutan", "皮下注"},
    "inhaled": {"inhaled", "inhalation", "吸入", "by inhalation"},
    "sublingual": {"sublingual", "sl", "舌下含服", "舌下"},
    "infiltration": {"infiltration", "浸润麻醉", "局部浸润"},
}  # fmt: skip


class Prescription(Entry):
    """A dose as prescribed. times_per_day: 2 for twice daily, 1/7 for weekly; None where it is not said."""

    drug: str = Field(description="The drug's name in any of six languages, or a brand", max_length=200)
    amount: float | None = Field(None, gt=0, description="Amount of one dose")
    unit: str = Field("mg", description="mg, g, ug, units; mg/kg is multiplied with the weight", max_length=30)
    route: str = Field("", description="oral, intravenous …; empty where it is not said", max_length=60)
    times_per_day: float | None = Field(None, gt=0, le=48)


class Compared(Entry):
    """One limit and what it was compared with, both in the limit's unit."""

    limit: Limit
    given: float
    over: bool


class DoseCheck(Entry):
    """verdict: over any limit, within all that could be compared, or unknown (reason says why)."""

    drug: str
    verdict: Verdict
    reason: str
    compared: tuple[Compared, ...] = ()
    warnings: tuple[Warned, ...] = ()


def route_of(text: str) -> str:
    """The route that a word in any language means, or the word itself; empty for none."""
    plain = text.strip().lower()
    return next((route for route, words in _ROUTES.items() if plain in words), plain)


def check_dose(drug: Drug, dose: Prescription, weight_kg: float | None = None) -> DoseCheck:
    """Compare a dose with the drug's limits. Raises InvalidInput for a unit that is neither a mass nor units."""
    warnings = _too_often(drug, dose)
    if dose.amount is None:
        return _check(drug, (), warnings, "no amount is given")
    amount, kind = _scaled(dose.amount, dose.unit, weight_kg)
    if amount is None:
        return _check(drug, (), warnings, "the dose is per kilogram and the body weight is not known")
    compared: list[Compared] = []
    unanswered = ""
    for limit in _for_route(drug, route_of(dose.route)):
        if (limit.unit == "units" and kind != "units") or (limit.unit != "units" and kind == "units"):
            unanswered = f"the limit is in {limit.unit}, the dose in {dose.unit}"
            continue
        if limit.unit == "mg/kg" and weight_kg is None:
            unanswered = "the limit is per kilogram and the body weight is not known"
            continue
        if limit.period != "single" and dose.times_per_day is None:
            unanswered = "how often is not said"
            continue
        given = amount * _times(limit, dose)
        if limit.unit == "mg/kg" and weight_kg:
            given /= weight_kg
        compared.append(Compared(limit=limit, given=round(given, 6), over=given > limit.amount * (1 + 1e-9)))
    warnings += [_over(drug, each) for each in compared if each.over]
    reason = unanswered or ("" if drug.limits else "the knowledge base has no largest dose for this drug")
    if drug.limits and not compared and not reason:
        reason = f"no limit for the route {dose.route!r}"
    return _check(drug, tuple(compared), warnings, reason)


def _check(drug: Drug, compared: tuple[Compared, ...], warnings: list[Warned], reason: str) -> DoseCheck:
    verdict: Verdict = "over" if warnings else "within" if compared else "unknown"
    return DoseCheck(drug=drug.key, verdict=verdict, reason=reason, compared=compared, warnings=tuple(warnings))


def _scaled(amount: float, unit: str, weight_kg: float | None) -> tuple[float | None, str]:
    plain = unit.strip().lower().replace("毫克", "mg").replace("微克", "ug").replace("克", "g")
    if plain in _UNITS:
        return amount, "units"
    mass, _, per = plain.partition("/")
    if mass not in _MASS or per not in {"", "kg"}:
        raise InvalidInput(f"unit {unit!r} is no mass (mg, g, ug), mass per kg, or units", field="unit")
    if per and weight_kg is None:
        return None, "mass"
    return amount * _MASS[mass] * (weight_kg or 1 if per else 1), "mass"


def _for_route(drug: Drug, route: str) -> list[Limit]:
    """The limits that hold for a route; without a route, those of the drug's only route."""
    routes = {limit.route for limit in drug.limits}
    if not route and len(routes) == 1:
        return list(drug.limits)
    return [limit for limit in drug.limits if limit.route in {route, "any"} or (not route and limit.route == "oral")]


def _times(limit: Limit, dose: Prescription) -> float:
    often = dose.times_per_day or 1.0
    return {"single": 1.0, "daily": max(often, 1.0), "weekly": often * 7}[limit.period]


def _over(drug: Drug, each: Compared) -> Warned:
    limit = each.limit
    times = each.given / limit.amount
    note = f" ({limit.note})" if limit.note else ""
    period = {"single": "a dose", "daily": "a day", "weekly": "a week"}[limit.period]
    return Warned(
        kind="dose",
        severity="contraindicated" if times >= 2 else "major",
        about=(drug.key,),
        text=f"{drug.names.en[0]}: {each.given:g} {limit.unit} {period} is {times:.3g} times the largest of "
        f"{limit.amount:g} {limit.unit}{note}",
        advice="ask the prescriber",
        entry=drug.entry,
        sources=drug.sources,
    )


def _too_often(drug: Drug, dose: Prescription) -> list[Warned]:
    route = route_of(dose.route)
    concerned = bool(drug.weekly) and (
        "any" in drug.weekly or route in drug.weekly or (not route and len(drug.weekly) > 1)
    )
    if not concerned or dose.times_per_day is None or dose.times_per_day <= 1 / 6.5:
        return []
    return [
        Warned(
            kind="dose",
            severity="contraindicated",
            about=(drug.key,),
            text=f"{drug.names.en[0]} is given once a WEEK outside oncology, not {dose.times_per_day:g} times a day",
            advice="stop and ask the prescriber: daily use has killed",
            entry=drug.entry,
            sources=drug.sources,
        )
    ]
