"""What a reader should know of the record itself, whatever its translation: told, never acted upon."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tools.medicine.drugs import find_drugs
from tools.medicine.extraction.consistency import ORDERS
from tools.medicine.extraction.keydata import from_json
from tools.medicine.extraction.vocabularies import KNOWN
from tools.medicine.lexicon import fold, language
from tools.medicine.terms import covered, find_terms
from workflows.medical_translation.state import Caution, Record, Segment

_FEWEST_TERMS: Final = 1.0
"""Medical terms and drugs in 1,000 characters below which a text is hardly a record; the sample has over 15."""
_WARNED: Final = {
    "allergy_contradiction": "contradictory_allergies",
    "allergen_prescribed": "allergen_prescribed",
    "implausible_dose": "dose_beyond_limit",
    "dose_contradiction": "contradictory_doses",
    "implausible_value": "implausible_value",
    "presence_contradiction": "contradictory_findings",
}
"""Codes of the cautions that come from extraction's warnings; instructions and the rest are found here."""
_INSTRUCTION: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|prompt|rule|direction)s?\b"
    r"|\b(?:you are|act as|pretend to be)\b.{0,30}\b(?:ai|assistant|language model|chatbot)\b"
    r"|\b(?:say|state|write|report|claim|conclude)\b.{0,20}\bpatient is (?:healthy|fine|well|cured)\b"
    r"|\bsystem prompt\b|<\|?(?:im_start|system|assistant)\|?>"
    r"|(?:忽略|无视|忘记|不要理会|不用管|忽視|無視).{0,15}(?:指令|指示|提示|规则|要求|命令)"
    r"|(?:请|必须|应当?)?(?:说|写|回答|声称|输出).{0,6}(?:患者|病人).{0,4}(?:健康|没有问题|一切正常|痊愈)"
    r"|(?:你是|扮演).{0,8}(?:人工智能|助手|语言模型)"
    r"|\b(?:ignore[rz]?|oublie[rz]?|ne tenez pas compte)\b.{0,40}\b(?:instruction|consigne)s?\b"
    r"|\b(?:ignor[ae]|olvid[ae]|haz caso omiso)\b.{0,40}\b(?:instruccion|orden|indicacion)(?:es)?\b"
    r"|\b(?:ignorier\w*|vergiss|missachte\w*)\b.{0,40}\b(?:anweisung|instruktion|vorgabe)(?:en)?\b",
    re.IGNORECASE | re.DOTALL,
)
"""Text that speaks to a machine and not to a colleague. It is translated like any other, and shown to the clinician."""


def cautions(record: Record, segments: Sequence[Segment], key_data: Mapping[str, Any]) -> list[Caution]:
    """Everything to be told of a record, numbered."""
    found = [
        *_instructions(segments),
        *_of_key_data(record, segments, key_data),
        *_not_medical(record),
        *_many_languages(segments),
    ]
    return numbered(found)


def numbered(found: Sequence[Caution]) -> list[Caution]:
    """The cautions with their ids, in their order."""
    return [each.model_copy(update={"id": f"c{number}"}) for number, each in enumerate(found, start=1)]


def _instructions(segments: Sequence[Segment]) -> Iterator[Caution]:
    for segment in segments:
        if match := _INSTRUCTION.search(segment.text) or ORDERS.search(fold(segment.text)):
            yield Caution(
                id="",
                code="instruction_in_record",
                severity="major",
                message="This passage speaks to a machine, not to a colleague. It was translated like any other text "
                "and not followed; ask how it came into the record.",
                quotes=(segment.text[slice(*match.span())],),
                segments=(segment.id,),
            )


def _of_key_data(record: Record, segments: Sequence[Segment], key_data: Mapping[str, Any]) -> Iterator[Caution]:
    """What extraction warned of: contradictions, and doses and values beyond reason, with their places."""
    starts = [each.start for each in segments]
    for warning in from_json(key_data, ("warnings",)).warnings:
        if warning.kind not in _WARNED:
            continue
        quotes: dict[str, str] = {}
        places: dict[str, None] = {}
        for quote in warning.quotes:
            for each in segments[max(0, bisect_right(starts, quote.start) - 1) : bisect_left(starts, quote.end)]:
                if quote.start < each.end:
                    quotes.setdefault(quote.quote, each.id)
                    places[each.id] = None
            quotes.setdefault(quote.quote, "")
        yield Caution(
            id="",
            code=_WARNED[warning.kind],
            severity=warning.severity,
            message=f"{warning.why[:1].upper()}{warning.why[1:]}.",
            quotes=tuple(quotes),
            segments=tuple(dict.fromkeys([*(place for place in quotes.values() if place), *places])),
        )


def _not_medical(record: Record) -> Iterator[Caution]:
    """A text with hardly a term or drug in its language; one whose language cannot be told, in any that is known."""
    lang = language(record.language)
    if not covered(lang) and lang != "und":
        return
    folded = fold(record.text)
    spoken = [lang] if covered(lang) else [each for each in KNOWN if covered(each)]
    terms = max(len(find_terms(folded, each)) + len(find_drugs(folded, each)) for each in spoken)
    if terms * 1000 < _FEWEST_TERMS * len(folded) or not terms:
        yield Caution(
            id="",
            code="not_medical",
            severity="major" if terms else "critical",
            message="This does not read as a medical record: "
            f"{'hardly a' if terms else 'no'} medical term was recognised. Check that it is the right file.",
        )


def _many_languages(segments: Sequence[Segment]) -> Iterator[Caution]:
    spoken = sorted({language(each.language) for each in segments})
    if len(spoken) > 1:
        yield Caution(
            id="",
            code="many_languages",
            severity="minor",
            message=f"The record is in more than one language: {', '.join(spoken)}.",
        )
