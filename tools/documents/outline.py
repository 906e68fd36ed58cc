"""A document's headings as a tree."""

import re

from pydantic import BaseModel, ConfigDict

from tools.documents.document import Block, Document


class Heading(BaseModel):
    """A heading and what stands under it. start, end: of its section, up to the next heading of its level or above."""

    model_config = ConfigDict(frozen=True)

    title: str
    label: str | None
    level: int
    page: int
    start: int
    end: int
    children: tuple["Heading", ...] = ()


class Outline(BaseModel):
    model_config = ConfigDict(frozen=True)

    headings: tuple[Heading, ...]


def outline(document: Document) -> Outline:
    """The headings that the source marks (DOCX styles, Markdown), or that look like some (PDF, TXT)."""
    headings = [block for block in document.blocks if block.kind == "heading"]
    return Outline(headings=_tree(document, headings, len(document.text)))


def _tree(document: Document, headings: list[Block], end: int) -> tuple[Heading, ...]:
    """One level of the tree: each heading takes the deeper ones that follow it as its children."""
    tree: list[Heading] = []
    at = 0
    while at < len(headings):
        block, level = headings[at], headings[at].level or 0
        following = at + 1
        while following < len(headings) and (headings[following].level or 0) > level:
            following += 1
        section_end = headings[following].start if following < len(headings) else end
        tree.append(
            Heading(
                title=_title(document.text[block.start : block.end]),
                label=block.label,
                level=level,
                page=block.page,
                start=block.start,
                end=section_end,
                children=_tree(document, headings[at + 1 : following], section_end),
            )
        )
        at = following
    return tuple(tree)


def _title(text: str) -> str:
    """The heading's words on one line, without Markdown's marks."""
    words = re.sub(r"\n[ \t]*(?:=+|-+)[ \t]*$", "", text)
    return " ".join(re.sub(r"^ {0,3}#{1,6}[ \t]*|[ \t]+#+[ \t]*$", "", words).split())
