"""One FHIR R4 resource for each item of key data."""
# ruff: noqa: E501

from collections.abc import Iterator
from typing import Any, Final

from tools.medicine.extraction.keydata import (
    Allergy,
    KeyData,
    Measurement,
    Medication,
    Problem,
    Procedure,
    Quote,
    SocialFact,
    Statement,
    Warning,
)  # fmt: skip
from tools.medicine.fhir.codings import (
    DIASTOLIC,
    ICD10CM,
    LOINC,
    SYSTOLIC,
    VITAL_SIGNS,
    quantity,
    relative,
    term,
)  # fmt: skip

Resource = dict[str, Any]
SUBJECT: Final = {"reference": "Patient/patient"}
QUOTE: Final = "urn:consilia:fhir:source-quote"
"""Extension: the words of the record that a resource rests on, with their offsets in characters."""


def resources(data: KeyData) -> Iterator[tuple[str, Resource]]:
    """(kind of section, resource) for every item, in the order of the record. Ids are left to the bundle."""
    for problem in data.problems:
        yield "problems", _condition(problem)
    for medication in data.medications:
        yield "medications", _medication(medication)
    for allergy in data.allergies:
        yield "allergies", _allergy(allergy)
    for measurement in data.vital_signs:
        yield "vital-signs", _observation(measurement)
    for measurement in data.laboratory:
        yield "laboratory", _observation(measurement)
    for procedure in data.procedures:
        yield "procedures", _procedure(procedure)
    yield from (("family-history", each) for each in _family(data.family_history))
    for fact in data.social_history:
        yield "social-history", _social(fact)
    for warning in data.warnings:
        yield "warnings", _issue(warning)


def _quoted(*quotes: Quote) -> list[Resource]:
    return [
        {
            "url": QUOTE,
            "extension": [
                {"url": "start", "valueUnsignedInt": quote.start},
                {"url": "end", "valueUnsignedInt": quote.end},
                {"url": "quote", "valueString": quote.quote},
            ],
        }
        for quote in quotes
        if quote.quote.strip()
    ]


def _condition(problem: Problem) -> Resource:
    """Condition: an affirmed problem of today is active and confirmed; of a past one the record does not say whether."""
    verification = {"affirmed": "confirmed", "negated": "refuted", "suspected": "provisional"}[problem.presence]
    made: Resource = {
        "resourceType": "Condition",
        "extension": _quoted(problem),
        "verificationStatus": term("condition-ver-status", verification),
        "code": _code(problem),
        "subject": SUBJECT,
    }
    if problem.presence != "negated" and not problem.historical:
        made["clinicalStatus"] = term("condition-clinical", "active")
    if problem.section == "diagnosis":
        made["category"] = [term("condition-category", "encounter-diagnosis")]
    if problem.historical:
        made["note"] = [{"text": "stated as history"}]
    return made


def _code(problem: Problem) -> Resource:
    coding = [{"system": ICD10CM, "code": problem.icd10cm}] if problem.icd10cm else []
    return {"coding": coding, "text": problem.quote} if coding else {"text": problem.quote}


def _medication(medication: Medication) -> Resource:
    status = "not-taken" if medication.presence == "negated" else "stopped" if medication.stopped else "unknown"
    if status == "unknown" and medication.section in {"medications", "treatment"}:
        status = "active"
    dosage: Resource = {"text": medication.whole.quote}
    if medication.dose:
        dosage["doseAndRate"] = [{"doseQuantity": quantity(medication.dose)}]
        if medication.dose.high is not None:
            low = quantity(medication.dose)
            dosage["doseAndRate"] = [{"doseRange": {"low": low, "high": {**low, "value": medication.dose.high}}}]
    if medication.route:
        dosage["route"] = {"text": medication.route}
    if timing := _timing(medication):
        dosage["timing"] = timing
    if medication.frequency and medication.frequency.as_needed:
        dosage["asNeededBoolean"] = True
    text = medication.quote if not medication.drug else f"{medication.quote} ({medication.drug})"
    return {
        "resourceType": "MedicationStatement",
        "extension": _quoted(medication.whole),
        "status": status,
        "medicationCodeableConcept": {"text": text},
        "subject": SUBJECT,
        "dosage": [dosage],
    }


def _timing(medication: Medication) -> Resource | None:
    """How often: n times a day, or once in so many days; and for how long."""
    repeat: Resource = {}
    per_day = medication.frequency.per_day if medication.frequency else None
    if per_day and per_day >= 1:
        repeat = {"frequency": round(per_day), "period": 1, "periodUnit": "d"}
    elif per_day:
        repeat = {"frequency": 1, "period": round(1 / per_day), "periodUnit": "d"}
    if medication.duration_days:
        days = {"value": round(medication.duration_days, 1), "unit": "d"}
        repeat["boundsDuration"] = {**days, "system": "http://unitsofmeasure.org", "code": "d"}
    made: Resource = {"repeat": repeat} if repeat else {}
    if medication.frequency:
        made["code"] = {"text": medication.frequency.text}
    return made or None


