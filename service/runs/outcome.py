"""How a run ended."""

import traceback
from dataclasses import dataclass, field
from typing import Any, Literal

from langgraph.errors import GraphRecursionError
from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError

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


def from_row(row: RowMapping | dict[str, Any], interrupts: dict[str, Any] | None = None) -> Outcome:
    """How a run that has ended did, as its row tells it. interrupts: its thread's, where it waits for somebody."""
    return Outcome(row["status"], row["output"], interrupts or {}, row["error"])


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
