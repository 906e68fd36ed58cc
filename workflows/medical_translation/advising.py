"""The knowledge base's word on the record's own medications and conditions, and the advice made of it."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import orjson

from tools.medicine.alarms import Severity
from tools.medicine.arithmetic import egfr
from tools.medicine.demographics import find_age, find_sex
from tools.medicine.extraction.keydata import KeyData, Measurement, Medication, from_json
from tools.medicine.extraction.keydata import Statement as Stated
from tools.medicine.knowledge.cautions import MOST, Patient
from tools.medicine.knowledge.doses import Prescription
from tools.medicine.knowledge.entries import Source, Warned, Weight
from tools.medicine.knowledge.reading import find_condition, in_language, load
from tools.medicine.knowledge.review import Review
from tools.medicine.lexicon import language
from tools.medicine.protection import protect, restore
from tools.medicine.records_server import Drafts
from tools.record import Place
from workflows.desk import Desk
from workflows.medical_translation.labels import LABELS
from workflows.medical_translation.languages import same
from workflows.medical_translation.questions import (
    ADVISE,
    TRANSLATE_ADVICE,
    SegmentTranslation,
    listed,
    material,
)
from workflows.medical_translation.state import Caution, Citation, Record, Statement
from workflows.medical_translation.terms import drug_name, glossary
from workflows.medical_translation.translating import batched

_WEIGHTS: Final[dict[Weight, Severity]] = {"contraindicated": "critical", "major": "major", "moderate": "minor"}
KINDS: Final = ("problems", "medications", "allergies", "vital_signs", "laboratory")
"""The key data that are looked up."""
_CONDITIONS: Final = 8
"""Conditions of the record that the advice summarises; the others are in the key data."""
_FINDINGS: Final = 100
"""Findings, and key data of a kind, that a model is shown: more fit no context. The result keeps all."""
_TRANSLATED: Final = 60
"""Statements of the advice that one question translates."""
ENGLISH: Final = "en"


async def consult(
    desk: Desk, here: Place, key_data: Mapping[str, Any], record: Record
) -> tuple[list[Statement], list[Caution]]:
    """What the knowledge base finds: statements with their entries, and cautions for what could not be checked."""
    data = await asyncio.to_thread(from_json, key_data, KINDS)
    prescriptions = await asyncio.to_thread(_prescriptions, data)
    beyond = tuple(dict.fromkeys(each.drug for each in prescriptions[MOST:]))
    who = await asyncio.to_thread(patient, data, record)
    arguments = {
        "medications": [each.model_dump(mode="json") for each in prescriptions[:MOST]],
        "patient": who.model_dump(mode="json"),
    }
    review = await desk.tools.call(here, "medicine", "review_medications", arguments, Review)
    watched = await asyncio.to_thread(lambda: list(_conditions(data)))
    found = [*(_warned(each) for each in review.warnings), *watched]
    statements = [each.model_copy(update={"id": f"a{number}"}) for number, each in enumerate(found, start=1)]
    return statements, [*_unread(review), *_unchecked("medications", beyond)]


def _own(stated: Stated) -> bool:
    """Whether it is the patient's, and so."""
    return stated.subject == "patient" and stated.presence == "affirmed"


def _prescriptions(data: KeyData) -> list[Prescription]:
    """What the patient takes, each once."""
    taken = [each for each in data.medications if _own(each) and not each.stopped]
    return list(dict.fromkeys(_prescription(each) for each in taken))


def _prescription(medication: Medication) -> Prescription:
    dose, often = medication.dose, medication.frequency
    amount = (dose.high or dose.value) if dose is not None else None
    times = often.per_day if often is not None else None
    return Prescription(
        drug=(medication.drug or medication.quote)[:200],
        amount=amount if amount and amount > 0 else None,
        unit=((dose.unit or dose.ucum or "mg") if dose is not None else "mg")[:30],
        route=(medication.route or "")[:60],
        times_per_day=times if times and 0 < times <= 48 else None,
    )


