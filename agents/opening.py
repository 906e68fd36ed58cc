"""Opening a pool: what each server serves, and what is wrong with the configuration, entry by entry with the remedy."""

import asyncio
from collections.abc import Mapping, Sequence

import aiohttp
import structlog

from agents.endpoint import Endpoint
from agents.faults import InvalidPool
from agents.pool_settings import PoolSettings
from agents.probing import Refused, reason, served

log = structlog.get_logger(__name__)


async def learn(session: aiohttp.ClientSession, endpoint: Endpoint, seconds: float) -> str | None:
    """What the endpoint serves; what is wrong with it, or None."""
    try:
        told = await served(session, endpoint, seconds)
    except Refused as refused:
        key = "its key is refused: set api_key to where the right one is" if refused.status in (401, 403) else ""
        return key or f"/models answers {refused.status}: is it the URL of the server's /v1?"
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return f"{reason(error)}: start it, or correct the URL"
    except ValueError:
        return "/models is no JSON: is it the URL of the server's /v1?"
    model = endpoint.model
    wanted = [model.served] if model.served else [model.name, *model.facts.names]
    own = [name for name in told.names if name not in told.adapters and name not in model.adapters]
    name = next((name for name in wanted if name in told.names), None)
    if name is None and not model.served and len(own) == 1:
        name = own[0]
    if name is None:
        return f"it serves {', '.join(told.names) or 'nothing'}, not {wanted[0]!r}: set served to one of them"
    if endpoint.served not in ("", name):
        return f"it came back with {name!r} in place of {endpoint.served!r}: start the right model there"
    endpoint.served, endpoint.context = name, told.contexts.get(name)
    endpoint.adapters = frozenset(each for each in model.adapters if each in told.names)
    if model.context and endpoint.context and model.context > endpoint.context:
        return f"context = {model.context} is more than the {endpoint.context} tokens it was started with"
    return None


async def check(
    session: aiohttp.ClientSession, endpoints_of: Mapping[str, Sequence[Endpoint]], settings: PoolSettings
) -> None:
    """Look at every endpoint once. Raises InvalidPool, which names each entry at fault and the remedy."""
    faults: list[str] = []
    for name, endpoints in endpoints_of.items():
        told = await asyncio.gather(*(learn(session, each, settings.connect_seconds) for each in endpoints))
        wrong = [(each, fault) for each, fault in zip(endpoints, told, strict=True) if fault]
        for endpoint, fault in zip(endpoints, told, strict=True):
            endpoint.seen(fault is None, fault or "")
        shown = [f"pool.models {name!r}, endpoint {each.url}: {fault}" for each, fault in wrong]
        key = any(fault.startswith(("its key", "context")) for _, fault in wrong)
        if settings.on_start == "refuse" and (len(wrong) == len(endpoints) or key):
            faults += shown
        else:
            for each in shown:
                log.warning("endpoint not usable", fault=each)
        missing = [each for each in endpoints[0].model.adapters if not any(each in e.adapters for e in endpoints)]
        if missing and len(wrong) < len(endpoints):
            log.warning("adapters not loaded", model=name, adapters=missing)
    if faults:
        raise InvalidPool("; ".join(faults) + ' (pool.on_start = "warn" starts all the same)', faults=faults)
