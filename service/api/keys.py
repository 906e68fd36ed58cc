"""Keys over REST: for admins, each for its own tenant; those of the default tenant for every tenant."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from service.api.access import TheCaller, TheHouse
from service.api.paging import Text
from service.auth.caller import Caller, checked_scopes
from service.auth.keys import NewKey
from service.database import keys, tenants
from service.database.tables import now
from service.house import House

router = APIRouter(prefix="/keys", tags=["keys"])


class KeyCreate(BaseModel):
    """scopes: read, invoke, invoke:WORKFLOW, approve, approve:WORKFLOW, admin. tenant: by name or id; an admin of the
    default tenant may name another than its own."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    scopes: list[Text] = Field(min_length=1, max_length=100)
    tenant: Text | None = None
    expires_in_days: float | None = Field(default=None, gt=0, le=3660)
    requests_per_minute: int | None = Field(default=None, ge=1, le=10_000_000)


class KeyRotate(BaseModel):
    """overlap_hours: how long the old key stays good."""

    overlap_hours: float = Field(default=24, ge=0, le=2160)


class Key(BaseModel):
    """A key without its secret. state: good, replaced (rotated, its end is near), expired, revoked."""

    key_id: str
    name: str
    tenant_id: str
    tenant: str
    scopes: list[str]
    state: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    requests_per_minute: int | None
    created_by: str | None
    replaced_by: str | None


class MadeKey(BaseModel):
    """A key just made. key: its text, shown this once."""

    key_id: str
    key: str
    name: str
    tenant_id: str
    scopes: list[str]
    expires_at: datetime | None


def _owner(caller: Caller) -> str | None:
    """The tenant whose keys the caller manages; None: every tenant's."""
    return None if caller.runs_the_installation else caller.tenant_id


async def _tenant(house: House, caller: Caller, named: str | None) -> str:
    """The id of a tenant that the caller may make keys for. Raises UnknownTenant, also for another's."""
    if named is None:
        return caller.tenant_id
    row = await tenants.find(house.database, named)
    if not caller.runs_the_installation and row["tenant_id"] != caller.tenant_id:
        raise tenants.UnknownTenant(f"there is no tenant {named!r}", tenant=named)
    return str(row["tenant_id"])


@router.get("")
async def search(
    house: TheHouse,
    caller: TheCaller,
    ended: Annotated[bool, Query(description="Also keys that are revoked or have expired.")] = False,
) -> list[Key]:
    """The keys, newest first."""
    rows = await keys.search(house.database, _owner(caller), ended=ended)
    return [Key.model_validate(keys.shown(row)) for row in rows]


@router.post("", status_code=201)
async def create(body: KeyCreate, house: TheHouse, caller: TheCaller) -> MadeKey:
    """Make a key."""
    made = await house.keys.create(
        body.name,
        checked_scopes(body.scopes, house.registry.names()),
        await _tenant(house, caller, body.tenant),
        expires_at=now() + timedelta(days=body.expires_in_days) if body.expires_in_days else None,
        requests_per_minute=body.requests_per_minute,
        created_by=caller.key_id,
    )
    return _made(made)


@router.post("/{key_id}/rotate", status_code=201)
async def rotate(key_id: str, body: KeyRotate, house: TheHouse, caller: TheCaller) -> MadeKey:
    """Make a new key in the place of one, which stays good for the overlap."""
    overlap = timedelta(hours=body.overlap_hours)
    return _made(await house.keys.rotate(key_id, overlap, _owner(caller), created_by=caller.key_id))


@router.delete("/{key_id}", status_code=204, response_model=None)
async def revoke(key_id: str, house: TheHouse, caller: TheCaller) -> Response:
    """End a key; every process refuses it within a second."""
    await house.keys.revoke(key_id, _owner(caller))
    return Response(status_code=204)


def _made(made: NewKey) -> MadeKey:
    return MadeKey(
        key_id=made.key_id,
        key=made.key,
        name=made.name,
        tenant_id=made.tenant_id,
        scopes=list(made.scopes),
        expires_at=made.expires_at,
    )
