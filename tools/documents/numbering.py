"""The numbers Word computes for automatically numbered paragraphs (ECMA-376 Part 1, 17.9)."""

import re
from dataclasses import dataclass, field, replace
from typing import Final
from xml.etree.ElementTree import Element

from tools.documents.ordinals import ordinal
from tools.documents.styles import Numbered, Styles, value_of, w, whole

_LEVELS: Final = 9
_PLACE: Final = re.compile(r"%([1-9])")
_NO_LIST: Final = 0


@dataclass(frozen=True, slots=True)
class _Level:
    """restart_after: the level restarts once a level below this one was used; 0 never; None by any outer level."""

    start: int = 1
    number_format: str = "decimal"
    text: str = ""
    restart_after: int | None = None
    legal: bool = False
    style: str | None = None


@dataclass(frozen=True, slots=True)
class _Scheme:
    """What a `w:num` stands for. counters: the abstract definition, whose counters all its lists share."""

    counters: str
    levels: tuple[_Level, ...]
    start_overrides: dict[int, int]


@dataclass(slots=True)
class Numbering:
    """The lists of a document, counted paragraph by paragraph in document order."""

    schemes: dict[int, _Scheme]
    _counts: dict[str, list[int | None]] = field(default_factory=dict[str, list[int | None]])
    _begun: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])

    def level_of(self, numbered: Numbered) -> int:
        """The level a paragraph takes: its own, or the one that names its style (`w:pStyle`)."""
        if numbered.level is not None:
            return min(max(numbered.level, 0), _LEVELS - 1)
        scheme = self.schemes.get(numbered.list)
        for index, level in enumerate(scheme.levels if scheme else ()):
            if level.style is not None and level.style == numbered.style:
                return index
        return 0

    def is_list(self, numbered: Numbered) -> bool:
        return numbered.list != _NO_LIST and numbered.list in self.schemes

    def next_label(self, numbered: Numbered) -> str | None:
        """Count the paragraph and give its number as printed; None for a bullet, or where the level prints nothing."""
        scheme = self.schemes.get(numbered.list)
        if numbered.list == _NO_LIST or scheme is None:
            return None
        at = self.level_of(numbered)
        level = scheme.levels[at]
        counts = self._counts.setdefault(scheme.counters, [None] * _LEVELS)
        for each, start in scheme.start_overrides.items():
            if each == at and (numbered.list, each) not in self._begun:
                self._begun.add((numbered.list, each))
                counts[each] = start - 1
        count = counts[at]
        counts[at] = level.start if count is None else count + 1
        for deeper in range(at + 1, _LEVELS):
            restart = scheme.levels[deeper].restart_after
            if restart is None or at < restart:
                counts[deeper] = None
        if level.number_format == "bullet":
            return None
        return (
            _PLACE.sub(lambda place: _written(scheme, counts, int(place.group(1)) - 1, level), level.text).strip()
            or None
        )


def _written(scheme: _Scheme, counts: list[int | None], at: int, shown_in: _Level) -> str:
    level, count = scheme.levels[at], counts[at]
    number_format = "decimal" if shown_in.legal and level.number_format != "none" else level.number_format
    return ordinal(level.start if count is None else count, number_format)


def read_numbering(root: Element | None, styles: Styles) -> Numbering:
    """From `numbering.xml`; no lists where there is none."""
    if root is None:
        return Numbering({})
    abstracts = {each.get(w("abstractNumId"), ""): each for each in root.findall(w("abstractNum"))}
    nums = {whole(each.get(w("numId")), -1): each for each in root.findall(w("num"))}
    schemes: dict[int, _Scheme] = {}
    for number, num in nums.items():
        key = _abstract_of(num, abstracts, nums, styles)
        levels = [_Level()] * _LEVELS
        for each in abstracts[key].findall(w("lvl")) if key in abstracts else ():
            _put(levels, each)
        overrides: dict[int, int] = {}
        for override in num.findall(w("lvlOverride")):
            at = whole(override.get(w("ilvl")), -1)
            for each in override.findall(w("lvl")):
                _put(levels, each)
            start = value_of(override, "startOverride")
            if start is not None and 0 <= at < _LEVELS:
                overrides[at] = whole(start, 1)
                levels[at] = replace(levels[at], start=whole(start, 1))
        schemes[number] = _Scheme(key, tuple(levels), overrides)
    return Numbering(schemes)


def _abstract_of(num: Element, abstracts: dict[str, Element], nums: dict[int, Element], styles: Styles) -> str:
    """The abstract definition's id, through a numbering style where it only links to one (`w:numStyleLink`)."""
    key = value_of(num, "abstractNumId") or ""
    abstract = abstracts.get(key)
    link = value_of(abstract, "numStyleLink") if abstract is not None else None
    if link is None:
        return key
    linked = styles.numbering_of(link)
    target = nums.get(linked.list) if linked else None
    return (value_of(target, "abstractNumId") or key) if target is not None else key


def _put(levels: list[_Level], element: Element) -> None:
    at = whole(element.get(w("ilvl")), -1)
    if not 0 <= at < _LEVELS:
        return
    restart = value_of(element, "lvlRestart")
    legal = element.find(w("isLgl"))
    levels[at] = _Level(
        start=whole(value_of(element, "start"), 0),
        number_format=value_of(element, "numFmt") or "decimal",
        text=value_of(element, "lvlText") or "",
        restart_after=None if restart is None else whole(restart, 0),
        legal=legal is not None and legal.get(w("val"), "1") not in ("0", "false", "off"),
        style=value_of(element, "pStyle"),
    )