def patient(data: KeyData, record: Record) -> Patient:
    """What the record states of the patient, as the knowledge base takes it; what it does not state stays unknown."""
    age, sex = find_age(record.text), find_sex(record.text)
    creatinine = next((_umol(each) for each in reversed(data.laboratory) if each.name == "creatinine"), None)
    rate: float | None = None
    if creatinine is not None and age is not None and sex is not None and age >= 18:
        rate = egfr(age, creatinine, "umol/L", sex).value
    allergies = [each.drug or each.substance for each in data.allergies if _own(each) and each.substance]
    problems = [each.quote for each in data.problems if _own(each)]
    weight = next((each.amount.value for each in data.vital_signs if _kilograms(each) and each.amount), None)
    return Patient(
        conditions=tuple(dict.fromkeys(problems))[:MOST],
        allergies=tuple(dict.fromkeys(each for each in allergies if each))[:MOST],
        pregnant=None,
        egfr=round(min(rate, 250.0), 1) if rate is not None else None,
        age=age,
        hepatic=None,
        weight_kg=weight if weight and 0 < weight <= 500 else None,
    )


def _kilograms(measured: Measurement) -> bool:
    return measured.name == "body_weight" and measured.amount is not None and measured.amount.ucum == "kg"


def _umol(measured: Measurement) -> float | None:
    """Creatinine in µmol/L."""
    if measured.amount is None or measured.amount.value <= 0:
        return None
    unit = (measured.amount.ucum or measured.amount.unit or "").lower()
    if "mg" in unit:
        return measured.amount.value * 88.42
    return measured.amount.value if "mol" in unit else None


def _cited(entry: str, sources: Sequence[Source]) -> tuple[Citation, ...]:
    title = entry.split("/", 1)[-1]
    return tuple(Citation(entry=entry, title=title, source=each.title, url=each.url or None) for each in sources) or (
        Citation(entry=entry, title=title, source="Consilia's knowledge base"),
    )


def _sentence(text: str) -> str:
    """With a capital and a full stop; the name of a drug keeps its letters otherwise."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _warned(warned: Warned) -> Statement:
    return Statement(
        id="",
        kind=warned.kind,
        severity=_WEIGHTS[warned.severity],
        language=ENGLISH,
        text=" ".join(_sentence(each) for each in (warned.text, warned.advice) if each),
        about=warned.about,
        citations=_cited(warned.entry, warned.sources),
    )


def _conditions(data: KeyData) -> Iterator[Statement]:
    """What to watch for with the record's own conditions, those of the diagnosis first."""
    own = sorted((each for each in data.problems if _own(each)), key=lambda each: each.section != "diagnosis")
    found = {condition.key: condition for each in own if (condition := find_condition(each.quote)) is not None}
    told = [each for each in found.values() if each.summary and each.red_flags]
    for condition in told[:_CONDITIONS]:
        yield Statement(
            id="",
            kind="condition",
            severity="minor",
            language=ENGLISH,
            text=_sentence(f"{in_language(condition.names, ENGLISH)}: watch for {', '.join(condition.red_flags)}"),
            about=(condition.key,),
            citations=_cited(condition.entry, condition.sources),
        )


def _unread(review: Review) -> Iterator[Caution]:
    for what, names in (("medications", review.unread.drugs), ("allergies", review.unread.allergies)):
        yield from _unchecked(what, tuple(dict.fromkeys(names)))


def _unchecked(what: str, names: tuple[str, ...]) -> Iterator[Caution]:
    if names:
        yield Caution(
            id="",
            code="not_checked",
            severity="major",
            message=f"The knowledge base does not know these {what}; nothing was checked about them.",
            quotes=names,
        )


async def advise(
    desk: Desk, here: Place, statements: Sequence[Statement], key_data: Mapping[str, Any]
) -> list[Statement]:
    """The advice, each statement with its citations. What the rules found stays, whatever a model writes."""
    citations = {one.entry: one for each in statements for one in each.citations}
    facts = {
        "statements": list(statements),
        "findings": orjson.dumps([_told(each) for each in statements[:_FINDINGS]]).decode(),
        "key_data": orjson.dumps(_briefly(key_data)).decode(),
        "known": list(citations),
    }
    answered = await desk.counsel.ask(here, ADVISE, "", facts)
    if desk.counsel.pool.embedded or answered.degraded:
        return list(statements)
    given = [
        Statement(
            id=f"m{number}",
            kind=each.kind[:40],
            severity="minor",
            language=ENGLISH,
            text=each.text,
            citations=tuple(citations[one] for one in each.citations if one in citations),
            said_by=answered.said_by,
        )
        for number, each in enumerate(answered.value.statements, start=1)
    ]
    return [*statements, *given]


