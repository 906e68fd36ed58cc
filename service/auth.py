"""Who calls: API keys.

A key reads `csl_<id>_<secret><checksum>`: id 12, secret 43 and checksum 6 characters. The checksum (of all that stands
before it) lets a typing error be told from a revoked key, and secret scanners find keys. Only a keyed hash of the
secret is kept. Hash: HMAC-SHA-256 (RFC 2104) under a pepper that lies in the data folder; a secret of 256 random bits
needs no slow hash.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import func, insert, select

from service.database.engine import Database
from service.database.tables import DEFAULT_TENANT, ApiKey, now
from service.database.writer import Statement, Write
from service.secret_files import secret_file
from tools.errors import ConsiliaError

PREFIX: Final = "csl_"
_CHECKSUM: Final = 6
_INSERT: Final = Statement(insert(ApiKey), rank=5)


class Unauthorized(ConsiliaError):
    code = "unauthorized"
    status = 401


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request."""

    tenant_id: str
    key_id: str
    scopes: tuple[str, ...]


def pepper(data_dir: Path) -> bytes:
    """The installation's hashing key, from the data folder; made at the first call, readable by the owner only."""
    return secret_file(data_dir / "pepper", lambda: secrets.token_bytes(32))


def _checksum(text: str) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:_CHECKSUM].lower()


def new_key() -> tuple[str, str]:
    """(key id, full key)."""
    key_id = secrets.token_hex(6)
    text = f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
    return key_id, text + _checksum(text)


def key_id_of(key: str) -> str:
    """The id inside a key. Raises Unauthorized when it is no key of ours or is mistyped."""
    body, checksum = key[:-_CHECKSUM], key[-_CHECKSUM:]
    parts = body.split("_", 2)
    if (
        len(parts) != 3
        or not key.startswith(PREFIX)
        or not hmac.compare_digest(_checksum(body).encode(), checksum.encode())
    ):
        raise Unauthorized("the x-api-key is not a Consilia key (csl_…) or was copied incompletely")
    return parts[1]


def hashed(key: str, salt: bytes) -> str:
    return hmac.new(salt, key.encode(), hashlib.sha256).hexdigest()


class Keys:
    """The keys of this installation."""

    def __init__(self, database: Database, data_dir: Path) -> None:
        self._database = database
        self._pepper = pepper(data_dir)
        self._first_key_file = data_dir / "first-key"
        self._known: dict[str, tuple[str, Caller]] = {}

    async def first_key(self) -> str | None:
        """At the first start: make a key and return it, keeping it in `first-key` for the command line; else None."""
        async with self._database.reading() as connection:
            if await connection.scalar(select(func.count()).select_from(ApiKey)):
                return None
        key = await self.create("first key", ("admin",))
        secret_file(self._first_key_file, lambda: key.encode())
        return key

    async def create(self, name: str, scopes: tuple[str, ...], tenant_id: str = DEFAULT_TENANT) -> str:
        """A new key; it is shown this once."""
        key_id, key = new_key()
        row = {
            "key_id": key_id,
            "tenant_id": tenant_id,
            "name": name,
            "secret_hash": hashed(key, self._pepper),
            "scopes": list(scopes),
            "created_at": now(),
            "expires_at": None,
            "revoked_at": None,
            "last_used_at": None,
        }
        await self._database.writer.write(Write(_INSERT, row))
        return key

    async def caller(self, key: str | None) -> Caller:
        """Whose key it is. Raises Unauthorized."""
        if not key:
            raise Unauthorized("no x-api-key header; `consilia serve` printed a key at its first start")
        digest = hashed(key, self._pepper)
        key_id = key_id_of(key)
        known = self._known.get(key_id)
        if known is None:
            query = select(ApiKey.secret_hash, ApiKey.tenant_id, ApiKey.scopes).where(
                ApiKey.key_id == key_id, ApiKey.revoked_at.is_(None)
            )
            async with self._database.reading() as connection:
                row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise Unauthorized("the x-api-key is not known here, or was revoked")
            known = self._known[key_id] = (row[0], Caller(row[1], key_id, tuple(row[2])))
        if not hmac.compare_digest(known[0], digest):
            raise Unauthorized("the x-api-key is not known here, or was revoked")
        return known[1]
