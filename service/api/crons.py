"""Crons: schedules that start runs, on one thread or each on its own."""

from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping

from service.api import assistants, threads
from service.api.access import TheCaller, TheHouse, may_start
from service.api.forms import AssistantId, Moment, Whole
from service.api.paging import Json, Text, paged, shown
from service.api.shapes import StreamMode
from service.auth import Caller
from service.database import crons
from service.database.crons import SortBy
from service.database.tables import new_id, now
from service.house import House
from service.runs.schedule import next_date
from service.runs.webhooks import checked_url
from tools.errors import ConsiliaError

router = APIRouter(tags=["crons"])

CronField = Literal[
    "cron_id",
    "assistant_id",
    "thread_id",
    "on_run_completed",
    "end_time",
    "schedule",
    "timezone",
    "created_at",
    "updated_at",
    "user_id",
    "payload",
    "next_run_date",
    "metadata",
    "enabled",
]


class UnknownCron(ConsiliaError):
    code = "cron_not_found"
    status = 404


class EmptyBody(ConsiliaError):
    code = "empty_body"
    status = 400


class _Asked(BaseModel):
    """The run that a cron starts. schedule: five fields of crontab(5); timezone: IANA name, default UTC."""

    model_config = ConfigDict(extra="ignore", strict=True)

    timezone: Text | None = None
    end_time: Moment | None = None
    input: Json | None = None
    metadata: Json = Field(default_factory=dict)
    config: Json = Field(default_factory=dict)
    context: Json = Field(default_factory=dict)
    webhook: Text | None = Field(default=None, min_length=1, max_length=65_536)
    interrupt_before: Literal["*"] | list[Text] | None = None
    interrupt_after: Literal["*"] | list[Text] | None = None
    on_run_completed: Literal["delete", "keep"] | None = None
    multitask_strategy: Literal["reject", "interrupt", "rollback", "enqueue"] = "enqueue"
    enabled: bool = True
    stream_mode: StreamMode | list[StreamMode] = Field(default_factory=lambda: ["values"])
    stream_subgraphs: bool = False
    stream_resumable: bool = False
    durability: Literal["sync", "async", "exit"] = "async"


class CronCreate(_Asked):
    assistant_id: str
    schedule: Text


class CronPatch(_Asked):
    """What changes; metadata is merged, `end_time: null` takes the end away."""

    schedule: Text | None = None


class CronCount(BaseModel):
    model_config = ConfigDict(strict=True)

    assistant_id: AssistantId | None = None
    thread_id: str | None = None
    metadata: Json | None = None


class CronSearch(CronCount):
    enabled: bool | None = None
    limit: Whole = Field(default=10, ge=1, le=1000)
    offset: Whole = Field(default=0, ge=0, le=2**31)
    sort_by: SortBy = "created_at"
    sort_order: Literal["asc", "desc"] = "desc"
    select: list[CronField] | None = None


class Cron(BaseModel):
    """A schedule that starts runs. next_run_date: none when no date is left before end_time."""

    cron_id: str
    assistant_id: str
    thread_id: str | None
    user_id: str = ""
    end_time: datetime | None
    schedule: str
    timezone: str | None
    payload: dict[str, Any]
    next_run_date: datetime | None
    metadata: dict[str, Any]
    on_run_completed: str | None
    enabled: bool
    created_at: datetime
    updated_at: datetime


def _end(end: datetime | None) -> datetime | None:
    return end.replace(tzinfo=UTC) if end is not None and end.tzinfo is None else end


async def _create(house: House, caller: Caller, body: CronCreate, thread_id: str | None) -> Cron:
    assistant = await assistants.find(house, caller, body.assistant_id)
    may_start(caller, assistant["graph_id"], resumes=False)
    if body.webhook is not None:
        checked_url(body.webhook, house.settings.webhooks)
    cron_id, moment, end = new_id(), now(), _end(body.end_time)
    payload = body.model_dump(mode="json", exclude_unset=True) | {"assistant_id": assistant["assistant_id"]}
    payload["config"] = _config(payload.get("config") or {}, cron_id)
    row: dict[str, Any] = {
        "cron_id": cron_id,
        "tenant_id": caller.tenant_id,
        "assistant_id": assistant["assistant_id"],
        "thread_id": thread_id,
        "schedule": body.schedule,
        "timezone": body.timezone,
        "end_time": end,
        "enabled": body.enabled,
        "next_run_date": next_date(body.schedule, body.timezone, moment, end),
        "firing": None,
        "claimed_at": None,
        "payload": payload,
        "on_run_completed": (body.on_run_completed or "delete") if thread_id is None else None,
        "metadata": body.metadata,
        "created_at": moment,
        "updated_at": moment,
    }
    await house.database.writer.write(crons.creation(row, sealed=house.database.is_sensitive(assistant["graph_id"])))
    house.scheduler.changed()
    return Cron(**row)