def _allergy(allergy: Allergy) -> Resource:
    """AllergyIntolerance; that none is known is one too, with that as its code (R4, 9.1.3.5)."""
    none = allergy.substance is None
    verification = {"affirmed": "confirmed", "negated": "refuted", "suspected": "unconfirmed"}[allergy.presence]
    made: Resource = {
        "resourceType": "AllergyIntolerance",
        "extension": _quoted(allergy),
        "clinicalStatus": term(
            "allergyintolerance-clinical", "active" if none or allergy.presence != "negated" else "inactive"
        ),
        "verificationStatus": term("allergyintolerance-verification", "confirmed" if none else verification),
        "code": {"text": "No known allergies" if none else allergy.substance},
        "patient": SUBJECT,
    }
    if allergy.drug:
        made["category"] = ["medication"]
    if allergy.reaction:
        made["reaction"] = [{"manifestation": [{"text": allergy.reaction}]}]
    return made


def _observation(measurement: Measurement) -> Resource:
    vital = measurement.kind == "vital_sign"
    coding = VITAL_SIGNS.get(measurement.name) if vital else None
    code: Resource = {"text": measurement.quote}
    if coding:
        code = {"coding": [{"system": LOINC, "code": coding[0], "display": coding[1]}], "text": measurement.quote}
    made: Resource = {
        "resourceType": "Observation",
        "extension": _quoted(measurement.whole),
        "status": "final",
        "category": [term("observation-category", "vital-signs" if vital else "laboratory")],
        "code": code,
        "subject": SUBJECT,
    }
    if measurement.amount and measurement.second:
        made["component"] = [
            {"code": {"coding": [{"system": LOINC, "code": loinc, "display": display}]}, "valueQuantity": quantity(amount)}
            for (loinc, display), amount in ((SYSTOLIC, measurement.amount), (DIASTOLIC, measurement.second))
        ]  # fmt: skip
    elif measurement.amount and measurement.amount.high is not None:
        low = quantity(measurement.amount)
        made["valueRange"] = {"low": low, "high": {**low, "value": measurement.amount.high}}
    elif measurement.amount:
        made["valueQuantity"] = quantity(measurement.amount, measurement.comparator)
    elif measurement.text:
        made["valueString"] = measurement.text
    if made.get(
        "valueRange"
    ):  # a Range is no value of Observation.valueRange with a comparator, and its units are equal
        made["valueRange"] = {key: dict(value) for key, value in made["valueRange"].items()}
    if measurement.reference:
        range_: Resource = {"text": measurement.reference.text}
        unit = measurement.amount
        for name, value in (("low", measurement.reference.low), ("high", measurement.reference.high)):
            if value is not None:
                range_[name] = quantity(unit.model_copy(update={"value": value})) if unit else {"value": value}
        made["referenceRange"] = [range_]
    if measurement.flag:
        code_ = {"high": ("H", "High"), "low": ("L", "Low"), "normal": ("N", "Normal"), "abnormal": ("A", "Abnormal")}
        made["interpretation"] = [term("v3-ObservationInterpretation", *code_[measurement.flag])]
    return made


def _procedure(procedure: Procedure) -> Resource:
    status = "not-done" if procedure.presence == "negated" else "preparation" if procedure.planned else "completed"
    made: Resource = {
        "resourceType": "Procedure",
        "extension": _quoted(procedure),
        "status": status,
        "code": {"text": procedure.quote},
        "subject": SUBJECT,
    }
    if procedure.historical:
        made["note"] = [{"text": "stated as history"}]
    return made


def _family(problems: tuple[Problem, ...]) -> Iterator[Resource]:
    """FamilyMemberHistory by relative. What is denied of a family has no place in it; the record's text says it."""
    relatives: dict[str | None, list[Problem]] = {}
    for problem in problems:
        if problem.presence != "negated":
            relatives.setdefault(problem.relation, []).append(problem)
    for relation, mine in relatives.items():
        yield {
            "resourceType": "FamilyMemberHistory",
            "extension": _quoted(*mine),
            "status": "partial",
            "patient": SUBJECT,
            "relationship": relative(relation),
            "condition": [{"code": _code(problem)} for problem in mine],
        }


def _social(fact: SocialFact) -> Resource:
    code = {"smoking": ("72166-2", "Tobacco smoking status"), "alcohol": ("11331-6", "History of Alcohol use")}
    coding = (
        [{"system": LOINC, "code": loinc, "display": said} for loinc, said in [code[fact.kind]]]
        if fact.kind in code
        else []
    )
    value = {"negated": "no", "suspected": "possible"}.get(fact.presence, "former" if fact.historical else "yes")
    return {
        "resourceType": "Observation",
        "extension": _quoted(fact),
        "status": "final",
        "category": [term("observation-category", "social-history")],
        "code": {"coding": coding, "text": fact.kind} if coding else {"text": fact.kind},
        "subject": SUBJECT,
        "valueString": " ".join(
            filter(
                None, (fact.quote if fact.kind in {"occupation", "marital", "pregnancies"} else value, fact.quantity)
            )
        ),
    }


def _issue(warning: Warning) -> Resource:
    severity = {"critical": "high", "major": "moderate", "minor": "low"}[warning.severity]
    return {
        "resourceType": "DetectedIssue",
        "extension": _quoted(*warning.quotes),
        "status": "preliminary",
        "code": {"text": warning.kind},
        "severity": severity,
        "patient": SUBJECT,
        "detail": warning.why,
    }


def said(statement: Statement) -> str:
    """A statement in a line of narrative: its words and its mark."""
    return statement.quote if statement.mark == "affirmed" else f"{statement.quote} ({statement.mark})"
