"""Tokens of external issuers: JWTs (RFC 7519) checked against keys that OpenID Connect Discovery 1.0 leads to.

Only asymmetric signatures count. Issuer, audience, expiry and subject must be there. A key that is not known (its
issuer has rotated) is looked for again at once, but not more often than `again_seconds` says, so that made-up key ids
do not make us call the issuer. While the issuer is away, keys that it once gave are believed for a day.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httpx
import jwt
import structlog

from service.auth.caller import ROLES, Caller, checked_scopes
from service.auth.key_text import Unauthorized
from service.database import tenants
from service.database.engine import Database
from service.database.tables import DEFAULT_TENANT
from service.settings import Issuer
from tools.errors import InvalidInput

log = structlog.get_logger(__name__)

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
STALE_SECONDS: Final = 86_400.0
_LONGEST_TOKEN: Final = 16_384
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_LARGEST_ANSWER: Final = 1_048_576


@dataclass(slots=True)
class _Known:
    """An issuer's keys by id. read_at: since when; tried_at: when they were looked for last, both monotonic."""

    keys: dict[str, jwt.PyJWK] = field(default_factory=dict[str, jwt.PyJWK])
    read_at: float = -STALE_SECONDS
    tried_at: float = -STALE_SECONDS
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class ExternalTokens:
    """Use one a process. client: without redirects; its owner closes it."""

    def __init__(self, database: Database, issuers: Sequence[Issuer], client: httpx.AsyncClient) -> None:
        self._database = database
        self._issuers = {each.url: each for each in issuers}
        self._known = {each.url: _Known() for each in issuers}
        self._client = client

    async def caller(self, token: str) -> Caller:
        """Whose token it is. Raises Unauthorized, with what is wrong but nothing of the token."""
        if len(token) > _LONGEST_TOKEN:
            raise Unauthorized(f"the token has {len(token)} characters; {_LONGEST_TOKEN} at most are read")
        try:
            header = jwt.get_unverified_header(token)
            claimed = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            raise Unauthorized("this is neither a Consilia key (csl_…) nor a token that can be read") from None
        issuer = self._issuers.get(str(claimed.get("iss")))
        if issuer is None:
            raise Unauthorized("the token's issuer is not one of those that this service trusts (auth.issuers)")
        key = await self._key(issuer, header)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=issuer.audience,
                issuer=issuer.url,
                leeway=issuer.leeway_seconds,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthorized(f"the token is not good here: {error}") from None
        return await self._known_caller(issuer, claims)

    async def _known_caller(self, issuer: Issuer, claims: Mapping[str, Any]) -> Caller:
        named = _claim(claims, issuer.tenant_claim) if issuer.tenant_claim else (issuer.tenant or DEFAULT_TENANT)
        if not isinstance(named, str) or not named:
            raise Unauthorized(f"the token has no claim {issuer.tenant_claim!r} that names its tenant")
        try:
            row = await tenants.named(self._database, named)
        except tenants.UnknownTenant:
            raise Unauthorized(
                "the token's tenant is not known here; an admin makes it: consilia tenants create"
            ) from None
        if row["suspended_at"] is not None:
            raise Unauthorized("the token's tenant is suspended; ask who runs this installation")
        subject = str(claims["sub"])[:200]
        scopes = scopes_of(issuer, claims)
        ends = float(claims["exp"]) + issuer.leeway_seconds
        return Caller(row["tenant_id"], f"token:{subject}", scopes, subject, None, row["requests_per_minute"], ends)

    async def _key(self, issuer: Issuer, header: Mapping[str, Any]) -> jwt.PyJWK:
        """The issuer's key that the token names. Raises Unauthorized."""
        name, known = str(header.get("kid") or ""), self._known[issuer.url]
        if header.get("alg") not in ALGORITHMS:
            raise Unauthorized(f"the token's algorithm must be one of {', '.join(ALGORITHMS)}")
        if name not in known.keys or time.monotonic() - known.read_at > issuer.keys_seconds:
            async with known.lock:
                await self._look(issuer, known, name)
        if not name and len(known.keys) == 1:
            return next(iter(known.keys.values()))
        if name not in known.keys:
            raise Unauthorized("the token is signed with a key that its issuer does not publish")
        return known.keys[name]

    async def _look(self, issuer: Issuer, known: _Known, name: str) -> None:
        """Read the issuer's keys anew where that is due; where it cannot be, keep those of the last day."""
        clock = time.monotonic()
        fresh = name in known.keys and clock - known.read_at <= issuer.keys_seconds
        if fresh or clock - known.tried_at < issuer.again_seconds:
            return
        known.tried_at = clock
        try:
            known.keys = await self._published(issuer)
            known.read_at = clock
        except (httpx.HTTPError, jwt.PyJWTError, ValueError, KeyError, TypeError) as error:
            log.warning("the issuer's keys could not be read", issuer=issuer.url, error_type=type(error).__name__)
            if clock - known.read_at > STALE_SECONDS:
                known.keys = {}

    async def _published(self, issuer: Issuer) -> dict[str, jwt.PyJWK]:
        """The signing keys that the issuer publishes now."""
        described = await self._json(issuer.url.rstrip("/") + "/.well-known/openid-configuration", issuer)
        if described["issuer"] != issuer.url:
            raise ValueError("the discovery document is another issuer's")
        published = await self._json(str(described["jwks_uri"]), issuer)
        found: dict[str, jwt.PyJWK] = {}
        for each in cast(list[dict[str, Any]], published["keys"]):
            if each.get("use", "sig") == "sig" and each.get("kty") in ("RSA", "EC", "OKP"):
                found[str(each.get("kid") or "")] = jwt.PyJWK.from_dict(each)
        return found

    async def _json(self, url: str, issuer: Issuer) -> dict[str, Any]:
        here, there = httpx.URL(url).host in _LOOPBACK, httpx.URL(issuer.url).host not in _LOOPBACK
        if (here and there) or not (here or url.startswith("https://")):
            raise ValueError("an issuer is asked over https only, and on this machine only where it is itself there")
        async with self._client.stream("GET", url) as response:
            response.raise_for_status()
            body = b""
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > _LARGEST_ANSWER:
                    raise ValueError("the issuer's answer is too large")
        answer = httpx.Response(200, content=body).json()
        if response.is_redirect or not isinstance(answer, dict):
            raise ValueError("the issuer's answer is no JSON object")
        return cast(dict[str, Any], answer)


def scopes_of(issuer: Issuer, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The scopes that a token's claims come to: by their prefix, and by the roles that the settings map."""
    wanted: list[str] = []
    for text in _words(_claim(claims, issuer.scopes_claim)):
        if text.startswith(issuer.scopes_prefix):
            wanted.append(text.removeprefix(issuer.scopes_prefix))
    for name in _words(_claim(claims, issuer.roles_claim)):
        if name in issuer.roles:
            wanted += ROLES[issuer.roles[name]]
    known: list[str] = []
    for scope in wanted:
        try:
            known += checked_scopes([scope])
        except InvalidInput:  # somebody else's scope that has our prefix opens nothing here
            continue
    return tuple(dict.fromkeys(known))


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """The claim at a path of names joined by periods, such as realm_access.roles; one of that very name goes first."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        value = cast(dict[str, Any], value).get(name) if isinstance(value, dict | Mapping) else None
    return value


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [str(each) for each in cast(list[Any], value)] if isinstance(value, list) else []