def _told(statement: Statement) -> dict[str, Any]:
    return {"kind": statement.kind, "text": statement.text, "entries": [each.entry for each in statement.citations]}


def _briefly(key_data: Mapping[str, Any]) -> dict[str, Any]:
    """The key data without offsets and sections, for a prompt."""
    kinds = ("problems", "medications", "allergies", "vital_signs", "laboratory", "procedures")
    left = {"start", "end", "section", "whole"}
    found: dict[str, Any] = {}
    for kind in kinds:
        distinct = {each["quote"]: each for each in key_data.get(kind) or ()}
        shown = islice(distinct.values(), _FINDINGS)
        if distinct:
            found[kind] = [
                {name: value for name, value in each.items() if name not in left and value} for each in shown
            ]
    return found


async def translated(desk: Desk, here: Place, advice: Sequence[Statement], targets: Sequence[str]) -> list[Statement]:
    """The advice in every target language that it can be said in; where it cannot, at least what it is about."""
    said = list(advice)
    for target in targets:
        said = await asyncio.to_thread(_headed, said, target)
        if said and not same(ENGLISH, target):
            said = await _in(desk, here, said, target)
        else:
            said = [each.model_copy(update={"translations": {**each.translations, target: each.text}}) for each in said]
    return said


async def _in(desk: Desk, here: Place, advice: Sequence[Statement], target: str) -> list[Statement]:
    return [said for part in batched(advice, _TRANSLATED) for said in await _part_in(desk, here, part, target)]


async def _part_in(desk: Desk, here: Place, advice: Sequence[Statement], target: str) -> list[Statement]:
    arguments = {"segments": [{"text": each.text, "language": ENGLISH} for each in advice], "target": target}
    drafted = await desk.tools.call(here, "records", "translate_segments", arguments, Drafts)
    protected, terms = await asyncio.to_thread(_prepared, advice, target)
    facts = {
        "drafts": [
            SegmentTranslation(id=each.id, text=one.text, untranslated=one.untranslated)
            for each, one in zip(advice, drafted.result, strict=True)
        ],
        "protected": protected,
        "languages": {each.id: ENGLISH for each in advice},
        "segments": listed(protected),
        "terms": "; ".join(f"{term} = {name}" for term, name in terms.items()),
        "source": ENGLISH,
        "target": target,
    }
    question = replace(TRANSLATE_ADVICE, needs=replace(TRANSLATE_ADVICE.needs, languages=(ENGLISH, target)))
    answered = await desk.counsel.ask(here, question, material(protected), facts)
    given = {each.id: each for each in answered.value.segments}
    found: list[Statement] = []
    for each in advice:
        answer = given.get(each.id)
        if answer is not None and answer.text.strip() and not answer.untranslated:
            text = restore(answer.text, ENGLISH, target, drug_name, ())
            each = each.model_copy(update={"translations": {**each.translations, target: text}})
        found.append(each)
    return found


def _prepared(advice: Sequence[Statement], target: str) -> tuple[dict[str, str], dict[str, str]]:
    """The statements, protected, and the terms in them with what they are called in the target language."""
    protected = {each.id: protect(each.text, ENGLISH, target, drug_name) for each in advice}
    return protected, glossary(((each.text, ENGLISH) for each in advice), target)


def _headed(advice: Sequence[Statement], target: str) -> list[Statement]:
    """The statements with a headline in the target language, where there is one."""
    return [each.model_copy(update={"headlines": {**each.headlines, **_headline(each, target)}}) for each in advice]


def _headline(statement: Statement, target: str) -> dict[str, str]:
    """What a statement is about, in the target language: its kind, and the names of the drugs or the condition."""
    lang = language(target)
    words = LABELS.get(lang)
    if words is None or statement.kind not in words:
        return {}
    names = [_name(each, lang) for each in statement.about]
    return {target: f"{words[statement.kind]}: {', '.join(names)}"} if names else {}


def _name(key: str, lang: str) -> str:
    base = load()
    known = base.drugs.get(key) or base.conditions.get(key)
    return in_language(known.names, lang) if known is not None else key
