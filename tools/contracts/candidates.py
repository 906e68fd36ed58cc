"""Where a clause may begin: printed numbers with their circumstances, and lines that may be headings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tools.contracts.headings import heading_text
from tools.contracts.layout import Line
from tools.contracts.numbering import CN, Marker, read_marker

_INLINE = re.compile(
    rf"\d{{1,2}}[.．、]|[(（]\w{{1,6}}[)）]|(?:Section|SECTION|Article|ARTICLE|§)\s|第[{CN}\d]{{1,6}}[条章节]|[{CN}]{{1,3}}、|[①-⑳]"
)
_DANGLING = re.compile(
    r"\b(?:sections?|articles?|clauses?|paragraphs?|exhibits?|schedules?|annex|appendix|of|to|in|under|the|with|by|no\.?|than|"
    r"on|from|at|within|least|and/or|for|a|an|through|over|is|are|be|any|each|such)$|[第《（(约]$",
    re.IGNORECASE,
)
_AND = re.compile(r"(?<![;,；，])\s(?:and|or)$")
_ENDED = re.compile(r"[.;:!?,。；：！？，]['\"”’)）\]_]{0,3}(?:\s{1,3}(?:and|or|and/or|以及|或))?$|[_\]]$")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A marker with its circumstances. strong: begins a paragraph. upper: no lower-case letter follows."""

    marker: Marker
    line: Line
    opens_line: bool
    strong: bool
    upper: bool
    labelled: bool = False


def skip_space(text: str, offset: int) -> int:
    while offset < len(text) and text[offset] in " \t\n\r　":
        offset += 1
    return offset


def candidates(text: str, lines: list[Line], labelled: Mapping[int, str]) -> list[tuple[Line, Candidate | None]]:
    """Every place where a clause may begin, in order; None stands for a line that may be a heading without number."""
    found: list[tuple[Line, Candidate | None]] = []
    for index, line in enumerate(lines):
        before = lines[index - 1].text if index else ""
        gap_after = index + 1 == len(lines) or lines[index + 1].after_gap
        ended = line.after_gap or bool(_ENDED.search(before[-12:])) or heading_text(before) is not None
        label = labelled.get(line.start)
        position = 0
        if label is not None:
            marker = read_marker(f"{label} X", 0, len(label) + 2)
            if marker is not None:
                moved = replace(marker, start=line.start, body=line.start, printed=label.strip().rstrip(".、"))
                found.append((line, Candidate(moved, line, True, True, True, labelled=True)))
                continue
        marker = read_marker(text, line.start, line.end)
        dangling = not line.after_gap and (_DANGLING.search(before[-14:]) or (_AND.search(before[-8:]) and not ended))
        if marker is not None and not dangling:
            found.append((line, Candidate(marker, line, True, ended, _upper(text, marker, line))))
            position = marker.body - line.start
            second = read_marker(text, marker.body, line.end)
            if second is not None:
                found.append((line, Candidate(second, line, False, True, True)))
                position = second.body - line.start
        elif marker is None and line.after_gap and (gap_after or line.text.isupper()) and heading_text(line.text):
            found.append((line, None))
            continue
        found.extend((line, candidate) for candidate in _inline(text, line, position))
    return found


def _upper(text: str, marker: Marker, line: Line) -> bool:
    return marker.body >= line.end or not text[marker.body].islower()


def _inline(text: str, line: Line, position: int) -> list[Candidate]:
    """Markers inside a line: after the end of a sentence, or after two spaces."""
    found: list[Candidate] = []
    for match in _INLINE.finditer(line.text, position):
        at = match.start()
        if at == 0:
            continue
        before = line.text[max(0, at - 5) : at]
        sentence = before.rstrip()[-1:] in tuple('.;:。；：”"') and before[-1] in " \t　。；："
        spaced = before.endswith("  ")
        listed = before.endswith((" and ", " or ")) and match.group()[0] == "("
        if not (sentence or spaced or listed):
            continue
        marker = read_marker(text, line.start + at, line.end)
        if marker is not None and marker.body < line.end:
            found.append(Candidate(marker, line, False, sentence or spaced, _upper(text, marker, line)))
    return found
