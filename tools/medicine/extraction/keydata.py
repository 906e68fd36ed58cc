"""What is read from a record. Each item quotes the record: text[item.start:item.end] == item.quote.

Marks follow ConText (Harkema et al., J Biomed Inform 2009): presence, whether it is history, and whose it is.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

Presence = Literal["affirmed", "negated", "suspected"]
Subject = Literal["patient", "other"]
SectionKind = Literal[
    "none", "demographics", "chief_complaint", "present_illness", "past_history", "allergies", "medications",
    "family_history", "social_history", "review_of_systems", "vital_signs", "examination", "investigations",
    "diagnosis", "treatment", "procedures", "discharge", "signature",
]  # fmt: skip


class Quote(BaseModel):
    """A literal piece of the record, offsets in characters, half open."""

    model_config = ConfigDict(frozen=True)

    start: int
    end: int
    quote: str


class Section(Quote):
    """A part of the record under a heading; quote is the heading as written, empty for text before the first one.

    body_end: where the section ends; its body is text[end:body_end].
    """

    kind: SectionKind
    body_end: int


class Segment(Quote):
    """A sentence, with its language (BCP 47 primary subtag, `und` where it has no words) and its section."""

    language: str
    section: SectionKind


class Statement(Quote):
    """Something the record states. historical: of the past; subject: whose it is."""

    presence: Presence = "affirmed"
    historical: bool = False
    subject: Subject = "patient"
    section: SectionKind = "none"

    @property
    def mark(self) -> str:
        """One word for all: other, negated, suspected, historical or affirmed, the first that holds."""
        if self.subject == "other":
            return "other"
        return self.presence if self.presence != "affirmed" else "historical" if self.historical else "affirmed"


class Problem(Statement):
    """A symptom, sign or disease. concept: its name in the vocabulary, None for one that only its form shows.

    icd10cm: the code, only where the words alone make it certain. relation: whose it is, as written, if not the
    patient's.
    """

    concept: str | None = None
    icd10cm: str | None = None
    relation: str | None = None


class Amount(BaseModel):
    """A number with its unit as written and as UCUM (None where there is none). high: the upper end of a range."""

    model_config = ConfigDict(frozen=True)

    value: float
    high: float | None = None
    unit: str | None = None
    ucum: str | None = None


class Frequency(BaseModel):
    """How often: as written, and times a day where that can be told. as_needed: prn."""

    model_config = ConfigDict(frozen=True)

    text: str
    per_day: float | None = None
    as_needed: bool = False


class Medication(Statement):
    """A drug with how it is taken; quote is the name, `whole` all that was read of it.

    drug: the INN where the vocabulary knows it. duration_days: of the course. stopped: taken no longer.
    """

    drug: str | None = None
    dose: Amount | None = None
    route: str | None = None
    frequency: Frequency | None = None
    duration_days: float | None = None
    stopped: bool = False
    whole: Quote


class Allergy(Statement):
    """An allergy, or that there is none (substance None, presence negated). drug: the INN if it is a known drug."""

    substance: str | None = None
    drug: str | None = None
    reaction: str | None = None


class Reference(BaseModel):
    """A reference range as printed beside a value."""

    model_config = ConfigDict(frozen=True)

    low: float | None = None
    high: float | None = None
    text: str


class Measurement(Statement):
    """A vital sign or laboratory value; quote is its name, `whole` all that was read of it.

    name: in the vocabulary. comparator: < or > before the value. text: a value in words (阳性, ++). systolic and
    diastolic stand in `amount` and `second`. flag: high or low, as printed or by the reference range.
    """

    kind: Literal["vital_sign", "laboratory"]
    name: str
    amount: Amount | None = None
    second: Amount | None = None
    comparator: Literal["<", "<=", ">", ">="] | None = None
    text: str | None = None
    reference: Reference | None = None
    flag: Literal["high", "low", "abnormal", "normal"] | None = None
    whole: Quote


class Procedure(Statement):
    """An operation, intervention, endoscopy or examination. planned: it has not been done yet."""

    kind: Literal["operation", "intervention", "endoscopy", "imaging", "other"]
    name: str | None = None
    planned: bool = False


class DateMention(Quote):
    """A date. iso: YYYY, YYYY-MM or YYYY-MM-DD, None where the year or the order of the fields is not written."""

    iso: str | None = None
    role: Literal["admission", "discharge", "procedure", "birth", "report", "onset"] | None = None


class SocialFact(Statement):
    """How somebody lives. quantity: as written."""

    kind: Literal["smoking", "alcohol", "drugs", "occupation", "marital", "pregnancies"]
    quantity: str | None = None


Warning_ = Literal[
    "allergy_contradiction", "dose_contradiction", "implausible_dose", "implausible_value", "instruction_like_text",
    "not_medical", "empty", "allergen_prescribed", "presence_contradiction",
]  # fmt: skip


class Warning(BaseModel):
    """Something a person must look at. quotes: the places it is about."""

    model_config = ConfigDict(frozen=True)

    kind: Warning_
    severity: Literal["critical", "major", "minor"]
    why: str
    quotes: tuple[Quote, ...] = ()


class KeyData(BaseModel):
    """All that was read from one record. language: of most of it. Items stand in the order of the record."""

    model_config = ConfigDict(frozen=True)

    language: str
    sections: tuple[Section, ...] = ()
    segments: tuple[Segment, ...] = ()
    problems: tuple[Problem, ...] = ()
    medications: tuple[Medication, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    vital_signs: tuple[Measurement, ...] = ()
    laboratory: tuple[Measurement, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    dates: tuple[DateMention, ...] = ()
    family_history: tuple[Problem, ...] = ()
    social_history: tuple[SocialFact, ...] = ()
    warnings: tuple[Warning, ...] = ()


_ITEMS: Final[dict[str, type[BaseModel]]] = {
    "sections": Section, "segments": Segment, "problems": Problem, "medications": Medication, "allergies": Allergy,
    "vital_signs": Measurement, "laboratory": Measurement, "procedures": Procedure, "dates": DateMention,
    "family_history": Problem, "social_history": SocialFact, "warnings": Warning,
}  # fmt: skip


def from_json(told: Mapping[str, Any], kinds: Iterable[str] = tuple(_ITEMS)) -> KeyData:
    """Key data from JSON, one item at a time: to validate those of a long record at once lets no other thread run for
    seconds. kinds: those that are wanted.
    """
    read = KeyData(language=told["language"])
    return read.model_copy(
        update={kind: tuple(map(_ITEMS[kind].model_validate, told.get(kind) or ())) for kind in kinds}
    )
