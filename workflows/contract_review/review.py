"""The result of a contract review: what a caller gets as JSON, and what the HTML report and the redline are made of.

Its JSON schema is published in docs/schemas/contract_review.json (`python scripts/write_schemas.py`).
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tools.contracts.contract import (
    SEVERITIES,
    Clause,
    Finding,
    Passage,
    Profile,
    Severity,
    StructureProblem,
)
from workflows.contract_review.state import ReviewState

# Every key of the state is optional to LangGraph; a review is assembled after the nodes that set them.
# pyright: reportTypedDictNotRequiredAccess=false

DISCLAIMER: dict[str, str] = {
    "en": "A working paper for a qualified lawyer, made by software. It is not legal advice.",
    "zh": "本报告由软件生成，供执业律师参考，不构成法律意见。",
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class PlaybookUsed(_Part):
    """The playbook by which it was judged; rules: how many it has."""

    name: str
    title: dict[str, str]
    version: str
    rules: int


class Counts(_Part):
    """How many findings: in all, by severity (all four keys), by category, by kind."""

    total: int
    by_severity: dict[Severity, int]
    by_category: dict[str, int]
    by_kind: dict[str, int]


class Skeleton(_Part):
    """The contract's structure as far as a reader needs it: its clauses and faults, and how many of the rest."""

    clauses: tuple[Clause, ...]
    problems: tuple[StructureProblem, ...]
    definitions: int
    references: int


class ReviewReport(_Part):
    """A whole review; offsets point into the text of the document as read, quotes are literally in it.

    document: its file name; sha256: of the file; language: BCP 47; pages: how many. party: whom we act for, None for
    neither. engine: who answered: "embedded", or the models' names. degraded: a model was due and the embedded engine
    stepped in. Findings stand in the order in which a lawyer should read them.
    """

    document: str
    sha256: str
    language: str
    pages: int
    playbook: PlaybookUsed
    party: str | None
    profile: Profile
    structure: Skeleton
    passages: tuple[Passage, ...]
    findings: tuple[Finding, ...]
    counts: Counts
    engine: str
    degraded: bool = False
    generated_at: AwareDatetime
    disclaimer: dict[str, str] = Field(default_factory=lambda: dict(DISCLAIMER))


def assemble_report(state: ReviewState, generated_at: datetime, degraded: bool = False) -> ReviewReport:
    """The report of a review whose steps are done."""
    document, structure, findings = state["document"], state["structure"], state["findings"]
    book = state["rules"]
    heard: list[str] = [*state.get("said_by", []), *(finding.said_by for finding in findings)]
    return ReviewReport(
        document=document.name,
        sha256=document.sha256,
        language=document.language,
        pages=len(document.pages),
        playbook=PlaybookUsed(
            name=book.name, title=book.title.model_dump(), version=book.version, rules=book.rule_count()
        ),
        party=state.get("party") or None,
        profile=state["profile"],
        structure=Skeleton(
            clauses=structure.clauses,
            problems=structure.problems,
            definitions=len(structure.definitions),
            references=len(structure.references),
        ),
        passages=tuple(state["passages"]),
        findings=tuple(findings),
        counts=count(findings),
        engine=", ".join(dict.fromkeys(heard)) or "embedded",
        degraded=degraded,
        generated_at=generated_at,
    )


def count(findings: Sequence[Finding]) -> Counts:
    """The counts of some findings."""
    severities = Counter(finding.severity for finding in findings)
    return Counts(
        total=len(findings),
        by_severity={severity: severities[severity] for severity in SEVERITIES},
        by_category=dict(Counter(finding.category for finding in findings)),
        by_kind=dict(Counter[str](finding.kind for finding in findings)),
    )
