"""The keys of this installation: who a key belongs to, and making, rotating and revoking them.

Only a keyed hash of a key is kept; the hashing key, the pepper, lies in the data folder, so a stolen database lets
nobody in. What is read of a key is believed for half a second: a revocation acts on every replica within that time.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import RowMapping

from service.auth.caller import Caller, checked_scopes
from service.auth.key_text import PREFIX as PREFIX
from service.auth.key_text import Unauthorized as Unauthorized
from service.auth.key_text import hashed, key_id_of, new_key
from service.database import keys, tenants
from service.database.engine import Database
from service.database.tables import DEFAULT_TENANT, now
from service.secret_files import secret_file
from tools.errors import ConsiliaError, InvalidInput

BELIEVED_SECONDS: Final = 0.5
"""How long what was read of a key is believed."""

USED_SECONDS: Final = 60.0
"""The time of a key's last use is written this often at most."""

_MOST: Final = 10_000


class UnknownKey(ConsiliaError):
    code = "key_not_found"
    status = 404


class Tokens(Protocol):
    """Who a token of an external issuer belongs to."""

    async def caller(self, token: str) -> Caller:
        """Raises Unauthorized."""
        ...


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. key: its text, shown this once."""

    key_id: str
    key: str
    name: str
    tenant_id: str
    scopes: tuple[str, ...]
    expires_at: datetime | None


def pepper(data_dir: Path) -> bytes:
    """The installation's hashing key, from the data folder; made at the first call, readable by the owner only."""
    return secret_file(data_dir / "pepper", lambda: secrets.token_bytes(32))


