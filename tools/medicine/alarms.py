"""What a verification says: an alarm, with its kind, its weight and the two places it is about."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal[
    "number",
    "unit",
    "dose",
    "frequency",
    "negation",
    "laterality",
    "drug",
    "allergy",
    "date",
    "temperature",
    "missing",
    "added",
    "untranslated",
    "term",
    "language",
]
Severity = Literal["critical", "major", "minor"]


class Span(BaseModel):
    """A literal piece of a text: text == whole[start:end], offsets in characters."""

    model_config = ConfigDict(frozen=True)

    start: int
    end: int
    text: str


class Alarm(BaseModel):
    """One difference between a source and its translation. A span is None where that side has nothing to show."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    severity: Severity
    source: Span | None
    target: Span | None
    why: str


def span(text: str, start: int, end: int) -> Span:
    """The piece of the text between two offsets."""
    return Span(start=start, end=end, text=text[start:end])