def _config(config: dict[str, Any], cron_id: str) -> dict[str, Any]:
    """A run's config that tells the graph which cron started it."""
    configurable: dict[str, Any] = config.get("configurable") or {}
    return {**config, "configurable": {**configurable, "cron_id": cron_id}}


async def find(house: House, caller: Caller, cron_id: str) -> RowMapping:
    """The caller's cron. Raises UnknownCron."""
    row = await crons.get(house.database, caller.tenant_id, threads.checked_uuid("cron", cron_id))
    if row is None:
        raise UnknownCron(f"Cron {cron_id!r} not found", cron_id=cron_id)
    return row


@router.post("/runs/crons")
async def create(body: CronCreate, house: TheHouse, caller: TheCaller) -> Cron:
    """Start a run on a new thread at each date. on_run_completed "delete": the thread goes when its run has ended."""
    return await _create(house, caller, body, None)


@router.post("/threads/{thread_id}/runs/crons")
async def create_for_thread(thread_id: str, body: CronCreate, house: TheHouse, caller: TheCaller) -> Cron:
    """Start a run on this thread at each date."""
    thread = await threads.find(house, caller, thread_id)
    return await _create(house, caller, body, thread["thread_id"])


def _filters(house: House, body: CronCount) -> dict[str, Any]:
    return {
        "assistant_id": assistants.named_id(house, body.assistant_id) if body.assistant_id is not None else None,
        "thread_id": threads.checked_uuid("thread", body.thread_id) if body.thread_id else None,
        "metadata": body.metadata,
    }


@router.post("/runs/crons/search")
async def search(body: CronSearch, house: TheHouse, caller: TheCaller, response: Response) -> list[dict[str, Any]]:
    """The caller's crons, by default the newest first."""
    rows = await crons.search(
        house.database,
        caller.tenant_id,
        **_filters(house, body),
        enabled=body.enabled,
        sort_by=body.sort_by,
        descending=body.sort_order == "desc",
        limit=body.limit + 1,
        offset=body.offset,
    )
    return [shown(Cron(**row), body.select) for row in paged(rows, body.limit, body.offset, response)]


@router.post("/runs/crons/count")
async def count(body: CronCount, house: TheHouse, caller: TheCaller) -> int:
    return await crons.count(house.database, caller.tenant_id, **_filters(house, body))


@router.get("/runs/crons/{cron_id}")
async def get(cron_id: str, house: TheHouse, caller: TheCaller) -> Cron:
    return Cron(**await find(house, caller, cron_id))


@router.patch("/runs/crons/{cron_id}")
async def patch(cron_id: str, body: CronPatch, house: TheHouse, caller: TheCaller) -> Cron:
    """Change the cron. Enabling it again counts from now: what it missed meanwhile is not started."""
    row = dict(await find(house, caller, cron_id))
    asked = body.model_dump(mode="json", exclude_unset=True)
    if not asked:
        raise EmptyBody("Request body cannot be empty")
    if body.webhook is not None:
        checked_url(body.webhook, house.settings.webhooks)
    graph_id: str = (await assistants.find(house, caller, row["assistant_id"]))["graph_id"]
    may_start(caller, graph_id, resumes=False)
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None or name == "end_time"}
    payload = {**row["payload"], **given}
    payload["config"] = _config(payload.get("config") or {}, row["cron_id"])
    row["payload"] = payload
    for name in ("schedule", "timezone", "enabled"):
        row[name] = given.get(name, row[name])
    merged: dict[str, Any] = given.get("metadata") or {}
    row["metadata"] = {**row["metadata"], **merged}
    if row["thread_id"] is None:
        row["on_run_completed"] = given.get("on_run_completed", row["on_run_completed"])
    if "end_time" in given:
        row["end_time"] = _end(body.end_time)
    if given.keys() & {"schedule", "timezone", "end_time", "enabled"}:
        row["next_run_date"] = next_date(row["schedule"], row["timezone"], now(), row["end_time"])
    await house.database.writer.write(crons.changed(row, sealed=house.database.is_sensitive(graph_id)))
    house.scheduler.changed()
    return Cron(**await find(house, caller, cron_id))


@router.delete("/runs/crons/{cron_id}", status_code=204, response_model=None)
async def delete(cron_id: str, house: TheHouse, caller: TheCaller) -> Response:
    """Delete the cron; the runs it started stay."""
    row = await find(house, caller, cron_id)
    await crons.delete(house.database, row["cron_id"])
    return Response(status_code=204)
