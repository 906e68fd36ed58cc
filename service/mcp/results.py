"""A run as tools give it back: structured for programs, in words for people and models, with links to its files."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, cast

from mcp_types import Annotations, CallToolResult, ContentBlock, ResourceLink, TextContent
from pydantic import BaseModel, Field
from sqlalchemy import RowMapping

from service.auth import Caller
from service.database import files, runs, threads
from service.house import House
from service.mcp import digests
from service.runs.files import FileNotFound
from tools.errors import ConsiliaError

State = Literal["queued", "running", "waiting", "done", "failed", "cancelled", "continued"]
_STATES: Final[dict[str, State]] = {
    "pending": "queued",
    "running": "running",
    "success": "done",
    "error": "failed",
    "timeout": "failed",
}


class FileShown(BaseModel):
    """uri: for resources/read. size: bytes."""

    file_id: str
    name: str
    media_type: str
    size: int
    uri: str


class WaitingFor(BaseModel):
    """What a waiting run asks a person. schema: JSON schema of the answer, where the run has one."""

    interrupt_id: str
    title: str
    question: str
    answer_schema: dict[str, Any] | None = Field(default=None, alias="schema", serialization_alias="schema")
    evidence: Any = None


class ErrorShown(BaseModel):
    code: str
    message: str


class RunShown(BaseModel):
    """A run. result: what it found, by workflow; the files hold everything. next: what to do now, in words."""

    run_id: str
    conversation_id: str
    workflow: str
    state: State
    engine: str | None = Field(default=None, description='Who answered: "embedded", or the models\' names.')
    degraded: bool = Field(default=False, description="A model was due and the embedded engine stepped in.")
    created_at: datetime
    finished_at: datetime | None = None
    error: ErrorShown | None = None
    waiting_for: WaitingFor | None = None
    continued_by: str | None = Field(default=None, description="The run that went on with the same conversation.")
    result: dict[str, Any] | None = None
    files: list[FileShown] = Field(default_factory=list[FileShown])
    next: str = ""


class UnknownRun(ConsiliaError):
    code = "run_not_found"
    status = 404


async def find(house: House, caller: Caller, run_id: str) -> RowMapping:
    """The caller's run. Raises UnknownRun, also for another tenant's."""
    row = await runs.get(house.database, caller.tenant_id, run_id)
    if row is None:
        raise UnknownRun(f"there is no run {run_id!r}; list_runs shows the runs there are", run_id=run_id)
    return row


async def file_row(house: House, caller: Caller, file_id: str) -> RowMapping:
    """The caller's file. Raises FileNotFound, also for another tenant's."""
    row = await files.get(house.database, caller.tenant_id, file_id)
    if row is None:
        raise FileNotFound(f"there is no file {file_id!r}; get_run lists the files of a run", file_id=file_id)
    return row


def file_shown(row: RowMapping) -> FileShown:
    uri = f"consilia://files/{row['file_id']}"
    return FileShown(file_id=row["file_id"], name=row["name"], media_type=row["media_type"], size=row["size"], uri=uri)


async def interrupts(house: House, row: RowMapping) -> list[dict[str, Any]]:
    """What a run waits for now; nothing when it has been answered, was cancelled, or has ended."""
    if row["status"] != "interrupted" or await _later(house, row) is not None:
        return []
    waits_for = await threads.interrupts(house.database, row["thread_id"])
    return [each for asked in waits_for.values() for each in asked]


async def _later(house: House, row: RowMapping) -> str | None:
    """The newest run of the same thread, where there is a newer one."""
    found = await runs.search(house.database, row["tenant_id"], thread_id=row["thread_id"], limit=1)
    return found[0]["run_id"] if found and found[0]["run_id"] != row["run_id"] else None


async def shown(house: House, row: RowMapping, *, whole: bool = True, inbox: str | None = None) -> RunShown:
    """A run as the tools show it. whole: with its result and files. inbox: where a person can answer in the browser."""
    asked = await interrupts(house, row) if row["status"] == "interrupted" else []
    later = await _later(house, row) if row["status"] == "interrupted" else None
    state: State = _STATES.get(row["status"]) or ("waiting" if asked else "continued" if later else "cancelled")
    made: Sequence[RowMapping] = await files.of_run(house.database, row["run_id"]) if whole else ()
    error = row["error"]
    return RunShown(
        run_id=row["run_id"],
        conversation_id=row["thread_id"],
        workflow=row["graph_id"],
        state=state,
        engine=row["engine"],
        degraded=bool(row["degraded"]),
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        error=ErrorShown(code=error["code"], message=error["message"]) if error else None,
        waiting_for=waiting_for(asked[0]) if asked else None,
        continued_by=later if state == "continued" else None,
        result=digests.digest(row["graph_id"], row["output"]) if whole and row["output"] else None,
        files=[file_shown(each) for each in made],
        next=_next(state, row["run_id"], later, inbox),
    )


_STATUSES: Final[dict[str, tuple[runs.RunStatus, ...]]] = {
    "queued": ("pending",),
    "running": ("running",),
    "waiting": ("interrupted",),
    "done": ("success",),
    "failed": ("error", "timeout"),
    "cancelled": ("interrupted",),
}
_LOOKED_AT: Final = 1_000
"""Most runs that are looked at for one page of those in a state."""


async def page(
    house: House, caller: Caller, workflow: str | None, state: str | None, cursor: str | None, limit: int
) -> tuple[list[RunShown], str | None]:
    """The caller's runs without what they found, newest first, and the cursor of the next page.

    A page of runs in a state may hold fewer than `limit` although there is a next one: the database cannot tell a run
    that waits from one that was cancelled.
    """
    found: list[RunShown] = []
    statuses = _STATUSES[state] if state is not None else None
    for _ in range(max(1, _LOOKED_AT // (limit + 1))):
        rows = await runs.search(
            house.database, caller.tenant_id, graph_id=workflow, statuses=statuses, before=cursor, limit=limit + 1
        )
        for row in rows[:limit]:
            run = await shown(house, row, whole=False)
            cursor = run.run_id
            if state is None or run.state == state:
                found.append(run)
            if len(found) == limit:
                return found, cursor if row is not rows[-1] else None
        if len(rows) <= limit:
            return found, None
    return found, cursor


def waiting_for(asked: dict[str, Any]) -> WaitingFor:
    """An interrupt in the form that tools give it."""
    value: Any = asked["value"]
    if not isinstance(value, dict):
        question = str(value)
        return WaitingFor(
            interrupt_id=asked["id"], title="The run asks", question=question, schema=asked.get("response_schema")
        )
    told: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    known = {"kind", "title", "question", "schema", "evidence", "segments", "files", "advice", "cautions", "coverage"}
    rest = {key: each for key, each in told.items() if key not in known}
    return WaitingFor(
        interrupt_id=asked["id"],
        title=str(told.get("title") or "The run asks"),
        question=str(told.get("question") or told),
        schema=asked.get("response_schema") or told.get("schema"),
        evidence=_short(told.get("evidence") or rest or None),
    )


def _short(evidence: Any) -> Any:
    """Evidence cut to what a conversation can hold; the resource of the question has all of it."""
    if isinstance(evidence, list):
        listed = cast(list[Any], evidence)
        return listed if len(listed) <= digests.LISTED else [*listed[: digests.LISTED], f"… {len(listed)} in all"]
    if isinstance(evidence, dict):
        return {key: _short(each) for key, each in cast(dict[str, Any], evidence).items()}
    return evidence


def _next(state: State, run_id: str, later: str | None, inbox: str | None) -> str:
    match state:
        case "queued" | "running":
            return f"Not finished. Call get_run with run_id {run_id} and wait_seconds 50 until it is."
        case "waiting":
            page = f" ({inbox})" if inbox else ""
            return (
                f"Waiting for approval at run {run_id}{page}. Show the question to the user, and pass the user's "
                f"decision on with answer_run; the whole question is the resource consilia://runs/{run_id}/question. "
                "Do not decide in the user's place."
            )
        case "continued":
            return f"Answered; it went on as run {later}: call get_run with that id."
        case _:
            return ""


def result(run: RunShown, *, failed_is_error: bool = True) -> CallToolResult:
    """The tool's answer: text first, then links to the files, and the same as structured content."""
    blocks: list[ContentBlock] = [TextContent(text=digests.text(run.workflow, run.result, _heading(run), _tail(run)))]
    blocks += [link(each) for each in run.files]
    failed = failed_is_error and run.state == "failed"
    return CallToolResult(
        content=blocks, structured_content=run.model_dump(mode="json", by_alias=True), is_error=failed
    )


def link(file: FileShown) -> ResourceLink:
    """A link to a file that resources/read follows."""
    return ResourceLink(
        uri=file.uri,
        name=file.name,
        title=file.name,
        mime_type=file.media_type,
        size=file.size,
        annotations=Annotations(audience=["user"], priority=0.8),
    )


def _heading(run: RunShown) -> str:
    words = {"queued": "is queued", "running": "is running", "waiting": "waits for a person"}
    said = words.get(run.state, run.state)
    by = f", by {run.engine}" if run.engine else ""
    return f"{run.workflow} {said}{by} (run {run.run_id})"


def _tail(run: RunShown) -> str:
    parts: list[str] = []
    if run.error is not None:
        parts.append(f"It failed: {run.error.message} ({run.error.code})")
    if run.degraded:
        parts.append("A model was due and did not answer: the embedded engine stepped in.")
    if run.waiting_for is not None:
        parts.append(f"**{run.waiting_for.title}**: {run.waiting_for.question}")
    if run.files:
        parts.append("Files: " + ", ".join(f"{each.name} (file_id {each.file_id})" for each in run.files))
    return "\n\n".join([*parts, run.next] if run.next else parts)
