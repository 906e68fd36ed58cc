"""From answers back to passages, findings and amendments: what a model says is believed only as far as it holds."""

import re
from collections.abc import Sequence
from typing import Any, Literal, cast

import orjson
from pydantic import BaseModel

from tools.contracts.contract import Amendment, Finding, Passage, Profile
from tools.documents.document import Document
from tools.errors import ConsiliaError
from workflows.contract_review.questions import Amended, FoundClauses, Identified, Judged


class InvalidDecision(ConsiliaError):
    """A resume that is no decision."""

    code = "invalid_decision"
    status = 422


class UngroundedQuote(ConsiliaError):
    """A quote that is not literally in the contract; it must not leave."""

    code = "ungrounded_quote"
    status = 500


class Passages(BaseModel):
    """The result of the tool find_clauses."""

    result: list[Passage]


class Findings(BaseModel):
    """The result of the tool check_playbook."""

    result: list[Finding]


class Redlined(BaseModel):
    """The result of the tool redline."""

    docx_base64: str


def listed(candidates: Sequence[Passage] | Sequence[Finding]) -> str:
    """Candidates as JSON for a prompt."""
    return orjson.dumps([each.model_dump(mode="json") for each in candidates]).decode()


def profile(read: Profile, answer: Identified, text: str) -> Profile:
    """The profile as answered; a party that the text does not name is dropped."""
    named = [party for party in answer.parties if party.name in text]
    fields = answer.model_dump(exclude={"parties"})
    return Profile(**fields, parties=tuple(named), passages=read.passages)


def passages(candidates: Sequence[Passage], answer: FoundClauses, text: str, said_by: str) -> list[Passage]:
    """The clauses answered, as passages with offsets. A quote that is not in the text is dropped.

    A quote that equals a candidate's takes its place; any other is looked up in the text, white space folded.
    """
    waiting: dict[tuple[str, str], list[Passage]] = {}
    for each in candidates:
        waiting.setdefault((each.category, each.quote), []).append(each)
    found: list[Passage] = []
    for clause in answer.clauses:
        same = waiting.get((clause.category, clause.quote))
        if same:
            found.append(same.pop(0).model_copy(update={"confidence": clause.confidence}))
            continue
        span = locate(clause.quote, text)
        if span is not None:
            quote = text[span[0] : span[1]]
            found.append(
                Passage(
                    category=clause.category,
                    quote=quote,
                    start=span[0],
                    end=span[1],
                    confidence=clause.confidence,
                    rule=said_by,
                )
            )
    return sorted(found, key=lambda each: (each.start, each.end, each.category))


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Where a quote stands in the text, runs of white space taken as equal; None when it does not."""
    start = text.find(quote)
    if start >= 0 and quote.strip():
        return start, start + len(quote)
    words = quote.split()
    if not words:
        return None
    match = re.search(r"\s+".join(re.escape(word) for word in words), text)
    return match.span() if match else None


def findings(candidates: Sequence[Finding], answer: Judged, document: Document, said_by: str) -> list[Finding]:
    """The candidates as judged: what was found acceptable is dropped; severity, reason and confidence are the answer's.

    Raises UngroundedQuote when a quote is not literally in the document.
    """
    judgements = {each.id: each for each in answer.judgements}
    kept: list[Finding] = []
    for each in candidates:
        judgement = judgements.get(each.id)
        if judgement is not None and judgement.verdict == "acceptable":
            continue
        finding = each
        if judgement is not None:
            reason = {**each.reason, document.language.split("-")[0]: judgement.reason}
            changes = {"severity": judgement.severity, "confidence": judgement.confidence, "reason": reason}
            finding = each.model_copy(update={**changes, "said_by": said_by})
        if finding.start is not None and document.text[finding.start : finding.end] != finding.quote:
            raise UngroundedQuote(f"finding {finding.id} quotes what is not in the contract", finding=finding.id)
        page = document.page_at(finding.start) if finding.start is not None else None
        kept.append(finding.model_copy(update={"page": page}))
    return kept


def amended(candidates: Sequence[Finding], answer: Amended) -> list[Finding]:
    """The findings with the wordings answered."""
    wordings = {each.id: each.text for each in answer.wordings}
    return [
        each.model_copy(update={"amendment": each.amendment.model_copy(update={"new": wordings[each.id]})})
        if each.amendment is not None and each.id in wordings
        else each
        for each in candidates
    ]


def writable(candidates: Sequence[Finding], document: Document) -> list[Amendment]:
    """The amendments as a redline can carry them: one that would join table cells becomes a comment."""
    cells = [block for block in document.blocks if block.kind == "table_cell"]
    found: list[Amendment] = []
    for amendment in (each.amendment for each in candidates if each.amendment is not None):
        touched = sum(cell.start < amendment.end and amendment.start < cell.end for cell in cells)
        if touched > 1 and amendment.old != amendment.new:
            said = f"{amendment.comment}\n→ {amendment.new}" if amendment.new else amendment.comment
            amendment = amendment.model_copy(update={"new": amendment.old, "comment": said})
        found.append(amendment)
    return found


def decision(value: Any) -> dict[str, Any]:
    """A person's decision: {"decision": "approve" | "reject", "reason": …}. Raises InvalidDecision."""
    given = cast(dict[str, Any], value) if isinstance(value, dict) else {"decision": value}
    verdict: Literal["approve", "reject"] | Any = given.get("decision")
    if verdict not in ("approve", "reject"):
        raise InvalidDecision(f"decision must be 'approve' or 'reject', not {verdict!r}")
    return {"decision": verdict, "reason": str(given.get("reason") or "")}