class Keys:
    """Use one a process. tokens: what takes what is no key of ours; without it such a credential is refused."""

    def __init__(self, database: Database, data_dir: Path, tokens: Tokens | None = None) -> None:
        self._database = database
        self._pepper = pepper(data_dir)
        self._first_key_file = data_dir / "first-key"
        self._tokens = tokens
        self._known: dict[str, tuple[float, RowMapping | None]] = {}
        self._reading: dict[str, asyncio.Task[RowMapping | None]] = {}
        self._used: dict[str, float] = {}

    async def first_key(self) -> str | None:
        """At the first start: make a key and return it, keeping it in `first-key` for the command line; else None."""
        if await keys.count(self._database):
            return None
        made = await self.create("first key", ("admin",))
        secret_file(self._first_key_file, lambda: made.key.encode())
        return made.key

    async def create(
        self,
        name: str,
        scopes: Sequence[str],
        tenant_id: str = DEFAULT_TENANT,
        *,
        expires_at: datetime | None = None,
        requests_per_minute: int | None = None,
        created_by: str | None = None,
    ) -> NewKey:
        """A new key. Raises InvalidInput for an unknown scope, a name too long, a time that is past."""
        if not 0 < len(name.strip()) <= 200 or not name.isprintable():
            raise InvalidInput(f"a key's name has 1 to 200 printable characters; this one has {len(name)}")
        if expires_at is not None and expires_at <= now():
            raise InvalidInput(f"the key would have expired already, on {expires_at.isoformat()}")
        key_id, key = new_key()
        made = NewKey(key_id, key, name.strip(), tenant_id, checked_scopes(scopes), expires_at)
        kept = keys.creation(
            key_id=key_id,
            tenant_id=tenant_id,
            name=made.name,
            secret_hash=hashed(key, self._pepper),
            scopes=made.scopes,
            expires_at=expires_at,
            requests_per_minute=requests_per_minute,
            created_by=created_by,
        )
        await self._database.writer.write(kept)
        return made

    async def rotate(
        self, key_id: str, overlap: timedelta, tenant_id: str | None = None, created_by: str | None = None
    ) -> NewKey:
        """A new key in the place of one, which goes on being good for the overlap. tenant_id: of its owner, or None.

        The new key lives as long as the old one was to live from its making. Raises UnknownKey, InvalidInput for a key
        that is revoked or has expired, or an overlap below 0 or over 90 days.
        """
        if not timedelta(0) <= overlap <= timedelta(days=90):
            raise InvalidInput("the overlap must be 0 to 90 days")
        old = await self.find(key_id, tenant_id)
        moment = now()
        if old["revoked_at"] is not None or (old["expires_at"] is not None and old["expires_at"] <= moment):
            raise InvalidInput(f"key {key_id} is revoked or has expired; make a new one with: consilia keys create")
        lives: timedelta | None = old["expires_at"] - old["created_at"] if old["expires_at"] is not None else None
        made = await self.create(
            old["name"],
            old["scopes"],
            old["tenant_id"],
            expires_at=moment + lives if lives is not None else None,
            requests_per_minute=old["requests_per_minute"],
            created_by=created_by,
        )
        ends = moment + overlap if old["expires_at"] is None else min(old["expires_at"], moment + overlap)
        await keys.replaced(self._database, key_id, made.key_id, ends)
        self._known.pop(key_id, None)
        return made

    async def revoke(self, key_id: str, tenant_id: str | None = None) -> None:
        """End a key at once; within half a second on every replica. Raises UnknownKey."""
        await self.find(key_id, tenant_id)
        await keys.revoked(self._database, key_id)
        self._known.pop(key_id, None)

    async def find(self, key_id: str, tenant_id: str | None = None) -> RowMapping:
        """The key's row. tenant_id: of its owner; None: whosever it is. Raises UnknownKey."""
        row = await keys.get(self._database, key_id)
        if row is None or tenant_id not in (None, row["tenant_id"]):
            raise UnknownKey(f"there is no key {key_id!r}; consilia keys list shows them", key_id=key_id)
        return row

    async def caller(self, credential: str | None) -> Caller:
        """Whose key or token it is. Raises Unauthorized."""
        if not credential:
            raise Unauthorized("no x-api-key header; `consilia serve` printed a key at its first start")
        if self._tokens is not None and not credential.startswith(PREFIX):
            return await self._tokens.caller(credential)
        key_id = key_id_of(credential)
        digest = hashed(credential, self._pepper)
        row = await self._row(key_id)
        # Compared also where there is no such key, so that the time taken does not tell which ids there are.
        same = hmac.compare_digest(row["secret_hash"] if row is not None else "0" * 64, digest)
        if row is None or not same or row["revoked_at"] is not None:
            raise Unauthorized("the x-api-key is not known here, or was revoked")
        moment = now()
        if row["expires_at"] is not None and row["expires_at"] <= moment:
            raise Unauthorized(f"the x-api-key {key_id} has expired on {row['expires_at']:%Y-%m-%d %H:%M} UTC")
        if row["suspended_at"] is not None:
            raise Unauthorized("the key's tenant is suspended; ask who runs this installation")
        self._note_use(key_id, moment)
        return Caller(
            row["tenant_id"],
            key_id,
            tuple(row["scopes"]),
            row["name"],
            row["requests_per_minute"],
            row["tenant_requests_per_minute"],
        )

    async def is_good(self, caller: Caller) -> bool:
        """Whether the key or token that let somebody in still would. Of a token: whether it has not expired and its
        tenant is not suspended; what else its issuer thinks of it meanwhile is not asked."""
        if caller.good_until is not None:
            tenant = await tenants.get(self._database, caller.tenant_id)
            return time.time() < caller.good_until and tenant is not None and tenant["suspended_at"] is None
        row = await self._row(caller.key_id)
        if row is None:
            return True
        expired = row["expires_at"] is not None and row["expires_at"] <= now()
        return row["revoked_at"] is None and row["suspended_at"] is None and not expired

    async def _row(self, key_id: str) -> RowMapping | None:
        """The key's row, at most half a second old; a crowd with one key reads it once."""
        known = self._known.get(key_id)
        if known is not None and time.monotonic() - known[0] < BELIEVED_SECONDS:
            return known[1]
        task = self._reading.get(key_id)
        if task is None:
            task = self._reading[key_id] = asyncio.create_task(self._read(key_id))
            task.add_done_callback(lambda _: self._reading.pop(key_id, None))
        return await asyncio.shield(task)

    async def _read(self, key_id: str) -> RowMapping | None:
        moment = time.monotonic()
        row = await keys.with_tenant(self._database, key_id)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key_id] = (moment, row)
        return row

    def _note_use(self, key_id: str, moment: datetime) -> None:
        """Write when the key was used last; nobody waits for it, and a lost minute hurts nobody."""
        clock = time.monotonic()
        if clock - self._used.get(key_id, -USED_SECONDS) >= USED_SECONDS:
            if len(self._used) >= _MOST:
                self._used.clear()
            self._used[key_id] = clock
            self._database.writer.submit(keys.used(key_id, moment)).add_done_callback(lambda done: done.exception())
