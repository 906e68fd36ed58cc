"""A contract's lines as they matter to its structure: what is page furniture, and what is the table of contents.

A PDF's text has page numbers, running heads and feet between its lines; they belong to the text, yet they are no
paragraph of the contract. Nothing is removed here: lines are marked, offsets stay.
"""

import re
from collections import Counter
from dataclasses import dataclass

_LINE = re.compile(r"[^\n\f\r]+")
_PAGE_NUMBER = re.compile(
    r"(?:[-–—|~\s]{0,8}(?:\d{1,4}|[ivxl]{1,6})[-–—|~\s]{0,8}|page\s{0,3}\d{1,4}(?:\s{0,3}(?:of|/)\s{0,3}\d{1,4})?"
    r"|[-—\s]{0,4}第?\s{0,2}\d{1,4}\s{0,2}页(?:\s{0,2}[/,，]?\s{0,2}共\s{0,2}\d{1,4}\s{0,2}页)?[-—\s]{0,4}"
    r"|source: .{1,90})",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"(?:\d{1,3}[.)、]|\(|（|第|[A-Za-z][.)]|article\b|section\b)", re.IGNORECASE)
_CONTENTS = re.compile(
    r"(?:table\s{1,3}of\s{1,3}contents|contents|index|目\s{0,4}录|目\s{0,4}次)\b[\s:：]{0,8}", re.IGNORECASE
)
_LEADER = re.compile(r"(?:\.{4}|\. \. \.|…{2}|·{4}|_{4}|\t|\s{3})[\s.]{0,3}(?:\d{1,4}|[ivxl]{1,6})$")
_ENTRY_PAGE = re.compile(r"\s[A-Z]{0,2}-?\d{1,3}$")
_TAIL = re.compile(r"[\s.…·_]+(?:[A-Z]{0,2}-?\d{1,4}|[ivxl]{1,6})$")
_LONGEST_ENTRY = 200
_RUNNING_HEAD_TIMES = 3
_LONGEST_RUNNING_HEAD = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A line without the white space around it. after_gap: a blank line, or the text's start, stands before it."""

    start: int
    end: int
    text: str
    after_gap: bool


def contract_lines(text: str) -> list[Line]:
    """The lines that belong to the contract's own text: page numbers and running heads and feet left out."""
    raw = [(match.start(), match.group()) for match in _LINE.finditer(text)]
    counted = Counter(line.strip() for _, line in raw if len(line) <= _LONGEST_RUNNING_HEAD)
    lines: list[Line] = []
    before = 0
    furniture_between = False
    for offset, line in raw:
        stripped = line.strip()
        if not stripped:
            continue
        start = offset + line.index(stripped[0])
        if _is_furniture(stripped, counted):
            furniture_between = True
            continue
        blank = text.count("\n", before, start) > 1 or text.find("\f", before, start) >= 0
        lines.append(Line(start, start + len(stripped), stripped, not lines or (blank and not furniture_between)))
        before = start + len(stripped)
        furniture_between = False
    return lines


def _is_furniture(line: str, counted: Counter[str]) -> bool:
    if len(line) > _LONGEST_RUNNING_HEAD:
        return False
    if _PAGE_NUMBER.fullmatch(line):
        return True
    return counted[line] >= _RUNNING_HEAD_TIMES and not _NUMBERED.match(line) and len(line) > 3


def contents_span(text: str, lines: list[Line]) -> tuple[int, int] | None:
    """The span of the table of contents, or None.

    It begins at its heading, or at a run of four lines that end in leaders and a page number, and goes on until its
    first entry is printed a second time, or the run of entries ends.
    """
    horizon = max(4_000, len(text) // 3)
    for index, line in enumerate(lines):
        if line.start > horizon:
            break
        heading = _CONTENTS.match(line.text)
        if heading and (heading.end() == len(line.text) or line.text[: heading.end()].isupper()):
            inline = line.text[heading.end() :]
            return line.start, _contents_end(lines, index + 1, line, inline)
        if len(lines) >= index + 4 and all(_has_leader(each.text) for each in lines[index : index + 4]):
            return line.start, _contents_end(lines, index, line, "")
    return _repeated_list(lines, horizon)


def _contents_end(lines: list[Line], first: int, heading: Line, inline: str) -> int:
    """Where the contents end: before the second printing of the first entry, else after the last line like an entry."""
    if inline:
        entry = _entry_key(re.sub(r"^(?:\s*(?:section|article|page|no\.?)\b)+", "", inline, flags=re.IGNORECASE)[:60])
        later = [line for line in lines[first:] if entry and _entry_key(line.text[:60])[:10] == entry[:10]]
        if later:
            return later[0].start
    entries = [_entry_key(line.text) for line in lines[first : first + 400]]
    for opening in range(min(4, len(entries))):
        if len(entries[opening]) < 4:
            continue
        for later in range(opening + 2, len(entries)):
            key = entries[later]
            if len(key) >= 4 and (
                key == entries[opening] or (later > opening + 3 and key.startswith(entries[opening]))
            ):
                return lines[first + later].start
    end = heading.end
    misses = 0
    for line in lines[first : first + 400]:
        if _has_leader(line.text) or (len(line.text) < 120 and _ENTRY_PAGE.search(line.text)):
            end, misses = line.end, 0
        else:
            misses += 1
        if misses > 3:
            break
    return end


def _has_leader(line: str) -> bool:
    """Whether a line ends in dots, a tab or wide space and a page number; looks at its end only."""
    return line[-1] in "0123456789ivxl" and _LEADER.search(line[-24:]) is not None


def _entry_key(line: str) -> str:
    """An entry without its leaders, page and white space: the same for the entry and the heading it names."""
    bare = _TAIL.sub("", " ".join(line[:_LONGEST_ENTRY].split()))
    return re.sub(r"[\W_]+", "", bare).lower()[:60]


def _repeated_list(lines: list[Line], horizon: int) -> tuple[int, int] | None:
    """A list of four or more short numbered lines near the start, each printed again later."""
    later: dict[str, int] = {}
    for index, line in enumerate(lines):
        if len(line.text) < 100 and _NUMBERED.match(line.text):
            later[_entry_key(line.text)] = index
    run: list[int] = []
    for index, line in enumerate(lines):
        if line.start > horizon:
            break
        repeated = len(line.text) < 100 and later.get(_entry_key(line.text), -1) > index and _NUMBERED.match(line.text)
        if repeated:
            run.append(index)
        elif len(run) >= 4:
            break
        else:
            run = []
    if len(run) < 4:
        return None
    return lines[run[0]].start, lines[run[-1]].end
