"""Erasing over REST, for admins of the tenant."""

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.api.access import TheCaller, TheHouse
from service.api.finding import checked_uuid
from service.api.forms import Id
from service.api.paging import Text
from service.database.engine import Database
from service.runs import erasing
from service.runs.erasing import Erased

router = APIRouter(prefix="/erasures", tags=["erasures"])


_ONE_OF = ("run_id", "thread_id", "subject")


class Erasure(BaseModel):
    """What to erase: one of these."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {
                    "required": [one],
                    "properties": {each: {"type": "string" if each == one else "null"} for each in _ONE_OF},
                }
                for one in _ONE_OF
            ]
        }
    )

    run_id: Id | None = None
    thread_id: Id | None = None
    subject: Text | None = Field(default=None, min_length=1, max_length=500)

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if sum(each is not None for each in (self.run_id, self.thread_id, self.subject)) != 1:
            raise ValueError("give one of run_id, thread_id and subject")
        return self


class ErasedRows(BaseModel):
    """erased: rows by table. remains: what may still hold some of it."""

    erased: dict[str, int]
    remains: list[str]


@router.post("")
async def erase(body: Erasure, house: TheHouse, caller: TheCaller) -> ErasedRows:
    """Erase a run, a thread with its runs, or all that has a subject in its metadata; with files and checkpoints."""
    done = await _erased(body, house.database, caller.tenant_id)
    remains = [*done.remains, "free pages of the database's files, until `consilia db compact`", "backups and exports"]
    return ErasedRows(erased=done.rows, remains=remains)


async def _erased(body: Erasure, database: Database, tenant_id: str) -> Erased:
    if body.run_id is not None:
        return await erasing.erase_run(database, tenant_id, checked_uuid("run", body.run_id))
    if body.thread_id is not None:
        return await erasing.erase_thread(database, tenant_id, checked_uuid("thread", body.thread_id))
    assert body.subject is not None, "the body names one thing"
    return await erasing.erase_subject(database, tenant_id, body.subject)
