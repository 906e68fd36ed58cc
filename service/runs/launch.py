"""From a cron to a run: the run that it asks for, on its thread or a new one."""

from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from service.database import assistants, threads
from service.database.tables import new_id
from service.house import House
from service.runs.submit import Order, submit
from tools.errors import ConsiliaError


class CronHasNoAssistant(ConsiliaError):
    """The cron's assistant is gone, or no longer its tenant's to see."""

    code = "unknown_assistant"
    status = 404


async def launch(house: House, cron: RowMapping, date: datetime) -> None:
    """Submit the run of one date. Raises what `submit` raises, and CronHasNoAssistant."""
    tenant_id, payload = cron["tenant_id"], cron["payload"]
    assistant = await assistants.get(house.database, tenant_id, cron["assistant_id"])
    if assistant is None:
        raise CronHasNoAssistant(f"Assistant {cron['assistant_id']!r} not found", cron_id=cron["cron_id"])
    origin = {"cron_id": cron["cron_id"], "cron_date": date.isoformat()}
    thread_id: str | None = cron["thread_id"]
    if thread_id is None and cron["on_run_completed"] == "keep":
        known = {"graph_id": assistant["graph_id"], "assistant_id": assistant["assistant_id"], **origin}
        creation, _ = threads.creation(tenant_id, (thread_id := new_id()), known)
        await house.database.writer.write(creation)
    await submit(house, tenant_id, _order(assistant, cron, payload, origin), thread_id)


def _order(assistant: RowMapping, cron: RowMapping, payload: dict[str, Any], origin: dict[str, Any]) -> Order:
    modes = payload.get("stream_mode") or ["values"]
    kept = cron["thread_id"] is not None or cron["on_run_completed"] == "keep"
    return Order(
        assistant=assistant,
        input=payload.get("input"),
        command=None,
        config=payload.get("config") or {},
        context=payload.get("context") or {},
        metadata={**cron["metadata"], **origin},
        stream_mode=[modes] if isinstance(modes, str) else modes,
        interrupt_before=payload.get("interrupt_before"),
        interrupt_after=payload.get("interrupt_after"),
        multitask_strategy=payload.get("multitask_strategy") or "enqueue",
        durability=payload.get("durability") or "async",
        subgraphs=bool(payload.get("stream_subgraphs")),
        webhook=payload.get("webhook"),
        on_completion="keep" if kept else "delete",
    )
