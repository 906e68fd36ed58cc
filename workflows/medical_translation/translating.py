"""Segments to translations: in batches, with the term base obeyed and what must not change protected, then verified."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final, TypeVar

from agents.ask import Question
from tools.medicine.alarms import Alarm
from tools.medicine.protection import neutral, protect, restore
from tools.medicine.records_server import Drafts, Pair, Verified
from tools.record import Place
from workflows.desk import Desk
from workflows.medical_translation.languages import same
from workflows.medical_translation.questions import (
    JUDGE,
    TRANSLATE,
    TRANSLATE_BACK,
    SegmentTranslation,
    listed,
    material,
)
from workflows.medical_translation.state import (
    Batch,
    Draft,
    Opinion,
    Raised,
    Segment,
    Translated,
    TranslationState,
    key,
)
from workflows.medical_translation.terms import drug_name, glossary

# Every key of the state is optional to LangGraph; these run after the nodes that set them.
# pyright: reportTypedDictNotRequiredAccess=false

BATCH_WEIGHT: Final = 3_000
BATCH_SEGMENTS: Final = 80
"""A batch's source fills a quarter of a 16,384-token context at most; the rest is for terms and the answer. An
ideograph weighs 1, any other character 0.4."""
VERIFIED_AT_ONCE: Final = 200
_SENTENCE_WEIGHT: Final = 8
"""From which a segment that stands in a record more than once is translated once: a shorter one, 无 or a cell of a
table, may mean something else in another place."""
_Value = TypeVar("_Value")
_OF_UNTRANSLATED: Final = frozenset({"untranslated", "language"})


def kept(segments: Sequence[Segment], targets: Sequence[str]) -> dict[str, Translated]:
    """The segments that need no translation: those in the target language already, and those without words."""
    return {
        key(segment.id, target): Translated(
            segment=segment.id, language=target, text=segment.text, done="kept", said_by="record"
        )
        for target in targets
        for segment in segments
        if _needs_none(segment, target)
    }


def batches(segments: Sequence[Segment], targets: Sequence[str]) -> list[Batch]:
    """The segments to translate, by language of source and target, as large as a model's context takes well.

    A sentence that stands there more than once is translated once.
    """
    found: list[Batch] = []
    for target in targets:
        wanted = [segment for segment in segments if not _needs_none(segment, target)]
        firsts: dict[tuple[str, str], str] = {}
        twins: dict[str, list[str]] = {}
        current: list[Segment] = []
        weight = 0.0
        for segment in wanted:
            more = sum(1.0 if character >= "\u2e80" else 0.4 for character in segment.text)
            first = firsts.setdefault((segment.text, segment.language), segment.id)
            if first != segment.id and more >= _SENTENCE_WEIGHT:
                twins.setdefault(first, []).append(segment.id)
                continue
            if current and (weight + more > BATCH_WEIGHT or len(current) == BATCH_SEGMENTS):
                found.append(Batch(number=len(found), language=target, segments=tuple(current)))
                current, weight = [], 0.0
            current.append(segment)
            weight += more
        if current:
            found.append(Batch(number=len(found), language=target, segments=tuple(current)))
        found = [_with_twins(each, twins) if each.language == target else each for each in found]
    return found


def _with_twins(batch: Batch, twins: Mapping[str, Sequence[str]]) -> Batch:
    mine = {each.id: tuple(twins[each.id]) for each in batch.segments if each.id in twins}
    return batch.model_copy(update={"twins": mine}) if mine else batch


def _needs_none(segment: Segment, target: str) -> bool:
    return same(segment.language, target) or neutral(segment.text, target)


async def translate(desk: Desk, here: Place, draft: Draft) -> dict[str, Translated]:
    """One batch into its language: asked of a model, or drafted by the term base when that is who answers."""
    batch, target, main = draft["batch"], draft["batch"].language, draft["record_language"]
    arguments = {
        "segments": [{"text": each.text, "language": each.language} for each in batch.segments],
        "target": target,
    }
    drafted = await desk.tools.call(here, "records", "translate_segments", arguments, Drafts)
    protected, terms = await asyncio.to_thread(_prepared, batch)
    facts = {
        "drafts": [
            SegmentTranslation(id=each.id, text=one.text, untranslated=one.untranslated)
            for each, one in zip(batch.segments, drafted.result, strict=True)
        ],
        "protected": protected,
        "languages": {each.id: each.language for each in batch.segments},
        "terms": "; ".join(f"{term} = {name}" for term, name in terms.items()),
        "source": main,
        "target": target,
    }
    answered = await desk.counsel.ask(here, _spoken(TRANSLATE, main, target), material(protected), facts)
    given = {each.id: each for each in answered.value.segments}

    def written() -> dict[str, Translated]:
        found: dict[str, Translated] = {}
        for each in batch.segments:
            said = _translated(each, given.get(each.id), target, answered.said_by, draft["identities"])
            found[key(each.id, target)] = said
            for twin in batch.twins.get(each.id, ()):
                found[key(twin, target)] = said.model_copy(update={"segment": twin})
        return found

    return await asyncio.to_thread(written)


def batched(values: Iterable[_Value], size: int) -> Iterator[list[_Value]]:
    """The values in lists of at most so many (itertools has it from Python 3.12 on)."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def _prepared(batch: Batch) -> tuple[dict[str, str], dict[str, str]]:
    """The texts of a batch, protected, and the terms in them with what they are called in the target language."""
    terms = glossary(((each.text, each.language) for each in batch.segments), batch.language)
    return _protected(batch), terms


