"""Whether a patient may have a drug: conditions, allergies, pregnancy, kidneys, age."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from pydantic import Field

from tools.medicine.knowledge.entries import WEIGHTS, Condition, Drug, Entry, RenalAdvice, Warned, Weight
from tools.medicine.knowledge.reading import find_condition, find_drug, load
from tools.medicine.lexicon import fold

_ELDERLY = 65
_RENAL: dict[RenalAdvice, Weight] = {
    "contraindicated": "contraindicated",
    "avoid": "major",
    "reduce": "major",
    "caution": "moderate",
}
_SPOKEN: dict[str, str] = {
    "青霉素类": "penicillin", "青霉素": "penicillin", "盘尼西林": "penicillin", "penicilina": "penicillin",
    "penicillins": "penicillin", "penicilline": "penicillin", "pénicilline": "penicillin", "penizillin": "penicillin",
    "ペニシリン": "penicillin", "ペニシリン系": "penicillin", "头孢": "cephalosporin", "头孢菌素": "cephalosporin",
    "头孢类": "cephalosporin", "cephalosporins": "cephalosporin", "cefalosporinas": "cephalosporin",
    "céphalosporines": "cephalosporin", "cephalosporine": "cephalosporin", "セフェム系": "cephalosporin",
    "磺胺": "sulfonamide", "磺胺类": "sulfonamide", "磺胺类药物": "sulfonamide", "sulfa": "sulfonamide",
    "sulfa drugs": "sulfonamide", "sulfonamides": "sulfonamide", "sulfamidas": "sulfonamide",
    "sulfamides": "sulfonamide", "sulfonamide": "sulfonamide", "サルファ剤": "sulfonamide",
    "nsaids": "NSAID", "非甾体抗炎药": "NSAID", "aines": "NSAID", "ains": "NSAID", "nsar": "NSAID",
    "大环内酯类": "macrolide", "喹诺酮类": "fluoroquinolone", "氨基糖苷类": "aminoglycoside",
    "quinolones": "fluoroquinolone",
    "statins": "statin", "ace inhibitors": "ACE inhibitor", "opioids": "opioid", "beta-lactams": "beta-lactam",
}  # fmt: skip
"""What people call the classes that allergies name."""


MOST: Final = 2_000
"""Medications, conditions or allergies of one patient: a record of 500 pages has some hundreds."""


class Patient(Entry):
    """What is known of the patient; None and empty mean not known, never no."""

    conditions: tuple[str, ...] = Field(
        (), description="Names in any of six languages, or ICD-10 codes", max_length=MOST
    )
    allergies: tuple[str, ...] = Field((), description="Drugs or classes", max_length=MOST)
    pregnant: bool | None = None
    egfr: float | None = Field(None, ge=0, le=250, description="eGFR or creatinine clearance, mL/min")
    age: float | None = Field(None, ge=0, le=130, description="Years")
    weight_kg: float | None = Field(None, gt=0, le=500)
    hepatic: Literal["none", "mild", "moderate", "severe"] | None = Field(None, description="Liver impairment")


class Unread(Entry):
    """Conditions, allergies and drugs that the knowledge base does not know: nothing was checked about them."""

    conditions: tuple[str, ...] = ()
    allergies: tuple[str, ...] = ()
    drugs: tuple[str, ...] = ()


def contraindications(drugs: Sequence[Drug], patient: Patient) -> list[Warned]:
    """Every warning that the patient's state gives for the drugs, the gravest first."""
    found = [
        warned
        for drug in {each.key: each for each in drugs}.values()
        for warned in (
            *_conditions(drug, patient),
            *_allergies(drug, patient),
            *_pregnancy(drug, patient),
            *_kidneys(drug, patient),
            *_liver(drug, patient),
            *_age(drug, patient),
        )
    ]
    return sorted(dict.fromkeys(found), key=lambda each: WEIGHTS[each.severity])


def unread(patient: Patient) -> Unread:
    """What of the patient's conditions and allergies nothing is known about."""
    known = load()
    return Unread(
        conditions=tuple(each for each in patient.conditions if find_condition(each) is None),
        allergies=tuple(
            each for each in patient.allergies if not (allergen(each) & (known.classes | known.drugs.keys()))
        ),
    )


def allergen(text: str) -> frozenset[str]:
    """What an allergy is to: a drug's key and its classes, or a class."""
    plain = text.strip()
    spoken = {fold(word): name for word, name in _SPOKEN.items()}
    if name := spoken.get(fold(plain)):
        return frozenset({name})
    by_class = {fold(name): name for name in load().classes}
    if name := by_class.get(fold(plain)):
        return frozenset({name})
    drug = find_drug(plain)
    if drug:
        return frozenset({drug.key, *drug.classes})
    inside = sorted((word for word in spoken if word in fold(plain)), key=len)
    return frozenset({spoken[inside[-1]]} if inside else ())


