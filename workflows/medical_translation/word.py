"""A translation side by side as a Word document: what must be checked first, then a table a language.

The tables are written as WordprocessingML (ISO/IEC 29500-1) in one go, so that a record of five hundred pages takes
seconds. A text from right to left has `w:bidi` on its paragraph and `w:rtl` on its runs; each text names its language.
"""

import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor

from tools.medicine.lexicon import IDEOGRAPHIC, language
from workflows.medical_translation.key_facts import Fact, facts
from workflows.medical_translation.labels import labels, language_name, title
from workflows.medical_translation.languages import right_to_left
from workflows.medical_translation.page import Check, Piece, Row, checks, clean, rows, status
from workflows.medical_translation.reasons import told
from workflows.medical_translation.report import Report

# python-docx leaves its oxml elements untyped:
# pyright: reportUnknownMemberType=false, reportPrivateUsage=false

_WASH: Final = {"critical": "FDEBF0", "major": "FDF1E2", "minor": "EEF2F6"}
_INK: Final = {"critical": "B3123A", "major": "96480A", "minor": "4A5A6A", "good": "0B5C3A"}
_STATUS: Final = {"needs_translator": "major", "draft": "major", "released": "good", "rejected": "critical"}
_INVALID: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WIDTH: Final = 15_000
"""Twips (1/1440 inch) between the margins of a landscape A4 page."""


def docx(report: Report, original: str | None) -> bytes:
    """The document. original: the name of the record's file; None in a draft, where it could name people."""
    spoken, words = labels(report.targets)
    name = title(original, report.sha256, words)
    document: Any = Document()
    _set_page(document)
    document.core_properties.title = f"{words['title']}: {name}"
    document.core_properties.author = "Consilia"
    document.core_properties.created = document.core_properties.modified = report.generated_at.replace(tzinfo=None)
    document.add_paragraph(words["title"]).runs[0].font.color.rgb = RGBColor(0x65, 0x72, 0x7F)
    document.add_heading(_safe(name), 0)
    names = ", ".join(language_name(each) for each in report.targets)
    document.add_paragraph(_safe(f"{language_name(report.language)} → {names}"))
    state = status(report)
    banner = document.add_paragraph()
    run = banner.add_run(words[state])
    run.bold, run.font.size, run.font.color.rgb = True, Pt(13), RGBColor.from_string(_INK[_STATUS[state]])
    banner.add_run("   " + words[f"{state}_note"])
    tally = [f"{report.counts.by_severity[each]} {words[each].lower()}" for each in ("critical", "major", "minor")]
    shares = [f"{int(report.coverage[each].share * 100)}% {language_name(each)}" for each in report.targets]
    document.add_paragraph(f"{words['alarms']}: {', '.join(tally)}   ·   {words['coverage']}: {', '.join(shares)}")

    by_language = {target: rows(report, target) for target in report.targets}
    found = checks(report, by_language)
    document.add_heading(words["check_first"], 1)
    for caution in (each for each in report.cautions):
        quotes = " ".join(f"“{quote}”" for quote in caution.quotes)
        paragraph = document.add_paragraph()
        paragraph.add_run(f"{words[caution.severity]}: ").bold = True
        paragraph.add_run(_safe(f"{told(caution.message, spoken)} {quotes}"))
    if found:
        _append(document, _check_table(found, words, spoken))
    else:
        document.add_paragraph(words["none"])
    if report.advice:
        document.add_heading(words["advice"], 1)
        _append(document, _advice_table(report, words))
    for kind, lines in facts(report.key_data).items():
        document.add_heading(f"{words['key_data']}: {words[kind]}", 2)
        _append(document, _fact_table(lines, report.language, words))
    for target in report.targets:
        document.add_heading(f"{words['side_by_side']}: {language_name(target)}", 1)
        _append(document, _side_table(by_language[target], target, words))
    footer = document.sections[0].footer.paragraphs[0]
    footer.text = report.disclaimer.get(labels(report.targets)[0]) or report.disclaimer["en"]
    footer.runs[0].font.size = Pt(7.5)
    packed = io.BytesIO()
    document.save(packed)
    return packed.getvalue()


