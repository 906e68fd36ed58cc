"""The result of a medical translation: what a caller gets as JSON, and what every other file is made of.

Its JSON schema is published in docs/schemas/medical_translation.json (`python scripts/write_schemas.py`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, Field

from tools.medicine.alarms import Severity
from workflows.medical_translation.state import (
    Caution,
    Done,
    Opinion,
    Outcome,
    Part,
    Raised,
    Statement,
    Translated,
    TranslationState,
    key,
)

# Every key of the state is optional to LangGraph; a report is assembled after the nodes that set them.
# pyright: reportTypedDictNotRequiredAccess=false

SEVERITIES: tuple[Severity, ...] = ("critical", "major", "minor")
DISCLAIMER: dict[str, str] = {
    "en": "A working paper for qualified clinicians and translators, made by software. It is no medical advice to a "
    "patient and no sworn translation.",
    "zh": "本文件由软件生成，供有资质的医师和译者参考，不构成对患者的医疗建议，亦非宣誓翻译。",
    "fr": "Document de travail établi par logiciel à l'usage de cliniciens et de traducteurs qualifiés. Ce n'est ni un "
    "conseil médical au patient ni une traduction assermentée.",
    "es": "Documento de trabajo elaborado por software para clínicos y traductores cualificados. No es un consejo "
    "médico para el paciente ni una traducción jurada.",
    "de": "Arbeitspapier für qualifizierte Ärzte und Übersetzer, von Software erstellt. Es ist kein ärztlicher Rat an "
    "Patienten und keine beglaubigte Übersetzung.",
    "ja": "有資格の医療者と翻訳者のための作業文書で、ソフトウェアが作成した。患者への医学的助言でも宣誓翻訳でもない。",
}


class Coverage(Part):
    """How much of the record is in a target language. share: of the characters that need translation, 0 to 1.

    translated, partial, untranslated, kept: segments; partial ones hold pieces that are still in the source language.
    """

    segments: int
    translated: int
    partial: int
    untranslated: int
    kept: int
    share: float


class Rest(Part):
    """What is still to be translated in one segment: the whole of it, or the pieces named. page: 0 for the advice."""

    segment: str
    language: str
    page: int
    text: str
    pieces: tuple[str, ...]


class Counts(Part):
    """Alarms by severity (all three keys), by kind, and by target language."""

    total: int
    by_severity: dict[Severity, int]
    by_kind: dict[str, int]
    by_language: dict[str, int]


class Signature(Part):
    """What a person decided. accepted: the critical alarms that the person takes responsibility for, by id."""

    decision: str
    reason: str
    accepted: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()


class Summary(Part):
    """A whole translation but its segments and key data.

    outcome: None while a person has not decided. identified: whether names and numbers of people are in the text, or
    placeholders. form, sha256, pages: of the file. engine: who translated: "embedded", or the models' names.
    """

    outcome: Outcome | None
    identified: bool
    form: str
    sha256: str
    language: str
    pages: int
    targets: tuple[str, ...]
    coverage: dict[str, Coverage]
    counts: Counts
    alarms: tuple[Raised, ...]
    cautions: tuple[Caution, ...]
    untranslated: tuple[Rest, ...]
    advice: tuple[Statement, ...]
    opinions: tuple[Opinion, ...]
    decisions: tuple[Signature, ...]
    engine: str
    generated_at: AwareDatetime
    disclaimer: dict[str, str] = Field(default_factory=lambda: dict(DISCLAIMER))


class Rendering(Part):
    """A segment in a target language; alarms: their ids."""

    text: str
    done: Done
    untranslated: tuple[str, ...]
    said_by: str
    alarms: tuple[str, ...]


class ReportSegment(Part):
    """A segment of the record with its renderings by target language. text: literally in the record.

    kind, level: of the paragraph it stands in; first: whether it begins it.
    """

    id: str
    text: str
    language: str
    page: int
    section: str | None
    block: int
    kind: str
    level: int | None
    first: bool
    renderings: dict[str, Rendering]


class Report(Summary):
    """A whole translation. text: of the record, into which the offsets of key data point, half open. key_data: what
    `extract_key_data` found: text[start:end] == quote.
    """

    text: str
    segments: tuple[ReportSegment, ...]
    key_data: dict[str, Any]

    def summary(self) -> Summary:
        """Without segments and key data."""
        return Summary(**{name: getattr(self, name) for name in Summary.model_fields})


def assemble_report(state: TranslationState, generated_at: datetime, outcome: Outcome | None = None) -> Report:
    """The report of a translation whose steps are done, de-identified as the state is."""
    record, translations = state["record"], state.get("translations", {})
    alarms = sorted(state.get("alarms", []), key=lambda each: SEVERITIES.index(each.severity))
    said = [each.said_by for each in translations.values() if each.done != "kept"]
    return Report(
        outcome=outcome,
        identified=False,
        form=record.form,
        sha256=record.sha256,
        language=record.language,
        pages=len(record.pages),
        targets=tuple(state["targets"]),
        coverage={target: _coverage(state, target) for target in state["targets"]},
        counts=_counts(alarms),
        alarms=tuple(alarms),
        cautions=tuple(state.get("cautions", [])),
        untranslated=tuple(_rests(state)),
        advice=tuple(state.get("advice", [])),
        opinions=tuple(state.get("opinions", [])),
        decisions=tuple(Signature(**each) for each in state.get("decisions", [])),
        engine=", ".join(dict.fromkeys(said)) or "embedded",
        generated_at=generated_at,
        text=record.text,
        segments=tuple(_segments(state, alarms)),
        key_data=state.get("key_data", {}),
    )


def complete(state: TranslationState) -> bool:
    """Whether every segment and every statement of the advice is in every target language."""
    done = all(each.done in ("translated", "kept") for each in state.get("translations", {}).values())
    return done and not any(
        target not in each.translations for each in state.get("advice", []) for target in state["targets"]
    )


def _coverage(state: TranslationState, target: str) -> Coverage:
    translations = state.get("translations", {})
    tally: Counter[str] = Counter()
    wanted = reached = 0.0
    for segment in state["segments"]:
        rendering = translations[key(segment.id, target)]
        tally[rendering.done] += 1
        if rendering.done != "kept":
            wanted += len(segment.text)
            reached += len(segment.text) * _reached(segment.text, rendering)
    return Coverage(
        segments=len(state["segments"]),
        translated=tally["translated"],
        partial=tally["partial"],
        untranslated=tally["untranslated"],
        kept=tally["kept"],
        share=round(reached / wanted, 4) if wanted else 1.0,
    )


def _reached(source: str, rendering: Translated) -> float:
    """The share of a segment that is translated; a partial one lacks the characters of its untranslated pieces."""
    if rendering.done == "partial":
        return max(0.0, 1 - sum(map(len, rendering.untranslated)) / max(1, len(source)))
    return 0.0 if rendering.done == "untranslated" else 1.0


def _counts(alarms: Sequence[Raised]) -> Counts:
    severities = Counter(each.severity for each in alarms)
    return Counts(
        total=len(alarms),
        by_severity={severity: severities[severity] for severity in SEVERITIES},
        by_kind=dict(Counter[str](each.kind for each in alarms)),
        by_language=dict(Counter(each.language for each in alarms)),
    )


def _rests(state: TranslationState) -> list[Rest]:
    translations = state.get("translations", {})
    found: list[Rest] = []
    for target in state["targets"]:
        for segment in state["segments"]:
            rendering = translations[key(segment.id, target)]
            if rendering.done in ("partial", "untranslated"):
                pieces = rendering.untranslated if rendering.done == "partial" else (segment.text,)
                found.append(
                    Rest(segment=segment.id, language=target, page=segment.page, text=segment.text, pieces=pieces)
                )
        found += [
            Rest(segment=each.id, language=target, page=0, text=each.text, pieces=(each.text,))
            for each in state.get("advice", [])
            if target not in each.translations
        ]
    return found


def _segments(state: TranslationState, alarms: Sequence[Raised]) -> list[ReportSegment]:
    translations, blocks = state.get("translations", {}), state["record"].blocks
    raised: dict[str, list[str]] = {}
    for alarm in alarms:
        raised.setdefault(key(alarm.segment, alarm.language), []).append(alarm.id)
    before = -1
    found: list[ReportSegment] = []
    for segment in state["segments"]:
        block = blocks[segment.block]
        renderings = {target: _rendering(translations[key(segment.id, target)], raised) for target in state["targets"]}
        found.append(
            ReportSegment(
                id=segment.id,
                text=segment.text,
                language=segment.language,
                page=segment.page,
                section=segment.section,
                block=segment.block,
                kind=block.kind,
                level=block.level,
                first=segment.block != before,
                renderings=renderings,
            )
        )
        before = segment.block
    return found


def _rendering(translated: Translated, raised: Mapping[str, Sequence[str]]) -> Rendering:
    return Rendering(
        text=translated.text,
        done=translated.done,
        untranslated=translated.untranslated,
        said_by=translated.said_by,
        alarms=tuple(raised.get(key(translated.segment, translated.language), ())),
    )
