"""A translation side by side as one HTML file: no script, no external resource, prints well, light and dark.

What must be checked comes first. The record's text is hostile: every word of it passes through Jinja2's autoescape and
nothing in it becomes a link. A text from right to left has `dir="rtl"`, and each text its `lang`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from tools.medicine.alarms import Severity
from tools.medicine.protection import BRACKETED
from workflows.medical_translation.key_facts import facts
from workflows.medical_translation.labels import labels, language_name, title
from workflows.medical_translation.languages import right_to_left
from workflows.medical_translation.reasons import reason
from workflows.medical_translation.report import SEVERITIES, Rendering, Report, ReportSegment
from workflows.medical_translation.state import Raised

Alarmed = tuple[int, int, Severity]
"""Where an alarm's span stands in a text, and how grave it is."""
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text. kind: text, mark (an alarm is about it), rest (still in the source language), person."""

    kind: Literal["text", "mark", "rest", "person"]
    text: str
    severity: Severity = "minor"


@dataclass(frozen=True, slots=True)
class Row:
    """A segment and its rendering in one language."""

    segment: ReportSegment
    rendering: Rendering
    source: tuple[Piece, ...]
    target: tuple[Piece, ...]
    worst: Severity | None


@dataclass(frozen=True, slots=True)
class Check:
    """An alarm to look at, with its row."""

    alarm: Raised
    row: Row


def html(report: Report, original: str | None) -> str:
    """The report as a page. original: the name of the record's file; None in a draft, where it could name people."""
    environment = Environment(
        loader=PackageLoader("workflows.medical_translation"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["clean"] = clean
    spoken, words = labels(report.targets)
    by_language = {target: rows(report, target) for target in report.targets}
    return environment.get_template("translation.html.j2").render(
        report=report,
        original=title(original, report.sha256, words),
        language=spoken,
        t=words,
        severities=SEVERITIES,
        rows=by_language,
        checks=checks(report, by_language),
        direction=_direction,
        named=language_name,
        status=status(report),
        anchor=_anchor,
        reason=reason,
        unread=[each for each in report.untranslated if each.page],
        unsaid=[each for each in report.untranslated if not each.page],
        facts=facts(report.key_data),
    )


def _direction(tag: str) -> str:
    return "rtl" if right_to_left(tag) else "ltr"


def _anchor(ident: str) -> str:
    """An id that is safe in an attribute and a fragment."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", ident)


def status(report: Report) -> str:
    """The key of the label that says what the file is good for."""
    if report.outcome is not None:
        return report.outcome
    return "needs_translator" if report.untranslated else "draft"


def rows(report: Report, target: str) -> list[Row]:
    """Every segment with its rendering in one language, alarmed places marked."""
    alarms = {each.id: each for each in report.alarms}
    found: list[Row] = []
    for segment in report.segments:
        rendering = segment.renderings[target]
        raised = [alarms[each] for each in rendering.alarms]
        sources: list[Alarmed] = [(a.source.start, a.source.end, a.severity) for a in raised if a.source is not None]
        targets: list[Alarmed] = [(a.target.start, a.target.end, a.severity) for a in raised if a.target is not None]
        rests = _places(rendering.text, rendering.untranslated) if rendering.done == "partial" else []
        gravest = sorted(raised, key=lambda alarm: SEVERITIES.index(alarm.severity))
        worst = gravest[0].severity if gravest else None
        found.append(
            Row(segment, rendering, _pieces(segment.text, sources, []), _pieces(rendering.text, targets, rests), worst)
        )
    return found


def checks(report: Report, by_language: dict[str, list[Row]]) -> list[Check]:
    """The alarms, the gravest first, each with its row."""
    places = {(target, row.segment.id): row for target, rows in by_language.items() for row in rows}
    return [Check(alarm, places[alarm.language, alarm.segment]) for alarm in report.alarms]


def clean(text: str) -> str:
    """Text without control and direction-override characters, which could make it read as what it is not."""
    return _BIDI.sub("�", text)


def _places(text: str, pieces: Sequence[str]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    at = 0
    for piece in pieces:
        start = text.find(piece, at)
        if start >= 0:
            found.append((start, start + len(piece)))
            at = start + len(piece)
    return found


def _pieces(text: str, alarmed: Sequence[Alarmed], rests: Sequence[tuple[int, int]]) -> tuple[Piece, ...]:
    """A text in stretches; at each character the gravest alarm wins, then an untranslated rest, then a person."""
    kinds: list[Piece | None] = [None] * len(text)
    for match in BRACKETED.finditer(text):
        kinds[match.start() : match.end()] = [Piece("person", "")] * (match.end() - match.start())
    for start, end in rests:
        kinds[start:end] = [Piece("rest", "")] * (end - start)
    for start, end, severity in sorted(alarmed, key=lambda each: -SEVERITIES.index(each[2])):
        if end - start < max(40, len(text)):
            kinds[start:end] = [Piece("mark", "", severity)] * (end - start)
    found: list[Piece] = []
    at = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or kinds[index] != kinds[at]:
            piece = kinds[at] or Piece("text", "")
            found.append(Piece(piece.kind, text[at:index], piece.severity))
            at = index
    return tuple(found)