def _set_page(document: Any) -> None:
    section = document.sections[0]
    section.orientation, section.page_width, section.page_height = WD_ORIENT.LANDSCAPE, Cm(29.7), Cm(21)
    section.left_margin = section.right_margin = Cm(1.6)
    section.top_margin = section.bottom_margin = Cm(1.6)
    for name, size in (("Normal", 10), ("Title", 20), ("Heading 1", 14), ("Heading 2", 11.5)):
        style = document.styles[name]
        style.font.name, style.font.size = "Arial", Pt(size)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
            fonts.attrib.pop(qn(theme), None)
        fonts.set(qn("w:eastAsia"), "Noto Sans CJK SC")
        fonts.set(qn("w:cs"), "Noto Sans Arabic")
        if name != "Normal":
            style.font.color.rgb = RGBColor(0x17, 0x21, 0x2B)


def _append(document: Any, table: str) -> None:
    document.element.body.insert(-1, parse_xml(table))
    document.add_paragraph()


def _check_table(found: Sequence[Check], words: dict[str, str], spoken: str) -> str:
    widths = (1_500, 4_400, 4_400, 4_700)
    head = [words["alarms"], words["source"], words["translation"], ""]
    lines = [
        _row(
            [
                _cell([Piece("text", each)], w, "", bold=True, wash="E3E8EE")
                for each, w in zip(head, widths, strict=True)
            ],
            head=True,
        )
    ]
    for check in found:
        alarm, row = check.alarm, check.row
        wash = _WASH[alarm.severity]
        why = f"{words[alarm.kind]}: {told(alarm.why, spoken)} ({language_name(alarm.language)}, {alarm.segment})"
        cells = [
            _cell(
                [Piece("text", words[alarm.severity])], widths[0], "", bold=True, wash=wash, ink=_INK[alarm.severity]
            ),
            _cell(row.source, widths[1], row.segment.language),
            _cell(row.target, widths[2], alarm.language),
            _cell([Piece("text", why)], widths[3], ""),
        ]
        lines.append(_row(cells))
    return _table(lines, widths)


def _advice_table(report: Report, words: dict[str, str]) -> str:
    widths = (1_500, 9_000, 4_500)
    lines: list[str] = []
    for statement in report.advice:
        wash, ink = _WASH[statement.severity], _INK[statement.severity]
        said = [
            (told, each)
            for each in report.targets
            if (told := statement.translations.get(each) or statement.headlines.get(each))
        ]
        if any(each not in statement.translations for each in report.targets):
            said.append((statement.text, statement.language))
        entries = ", ".join(dict.fromkeys(each.entry for each in statement.citations))
        sources = "; ".join(dict.fromkeys(each.source for each in statement.citations))
        cited = f"{sources} [{entries}]" if entries else ""
        cells = [
            _cell([Piece("text", words[statement.severity])], widths[0], "", bold=True, wash=wash, ink=ink),
            _framed([_paragraph([Piece("text", text)], tag) for text, tag in said], widths[1]),
            _cell([Piece("text", cited or words["no_citation"])], widths[2], ""),
        ]
        lines.append(_row(cells))
    return _table(lines, widths)


def _fact_table(lines: Sequence[Fact], spoken: str, words: dict[str, str]) -> str:
    widths = (4_500, 8_000, 2_500)
    found = [
        _row(
            [
                _cell([Piece("text", fact.quote)], widths[0], spoken),
                _cell([Piece("text", f"{fact.detail} {fact.flag}".strip())], widths[1], spoken),
                _cell([Piece("text", " ".join([fact.code, words.get(fact.mark, "")]).strip())], widths[2], ""),
            ]
        )
        for fact in lines
    ]
    return _table(found, widths)


