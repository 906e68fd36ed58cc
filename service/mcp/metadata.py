"""Where a client without a key gets a token: OAuth 2.0 Protected Resource Metadata (RFC 9728) of /mcp.

There is none where no external issuer is configured: then only keys open the door. Tokens are for this service alone
(their audience says so) and are passed on to nobody.
"""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Request

from service.api.access import TheHouse
from service.mcp.endpoint import PATH
from service.settings import Issuer
from tools.errors import ConsiliaError

router = APIRouter(tags=["mcp"])

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
_SCOPES: Final = ("read", "invoke", "approve")


class NoIssuer(ConsiliaError):
    code = "no_issuer"
    status = 404


@router.get(WELL_KNOWN, include_in_schema=False)
@router.get(WELL_KNOWN + PATH)
async def protected_resource(request: Request, house: TheHouse) -> dict[str, Any]:
    """Which issuers' tokens /mcp takes, and which scopes they may hold. Open: it is what a client without one reads."""
    issuers = house.settings.auth.issuers
    if not issuers:
        raise NoIssuer("no issuer of tokens is configured here (auth.issuers): use a key, Authorization: Bearer csl_…")
    return {
        "resource": _base(request) + PATH,
        "resource_name": "Consilia",
        "authorization_servers": [each.url for each in issuers],
        "scopes_supported": scopes(issuers),
        "bearer_methods_supported": ["header"],
    }


def scopes(issuers: Sequence[Issuer]) -> list[str]:
    """The scopes that give a client all that it can use, as the issuers spell them."""
    return list(dict.fromkeys(f"{each.scopes_prefix}{scope}" for each in issuers for scope in _SCOPES))


def challenge(issuers: Sequence[Issuer], request: Request, error: ConsiliaError) -> str:
    """The WWW-Authenticate header of a refusal (RFC 6750, section 3; RFC 9728, section 5.1)."""
    parts = ['realm="consilia"']
    if error.status == 403:
        parts.append('error="insufficient_scope"')
    elif request.headers.get("authorization") or request.headers.get("x-api-key"):
        parts.append('error="invalid_token"')
    if issuers:
        parts.append(f'scope="{" ".join(scopes(issuers))}"')
        parts.append(f'resource_metadata="{_base(request)}{WELL_KNOWN}{PATH}"')
    return "Bearer " + ", ".join(parts)


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")
