"""Contract review, as a lawyer would tell it.

Read the file; cut it into clauses; say who the parties are and what law governs; find the clauses of each kind; judge
each against the playbook; propose amendments; put the report and the redlined document together; and, where a risk is
critical and the caller asked for it, wait for a person.
"""

import base64
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, cast

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from tools.contracts import playbook
from tools.contracts.categories import CATEGORIES
from tools.contracts.contract import Finding, Profile, Structure
from tools.contracts.playbook import Playbook
from tools.documents.document import DOCX, Document
from tools.documents.limits import Limits
from tools.documents.sandbox import parse_in_sandbox
from tools.errors import ConsiliaError
from workflows.contract_review import DESCRIPTION, answers, report
from workflows.contract_review.questions import AMEND, FIND_CLAUSES, IDENTIFY, JUDGE
from workflows.contract_review.review import ReviewReport, assemble_report
from workflows.contract_review.state import STATE_TYPES, ReviewInput, ReviewOutput, ReviewState
from workflows.desk import Desk, place
from workflows.registry import Graph, Workflow

_FILE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LANGUAGES = ("en", "zh")
AUTHOR = "Consilia"


class UnsupportedLanguage(ConsiliaError):
    """The contract is in a language that contract review does not read."""

    code = "unsupported_language"
    status = 422


