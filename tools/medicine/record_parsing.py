"""Structured records from outside, parsed: what `tools.documents.confinement` runs in a process of its own."""

from tools.documents.faults import CorruptDocument, DocumentTooLarge
from tools.documents.languages import language_of
from tools.documents.limits import Limits
from tools.medicine.clinical_document import is_clinical_document, read_clinical_document
from tools.medicine.fhir.reading import from_fhir, is_bundle


def parse(content: bytes, name: str, limits: Limits) -> dict[str, object]:
    """form, language, text and blocks of a CDA document or a FHIR Bundle, in JSON types.

    Raises InvalidClinicalDocument, InvalidFhir, CorruptDocument, DocumentTooLarge.
    """
    bundle = is_bundle(content) and not is_clinical_document(content)
    try:
        text, blocks, language = from_fhir(content) if bundle else read_clinical_document(content)
    except RecursionError:
        raise CorruptDocument(f"{name!r} is damaged: its elements are nested too deep", name=name) from None
    if len(text) > limits.max_chars:
        message = f"{name!r} holds {len(text)} characters; at most {limits.max_chars} are read"
        raise DocumentTooLarge(message, name=name, characters=len(text), max_chars=limits.max_chars)
    return {
        "form": "fhir" if bundle else "cda",
        "language": language or language_of(text),
        "text": text,
        "blocks": [each.model_dump(mode="json") for each in blocks],
    }
