"""A translation as XLIFF 2.0 (OASIS Standard, 5 August 2014, core only): one file a target language.

A placeholder ⟦…⟧ is an inline code `ph` that must not be deleted; alarms and untranslated rests are notes; the state of
a segment is initial, translated, reviewed (a clinician has edited it) or final (released).
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from tools.medicine.lexicon import language
from workflows.medical_translation.reasons import told
from workflows.medical_translation.report import Report, ReportSegment
from workflows.medical_translation.state import Raised

NAMESPACE: Final = "urn:oasis:names:tc:xliff:document:2.0"
MEDIA_TYPE: Final = "application/xliff+xml"
_CODE: Final = re.compile(r"⟦[^⟦⟧\n]{1,200}⟧")
_INVALID: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PRIORITY: Final = {"critical": 1, "major": 3, "minor": 5}


def xliff(report: Report, target: str, original: str) -> bytes:
    """The file for one target language. original: the name of the record's file."""
    alarms = {each.id: each for each in report.alarms}
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<xliff xmlns="{NAMESPACE}" version="2.0" srcLang={_attribute(_source(report))} trgLang={_attribute(target)}>',
        f'<file id="record" original={_attribute(original)}>',
        f'<notes><note id="status" category="status">{_note(_status(report, target))}</note></notes>',
    ]
    for segment in report.segments:
        lines += _unit(report, segment, target, [alarms[each] for each in segment.renderings[target].alarms])
    return ("\n".join([*lines, "</file>", "</xliff>"]) + "\n").encode()


def _source(report: Report) -> str:
    return "mul" if report.language == "und" else report.language


def _status(report: Report, target: str) -> str:
    share = f"{report.coverage[target].share:.0%} translated"
    outcomes = {
        "released": "released after a clinician's sign-off",
        "needs_translator": "needs a translator",
        "rejected": "rejected by a clinician",
    }
    return f"{share}; {outcomes.get(report.outcome or '', 'draft, not signed off')}"


def _unit(report: Report, segment: ReportSegment, target: str, alarms: list[Raised]) -> Iterator[str]:
    rendering = segment.renderings[target]
    spoken = language(target)
    notes = [
        f'<note category={_attribute("alarm-" + each.kind)} priority="{_PRIORITY[each.severity]}" '
        f'appliesTo="target">{_note(told(each.why, spoken))}</note>'
        for each in alarms
    ]
    notes += [
        f'<note category="untranslated" priority="2" appliesTo="source">{_note(each)}</note>'
        for each in rendering.untranslated
    ]
    name = f" name={_attribute(segment.section)}" if segment.section else ""
    yield f"<unit id={_attribute(segment.id)}{name}>"
    if notes:
        yield f"<notes>{''.join(notes)}</notes>"
    source, codes = _inline(segment.text, {})
    state, sub = _state(report, rendering.done, rendering.said_by)
    extra = f' subState="{sub}"' if sub else ""
    yield f'<segment state="{state}"{extra}><source>{source}</source>'
    if rendering.done != "untranslated":
        yield f"<target>{_inline(rendering.text, codes)[0]}</target>"
    yield "</segment></unit>"


def _state(report: Report, done: str, said_by: str) -> tuple[str, str]:
    if done == "untranslated":
        return "initial", ""
    if done == "partial":
        return "initial", "consilia:partial"
    if report.outcome == "released":
        return "final", ""
    return ("reviewed", "") if said_by == "clinician" else ("translated", "")


def _inline(text: str, known: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Text with its placeholders as codes, and the codes' ids. The target's codes carry the ids of the source's."""
    ids: dict[str, str] = {}
    pieces: list[str] = []
    at, seen = 0, set[str]()
    for match in _CODE.finditer(text):
        code = match.group()
        occurrence = f"{code}{sum(each.startswith(code) for each in ids)}"
        ident = known.get(occurrence) or f"{'t' if known else 'p'}{len(ids) + 1}"
        if ident in seen:
            continue
        seen.add(ident)
        ids[occurrence] = ident
        pieces.append(_text(text[at : match.start()]))
        pieces.append(
            f'<ph id="{ident}" canDelete="no" canCopy="no" equiv={_attribute(code)} disp={_attribute(code)}/>'
        )
        at = match.end()
    return "".join([*pieces, _text(text[at:])]), ids


def _text(text: str) -> str:
    """Character data; a character that XML forbids becomes `cp`, as section 4.2.3.1 says."""
    pieces: list[str] = []
    at = 0
    for match in _INVALID.finditer(text):
        code = ord(match.group())
        pieces += [escape(text[at : match.start()]), f'<cp hex="{code:04X}"/>']
        at = match.end()
    return "".join([*pieces, escape(text[at:])])


def _note(text: str) -> str:
    """A note's text; unlike a segment's it takes no `cp`."""
    return escape(_INVALID.sub("\ufffd", text))


def _attribute(value: str) -> str:
    return quoteattr(_INVALID.sub("", unicodedata.normalize("NFC", value)))