def _side_table(side: Sequence[Row], target: str, words: dict[str, str]) -> str:
    widths = (_WIDTH // 2, _WIDTH // 2)
    names = (words["source"], f"{words['translation']}: {language_name(target)}")
    lines = [_row([_cell([Piece("text", each)], widths[0], "", bold=True, wash="E3E8EE") for each in names], head=True)]
    for row in side:
        heading = row.segment.kind == "heading"
        left = row.rendering.done == "untranslated"
        wash = _WASH[row.worst] if row.worst else "FDF1E2" if left else ""
        pieces = row.target if not left else (Piece("rest", row.rendering.text),)
        spoken = row.segment.language if left else target
        more = [Piece("mark", f"  [{words['untranslated']}]", "major")] if left else []
        cells = [
            _cell(row.source, widths[0], row.segment.language, bold=heading),
            _cell([*pieces, *more], widths[1], spoken, bold=heading, wash=wash),
        ]
        lines.append(_row(cells))
    return _table(lines, widths)


def _table(lines: Sequence[str], widths: Sequence[int]) -> str:
    edges = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="D5DCE3"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    return (
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:tblBorders>{edges}</w:tblBorders>'
        '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="100" w:type="dxa"/><w:right w:w="100" w:type="dxa"/>'
        f"</w:tblCellMar></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{''.join(lines)}</w:tbl>"
    )


def _row(cells: Sequence[str], *, head: bool = False) -> str:
    repeated = "<w:tblHeader/>" if head else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{repeated}</w:trPr>{''.join(cells)}</w:tr>"


def _cell(
    pieces: Sequence[Piece], width: int, spoken: str, *, bold: bool = False, wash: str = "", ink: str = ""
) -> str:
    return _framed([_paragraph(pieces, spoken, bold=bold, ink=ink)], width, wash)


def _framed(paragraphs: Sequence[str], width: int, wash: str = "") -> str:
    shading = f'<w:shd w:val="clear" w:color="auto" w:fill="{wash}"/>' if wash else ""
    return f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{shading}</w:tcPr>{"".join(paragraphs)}</w:tc>'


def _paragraph(pieces: Sequence[Piece], spoken: str, *, bold: bool = False, ink: str = "") -> str:
    rtl = bool(spoken) and right_to_left(spoken)
    bidi = "<w:bidi/>" if rtl else ""
    runs = "".join(_run(piece, spoken, rtl, bold, ink) for piece in pieces)
    return f'<w:p><w:pPr>{bidi}<w:spacing w:before="40" w:after="40"/></w:pPr>{runs}</w:p>'


def _run(piece: Piece, spoken: str, rtl: bool, bold: bool, ink: str) -> str:
    return "".join(_run_lines(piece, spoken, rtl, bold, ink))


def _run_lines(piece: Piece, spoken: str, rtl: bool, bold: bool, ink: str) -> Iterator[str]:
    """One run; its properties stand in the order that the schema (CT_RPr) asks for."""
    marked = piece.kind == "mark"
    colour = ink or (_INK[piece.severity] if marked else "52606D" if piece.kind == "person" else "")
    wash = _WASH[piece.severity] if marked else "FBE3C2" if piece.kind == "rest" else ""
    strong = bold or marked
    yield "<w:r><w:rPr>"
    yield "<w:b/><w:bCs/>" if strong else ""
    yield f'<w:color w:val="{colour}"/>' if colour else ""
    yield f'<w:shd w:val="clear" w:color="auto" w:fill="{wash}"/>' if wash else ""
    yield "<w:rtl/>" if rtl else ""
    yield _language(spoken) if spoken else ""
    yield "</w:rPr>"
    for number, line in enumerate(_safe(piece.text).split("\n")):
        yield "<w:br/>" if number else ""
        yield f'<w:t xml:space="preserve">{escape(line)}</w:t>'
    yield "</w:r>"


def _language(tag: str) -> str:
    if right_to_left(tag):
        return f'<w:lang w:bidi="{tag}"/>'
    if language(tag) in IDEOGRAPHIC or language(tag) == "ko":
        return f'<w:lang w:eastAsia="{ {"zh": "zh-CN", "zh-Hans": "zh-CN", "zh-Hant": "zh-TW"}.get(tag, tag) }"/>'
    return f'<w:lang w:val="{tag}"/>'


def _safe(text: str) -> str:
    """Text that XML 1.0 can hold and that cannot change its own direction."""
    return _INVALID.sub("\ufffd", clean(text))
