"""What goes into a contract review, what it keeps on the way, and what comes out."""

from typing import Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from tools.contracts.contract import Finding, Passage, Profile, Structure
from tools.contracts.playbook import DEFAULT, Playbook
from tools.documents.document import Document

Language = Literal["en", "zh"]


class ReviewInput(BaseModel):
    """A contract to review."""

    model_config = ConfigDict(extra="forbid")

    file_id: str = Field(description="The contract: a file uploaded with POST /files (PDF with text, DOCX, TXT, MD).")
    party: str | None = Field(
        default=None,
        max_length=300,
        description="The party we act for, as the contract names it. Empty: risks for either side are reported.",
    )
    playbook: str = Field(
        default=DEFAULT,
        max_length=100,
        description="A shipped playbook (commercial, nda, chinese), or the file_id of your own, uploaded as TOML.",
    )
    languages: list[Language] = Field(
        default_factory=list[Language],
        max_length=2,
        description="Languages of the report's reasons; default: the contract's own.",
    )
    approval: Literal["never", "critical"] = Field(
        default="never", description="critical: wait for a person's approval when a finding is critical."
    )


class ReviewOutput(TypedDict, total=False):
    """The result. review: `workflows.contract_review.review.ReviewReport` as JSON. files: ids by kind."""

    review: dict[str, Any]
    files: dict[str, str]
    decision: dict[str, Any] | None


class ReviewState(ReviewOutput):
    """What the nodes hand on. rules: the playbook, read. said_by: who found the clauses."""

    file_id: str
    party: str | None
    playbook: str
    languages: list[Language]
    approval: Literal["never", "critical"]
    rules: Playbook
    document: Document
    structure: Structure
    profile: Profile
    passages: list[Passage]
    findings: list[Finding]
    said_by: list[str]


STATE_TYPES: tuple[type, ...] = (Playbook, Document, Structure, Profile, Passage, Finding)
