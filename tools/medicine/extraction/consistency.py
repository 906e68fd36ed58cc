"""What a person must look at in a record: contradictions, doses and values beyond reason, text that gives orders."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from tools.errors import InvalidInput
from tools.medicine.extraction.keydata import (
    Allergy,
    Measurement,
    Medication,
    Problem,
    Quote,
    Statement,
    Warning,
)  # fmt: skip
from tools.medicine.extraction.record import Record
from tools.medicine.knowledge.doses import Prescription, check_dose
from tools.medicine.knowledge.reading import find_drug

DoseCheck = Callable[[Medication], str | None]
"""Why the dose of a medication is too high, or None."""

_Stated = TypeVar("_Stated", Allergy, Medication)
_CEILING_MG: Final = 20_000.0
"""No oral or injected drug of the vocabulary is given in more than 20 g at once; beyond it the figure is wrong."""
_PER_DAY_MG: Final = 50_000.0
_PLAUSIBLE: Final = {
    "body_temperature": (30.0, 43.5), "heart_rate": (25, 250), "respiratory_rate": (5, 60), "oxygen_saturation": (50, 100),
    "potassium": (1.5, 9.0), "sodium": (100, 180), "ph": (6.7, 7.8), "hemoglobin": (1.5, 250), "inr": (0.5, 20),
}  # fmt: skip
"""Values outside are seldom compatible with life or with the unit; (low, high) in the units that are usual."""
ORDERS: Final = re.compile(
    r"(?:ignore|disregard|forget|override|bypass)\s+(?:all\s+|any\s+|the\s+|your\s+|previous\s+|prior\s+|above\s+|these\s+|of\s+|everything\s+)*(?:instructions?|prompts?|rules?|guidelines?|directions?|safety)"
    r"|system\s+prompt|you\s+are\s+(?:now\s+)?(?:an?\s+)?(?:ai|assistant|language model|chatbot|gpt|translator)\b|as\s+an?\s+(?:ai|language model)|(?:^|\n)\s*(?:system|assistant|user)\s*[:>]|<\|?(?:im_start|im_end|system|endoftext)\|?>|\[/?inst\]|###\s*(?:instruction|system)"
    r"|(?:say|state|write|report|reply|respond|output|translate)\s+(?:only\s+)?(?:that\s+)?(?:the\s+)?patient\s+is\s+(?:healthy|fine|cured|well)|do\s+not\s+(?:translate|mention|report|flag|disclose|tell)\b.{0,40}(?:allerg|dose|alarm|warning|instruction|this)|(?:reveal|print|show|leak)\s+(?:your|the)\s+(?:system|prompt|instructions|secret|key)"
    r"|(?:忽略|无视|忘记|忽視|不要理会|绕过|覆盖).{0,12}(?:指令|指示|提示词?|规则|要求|说明|设定|以上内容|之前的)|系统提示|你(?:现在)?是一?个?(?:ai|人工智能|助手|翻译|语言模型|机器人)|(?:请)?(?:直接)?(?:回答|输出|写|说|声称|翻译成|告诉).{0,6}(?:患者|病人).{0,4}(?:健康|无病|痊愈|一切正常)|不要(?:翻译|提及|报告|提到|标记).{0,16}(?:过敏|剂量|警告|本句|以下)"
    r"|(?:ignore[zr]?|oublie[zr]?)\s+(?:toutes?\s+)?(?:les|vos|tes)\s+(?:instructions|consignes)|(?:ignora|ignore|olvida|olvide)\s+(?:todas\s+)?(?:las|sus|tus)\s+(?:instrucciones|indicaciones|reglas)|(?:ignoriere?n?|vergiss|missachte)\s+(?:sie\s+)?(?:alle\s+)?(?:die|ihre|deine|vorherigen|bisherigen|obigen)\s+(?:\w+\s+)?(?:anweisungen|instruktionen|regeln)|指示を無視|命令を無視|フロンフト"
)


def beyond_the_limit(medication: Medication) -> str | None:
    """Whether a dose is over the largest that the knowledge base's sources give; without the patient's weight."""
    drug = find_drug(medication.quote) or (find_drug(medication.drug) if medication.drug else None)
    if drug is None or medication.dose is None or medication.dose.unit is None:
        return None
    prescription = Prescription(
        drug=medication.quote[:200],
        amount=medication.dose.value or None,
        unit=medication.dose.ucum or medication.dose.unit,
        route=medication.route or "",
        times_per_day=min(medication.frequency.per_day, 48)
        if medication.frequency and medication.frequency.per_day
        else None,
    )
    try:
        checked = check_dose(drug, prescription)
    except InvalidInput:  # a unit that is no amount of a drug: tablets, puffs
        return None
    return f"“{medication.whole.quote}”: {checked.warnings[0].text}" if checked.verdict == "over" else None


def warnings(
    record: Record,
    problems: list[Problem],
    medications: list[Medication],
    allergies: list[Allergy],
    measurements: list[Measurement],
    dose_check: DoseCheck | None,
) -> Iterator[Warning]:
    """Every warning, in no order; one that is the same in several places is given once, with all of them."""
    yield from _gathered(
        [
            *_instructions(record),
            *_allergies(allergies, medications),
            *_doses(medications, dose_check),
            *_presence(problems),
            *(warning for each in measurements for warning in _value(each)),
        ]
    )
    clinical = len(problems) + len(medications) + len(allergies) + len(measurements)
    letters = sum(character.isalnum() for character in record.text[:20_000])
    if (
        letters > 120
        and clinical == 0
        and not any(section.kind not in {"none", "discharge", "signature", "treatment"} for section in record.sections)
    ):
        yield Warning(kind="not_medical", severity="major", why="nothing in this text reads like a medical record")


def _gathered(found: list[Warning]) -> Iterator[Warning]:
    groups: dict[tuple[str, str], list[Warning]] = {}
    for each in found:
        groups.setdefault((each.kind, each.why), []).append(each)
    for same in groups.values():
        quotes = dict.fromkeys(quote for each in same for quote in each.quotes)
        yield same[0].model_copy(update={"quotes": tuple(quotes)})


def _instructions(record: Record) -> Iterator[Warning]:
    for match in ORDERS.finditer(record.folded):
        quote = Quote(start=match.start(), end=match.end(), quote=record.text[slice(*match.span())])
        why = "the record has words that give orders to a reader or a model; they are treated as text and not followed"
        yield Warning(kind="instruction_like_text", severity="critical", why=why, quotes=(quote,))


def _quoted(*items: Statement) -> tuple[Quote, ...]:
    return tuple(Quote(start=each.start, end=each.end, quote=each.quote) for each in items)


def _allergies(allergies: list[Allergy], medications: list[Medication]) -> Iterator[Warning]:
    own = [each for each in allergies if each.subject == "patient"]
    none = [each for each in own if each.presence == "negated" and each.substance is None]
    stated = [each for each in own if each.presence != "negated" and each.substance]
    denied = [each for each in own if each.presence == "negated" and each.substance]
    if none and stated and not all(_restricted(each, stated) for each in none):
        why = f"allergies are both denied (“{none[0].quote}”) and stated (“{stated[0].quote}”)"
        yield Warning(kind="allergy_contradiction", severity="critical", why=why, quotes=_quoted(none[0], stated[0]))
    for one in _grouped(denied):
        for other in _grouped(stated):
            if one[0].quote == other[0].quote or (one[0].drug and one[0].drug == other[0].drug):
                why = f"an allergy to “{other[0].quote}” is both denied and stated"
                yield Warning(kind="allergy_contradiction", severity="critical", why=why, quotes=_quoted(*one, *other))
    given = [
        each
        for each in medications
        if each.presence != "negated" and not each.stopped and each.subject != "other" and each.drug
    ]
    for medication in _grouped(given):
        for allergy in _grouped(stated):
            if allergy[0].drug == medication[0].drug or _same_class(allergy[0], medication[0]):
                why = f"“{medication[0].quote}” is given although an allergy to “{allergy[0].quote}” is stated"
                yield Warning(
                    kind="allergen_prescribed", severity="critical", why=why, quotes=_quoted(*medication, *allergy)
                )


def _grouped(found: list[_Stated]) -> list[list[_Stated]]:
    """Those that say the same, together: a long record says it on many pages, and one warning with its places will do."""
    groups: dict[tuple[str, str | None], list[_Stated]] = {}
    for each in found:
        groups.setdefault((each.quote, each.drug), []).append(each)
    return list(groups.values())


def _restricted(none: Allergy, stated: list[Allergy]) -> bool:
    """Whether what is denied is another kind than what is stated: no food allergy beside an allergy to a drug."""
    if re.search(r"其他|其它|other", none.quote):
        return True
    food = bool(re.search(r"食物|food|aliment", none.quote)) and not re.search(r"药|drug|medic", none.quote)
    drug = bool(re.search(r"药|drug|medic", none.quote)) and not re.search(r"食物|food|aliment", none.quote)
    return (food and all(each.drug for each in stated)) or (
        drug and all(each.drug is None for each in stated) and not food
    )


_CLASSES: Final = (
    ("青霉素|penicillin|penicilina|penizillin|penicilline|ペニシリン", frozenset({"amoxicillin", "ampicillin", "penicillin", "piperacillin", "oxacillin", "flucloxacillin", "cloxacillin", "amoxicillin-clavulanate"})),
    ("头孢|cephalosporin|cefalosporin|cephalosporine|セフェム", frozenset({"cefuroxime", "ceftriaxone", "cefazolin", "cefixime", "cefotaxime", "ceftazidime", "cefepime", "cephalexin", "cefalexin", "cefaclor", "cefoperazone"})),
    ("磺胺|sulfa|sulfonamid|sulfamid", frozenset({"sulfamethoxazole", "sulfasalazine"})),
)  # fmt: skip


def _same_class(allergy: Allergy, medication: Medication) -> bool:
    return any(
        re.search(words, (allergy.substance or "").lower()) and (medication.drug or "") in members
        for words, members in _CLASSES
    )


def _doses(medications: list[Medication], dose_check: DoseCheck | None) -> Iterator[Warning]:
    by_drug: dict[tuple[str, str | None], list[Medication]] = defaultdict(list)
    for medication in medications:
        if medication.presence == "negated" or medication.subject == "other":
            continue
        milligrams = _milligrams(medication)
        a_day = milligrams * (medication.frequency.per_day or 1) if milligrams and medication.frequency else milligrams
        why = dose_check(medication) if dose_check else None
        if (
            why is None
            and milligrams
            and (milligrams > _CEILING_MG or (a_day or 0) > _PER_DAY_MG)
            and not _bulk(medication)
        ):
            why = f"“{medication.whole.quote}” is more than any drug is given in"
        if why:
            yield Warning(kind="implausible_dose", severity="critical", why=why, quotes=(medication.whole,))
        if medication.drug and milligrams and not medication.stopped and not medication.historical:
            by_drug[medication.drug, medication.route].append(medication)
    for (drug, _), same in by_drug.items():
        amounts = {round(_milligrams(each) or 0, 6): each for each in same}
        sections = {each.section for each in same}
        if len(amounts) > 1 and (len(sections) == 1 or {"medications"} <= sections):
            listed = list(amounts.values())
            shown = " / ".join(f"“{each.whole.quote}”" for each in listed)
            yield Warning(
                kind="dose_contradiction",
                severity="major",
                why=f"{drug} stands with two doses: {shown}",
                quotes=tuple(each.whole for each in listed),
            )


def _bulk(medication: Medication) -> bool:
    return bool(
        re.search(
            r"葡萄糖|氯化钠|甘露醇|白蛋白|glucose|dextrose|saline|mannitol|polyethylene|聚乙二醇|脂肪乳|氨基酸",
            medication.quote.lower(),
        )
    )


def _milligrams(medication: Medication) -> float | None:
    if medication.dose is None:
        return None
    factor = {"mg": 1.0, "g": 1000.0, "ug": 0.001, "ng": 1e-6, "kg": 1e6, "毫克": 1.0, "克": 1000.0, "微克": 0.001}
    unit = medication.dose.ucum or (medication.dose.unit or "")
    return medication.dose.value * factor[unit] if unit in factor else None


def _presence(problems: list[Problem]) -> Iterator[Warning]:
    """A symptom that is both affirmed and denied in one section."""
    seen: dict[tuple[str, str], Problem] = {}
    told: set[tuple[str, str]] = set()
    for problem in problems:
        if problem.concept is None or problem.subject == "other" or problem.presence == "suspected":
            continue
        if problem.section in {"none", "present_illness", "treatment", "discharge", "examination"}:
            continue  # what was there may have gone
        key = (problem.concept, problem.section)
        other = seen.setdefault(key, problem)
        if other.presence != problem.presence and key not in told:
            told.add(key)
            why = f"“{problem.quote}” is both affirmed and denied"
            yield Warning(kind="presence_contradiction", severity="major", why=why, quotes=_quoted(other, problem))


def _value(measurement: Measurement) -> Iterator[Warning]:
    limits = _PLAUSIBLE.get(measurement.name)
    if limits is None or measurement.amount is None:
        return
    value = measurement.amount.value
    if measurement.amount.ucum == "[degF]":
        value = (value - 32) / 1.8
    if not limits[0] <= value <= limits[1]:
        yield Warning(
            kind="implausible_value",
            severity="major",
            why=f"“{measurement.whole.quote}” is hardly possible",
            quotes=(measurement.whole,),
        )
