"""A whole list of medications checked at once: interactions, doses, the patient's state."""

from collections.abc import Sequence

from tools.errors import InvalidInput
from tools.medicine.knowledge.cautions import Patient, Unread, contraindications, unread
from tools.medicine.knowledge.doses import DoseCheck, Prescription, check_dose
from tools.medicine.knowledge.entries import WEIGHTS, Drug, Entry, Warned
from tools.medicine.knowledge.interactions import interactions
from tools.medicine.knowledge.reading import find_drug


class Review(Entry):
    """warnings: the gravest first. doses: every dose with its verdict. unread: what could not be checked at all."""

    drugs: tuple[str, ...]
    warnings: tuple[Warned, ...]
    doses: tuple[DoseCheck, ...]
    unread: Unread


def review_medications(medications: Sequence[Prescription], patient: Patient, others: Sequence[str] = ()) -> Review:
    """Check a list of medications for a patient. others: alcohol, iodinated contrast, live vaccine.

    A unit that cannot be read makes that dose unknown; the other checks go on.
    """
    found: list[tuple[Prescription, Drug]] = []
    unknown: list[str] = []
    for each in medications:
        drug = find_drug(each.drug)
        if drug is None:
            unknown.append(each.drug)
        else:
            found.append((each, drug))
    drugs = [drug for _, drug in found]
    doses = [_dose(drug, each, patient.weight_kg) for each, drug in found]
    warnings = [
        *interactions(drugs, others),
        *contraindications(drugs, patient),
        *(warned for dose in doses for warned in dose.warnings),
    ]
    rest = unread(patient)
    return Review(
        drugs=tuple(dict.fromkeys(drug.key for drug in drugs)),
        warnings=tuple(sorted(dict.fromkeys(warnings), key=lambda each: WEIGHTS[each.severity])),
        doses=tuple(doses),
        unread=Unread(conditions=rest.conditions, allergies=rest.allergies, drugs=tuple(unknown)),
    )


def _dose(drug: Drug, dose: Prescription, weight_kg: float | None) -> DoseCheck:
    try:
        return check_dose(drug, dose, weight_kg)
    except InvalidInput as error:
        return DoseCheck(drug=drug.key, verdict="unknown", reason=error.message)
