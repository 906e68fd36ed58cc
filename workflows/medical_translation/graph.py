"""Medical translation, as a clinician would tell it.

Read the record and take out who it is about; cut it into segments; note its key data; translate each segment into each
language; verify every translation by rule, and by a second model where there is one; ask the knowledge base about the
patient's own medications; write the advice and translate it; put everything together; wait for a clinician's sign-off;
and release: only there do names come back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import wraps
from itertools import pairwise
from typing import Any

from langgraph.errors import GraphBubbleUp
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send, interrupt

from tools.errors import ConsiliaError
from tools.serving import in_parts
from workflows.desk import Desk, place
from workflows.medical_translation import DESCRIPTION, advising, intake, outputs, sign_off, translating
from workflows.medical_translation.cautions import cautions, numbered
from workflows.medical_translation.languages import targets
from workflows.medical_translation.report import SEVERITIES, Report, assemble_report, complete
from workflows.medical_translation.state import (
    STATE_TYPES,
    Draft,
    Record,
    TranslationInput,
    TranslationOutput,
    TranslationState,
)
from workflows.registry import Graph, Workflow

# Every key of the state is optional to LangGraph; each node comes after those that set what it reads.
# pyright: reportTypedDictNotRequiredAccess=false

AT_ONCE = 16
"""Batches that are under way at a moment: all of a long record's at once would wait for their tool calls too long."""

Node = Callable[..., Awaitable[dict[str, Any]]]


class TranslationFailed(ConsiliaError):
    """An error that a step did not expect; its words could be a patient's, so only type and place are told."""

    code = "translation_failed"
    status = 500


