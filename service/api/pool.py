"""The model servers of this process: how they stand, and taking one out for a while."""

from typing import Annotated, Any

from fastapi import APIRouter, Body

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
    """Send an endpoint no new requests; those that run end in peace. Of this process only, until it restarts."""
    caller.require_installation()
    house.pool.drain(endpoint, draining)
    return house.pool.status()