async def ingest(asked: ReviewInput, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Read the playbook, and the file into text with pages and offsets."""
    desk = runtime.context
    rules = await _playbook(desk, asked.playbook)
    file = await desk.files.read(asked.file_id)
    arguments = {"content_base64": base64.b64encode(file.content).decode(), "name": file.name}
    document = await desk.tools.call(place(runtime, "ingest"), "documents", "read_document", arguments, Document)
    if document.language.split("-")[0] not in LANGUAGES:
        found = f"the contract is in {document.language!r}"
        if document.language == "und":
            found = f"no language is recognised in the {len(document.text):,} characters of {document.name}"
        raise UnsupportedLanguage(
            f"{found}; contract review reads English (en) and Chinese (zh)",
            language=document.language,
        )
    return {**asked.model_dump(), "rules": rules, "document": document}


async def _playbook(desk: Desk, wanted: str) -> Playbook:
    """A shipped playbook by name, or an uploaded one by its file id; never a path on this machine."""
    if wanted in playbook.names():
        return playbook.load(wanted)
    if not _FILE_ID.fullmatch(wanted):
        known = ", ".join(playbook.names())
        raise playbook.UnknownPlaybook(
            f"no playbook {wanted!r}; known: {known}, or the file_id of a TOML file uploaded with POST /files",
            playbook=wanted,
            known=playbook.names(),
        )
    file = await desk.files.read(wanted)
    parsed = await parse_in_sandbox("playbook", file.content, file.name, Limits(max_bytes=playbook.LARGEST))
    return Playbook.model_validate(parsed.fields)


async def split(state: ReviewState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Cut the contract into clauses, and see which references and definitions do not hold."""
    document = state["document"]
    arguments = {
        "text": document.text,
        "language": document.language,
        "labels": {str(offset): label for offset, label in document.labels().items()},
    }
    here = place(runtime, "split")
    structure = await runtime.context.tools.call(here, "contracts", "split_clauses", arguments, Structure)
    return {"structure": structure}


async def identify(state: ReviewState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Say who the parties are, what the contract is, from when to when, and under which law."""
    desk, here, document = runtime.context, place(runtime, "identify"), state["document"]
    arguments = {"text": document.text, "language": document.language}
    profile = await desk.tools.call(here, "contracts", "identify_contract", arguments, Profile)
    answered = await desk.counsel.ask(here, IDENTIFY, document.text, {"profile": profile})
    return {"profile": answers.profile(profile, answered.value, document.text)}


async def find(state: ReviewState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Find the passages of each category."""
    desk, here, document = runtime.context, place(runtime, "find"), state["document"]
    arguments = {"text": document.text, "language": document.language}
    found = await desk.tools.call(here, "contracts", "find_clauses", arguments, answers.Passages)
    facts = {
        "passages": found.result,
        "text": document.text,
        "categories": ", ".join(f"{each.key} ({each.en})" for each in CATEGORIES),
        "candidates": answers.listed(found.result),
    }
    answered = await desk.counsel.ask(here, FIND_CLAUSES, document.text, facts)
    passages = answers.passages(found.result, answered.value, document.text, answered.said_by)
    return {"passages": passages, "said_by": [answered.said_by]}


async def judge(state: ReviewState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Judge what was found, and what was not, against the playbook."""
    desk, here, document = runtime.context, place(runtime, "judge"), state["document"]
    arguments = {
        "text": document.text,
        "language": document.language,
        "passages": [each.model_dump(mode="json") for each in state["passages"]],
        "structure": state["structure"].model_dump(mode="json"),
        "profile": state["profile"].model_dump(mode="json"),
        "playbook": state["rules"].model_dump(mode="json"),
        "party": state["party"],
    }
    candidates = await desk.tools.call(here, "contracts", "check_playbook", arguments, answers.Findings)
    facts = {
        "findings": candidates.result,
        "language": document.language,
        "party": state["party"] or "neither party in particular",
        "playbook": state["rules"].name,
        "candidates": answers.listed(candidates.result),
    }
    answered = await desk.counsel.ask(here, JUDGE, document.text, facts)
    findings = answers.findings(candidates.result, answered.value, document, answered.said_by)
    return {"findings": findings}


async def amend(state: ReviewState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Propose the wording that should stand in place of what was found wanting."""
    desk, here = runtime.context, place(runtime, "amend")
    facts = {"findings": state["findings"], "candidates": answers.listed(state["findings"])}
    answered = await desk.counsel.ask(here, AMEND, state["document"].text, facts)
    return {"findings": answers.amended(state["findings"], answered.value)}


async def assemble(state: ReviewState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Write the report as JSON and HTML, and the redlined document."""
    desk, here, document = runtime.context, place(runtime, "assemble"), state["document"]
    moment = datetime.now(UTC).replace(microsecond=0)
    review = assemble_report(state, generated_at=moment)
    source = await desk.files.read(state["file_id"])
    arguments = {
        "docx_base64": base64.b64encode(source.content).decode() if document.media_type == DOCX else None,
        "document": document.model_dump(mode="json"),
        "amendments": [each.model_dump(mode="json") for each in answers.writable(state["findings"], document)],
        "author": AUTHOR,
        "date": moment.isoformat(),
    }
    redlined = await desk.tools.call(here, "contracts", "redline", arguments, answers.Redlined)
    stem = source.name.rsplit(".", 1)[0]
    pages = report.html(review, document, state["languages"] or [cast(Any, document.language.split("-")[0])])
    files = {
        "redline": await desk.files.write(f"{stem}.redline.docx", DOCX, base64.b64decode(redlined.docx_base64)),
        "html": await desk.files.write(f"{stem}.review.html", "text/html; charset=utf-8", pages.encode()),
        "json": await desk.files.write(
            f"{stem}.review.json", "application/json", review.model_dump_json(indent=2).encode()
        ),
    }
    return {"review": review.model_dump(mode="json"), "files": files, "decision": None}


def needs_approval(state: ReviewState) -> str:
    """A person is asked where the caller wants it and a finding is critical."""
    critical = any(each.severity == "critical" for each in state["findings"])
    return "approve" if state["approval"] == "critical" and critical else END


async def approve(state: ReviewState) -> dict[str, Any]:
    """Wait for a person: approve, or reject with a reason."""
    critical = [each for each in state["findings"] if each.severity == "critical"]
    decision = interrupt(
        {
            "kind": "approval",
            "title": "Critical risks in a contract",
            "question": f"{len(critical)} critical findings in {state['document'].name}. Release the review?",
            "evidence": [_evidence(each) for each in critical],
            "schema": {
                "type": "object",
                "properties": {
                    "decision": {"enum": ["approve", "reject"]},
                    "reason": {"type": "string", "maxLength": 2000},
                },
                "required": ["decision"],
            },
        }
    )
    return {"decision": answers.decision(decision)}


def _evidence(finding: Finding) -> dict[str, Any]:
    names = {"id", "category", "severity", "quote", "reason", "page", "rule"}
    return finding.model_dump(mode="json", include=names)


def build() -> Graph:
    """The graph, compiled; the executor adds the checkpointer."""
    graph = StateGraph(ReviewState, context_schema=Desk, input_schema=ReviewInput, output_schema=ReviewOutput)
    story: list[Callable[..., Awaitable[dict[str, Any]]]] = [ingest, split, identify, find, judge, amend, assemble]
    for node in story:
        graph.add_node(node.__name__, node)  # pyright: ignore[reportUnknownMemberType]
    graph.add_node("approve", approve)  # pyright: ignore[reportUnknownMemberType]
    graph.add_edge(START, "ingest")
    for before, after in pairwise(story):
        graph.add_edge(before.__name__, after.__name__)
    graph.add_conditional_edges("assemble", needs_approval, ["approve", END])
    graph.add_edge("approve", END)
    return graph.compile(name="contract_review")  # pyright: ignore[reportUnknownMemberType]


def workflow() -> Workflow:
    """Contract review, for the registry."""
    return Workflow(
        name="contract_review",
        description=DESCRIPTION,
        compiled=build(),
        tools=frozenset(
            {
                "documents/read_document",
                "contracts/split_clauses",
                "contracts/identify_contract",
                "contracts/find_clauses",
                "contracts/check_playbook",
                "contracts/redline",
            }
        ),
        desk=True,
        state_types=(*STATE_TYPES, ReviewReport),
    )