async def ingest(asked: TranslationInput, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Read the file, and take out who it is about before anything else sees the text."""
    wanted = targets(asked.targets, asked.source)
    desk, here = runtime.context, place(runtime, "ingest")
    read = await intake.read(desk, here, await desk.files.read(asked.file_id))
    record, mapping = await intake.deidentified(desk, here, read, asked)
    await desk.vault.put(mapping)
    return {**asked.model_dump(), "targets": wanted, "record": record, "decisions": [], "problem": None}


async def segment(state: TranslationState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Cut the record into what is translated as one, and say what language each piece is in."""
    segments = await intake.segments(runtime.context, place(runtime, "segment"), state["record"])
    kept = await asyncio.to_thread(translating.kept, segments, state["targets"])
    return {"segments": segments, "translations": kept}


async def extract(state: TranslationState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Note problems, medications, allergies, vital signs, laboratory values, procedures and histories, with quotes."""
    desk, here = runtime.context, place(runtime, "extract")
    key_data = await intake.key_data(desk, here, state["record"], state["segments"])
    told = await asyncio.to_thread(cautions, state["record"], state["segments"], key_data)
    return {"key_data": key_data, "cautions": told}


def in_batches(state: TranslationState) -> list[Send] | str:
    """One translating task for each batch of segments and language; a crash repeats only those that had not ended."""
    batches = translating.batches(state["segments"], state["targets"])
    record = state["record"]
    drafts = [Draft(batch=batch, record_language=record.language, identities=record.identities) for batch in batches]
    return [Send("translate", draft) for draft in drafts] or "verify"


async def translate(draft: Draft, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Translate one batch of segments into one language."""
    return {"translations": await translating.translate(runtime.context, place(runtime, "translate"), draft)}


async def verify(state: TranslationState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Compare every translation with its source by rule, whoever made it."""
    return {"alarms": await translating.verify(runtime.context, place(runtime, "verify"), state)}


async def second_opinion(state: TranslationState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Translate back and have a second model judge, where the caller wants it and the pool has models."""
    if not state["second_opinion"]:
        return {"opinions": []}
    return {"opinions": await translating.second_opinion(runtime.context, place(runtime, "second_opinion"), state)}


async def consult(state: TranslationState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Look the record's own medications and conditions up in the knowledge base."""
    desk, here = runtime.context, place(runtime, "consult")
    statements, found = await advising.consult(desk, here, state["key_data"], state["record"])
    return {"advice": statements, "cautions": numbered([*state["cautions"], *found])}


async def advise(state: TranslationState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Write the advice; each statement cites the entries that it rests on, or is marked."""
    desk, here = runtime.context, place(runtime, "advise")
    return {"advice": await advising.advise(desk, here, state["advice"], state["key_data"])}


async def translate_advice(state: TranslationState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Say the advice in every target language."""
    desk, here = runtime.context, place(runtime, "translate_advice")
    return {"advice": await advising.translated(desk, here, state["advice"], state["targets"])}


async def assemble(state: TranslationState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Put everything together as drafts, with placeholders in the place of people."""
    report = await asyncio.to_thread(assemble_report, state, _now())
    files = await outputs.write(runtime.context, report, "translation.draft", None)
    return {"translation": await asyncio.to_thread(_summary, report), "files": files, "decision": None}


def needs_sign_off(state: TranslationState) -> str:
    """A person is asked unless the caller left that to the rules and they raise nothing critical."""
    raised = [*state["alarms"], *state["cautions"], *state["advice"]]
    critical = any(each.severity == SEVERITIES[0] for each in raised)
    return "sign_off" if state["sign_off"] == "always" or critical else "release"


async def clinician(state: TranslationState) -> dict[str, Any]:
    """Wait for a clinician: approve, edit segments, or reject."""
    question = await asyncio.to_thread(sign_off.question, state)
    return sign_off.decide(state, interrupt(question))


def after_sign_off(state: TranslationState) -> str:
    """Where a decision leads; one that cannot be taken is asked for again."""
    decision = state["decision"]
    if decision is None:
        return "sign_off"
    return "revise" if decision["decision"] == "edit" else "release"


async def revise(state: TranslationState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Verify what a clinician has edited."""
    assert state["decision"] is not None, "a revision follows a decision"
    edited = frozenset(state["decision"]["edited"])
    return {"alarms": await translating.verify(runtime.context, place(runtime, "revise"), state, edited)}


async def release(state: TranslationState, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Write the files with people's names back in them, unless they were rejected."""
    desk, decision = runtime.context, state["decision"]
    if decision is not None and decision["decision"] == "reject":
        report = await asyncio.to_thread(assemble_report, state, _now(), "rejected")
        summary = await asyncio.to_thread(_summary, report)
        return {"outcome": "rejected", "translation": summary, "files": state["files"]}
    outcome = "released" if complete(state) else "needs_translator"
    report = await asyncio.to_thread(assemble_report, state, _now(), outcome)
    name = (await desk.files.read(state["file_id"])).name
    identified = await asyncio.to_thread(intake.identified, report, await desk.vault.get())
    files = await outputs.write(desk, identified, f"{name.rsplit('.', 1)[0]}.translation", name)
    return {"outcome": outcome, "translation": await asyncio.to_thread(_summary, report), "files": files}


def _summary(report: Report) -> dict[str, Any]:
    return in_parts(report.summary())


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def confidential(node: Node) -> Node:
    """The node, with the words of unexpected errors kept back: they may quote the record."""

    @wraps(node)
    async def kept(*arguments: Any, **named: Any) -> dict[str, Any]:
        try:
            return await node(*arguments, **named)
        except (ConsiliaError, GraphBubbleUp):
            raise
        except Exception as error:
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
            message = (
                f"the step {node.__name__} failed with {type(error).__name__} at {where}; the record is not quoted"
            )
            raise TranslationFailed(message, step=node.__name__) from None

    return kept


def build() -> Graph:
    """The graph, compiled; the executor adds the checkpointer."""
    graph = StateGraph(
        TranslationState, context_schema=Desk, input_schema=TranslationInput, output_schema=TranslationOutput
    )
    before: list[Node] = [ingest, segment, extract]
    after: list[Node] = [verify, second_opinion, consult, advise, translate_advice, assemble]
    for node in [*before, translate, *after, revise, release]:
        graph.add_node(node.__name__, confidential(node))  # pyright: ignore[reportUnknownMemberType]
    graph.add_node("sign_off", confidential(clinician))  # pyright: ignore[reportUnknownMemberType]
    graph.add_edge(START, "ingest")
    for one, other in [*pairwise(before), *pairwise(after)]:
        graph.add_edge(one.__name__, other.__name__)
    graph.add_conditional_edges("extract", in_batches, ["translate", "verify"])
    graph.add_edge("translate", "verify")
    graph.add_conditional_edges("assemble", needs_sign_off, ["sign_off", "release"])
    graph.add_conditional_edges("sign_off", after_sign_off, ["sign_off", "revise", "release"])
    graph.add_edge("revise", "assemble")
    graph.add_edge("release", END)
    made = graph.compile(name="medical_translation")  # pyright: ignore[reportUnknownMemberType]
    return made.with_config(max_concurrency=AT_ONCE)


def workflow() -> Workflow:
    """Medical translation, for the registry."""
    return Workflow(
        name="medical_translation",
        description=DESCRIPTION,
        compiled=build(),
        tools=frozenset({"documents/read_document", "records/*", "medicine/*"}),
        desk=True,
        state_types=(*STATE_TYPES, Record, Report),
    )
