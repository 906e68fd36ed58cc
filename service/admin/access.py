"""Who comes in: by the session's cookie, or with an API key in the header."""

from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from service.admin import sessions
from service.admin.roles import NotPermitted, Role, Visitor, role_of
from service.api.access import CALLER, TheHouse, credential
from service.api.headers import STANDINGS
from service.auth import Caller, Unauthorized
from service.auth.key_text import PREFIX
from service.database import keys
from service.database.engine import Database
from service.database.tables import now
from service.house import House
from tools.errors import ConsiliaError, InvalidInput

_API_KEY = APIKeyHeader(name="x-api-key", auto_error=False, description="A key with the scope read.")
_BEARER = HTTPBearer(auto_error=False, description="A key, or a token of the configured issuer.")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class SignInNeeded(ConsiliaError):
    """There is no session, or it is over."""

    code = "sign_in_needed"
    status = 401


class ForgedRequest(ConsiliaError):
    """A form without its session's token, or one that another site sent."""

    code = "forged_request"
    status = 403


async def key_holder(database: Database, key_id: str) -> Caller:
    """The caller of a key that still holds. Raises SignInNeeded."""
    row = await keys.with_tenant(database, key_id)
    expired = row is not None and row["expires_at"] is not None and row["expires_at"] <= now()
    if row is None or row["revoked_at"] is not None or row["suspended_at"] is not None or expired:
        raise SignInNeeded("the key that this session was begun with was revoked or has expired; sign in again")
    return Caller(row["tenant_id"], key_id, tuple(row["scopes"]), row["name"])


def with_role(caller: Caller, csrf: str = "") -> Visitor:
    """Raises NotPermitted for a key whose scopes give no role here."""
    role = role_of(caller.scopes)
    if role is None:
        raise NotPermitted(
            f"this key may not come in here: its scopes are {', '.join(caller.scopes) or 'none'} (docs/admin.md)"
        )
    return Visitor(caller, role, csrf)


def check_origin(request: Request) -> None:
    """Raises ForgedRequest when the browser says that another site sent this."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    ours = origin is None or origin.partition("://")[2] == request.headers.get("host")
    if site in ("cross-site", "same-site") or not ours:
        raise ForgedRequest("this was sent by another site, so nothing was done")


async def visitor(
    request: Request,
    house: TheHouse,
    key: Annotated[str | None, Depends(_API_KEY)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
) -> Visitor:
    """Whoever calls. Raises SignInNeeded, NotPermitted, ForgedRequest, Unauthorized, RateLimited, InvalidInput."""
    await _check_text(request)
    shown = credential(key, bearer.credentials if bearer is not None else None)
    if shown is not None:
        found = with_role(await _entered(request, house, shown))
    else:
        found = await _of_session(request, house)
    request.state.visitor = found
    request.scope[CALLER] = found.caller  # for the audit log
    return found


async def _check_text(request: Request) -> None:
    """Raises InvalidInput for an address or a form with U+0000, which PostgreSQL has no place for. (JSON bodies are
    checked before any route.)"""
    address = f"{request.url.path}?{request.url.query}"
    unfit = "\0" in address or "%00" in address
    if request.method not in _SAFE and "form" in request.headers.get("content-type", ""):
        given = (await request.form()).multi_items()
        unfit = unfit or any("\0" in name or (isinstance(value, str) and "\0" in value) for name, value in given)
    if unfit:
        raise InvalidInput("the request holds the character U+0000; remove it")


async def _entered(request: Request, house: House, shown: str | None) -> Caller:
    address = request.client.host if request.client is not None else ""
    caller, request.scope[STANDINGS] = await house.gate.enter(shown, address)
    return caller


async def _of_session(request: Request, house: House) -> Visitor:
    session = sessions.unpack(house.secret, request.cookies.get(sessions.COOKIE, ""))
    if session is None:
        raise SignInNeeded("sign in first: there is no session, or it is over")
    caller = await key_holder(house.database, session.key_id)
    if request.method not in _SAFE:
        check_origin(request)
        given = request.headers.get("x-csrf-token") or await _token_of_form(request)
        if not sessions.is_csrf_token(house.secret, session, given):
            raise ForgedRequest("the form's token is missing or not of this session; load the page again and repeat")
    return with_role(caller, sessions.csrf_token(house.secret, session))


async def _token_of_form(request: Request) -> str:
    if "form" not in request.headers.get("content-type", ""):
        return ""
    given = (await request.form()).get("csrf", "")
    return given if isinstance(given, str) else ""


async def signed_in_with(request: Request, house: House, key: str) -> Visitor:
    """The visitor that a key makes. Raises Unauthorized, NotPermitted, RateLimited."""
    if not key.strip().startswith(PREFIX):
        raise Unauthorized("a key begins with csl_; the first start prints one and keeps it in first-key")
    try:
        return with_role(await _entered(request, house, key.strip()))
    except Unauthorized as error:
        raise Unauthorized(error.message.replace("x-api-key", "key")) from None


TheVisitor = Annotated[Visitor, Depends(visitor)]


def operator(visitor: TheVisitor) -> Visitor:
    visitor.need(Role.OPERATOR, "to act on runs")
    return visitor


def admin(visitor: TheVisitor) -> Visitor:
    visitor.need(Role.ADMIN, "this page")
    return visitor


TheOperator = Annotated[Visitor, Depends(operator)]
TheAdmin = Annotated[Visitor, Depends(admin)]