def _protected(batch: Batch) -> dict[str, str]:
    """The texts of a batch by segment, what must not change in brackets."""
    return {each.id: protect(each.text, each.language, batch.language, drug_name) for each in batch.segments}


def _spoken(question: Question[Any], *languages: str) -> Question[Any]:
    """The question, as one that needs these languages."""
    return replace(question, needs=replace(question.needs, languages=tuple(dict.fromkeys(languages))))


def _translated(
    segment: Segment, answer: SegmentTranslation | None, target: str, said_by: str, identities: Collection[str]
) -> Translated:
    text = restore(answer.text, segment.language, target, drug_name, identities) if answer is not None else ""
    rests = tuple(each for each in (answer.untranslated if answer is not None else ()) if each.strip())
    if not text.strip() or "".join("".join(rests).split()) == "".join(text.split()):
        return Translated(
            segment=segment.id,
            language=target,
            text=segment.text,
            done="untranslated",
            untranslated=(segment.text,),
            said_by=said_by,
        )
    done = "partial" if rests else "translated"
    return Translated(segment=segment.id, language=target, text=text, done=done, untranslated=rests, said_by=said_by)


async def verify(desk: Desk, here: Place, state: TranslationState, only: frozenset[str] | None = None) -> list[Raised]:
    """Every alarm, in the order of the record. only: verify these translations again; the others' alarms stay.

    What is still in the source language is listed as untranslated, and raises no alarm for being so.
    """
    translations = state["translations"]
    asked = [
        (segment, rendering)
        for target in state["targets"]
        for segment in state["segments"]
        for rendering in [translations[key(segment.id, target)]]
        if rendering.done in ("translated", "partial") and (only is None or key(segment.id, target) in only)
    ]
    raised = [
        each
        for each in (state.get("alarms", []) if only is not None else [])
        if only is not None and key(each.segment, each.language) not in only
    ]
    pairs = {
        (one.text, one.language, other.text, other.language): Pair(
            source=one.text, source_lang=one.language, target=other.text, target_lang=other.language
        )
        for one, other in asked
    }
    found: dict[tuple[str, str, str, str], list[Alarm]] = {}
    for part in batched(pairs.items(), VERIFIED_AT_ONCE):
        arguments = {"pairs": [pair.model_dump() for _, pair in part]}
        verified = await desk.tools.call(here, "records", "verify_translations", arguments, Verified)
        found |= {said: alarms for (said, _), alarms in zip(part, verified.result, strict=True)}
    for segment, rendering in asked:
        alarms = found[segment.text, segment.language, rendering.text, rendering.language]
        wanted = [a for a in alarms if rendering.done != "partial" or a.kind not in _OF_UNTRANSLATED]
        raised += [
            Raised(
                id=f"{key(segment.id, rendering.language)}.{number}",
                segment=segment.id,
                language=rendering.language,
                **alarm.model_dump(),
            )
            for number, alarm in enumerate(wanted, start=1)
        ]
    order = {segment.id: number for number, segment in enumerate(state["segments"])}
    return sorted(raised, key=lambda each: (state["targets"].index(each.language), order[each.segment]))


async def second_opinion(desk: Desk, here: Place, state: TranslationState) -> list[Opinion]:
    """A second model's judgement of every translated segment; none where the embedded engine is all there is.

    The judge compares the source with what was translated back, so it need not know the target language.
    """
    opinions: list[Opinion] = []
    if desk.counsel.pool.embedded:
        return opinions
    translations, main = state["translations"], state["record"].language
    for batch in batches(state["segments"], state["targets"]):
        target = batch.language
        said = {each.id: translations[key(each.id, target)].text for each in batch.segments}
        shared = material(await asyncio.to_thread(_protected, batch))
        facts: dict[str, Any] = {"source": main, "target": target, "translations": listed(said)}
        back = await desk.counsel.ask(here, _spoken(TRANSLATE_BACK, main, target), shared, facts)
        returned: Mapping[str, str] = {each.id: each.text for each in back.value.segments}
        facts["translations"] = listed({each: f"{text} ← {returned.get(each, '')}" for each, text in said.items()})
        judged = await desk.counsel.ask(here, _spoken(JUDGE, main), shared, facts)
        opinions += [
            Opinion(
                segment=each.id,
                language=target,
                back_translation=returned.get(each.id, ""),
                faithful=each.faithful,
                reason=each.reason,
                said_by=judged.said_by,
            )
            for each in judged.value.judgements
            if each.id in said
        ]
    return opinions