def broader(condition: Condition) -> frozenset[str]:
    """The keys of a condition and of all that it is a kind of."""
    found: set[str] = set()
    waiting = [condition.key]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += load().conditions[key].is_a
    return frozenset(found)


def _conditions(drug: Drug, patient: Patient) -> Iterator[Warned]:
    for name in patient.conditions:
        has = find_condition(name)
        if has is None:
            continue
        for contra in drug.contraindications:
            against = find_condition(contra)
            if against is None:
                continue
            if against.key in broader(has):
                yield _warned(
                    "contraindication",
                    "contraindicated",
                    drug,
                    f"{drug.names.en[0]} is contraindicated in {contra}; the patient has {has.names.en[0]}",
                    "choose another drug, or ask a specialist",
                )
            elif has.key in broader(against):
                yield _warned(
                    "contraindication",
                    "moderate",
                    drug,
                    f"{drug.names.en[0]} is contraindicated in {contra}; the patient has {has.names.en[0]}",
                    f"ask whether it is {contra}",
                )


def _allergies(drug: Drug, patient: Patient) -> Iterator[Warned]:
    mine = {drug.key, *drug.classes}
    for name in patient.allergies:
        to = allergen(name)
        if drug.key in to:
            yield _warned(
                "allergy",
                "contraindicated",
                drug,
                f"the patient is allergic to {name}: {drug.names.en[0]}",
                "do not give",
            )
            continue
        rules = [rule for rule in load().allergies if rule.to in to and rule.avoid in mine]
        for rule in sorted(rules, key=lambda each: WEIGHTS[each.severity])[:1]:
            yield Warned(
                kind="allergy",
                severity=rule.severity,
                about=(drug.key,),
                text=f"the patient is allergic to {name}; {drug.names.en[0]} is of the class {rule.avoid}: {rule.why}",
                advice="do not give" if rule.severity == "contraindicated" else "clarify the reaction first",
                entry=rule.entry,
                sources=rule.sources,
            )


def _pregnancy(drug: Drug, patient: Patient) -> Iterator[Warned]:
    pregnant = patient.pregnant or any(
        condition and condition.key == "pregnancy" for condition in map(find_condition, patient.conditions)
    )
    level, _, detail = drug.pregnancy.partition(": ")
    weight: Weight | None = {"contraindicated": "contraindicated", "avoid": "major", "caution": "moderate"}.get(level)  # pyright: ignore[reportAssignmentType]
    if pregnant and weight:
        yield _warned(
            "pregnancy", weight, drug, f"{drug.names.en[0]} in pregnancy: {level} ({detail})", "ask a specialist"
        )


def _kidneys(drug: Drug, patient: Patient) -> Iterator[Warned]:
    if patient.egfr is None:
        return
    rule = next((each for each in drug.renal if patient.egfr < each.below), None)
    if rule:
        text = f"{drug.names.en[0]} at an eGFR of {patient.egfr:g} mL/min (below {rule.below:g}): {rule.advice}"
        yield _warned("renal", _RENAL[rule.advice], drug, text, rule.detail)


def _liver(drug: Drug, patient: Patient) -> Iterator[Warned]:
    if patient.hepatic != "severe" or not drug.hepatic:
        return
    level, _, detail = drug.hepatic.partition(": ")
    weight: Weight = "contraindicated" if level == "contraindicated" else "moderate" if level == "caution" else "major"
    yield _warned(
        "contraindication", weight, drug, f"{drug.names.en[0]} in severe liver impairment: {level} ({detail})", detail
    )


def _age(drug: Drug, patient: Patient) -> Iterator[Warned]:
    if patient.age is not None and patient.age >= _ELDERLY and drug.elderly:
        weight: Weight = "major" if "avoid" in drug.elderly.lower() else "moderate"
        yield _warned("elderly", weight, drug, f"{drug.names.en[0]} at {patient.age:g} years", drug.elderly)


def _warned(
    kind: Literal["contraindication", "allergy", "pregnancy", "renal", "elderly"],
    severity: Weight,
    drug: Drug,
    text: str,
    advice: str,
) -> Warned:
    return Warned(
        kind=kind,
        severity=severity,
        about=(drug.key,),
        text=text,
        advice=advice,
        entry=drug.entry,
        sources=drug.sources,
    )
