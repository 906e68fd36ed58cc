"""What kind of text a question is about: prose, or code, tables, records and formulas, counted line by line."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["prose", "code", "table", "records", "formulas"]

_LONGEST: Final = 32_768
"""Characters that are looked at: two thirds of them from the beginning, the rest from the end."""
_LINE: Final = 2_000
"""Characters of a line that are looked at, so that no line makes a pattern go back and forth for long."""
_LINES: Final = 3
"""Lines below which a form tells nothing."""
_SHARE: Final = 0.4
"""Share of the lines that makes a text one of that kind rather than prose with some of it."""

_FENCE: Final = re.compile(r"^\s*(?:```|~~~)")
_RECORD: Final = re.compile(r'^\s*(?:[\]\[{}],?$|[{\[].*[}\]],?$|"[^"]{1,80}"\s*:|</?[A-Za-z][^>]*>)')
_ROW: Final = re.compile(r"^\s*\|.*\|\s*$|\S\t\S.*\t\S|^[^,;]{0,80}([,;])(?:[^,;]{0,40}\1)+[^,;]{0,80}$")
_DIGITS: Final = re.compile(r"\d")
_CODE: Final = re.compile(
    r"[;{}]\s*$|^\s*(?:def|class|import|from|return|if|for|while|else|elif|try|except|const|let|var|function|public|"
    r"private|static|async|await|use|fn|func|package|namespace|SELECT|INSERT|UPDATE|CREATE|#include)\b.*[:;({)]\s*$|"
    r"^\s*[\w.\[\]]+\s*[-+*/]?=\s*\S.*[()\[\]\"';]\s*$|^\s*(?:#!|//|/\*|\$ )"
)
_FORMULA: Final = re.compile(
    r"\$\$|\\(?:frac|sum|int|sqrt|begin\{(?:align|equation|matrix)|alpha|beta|cdot|leq|geq|infty)\b|[∑∏∫√∂≤≥≠≈∞∀∃∈]|"
    r"(?<![\w.])[a-zA-Z]\s*\^\s*[\w{(]|\b(?:sin|cos|log|ln|exp|lim)\s*\("
)
_HEADING: Final = re.compile(
    r"^\s*(?:#{1,6}\s+\S|(?:article|section|clause|schedule|annex)\s+\w+|第[一二三四五六七八九十百零\d]+[条章节]|"
    r"\d+(?:\.\d+)*[.)]?\s+\S)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Structure:
    """kind: what most of it is. share: of the lines that are of this kind, 0 to 1. sections: headings and numbered
    clauses that were counted."""

    kind: Kind = "prose"
    share: float = 1.0
    sections: int = 0


def structure_of(text: str) -> Structure:
    """The structure of a text, by the form of its lines; a few lines, or a mixture, are prose."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST * 2 // 3]}\n{text[-_LONGEST // 3 :]}"
    lines: list[str] = []
    fenced, inside = 0, False
    for line in text.splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif inside:
            fenced += bool(line.strip())
        elif line.strip():
            lines.append(line[:_LINE])
    whole = len(lines) + fenced
    sections = sum(_HEADING.match(line) is not None for line in lines)
    formulas = sum(_FORMULA.search(line) is not None for line in lines)
    counts: dict[Kind, int] = {"records": 0, "table": 0, "code": fenced}
    for line in lines:
        for form, matches in _FORMS:
            if matches(line):
                counts[form] += 1
                break
    kind = max(counts, key=lambda each: counts[each])
    if whole >= _LINES and counts[kind] / whole >= _SHARE:
        return Structure(kind, counts[kind] / whole, sections)
    if whole and formulas / whole >= _SHARE:
        return Structure("formulas", formulas / whole, sections)
    return Structure("prose", 1 - counts[kind] / whole if whole else 1.0, sections)


def _is_row(line: str) -> bool:
    """A Markdown row or one of tabs; with commas only where it has figures, as a sentence may have commas too."""
    found = _ROW.search(line)
    return found is not None and (found[1] is None or _DIGITS.search(line) is not None)


_FORMS: Final[tuple[tuple[Kind, Callable[[str], bool]], ...]] = (
    ("records", lambda line: _RECORD.match(line) is not None),
    ("table", _is_row),
    ("code", lambda line: _CODE.search(line) is not None),
)
