"""What the end of a run brings about, beside its own record: its webhook, and the end of a thread made for it alone."""

from typing import Any, cast

from service.database import threads
from service.database.writer import Write
from service.runs import webhooks
from service.runs.outcome import Outcome


def ending(row: dict[str, Any], outcome: Outcome, *, sealed: bool) -> list[Write]:
    """The writes that belong into the transaction that ends the run, so that a crash loses none of it."""
    writes = webhooks.due(row, outcome, sealed=sealed)
    kwargs = cast(dict[str, Any], row["kwargs"])
    if kwargs.get("temporary") and kwargs.get("on_completion") == "delete":
        writes.append(threads.ended(row["thread_id"]))
    return writes
