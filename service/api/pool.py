"""The model servers: how they stand for this process, and taking one out for all of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Body

from service import draining as draining_
from service.api.access import TheCaller, TheHouse

router = APIRouter(tags=["pool"])


@router.get("/pool")
async def status(house: TheHouse, caller: TheCaller) -> dict[str, Any]:
    """Every model and endpoint: state, load, requests, failures. Needs an admin of the default tenant."""
    caller.require_installation()
    return house.pool.status()


@router.post("/pool/drain")
async def drain(
    house: TheHouse,
    caller: TheCaller,
    endpoint: Annotated[str, Body(description="URL of the endpoint, as the configuration has it.")],
    draining: Annotated[bool, Body(description="false: send it requests again.")] = True,
) -> dict[str, Any]:
    """Send an endpoint no new requests; those that run end in peace. It holds for every process of the database (the
    others follow within pool.health_seconds), also after a restart, until it is taken back. For the installation's
    admins."""
    caller.require_installation()
    await draining_.drain(house.database, house.pool, endpoint, draining, caller.key_id)
    return house.pool.status()
