"""How a run ended."""

import traceback
from dataclasses import dataclass, field
from typing import Any, Literal

from langgraph.errors import GraphRecursionError
from sqlalchemy.exc import SQLAlchemyError

from service.database import runs, threads
from service.database.engine import Database
from service.database.runs import RunStatus
from service.database.threads import ThreadStatus
from service.runs import places
from tools.errors import ConsiliaError

CancelAction = Literal["interrupt", "rollback"]

_LONGEST_TRACE = 20_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. values: the final state. interrupts: what it waits for, by task id. error: with its `type`.

    stopped: whether it stopped at a breakpoint, so that its thread has a next step.
    """

    status: RunStatus
    values: dict[str, Any] | None
    interrupts: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    error: dict[str, Any] | None = None
    stopped: bool = False

    @property
    def thread_status(self) -> ThreadStatus:
        """What the run leaves its thread in."""
        if self.status == "interrupted" or self.stopped:
            return "interrupted"
        return "error" if self.error is not None else "idle"


class RunGone(ConsiliaError):
    code = "run_not_found"
    status = 404


async def recorded(database: Database, run_id: str) -> Outcome | None:
    """How a run ended as SQL has it, None while it has not. Raises RunGone for a run that was deleted."""
    row = await runs.ended(database, run_id)
    if row is None:
        raise RunGone(f"run {run_id} was deleted", run_id=run_id)
    if row["status"] not in runs.FINISHED:
        return None
    waits_for = await threads.interrupts(database, row["thread_id"]) if row["status"] == "interrupted" else {}
    return Outcome(row["status"], row["output"], waits_for, row["error"])


def failure(error: Exception, run_seconds: float) -> Outcome:
    """The outcome of a run that raised. run_seconds: the limit, for the sentence about it."""
    match error:
        case TimeoutError():
            message = f"the run took longer than {run_seconds:g} s (limits.run_seconds)"
            return Outcome("timeout", None, error=described("run_timeout", message, 504, "TimeoutError"))
        case GraphRecursionError():
            return Outcome("error", None, error=described("recursion_limit", str(error), 500, "GraphRecursionError"))
        case ConsiliaError():
            kind = "".join(part.title() for part in error.code.split("_"))
            return Outcome("error", None, error={**error.as_payload(), "type": kind})
        case SQLAlchemyError():
            message = "the database did not answer or refused a write; the log has the reason; try the run again"
            return Outcome("error", None, error=described("database_error", message, 503, type(error).__name__))
        case _:
            shown = described("graph_error", str(error), 500, type(error).__name__)
            shown["details"] = places.described(error)
            shown["trace"] = "".join(traceback.format_exception(error))[-_LONGEST_TRACE:]
            return Outcome("error", None, error=shown)


def described(code: str, message: str, status: int, kind: str) -> dict[str, Any]:
    """An error as a run's row keeps it."""
    return {"code": code, "message": message, "status": status, "details": {}, "type": kind}
