"""Headings of texts that mark none (PDF, TXT): guessed from a line that stands alone."""

import re
from typing import Final

_LONGEST: Final = 90
_NAMED: Final = re.compile(
    r"(?:article|section|schedule|annex|exhibit|appendix|part)\s+[\dIVXLA-Z]{1,6}\b", re.IGNORECASE
)
_CHINESE: Final = re.compile(r"第[一二三四五六七八九十百零〇\d]{1,6}([编章节条])|[一二三四五六七八九十]{1,3}、")
_NUMBERED: Final = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,3})[.)、]?\s+(?=[A-Z\u4e00-\u9fff])")
_ROMAN: Final = re.compile(r"[IVXL]{1,6}\.\s+(?=[A-Z])")
_SENTENCE_END: Final = tuple(".;,:!?。；，：！？")
_CHINESE_LEVELS: Final = {"编": 0, "章": 0, "节": 1, "条": 1}


def guessed_level(line: str) -> int | None:
    """The level, 0-based, of a line that looks like a heading; None for running text.

    A heading is short, does not end as a sentence does, and is numbered, named (Article, Schedule, 第一章) or all in
    capitals.
    """
    line = line.strip()
    if not 2 <= len(line) <= _LONGEST or "\n" in line:
        return None
    if chinese := _CHINESE.match(line):
        ends = line.endswith(_SENTENCE_END) or len(line) > 40
        return None if ends else _CHINESE_LEVELS.get(chinese.group(1) or "", 0)
    if line.endswith(_SENTENCE_END) and not re.fullmatch(r"[^.]{0,60}[A-Z]{2,}\.", line):
        return None
    if _NAMED.match(line) or _ROMAN.match(line):
        return 0
    if numbered := _NUMBERED.match(line):
        words = [word for word in line[numbered.end() :].split() if len(word) > 3]
        titled = sum(not word[0].islower() for word in words) >= 0.7 * len(words)
        return numbered.group(1).count(".") if titled and len(words) <= 10 else None
    letters = [letter for letter in line if letter.isalpha()]
    return 0 if len(letters) >= 4 and line.isupper() and max(letters) < "\u4e00" else None
