"""The text of a key: `csl_<id>_<secret><checksum>`, id 12, secret 43 and checksum 6 characters.

The checksum, of all that stands before it, lets a typing error be told from a revoked key without a look into the
database, and lets secret scanners tell keys from chance (`\\bcsl_[0-9a-f]{12}_[A-Za-z0-9_-]{43}[a-z2-7]{6}\\b`).
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

from tools.errors import ConsiliaError

PREFIX: Final = "csl_"
_CHECKSUM: Final = 6
_LONGEST: Final = 256


class Unauthorized(ConsiliaError):
    """No key, or none that is good here."""

    code = "unauthorized"
    status = 401


def new_key() -> tuple[str, str]:
    """(key id, full key); the secret is 256 random bits."""
    key_id = secrets.token_hex(6)
    text = f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
    return key_id, text + _checksum(text)


def key_id_of(key: str) -> str:
    """The id inside a key. Raises Unauthorized when it is no key of ours or is mistyped."""
    body, checksum = key[:-_CHECKSUM], key[-_CHECKSUM:]
    parts = body.split("_", 2)
    if (
        len(parts) != 3
        or len(key) > _LONGEST
        or not key.startswith(PREFIX)
        or not hmac.compare_digest(_checksum(body).encode(), checksum.encode())
    ):
        raise Unauthorized("the x-api-key is not a Consilia key (csl_…) or was copied incompletely")
    return parts[1]


def hashed(key: str, salt: bytes) -> str:
    """What is kept of a key: HMAC-SHA-256 (RFC 2104), hex. A secret of 256 random bits needs no slow hash."""
    return hmac.new(salt, key.encode(), hashlib.sha256).hexdigest()


def _checksum(text: str) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:_CHECKSUM].lower()
