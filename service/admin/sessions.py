"""Sessions: who signed in, in a signed cookie. Nothing of them is kept on the server, so every replica knows them.

The cookie reads `<payload>.<signature>`, both base64url: the payload is JSON with the key's id, the session's own id
and its end; the signature HMAC-SHA-256 (RFC 2104) under a key derived from the installation's secret. The API key
itself is not in it. At each request the key's row is looked up, so that a revoked key ends its sessions.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

import orjson

COOKIE: Final = "consilia_admin"


@dataclass(frozen=True, slots=True)
class Session:
    """session_id: random. ends: Unix time, seconds."""

    key_id: str
    session_id: str
    ends: float


def begin(key_id: str, seconds: float) -> Session:
    return Session(key_id, secrets.token_urlsafe(18), time.time() + seconds)


def _signature(secret: bytes, purpose: str, text: str) -> str:
    digest = hmac.new(secret, f"admin {purpose}\0{text}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def pack(secret: bytes, session: Session) -> str:
    """The cookie's value."""
    payload = orjson.dumps({"k": session.key_id, "s": session.session_id, "e": session.ends})
    text = base64.urlsafe_b64encode(payload).decode().rstrip("=")
    return f"{text}.{_signature(secret, 'session', text)}"


def unpack(secret: bytes, cookie: str) -> Session | None:
    """The session of a cookie; None when it is not ours, was changed, or is over."""
    text, _, signature = cookie.partition(".")
    if not hmac.compare_digest(_signature(secret, "session", text).encode(), signature.encode()):
        return None
    try:
        told: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return None
    session = Session(str(told["k"]), str(told["s"]), float(told["e"]))
    return session if session.ends > time.time() else None


def csrf_token(secret: bytes, session: Session) -> str:
    """What every form of the session carries, and no other site can know."""
    return _signature(secret, "csrf", session.session_id)


def is_csrf_token(secret: bytes, session: Session, given: str) -> bool:
    return hmac.compare_digest(csrf_token(secret, session).encode(), given.encode())


def permit(secret: bytes, session_id: str, what: str, seconds: float) -> str:
    """A signed permit for one session to see one thing unmasked for a while."""
    ends = str(int(time.time() + seconds))
    return f"{ends}.{_signature(secret, 'permit', _scoped(session_id, what, ends))}"


def is_permit(secret: bytes, session_id: str, what: str, given: str) -> bool:
    """Whether the permit is for this and still holds."""
    ends, _, signature = given.partition(".")
    if not ends.isdigit() or len(ends) > 12 or int(ends) < time.time():
        return False
    expected = _signature(secret, "permit", _scoped(session_id, what, ends))
    return hmac.compare_digest(expected.encode(), signature.encode())


def _scoped(*parts: str) -> str:
    return "\0".join(parts)
