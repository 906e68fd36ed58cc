"""What a run's nodes did and when, read from its own events: the visits, the supersteps, the edges that were taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import select

from service.database.engine import Database
from service.database.tables import RunEvent

_MOST: Final = 10_000


@dataclass(slots=True)
class Visit:
    """A node was run once. inside: the task of the node whose subgraph it belongs to. error: what it raised.
    finished: None while it runs, or when the run was ended first."""

    node: str
    task_id: str
    started: datetime
    inside: str | None = None
    finished: datetime | None = None
    error: str = ""
    step: int = 0


async def visits(database: Database, run_id: str) -> list[Visit]:
    """In their order; the first 10,000 events of nodes are read."""
    query = (
        select(RunEvent.data, RunEvent.created_at)
        .where(RunEvent.run_id == run_id, RunEvent.kind == "node")
        .order_by(RunEvent.seq)
        .limit(_MOST)
    )
    async with database.reading() as connection:
        rows = (await connection.execute(query)).all()
    return read([(orjson.loads(row.data), row.created_at) for row in rows])


def read(events: Sequence[tuple[dict[str, Any], datetime]]) -> list[Visit]:
    """Visits from the events of nodes. Tasks of one superstep begin together, and the next begins when all have ended;
    a task that is taken up again after a crash is one visit."""
    found: dict[str, Visit] = {}
    step, open_tasks = -1, set[str]()
    for told, moment in events:
        task_id, namespace = str(told["task_id"]), str(told.get("namespace") or "")
        if told["phase"] == "started":
            if not namespace:
                if not open_tasks:
                    step += 1
                open_tasks.add(task_id)
            inside = namespace.split("|")[-1].rpartition(":")[2] if namespace else None
            found.setdefault(task_id, Visit(str(told["node"]), task_id, moment, inside, step=max(step, 0)))
            continue
        open_tasks.discard(task_id)
        if task_id in found:
            found[task_id].finished = moment
            found[task_id].error = str(told.get("error") or "")
    return list(found.values())


def taken(visited: Sequence[Visit], edges: Sequence[tuple[str, str]], ended: bool) -> dict[tuple[str, str], int]:
    """How often each edge of the graph was taken: its target was run in the superstep after its source's.

    ended: the run came to its end, so edges to the end count too.
    """
    top = [each for each in visited if each.inside is None]
    counts: dict[tuple[str, str], int] = {}
    by_step: dict[int, list[str]] = {}
    for each in top:
        by_step.setdefault(each.step, []).append(each.node)
    last = max(by_step, default=-1)
    for source, target in edges:
        if source == "__start__":
            times = by_step.get(0, []).count(target)
        elif target == "__end__":
            times = int(ended and source in by_step.get(last, []))
        else:
            times = sum(
                nodes.count(source) and by_step.get(step + 1, []).count(target) for step, nodes in by_step.items()
            )
        if times:
            counts[source, target] = times
    return counts
