"""Tenants over REST, for admins of the default tenant."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from service.api.access import TheCaller, TheHouse
from service.api.forms import Whole
from service.api.paging import Text
from service.database import tenants
from service.database.tables import now

router = APIRouter(prefix="/tenants", tags=["tenants"])

PerMinute = Annotated[Whole, Field(ge=1, le=100_000_000)] | None
Tokens = Annotated[Whole, Field(ge=1, le=10**15)] | None
Cost = Annotated[float | None, Field(gt=0, le=1e12)]
Days = Annotated[dict[Text, Annotated[float, Field(gt=0, le=36_600)]] | None, Field(max_length=1000)]


class TenantChange(BaseModel):
    """What changes; null takes the tenant's own limit away. retention_days: by workflow, "*" for all others."""

    model_config = ConfigDict(strict=True)

    requests_per_minute: PerMinute = None
    tokens_per_month: Tokens = None
    cost_per_month: Cost = None
    retention_days: Days = None
    suspended: bool | None = None


class TenantCreate(BaseModel):
    model_config = ConfigDict(strict=True)

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=tenants.NAME)]
    requests_per_minute: PerMinute = None
    tokens_per_month: Tokens = None
    cost_per_month: Cost = None
    retention_days: Days = None


class Tenant(BaseModel):
    """Who rows belong to. Limits that are null are those of the settings."""

    tenant_id: str
    name: str
    created_at: datetime
    suspended_at: datetime | None
    requests_per_minute: int | None
    tokens_per_month: int | None
    cost_per_month: float | None
    retention_days: dict[str, float] | None


class MonthlyBudget(BaseModel):
    """Of a calendar month, UTC. A limit of 0 is none. cost: in the currency of the pool's prices."""

    month: str
    tokens_limit: int
    cost_limit: float
    tokens: int
    cost: float
    used_up: bool


@router.get("")
async def search(house: TheHouse, caller: TheCaller) -> list[Tenant]:
    """Every tenant by name."""
    caller.require_installation()
    return [Tenant.model_validate(dict(row)) for row in await tenants.search(house.database)]


@router.post("", status_code=201)
async def create(body: TenantCreate, house: TheHouse, caller: TheCaller) -> Tenant:
    """Make a tenant; it has no key yet."""
    caller.require_installation()
    row = await tenants.create(house.database, body.name, body.model_dump(exclude={"name"}))
    return Tenant.model_validate(dict(row))


@router.get("/{tenant}")
async def get(tenant: str, house: TheHouse, caller: TheCaller) -> Tenant:
    """The tenant by name or id; an admin of a tenant sees its own."""
    row = await tenants.find(house.database, tenant)
    if not caller.runs_the_installation and row["tenant_id"] != caller.tenant_id:
        raise tenants.UnknownTenant(f"there is no tenant {tenant!r}", tenant=tenant)
    return Tenant.model_validate(dict(row))


@router.get("/{tenant}/budget")
async def budget(tenant: str, house: TheHouse, caller: TheCaller) -> MonthlyBudget:
    """What the tenant may spend this month, and has spent; for its admins too."""
    row = await tenants.find(house.database, tenant)
    if not caller.runs_the_installation and row["tenant_id"] != caller.tenant_id:
        raise tenants.UnknownTenant(f"there is no tenant {tenant!r}", tenant=tenant)
    found = await house.budgets.of(row["tenant_id"])
    return MonthlyBudget(**asdict(found), used_up=found.used_up)


@router.patch("/{tenant}")
async def patch(tenant: str, body: TenantChange, house: TheHouse, caller: TheCaller) -> Tenant:
    """Change a tenant's limits, or suspend it: its keys are refused until it is no longer suspended."""
    row = await tenants.find(house.database, tenant)
    if not caller.runs_the_installation:
        if row["tenant_id"] != caller.tenant_id:
            raise tenants.UnknownTenant(f"there is no tenant {tenant!r}", tenant=tenant)
        caller.require_installation()
    changes = body.model_dump(exclude_unset=True)
    suspended = changes.pop("suspended", None)
    if suspended is not None:
        changes["suspended_at"] = (row["suspended_at"] or now()) if suspended else None
    return Tenant.model_validate(dict(await tenants.change(house.database, row["tenant_id"], changes)))
