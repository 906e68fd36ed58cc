"""Codes that FHIR resources carry: systems, vital signs in LOINC, relatives, routes."""

from typing import Any, Final

from tools.medicine.extraction.keydata import Amount

ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
VITAL_SIGNS: Final = {
    "body_temperature": ("8310-5", "Body temperature"),
    "heart_rate": ("8867-4", "Heart rate"),
    "respiratory_rate": ("9279-1", "Respiratory rate"),
    "blood_pressure": ("85354-9", "Blood pressure panel with all children optional"),
    "oxygen_saturation": ("2708-6", "Oxygen saturation in Arterial blood"),
    "body_weight": ("29463-7", "Body weight"),
    "body_height": ("8302-2", "Body height"),
    "body_mass_index": ("39156-5", "Body mass index (BMI) [Ratio]"),
}
"""LOINC codes that the FHIR R4 vital signs profile asks for (hl7.org/fhir/R4/observation-vitalsigns.html)."""
SYSTOLIC: Final = ("8480-6", "Systolic blood pressure")
DIASTOLIC: Final = ("8462-4", "Diastolic blood pressure")
_RELATIVES: Final = (
    (("父亲", "其父", "父", "father", "padre", "pere", "père", "vater", "父親"), "FTH", "father"),
    (("母亲", "其母", "母", "mother", "madre", "mere", "mère", "mutter", "母親"), "MTH", "mother"),
    (("哥哥", "弟弟", "兄", "弟", "brother", "hermano", "frère", "frere", "bruder"), "BRO", "brother"),
    (("姐姐", "妹妹", "姐", "姉", "妹", "sister", "hermana", "soeur", "sœur", "schwester"), "SIS", "sister"),
    (("儿子", "其子", "son", "hijo", "fils", "sohn", "息子"), "SON", "natural son"),
    (("女儿", "其女", "daughter", "hija", "fille", "tochter", "娘"), "DAU", "natural daughter"),
    (("aunt", "姑姑", "姨", "tante", "tía", "tia", "叔母"), "AUNT", "aunt"),
    (("uncle", "叔叔", "伯父", "舅舅", "oncle", "tío", "tio", "onkel", "叔父"), "UNCLE", "uncle"),
    (("grandmother", "祖母", "外祖母", "奶奶", "外婆", "姥姥", "abuela", "großmutter"), "GRMTH", "grandmother"),
    (("grandfather", "祖父", "外祖父", "爷爷", "外公", "姥爷", "abuelo", "großvater"), "GRFTH", "grandfather"),
)  # fmt: skip


def term(name: str, code: str, display: str | None = None) -> dict[str, Any]:
    """A CodeableConcept of one of HL7's own code systems."""
    coding = {"system": f"{_TERMINOLOGY}{name}", "code": code}
    return {"coding": [{**coding, "display": display} if display else coding]}


def relative(written: str | None) -> dict[str, Any]:
    """Who a relative is, in HL7's v3 RoleCode where the word is known."""
    word = (written or "").lower()
    for words, code, display in _RELATIVES:
        if word in words:
            return {**term("v3-RoleCode", code, display), "text": written}
    return {**term("v3-RoleCode", "FAMMEMB", "family member"), "text": written or "family"}


def quantity(amount: Amount, comparator: str | None = None) -> dict[str, Any]:
    """A Quantity, coded in UCUM where the unit is one of its."""
    made: dict[str, Any] = {"value": amount.value}
    if comparator:
        made["comparator"] = comparator
    if amount.unit or amount.ucum:
        made["unit"] = amount.unit or amount.ucum
    if amount.ucum:
        made |= {"system": UCUM, "code": amount.ucum}
    return made
