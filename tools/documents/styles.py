"""Paragraph styles of a DOCX, as far as they make headings and number paragraphs (ECMA-376 Part 1, 17.7)."""

import re
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING: Final = re.compile(r"(?:heading|标题)\s?([1-9])", re.IGNORECASE)
_TITLES: Final = frozenset({"title", "标题"})
_BODY_LEVEL: Final = 9
_DEEPEST_CHAIN: Final = 20


def w(name: str) -> str:
    """A WordprocessingML name in Clark notation."""
    return _W + name


def value_of(parent: Element, name: str) -> str | None:
    """The `w:val` of a child element, None without one."""
    child = parent.find(_W + name)
    return None if child is None else child.get(_W + "val")


def whole(value: str | None, default: int) -> int:
    """A whole number as XML writes it; `default` where it is none or absurd."""
    return int(value) if value is not None and re.fullmatch(r"[+-]?[0-9]{1,9}", value) else default


@dataclass(frozen=True, slots=True)
class Numbered:
    """A paragraph's part in a list. list: `w:numId`. level: None where only the list's levels say it, by style."""

    list: int
    level: int | None
    style: str | None


@dataclass(frozen=True, slots=True)
class Style:
    id: str
    name: str
    parent: str | None
    properties: Element | None


@dataclass(frozen=True, slots=True)
class Styles:
    """Every style by its id. default: the paragraph style used where a paragraph names none."""

    by_id: dict[str, Style]
    default: str | None

    def chain(self, style: str | None) -> list[Style]:
        """The style and those it is based on, nearest first; a circle ends it."""
        chain: list[Style] = []
        key = style if style in self.by_id else self.default
        while key in self.by_id and len(chain) < _DEEPEST_CHAIN:
            chain.append(self.by_id[key])
            key = self.by_id[key].parent
        return chain

    def heading_level(self, properties: Element | None) -> int | None:
        """0 for a title or `heading 1`; from the outline level, else from the style's name. None for body text."""
        chain = self.chain(style_of(properties))
        for each in (properties, *(style.properties for style in chain)):
            outline = None if each is None else value_of(each, "outlineLvl")
            if outline is not None:
                level = whole(outline, _BODY_LEVEL)
                return level if 0 <= level < _BODY_LEVEL else None
        for style in chain:
            if heading := _HEADING.fullmatch(style.name):
                return int(heading.group(1)) - 1
            if style.name.lower() in _TITLES:
                return 0
        return None

    def numbering(self, properties: Element | None) -> Numbered | None:
        """The paragraph's own `w:numPr`, completed from its style's; None where it is in no list."""
        style = style_of(properties)
        inherited = self.numbering_of(style)
        own = None if properties is None else properties.find(_W + "numPr")
        if own is None:
            return inherited
        number, level = value_of(own, "numId"), value_of(own, "ilvl")
        if number is None:
            if inherited is None:
                return None
            return Numbered(inherited.list, whole(level, 0) if level else inherited.level, inherited.style)
        return Numbered(whole(number, 0), whole(level, 0), style)

    def numbering_of(self, style: str | None) -> Numbered | None:
        """The list that a style puts its paragraphs in, its own or inherited."""
        level: int | None = None
        for each in self.chain(style):
            own = None if each.properties is None else each.properties.find(_W + "numPr")
            if own is None:
                continue
            level = whole(value_of(own, "ilvl"), 0) if level is None and value_of(own, "ilvl") else level
            if (number := value_of(own, "numId")) is not None:
                return Numbered(whole(number, 0), level, each.id if level is None else None)
        return None

    def breaks_before(self, properties: Element | None) -> bool:
        """Whether the paragraph begins a new page by itself (`w:pageBreakBefore`)."""
        for each in (properties, *(style.properties for style in self.chain(style_of(properties)))):
            if each is not None and (element := each.find(_W + "pageBreakBefore")) is not None:
                return element.get(_W + "val", "1") not in ("0", "false", "off")
        return False


def style_of(properties: Element | None) -> str | None:
    return None if properties is None else value_of(properties, "pStyle")


def read_styles(root: Element | None) -> Styles:
    """From `styles.xml`; no styles where there is none."""
    by_id: dict[str, Style] = {}
    default: str | None = None
    for element in () if root is None else root.findall(_W + "style"):
        key = element.get(_W + "styleId", "")
        by_id[key] = Style(key, value_of(element, "name") or "", value_of(element, "basedOn"), element.find(_W + "pPr"))
        if element.get(_W + "type") == "paragraph" and element.get(_W + "default") in ("1", "true", "on"):
            default = key
    return Styles(by_id, default)
