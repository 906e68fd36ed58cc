"""What goes into a medical translation, what it keeps on the way, and what comes out.

The state holds de-identified text only: who is who is in the run's vault, and comes back in the released files alone.
"""

from typing import Annotated, Any, Literal, NamedTuple, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from tools.documents.document import Block, Page
from tools.medicine.alarms import Kind, Severity, Span

Outcome = Literal["released", "needs_translator", "rejected"]
Done = Literal["translated", "partial", "untranslated", "kept"]
"""kept: the segment is in the target language already, or has no words."""


class TranslationInput(BaseModel):
    """A medical record to translate."""

    model_config = ConfigDict(extra="forbid")

    file_id: str = Field(
        max_length=100,
        description="The record: a file uploaded with POST /files (TXT, DOCX, PDF with text, FHIR Bundle JSON, CDA).",
    )
    targets: list[str] = Field(
        default_factory=lambda: ["en"],
        min_length=1,
        max_length=12,
        description="Target languages as BCP 47 codes, such as en, fr or zh-Hans: the 119 languages of Qwen 3.",
    )
    source: str | None = Field(
        default=None, max_length=35, description="The record's main language; told from the text when left out."
    )
    sign_off: Literal["always", "critical"] = Field(
        default="always",
        description="always: a clinician signs every translation off. critical: only where there is a critical alarm.",
    )
    second_opinion: bool = Field(
        default=False,
        description="Translate back and have a second model judge, where the pool has models; the rules always run.",
    )
    deidentify: bool = Field(
        default=True, description="Take names, numbers and addresses out before any model or tool sees the text."
    )
    dates: Literal["keep", "shift", "hide"] = Field(
        default="keep",
        description="Dates of care: keep, shift all by the same number of days, or hide. Birth dates always go.",
    )


class Part(BaseModel):
    """A frozen part of the state."""

    model_config = ConfigDict(frozen=True)


class Record(Part):
    """The record as read and de-identified. Offsets of pages and blocks are characters of `text`, half open.

    form: what the file was. language: BCP 47, of most of it. identities: the placeholders that stand for people.
    """

    form: Literal["text", "docx", "pdf", "fhir", "cda"]
    sha256: str
    language: str
    text: str
    pages: tuple[Page, ...]
    blocks: tuple[Block, ...]
    identities: tuple[str, ...] = ()


class Segment(Part):
    """What is translated as one: a heading, a cell, a list item, a sentence. text == record.text[start:end].

    section: the key of the part of the record it stands in (chief_complaint, …), if known. block: index into
    Record.blocks.
    """

    id: str
    start: int
    end: int
    text: str
    language: str
    page: int
    block: int
    section: str | None = None


class Translated(Part):
    """A segment in one target language. untranslated: its pieces that are still in the source language.

    text: for an untranslated segment the source's own. said_by: "embedded", a model's name, or "clinician" when edited.
    """

    segment: str
    language: str
    text: str
    done: Done
    untranslated: tuple[str, ...] = ()
    said_by: str


class Raised(Part):
    """An alarm of one translated segment. id: "segment.language.number", stable while the segment's text is."""

    id: str
    segment: str
    language: str
    kind: Kind
    severity: Severity
    source: Span | None
    target: Span | None
    why: str


class Caution(Part):
    """What a reader should know of the record itself, whatever the translation. quotes: literally in the record.

    code: contradictory_allergies, dose_beyond_limit, instruction_in_record, not_medical, many_languages, …
    """

    id: str
    code: str
    severity: Severity
    message: str
    quotes: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


class Citation(Part):
    """An entry of the knowledge base that a statement rests on."""

    entry: str
    title: str
    source: str
    url: str | None = None


class Statement(Part):
    """One statement of the advice. A statement without citations is marked as such wherever it is shown.

    kind: interaction, dose, contraindication, allergy, renal, …, condition. about: keys of drugs or conditions.
    text: in `language`. translations: by target language; one that is missing could not be made, and then `headlines`
    at least say there what it is about.
    """

    id: str
    kind: str
    severity: Severity
    language: str
    text: str
    about: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    headlines: dict[str, str] = Field(default_factory=dict)
    translations: dict[str, str] = Field(default_factory=dict)
    said_by: str = "embedded"


class Opinion(Part):
    """A second model's judgement of one translated segment, beside the rules."""

    segment: str
    language: str
    back_translation: str
    faithful: bool
    reason: str
    said_by: str


class Batch(Part):
    """Segments that one question translates into one language. twins: ids of those that say the same, by its first."""

    number: int
    language: str
    segments: tuple[Segment, ...]
    twins: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class Draft(TypedDict):
    """What a translating task is given."""

    batch: Batch
    record_language: str
    identities: tuple[str, ...]


class Key(NamedTuple):
    segment: str
    language: str


def merged(old: dict[str, Translated] | None, new: dict[str, Translated] | None) -> dict[str, Translated]:
    """Translations by `key`; a newer one takes the older's place."""
    return {**(old or {}), **(new or {})}


def key(segment: str, language: str) -> str:
    """Under which a translation is kept."""
    return f"{segment}.{language}"


class TranslationOutput(TypedDict, total=False):
    """The result. translation: `workflows.medical_translation.report.Summary` as JSON, de-identified.

    outcome: released, needs_translator (something is still untranslated), rejected. files: ids by kind.
    """

    outcome: Outcome
    translation: dict[str, Any]
    files: dict[str, str]
    decision: dict[str, Any] | None


class TranslationState(TranslationOutput):
    """What the nodes hand on."""

    file_id: str
    targets: list[str]
    source: str | None
    sign_off: Literal["always", "critical"]
    second_opinion: bool
    deidentify: bool
    dates: Literal["keep", "shift", "hide"]
    record: Record
    segments: list[Segment]
    key_data: dict[str, Any]
    translations: Annotated[dict[str, Translated], merged]
    alarms: list[Raised]
    cautions: list[Caution]
    opinions: list[Opinion]
    advice: list[Statement]
    decisions: list[dict[str, Any]]
    problem: str | None


STATE_TYPES: tuple[type, ...] = (
    Page,
    Block,
    Record,
    Segment,
    Translated,
    Span,
    Raised,
    Caution,
    Citation,
    Statement,
    Opinion,
    Batch,
)
