"""The header Idempotency-Key: a request that is repeated with the same key makes its runs once.

After draft-ietf-httpapi-idempotency-key-header: the same key with another request is refused with 422. The key is
written in the transaction that makes the (first) run, so there is no moment at which one is there without the other.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from weakref import WeakValueDictionary

import orjson
from sqlalchemy.exc import IntegrityError

from service.database import idempotency, runs
from service.database.tables import new_id, now
from service.database.writer import Write
from service.house import House
from tools.errors import ConsiliaError, InvalidInput

LONGEST_KEY: Final = 255


class IdempotencyKeyReused(ConsiliaError):
    """The key belongs to another request."""

    code = "idempotency_key_reused"
    status = 422


@dataclass(frozen=True, slots=True)
class Request:
    """A request that carries a key. digest: of what it asks for."""

    tenant_id: str
    key: str
    digest: str


def request(tenant_id: str, key: str, method: str, path: str, body: bytes) -> Request:
    """The request, recognised by its method, path and JSON body (however that is written). Raises InvalidInput."""
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise InvalidInput(f"the Idempotency-Key must have 1 to {LONGEST_KEY} printable characters, it has {len(key)}")
    with suppress(orjson.JSONDecodeError):  # what is no JSON is the same request when it has the same bytes
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()
    return Request(tenant_id, key, digest)


_locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()


Make = Callable[[int, str, tuple[Write, ...]], Awaitable[object]]
"""Makes the request's run of a number (from 0) with an id, together with writes."""


async def once(house: House, asked: Request, count: int, make: Make) -> list[str]:
    """The ids of the request's `count` runs, made now unless the key has made them already.

    Of several runs, those that a crash kept from being made are made at the repetition. Raises IdempotencyKeyReused,
    and what `make` raises; a request that failed may be repeated with its key.
    """
    lock = _locks.setdefault((asked.tenant_id, asked.key), asyncio.Lock())
    async with lock:
        known = await _known(house, asked)
        if known is not None:
            for number, run_id in enumerate(known if count > 1 else ()):
                if await runs.get(house.database, asked.tenant_id, run_id) is None:
                    await make(number, run_id, ())
            return known
        run_ids = [new_id() for _ in range(count)]
        await idempotency.forget(house.database, now(), (asked.tenant_id, asked.key))
        kept = timedelta(hours=house.settings.idempotency_hours)
        try:
            await make(0, run_ids[0], (idempotency.claim(asked.tenant_id, asked.key, asked.digest, run_ids, kept),))
        except IntegrityError:
            known = await _known(house, asked)  # another process was first
            if known is None:
                raise
            return known
        for number in range(1, count):
            await make(number, run_ids[number], ())
        return run_ids


async def _known(house: House, asked: Request) -> list[str] | None:
    row = await idempotency.find(house.database, asked.tenant_id, asked.key)
    if row is None:
        return None
    if row["request_sha256"] != asked.digest:
        raise IdempotencyKeyReused("this Idempotency-Key belongs to another request; use a new key for a new request")
    return list(row["run_ids"])
