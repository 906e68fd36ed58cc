"""`extract`: the key data of a record, without a model."""

from tools.errors import ConsiliaError
from tools.medicine.extraction.allergies import find_allergies
from tools.medicine.extraction.consistency import DoseCheck, beyond_the_limit, warnings
from tools.medicine.extraction.keydata import Allergy, KeyData, Warning
from tools.medicine.extraction.life import find_date_mentions, find_social
from tools.medicine.extraction.measurements import find_measurements
from tools.medicine.extraction.medications import find_medications
from tools.medicine.extraction.problems import find_problems
from tools.medicine.extraction.procedures import find_procedures
from tools.medicine.extraction.record import read_record

MAX_CHARACTERS = 1_500_000
"""About 500 dense pages; reading that much takes under two minutes on one core."""


class RecordTooLong(ConsiliaError):
    """The record has more characters than are read at once."""

    code = "record_too_long"
    status = 413


def extract(
    text: str,
    language: str | None = None,
    dose_check: DoseCheck | None = beyond_the_limit,
    max_characters: int = MAX_CHARACTERS,
) -> KeyData:
    """Key data of a record in any of zh, en, es, fr, de, ja (mixed too); other languages give little.

    language: of most of the record, if known. Every item quotes the text literally, at its offsets. An empty or
    non-medical text gives a warning, not an error. dose_check: by default
    the largest doses of the knowledge base. Raises RecordTooLong.
    """
    if len(text) > max_characters:
        message = f"the record has {len(text)} characters; at most {max_characters} are read: send it in parts"
        raise RecordTooLong(message, characters=len(text), max_characters=max_characters)
    if not text.strip():
        return KeyData(language="und", warnings=(Warning(kind="empty", severity="major", why="the record is empty"),))
    record = read_record(text, language)
    measurements = find_measurements(record)
    laboratory = {at for each in measurements for at in range(each.whole.start, each.whole.end)}
    procedures = find_procedures(record)
    allergies = find_allergies(record)
    operated = {at for each in procedures for at in range(each.start, each.end)}
    elsewhere = laboratory | operated | _reactions(text, allergies)
    found = [each for each in find_problems(record) if not set(range(each.start, each.end)) & elsewhere]
    problems = [each for each in found if each.subject == "patient"]
    family = [each for each in found if each.subject == "other"]
    medications = find_medications(record, laboratory)
    said = warnings(record, problems, medications, allergies, measurements, dose_check)
    order = {"critical": 0, "major": 1, "minor": 2}
    return KeyData(
        language=record.language,
        sections=record.sections,
        segments=record.segments,
        problems=tuple(problems),
        medications=tuple(medications),
        allergies=tuple(allergies),
        vital_signs=tuple(each for each in measurements if each.kind == "vital_sign"),
        laboratory=tuple(each for each in measurements if each.kind == "laboratory"),
        procedures=tuple(procedures),
        dates=tuple(find_date_mentions(record)),
        family_history=tuple(family),
        social_history=tuple(find_social(record)),
        warnings=tuple(sorted(said, key=lambda warning: order[warning.severity])),
    )


def _reactions(text: str, allergies: list[Allergy]) -> set[int]:
    """The offsets of what allergies did: no problems of today."""
    covered: set[int] = set()
    for allergy in allergies:
        if allergy.reaction and (at := text.find(allergy.reaction, allergy.end, allergy.end + 80)) >= 0:
            covered |= set(range(at, at + len(allergy.reaction)))
    return covered
