"""From the file to a de-identified record in segments, its key data, and what a reader should know of it."""

import base64
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from tools.documents.document import Document
from tools.medicine import segmentation
from tools.medicine.alarms import Span
from tools.medicine.clinical_document import is_clinical_document
from tools.medicine.extraction.vocabularies import KNOWN
from tools.medicine.fhir.reading import is_bundle
from tools.medicine.identity.deidentification import reidentify
from tools.medicine.identity.mapping import IdentityMapping
from tools.medicine.protection import OPEN
from tools.medicine.records_server import Cuts, Hidden
from tools.medicine.segmentation import ReadRecord
from tools.record import Place
from tools.serving import in_parts
from workflows.desk import Desk, StoredFile
from workflows.medical_translation.report import Report, ReportSegment
from workflows.medical_translation.state import Raised, Record, Segment, TranslationInput

_OFFSETS: Final = frozenset({"start", "end", "body_end"})


async def read(desk: Desk, here: Place, file: StoredFile) -> ReadRecord:
    """The record that the file holds; its text is nobody's but this run's, so the call is private."""
    arguments = {"content_base64": base64.b64encode(file.content).decode()}
    if is_clinical_document(file.content) or is_bundle(file.content):
        return await desk.tools.call(here, "records", "read_document", arguments, ReadRecord, private=True)
    document = await desk.tools.call(
        here, "documents", "read_document", {**arguments, "name": file.name}, Document, private=True
    )
    return segmentation.of_document(document)


async def deidentified(desk: Desk, here: Place, read: ReadRecord, asked: TranslationInput) -> tuple[Record, bytes]:
    """The record with placeholders in the place of people, and the mapping that undoes it, to be sealed."""
    if asked.deidentify:
        arguments = {"record": read.model_dump(mode="json"), "options": {"dates": asked.dates}}
        hidden = await desk.tools.call(here, "records", "deidentify_record", arguments, Hidden, private=True)
    else:
        hidden = Hidden(record=read, mapping=IdentityMapping())
    record = hidden.record
    fields = {name: getattr(record, name) for name in ("form", "sha256", "text", "pages", "blocks")}
    placeholders = tuple(each.placeholder for each in hidden.mapping.identities)
    language = asked.source or record.language
    return Record(**fields, language=language, identities=placeholders), hidden.mapping.model_dump_json().encode()


async def segments(desk: Desk, here: Place, record: Record) -> list[Segment]:
    """The record's segments in order, each with its language."""
    arguments = {
        "text": record.text,
        "blocks": [each.model_dump(mode="json") for each in record.blocks],
        "language": record.language,
    }
    cuts = await desk.tools.call(here, "records", "cut_record", arguments, Cuts)
    return [
        Segment(
            id=f"s{number}",
            start=each.start,
            end=each.end,
            text=record.text[each.start : each.end],
            language=each.language,
            page=each.page,
            block=each.block,
        )
        for number, each in enumerate(cuts.result, start=1)
    ]


async def key_data(desk: Desk, here: Place, record: Record, segments: Sequence[Segment]) -> dict[str, Any]:
    """The record's key data as JSON, each with its quoted span.

    They are taken as the server made them: to validate those of 1 million characters again held the event loop for up
    to 3.3 s (measured on a busy machine).
    """
    known = record.language if record.language in KNOWN else None
    arguments = {"text": record.text, "language": known, "segments": False}
    found = await desk.tools.call_raw(here, "records", "extract_key_data", arguments)
    return {name: each for name, each in found.items() if name != "segments"}


def identified(report: Report, mapping: bytes | None) -> Report:
    """The report with people in the place of their placeholders; as it is where the mapping is gone."""
    if not mapping:
        return report
    who = IdentityMapping.model_validate_json(mapping)

    def named(text: str) -> str:
        return reidentify(text, who)

    def moved(span: Span | None, text: str) -> Span | None:
        if span is None:
            return None
        start, end = len(named(text[: span.start])), len(named(text[: span.end]))
        return Span(start=start, end=end, text=named(text)[start:end])

    texts = {each.id: each for each in report.segments}
    alarms: list[Raised] = []
    for each in report.alarms:
        segment = texts[each.segment]
        spans = {
            "source": moved(each.source, segment.text),
            "target": moved(each.target, segment.renderings[each.language].text),
        }
        alarms.append(each.model_copy(update={**spans, "why": named(each.why)}))
    told = {name: each for name, each in in_parts(report).items() if name not in {"alarms", "key_data", "segments"}}
    placed = _each_place(report.key_data, segmentation.restored(report.text, who))
    segments = [  # one by one: to check a long record's in one call would hold every other thread for seconds
        ReportSegment.model_validate(_each_text(each.model_dump(mode="json"), named)) for each in report.segments
    ]
    parts = {"alarms": alarms, "segments": segments, "key_data": _each_text(placed, named)}
    return Report.model_validate({**_each_text(told, named), **parts, "identified": True})


def _each_place(value: Any, place: Callable[[int], int]) -> Any:
    """JSON with every offset moved."""
    match value:
        case dict():
            return {
                name: place(each) if name in _OFFSETS and isinstance(each, int) else _each_place(each, place)
                for name, each in cast(dict[str, Any], value).items()
            }
        case list():
            return [_each_place(each, place) for each in cast(list[Any], value)]
        case _:
            return value


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """JSON with every text changed."""
    match value:
        case str():
            return change(value) if OPEN in value or any(c.isdigit() for c in value) else value
        case dict():
            return {name: _each_text(each, change) for name, each in cast(dict[str, Any], value).items()}
        case list():
            return [_each_text(each, change) for each in cast(list[Any], value)]
        case _:
            return value
