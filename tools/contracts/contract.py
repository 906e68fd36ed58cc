"""What contract review talks about: clauses, definitions, references, passages, findings and amendments.

All offsets are character offsets into the contract's text, half open, and every quote is literally `text[start:end]`.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")

ProblemKind = Literal[
    "broken_reference", "undefined_term", "unused_definition", "duplicate_definition", "numbering_gap", "blank"
]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Clause(Frozen):
    """A numbered or titled part of the contract, sub-clauses included in its span.

    number: as printed ("14.3", "(a)", "第十四条"), None for a titled part without one. path: the full number a
    reference would use ("14.3(a)", "14.3", "XIV"). level: 0 for the outermost. parent: id of the enclosing clause.
    """

    id: str
    number: str | None
    path: str | None
    title: str | None
    level: int
    start: int
    end: int
    parent: str | None = None


class Definition(Frozen):
    """A defined term, where it is defined, and how often it is used elsewhere."""

    term: str
    start: int
    end: int
    clause: str | None
    uses: int


class CrossReference(Frozen):
    """A reference to another part of the contract; `resolves_to` is a clause id, or None when there is no such part."""

    quote: str
    target: str
    start: int
    end: int
    resolves_to: str | None


class StructureProblem(Frozen):
    """A drafting fault that needs no lawyer to see: a broken reference, a term used but never defined, …"""

    kind: ProblemKind
    quote: str
    start: int
    end: int
    message: str


class Structure(Frozen):
    """The contract's skeleton."""

    language: str
    clauses: tuple[Clause, ...]
    definitions: tuple[Definition, ...]
    references: tuple[CrossReference, ...]
    problems: tuple[StructureProblem, ...]

    def clause_at(self, offset: int) -> Clause | None:
        """The innermost clause whose span holds `offset`."""
        innermost: Clause | None = None
        for clause in self.clauses:
            if clause.start <= offset < clause.end and (innermost is None or clause.level >= innermost.level):
                innermost = clause
        return innermost


class Passage(Frozen):
    """A passage found for a category. confidence: 0 to 1. rule: the name of the rule or model that found it."""

    category: str
    quote: str
    start: int
    end: int
    confidence: float
    rule: str


class Party(Frozen):
    """A party to the contract: its name as printed, what the contract calls it, and its place."""

    name: str
    alias: str | None
    role: str | None
    start: int
    end: int


class Profile(Frozen):
    """What the contract is: its type, parties, dates and law, each with the passage it was read from.

    Dates are ISO 8601 where the text gives a full one, else as printed. kind: "nda", "services", "supply", "licence",
    "distribution", "employment", "lease", "franchise", "agency", "joint_venture", "loan", "other".
    """

    title: str | None
    kind: str
    parties: tuple[Party, ...]
    agreement_date: str | None
    effective_date: str | None
    expiration_date: str | None
    governing_law: str | None
    passages: tuple[Passage, ...]


class Amendment(Frozen):
    """Old text → new text at a place. An insertion has `start == end` and an empty `old`; a deletion an empty `new`.

    `comment` is what a reviewer writes in the margin.
    """

    start: int
    end: int
    old: str
    new: str
    comment: str = ""


class Finding(Frozen):
    """One thing a lawyer should look at.

    A missing clause has no passage: `quote` is empty, `start` and `end` are None. `rule` names the playbook rule
    ("commercial.cap_on_liability.uncapped") or the structure check ("structure.broken_reference"). `reason` is in
    words, by language code; `suggestion` the wording proposed. said_by: "embedded" or the model's name.
    """

    id: str
    category: str
    severity: Severity
    kind: Literal["deviation", "missing", "structure", "fallback"]
    rule: str
    reason: dict[str, str]
    quote: str
    start: int | None
    end: int | None
    page: int | None
    clause: str | None
    amendment: Amendment | None
    confidence: float
    said_by: str
