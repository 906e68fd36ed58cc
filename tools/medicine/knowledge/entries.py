"""What the knowledge base holds, as models that also travel over MCP."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Weight = Literal["contraindicated", "major", "moderate"]
"""contraindicated: do not combine or give; major: avoid or act; moderate: watch."""
WEIGHTS: dict[Weight, int] = {"contraindicated": 0, "major": 1, "moderate": 2}
Period = Literal["single", "daily", "weekly"]
RenalAdvice = Literal["contraindicated", "avoid", "reduce", "caution"]


class Entry(BaseModel):
    """A frozen model."""

    model_config = ConfigDict(frozen=True)


class Source(Entry):
    """A public source. url: the publisher's site, or empty."""

    title: str
    publisher: str = ""
    url: str = ""


class Names(Entry):
    """What a thing is called by language, the preferred name first."""

    zh: tuple[str, ...]
    en: tuple[str, ...]
    es: tuple[str, ...]
    fr: tuple[str, ...]
    de: tuple[str, ...]
    ja: tuple[str, ...]

    def all(self) -> tuple[str, ...]:
        """Every name."""
        return (*self.zh, *self.en, *self.es, *self.fr, *self.de, *self.ja)


class Limit(Entry):
    """The largest amount of a drug. route: oral, intravenous … or any. unit: mg, mg/kg (of body weight) or units."""

    route: str
    period: Period
    amount: float = Field(gt=0)
    unit: Literal["mg", "mg/kg", "units"]
    note: str = ""


class RenalRule(Entry):
    """below: eGFR or creatinine clearance in mL/min under which the advice holds."""

    below: float = Field(gt=0)
    advice: RenalAdvice
    detail: str


class Drug(Entry):
    """A drug for adults. weekly: routes by which it must not be given more often than once a week."""

    key: str
    names: Names
    atc: str = Field(pattern=r"^[A-V]\d\d[A-Z]{2}\d\d$", description="WHO ATC code")
    brands: tuple[str, ...] = ()
    confused_with: tuple[str, ...] = Field((), description="Names that look or sound alike")
    classes: tuple[str, ...]
    uses: str
    dose: str
    limits: tuple[Limit, ...] = ()
    weekly: tuple[str, ...] = ()
    contraindications: tuple[str, ...] = ()
    renal: tuple[RenalRule, ...] = ()
    hepatic: str = ""
    pregnancy: str = ""
    elderly: str = ""
    warnings: str = ""
    sources: tuple[Source, ...]

    @property
    def entry(self) -> str:
        """How a statement cites it."""
        return f"drug/{self.key}"


class Condition(Entry):
    """A condition. icd10: WHO ICD-10. is_a: keys of broader conditions. A mere state has a name and no summary."""

    key: str
    names: Names
    icd10: str = Field(pattern=r"^[A-Z]\d\d(\.\d)?$")
    is_a: tuple[str, ...] = ()
    summary: str = ""
    red_flags: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    treatments: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def entry(self) -> str:
        """How a statement cites it."""
        return f"condition/{self.key}"


class Interaction(Entry):
    """A rule between two drugs or classes; the order means nothing."""

    a: str
    b: str
    severity: Weight
    effect: str
    advice: str
    sources: tuple[Source, ...]

    @property
    def entry(self) -> str:
        """How a statement cites it."""
        return f"interaction/{self.a} + {self.b}"


class AllergyRule(Entry):
    """An allergy to a class, and the class that it forbids."""

    to: str
    avoid: str
    severity: Weight
    why: str
    sources: tuple[Source, ...]

    @property
    def entry(self) -> str:
        """How a statement cites it."""
        return f"allergy/{self.to} + {self.avoid}"


class Warned(Entry):
    """A warning about a prescription. about: the drugs' keys; entry: what is cited for it."""

    kind: Literal["interaction", "duplicate", "dose", "contraindication", "allergy", "pregnancy", "renal", "elderly"]
    severity: Weight
    about: tuple[str, ...]
    text: str
    advice: str = ""
    entry: str
    sources: tuple[Source, ...]
