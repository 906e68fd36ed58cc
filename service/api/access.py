"""What every router needs: the house, who calls, and whether that caller may.

Which scope a route needs is written here and nowhere else. A route of a path that is not named here needs the scope
admin, so that a new one is closed until somebody thinks of it.
"""

from typing import Annotated, Final, cast

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from service.api.headers import STANDINGS
from service.auth.caller import Act, Caller, NotPermitted
from service.house import House

_API_KEY = APIKeyHeader(name="x-api-key", auto_error=False, description="A key `csl_…`; the first start prints one.")
_BEARER = HTTPBearer(auto_error=False, description="A key `csl_…`, or a token of the configured issuer.")

CALLER: Final = "consilia.caller"
"""Where a request's scope keeps its caller."""

_OPEN_AREAS: Final = frozenset(
    {"a2a", "assistants", "files", "mcp", "runs", "store", "threads", "usage", "v1", ".well-known"}
)
"""First parts of the paths whose GET needs `read` and whose other methods need `invoke`, except as said below."""

_READING: Final = frozenset(
    {
        "/assistants/search",
        "/assistants/count",
        "/assistants/{assistant_id}/versions",
        "/threads/search",
        "/threads/count",
        "/threads/{thread_id}/history",
        "/threads/{thread_id}/stream/events",
        "/threads/{thread_id}/state/checkpoint",
        "/runs/crons/search",
        "/runs/crons/count",
        "/store/items/search",
        "/store/namespaces",
    }
)
"""POSTs that only read."""

STARTING: Final = frozenset(
    {
        "/a2a/{assistant_id}",
        "/mcp",
        "/runs",
        "/runs/batch",
        "/runs/stream",
        "/runs/wait",
        "/threads/{thread_id}/commands",
        "/threads/{thread_id}/runs",
        "/threads/{thread_id}/runs/stream",
        "/threads/{thread_id}/runs/wait",
    }
)
"""POSTs that start a run or answer what one asks; `may_start` looks at which, and at the workflow."""

_APPROVING: Final = frozenset({"/threads/{thread_id}/state"})
"""POSTs that write what a node would have written."""


def needed(method: str, path: str) -> tuple[Act, ...]:
    """The acts of which a caller must be allowed one. path: the route's template."""
    area = path.split("/", 2)[1] if path.startswith("/") else ""
    if area not in _OPEN_AREAS:
        return ("admin",)
    if path in STARTING and method == "POST":
        return ("invoke", "approve", "read") if path in ("/mcp", "/a2a/{assistant_id}") else ("invoke", "approve")
    if path == "/v1/models":  # OpenAI's clients list the models before they chat
        return ("read", "invoke")
    if method in ("GET", "HEAD") or path in _READING:
        return ("read",)
    return ("approve",) if path in _APPROVING else ("invoke",)


def admit(caller: Caller, method: str, path: str) -> None:
    """Raises NotPermitted where the caller may not use the route at all."""
    acts = needed(method, path)
    if not any(caller.may(act) for act in acts):
        have = ", ".join(caller.scopes) or "none"
        raise NotPermitted(
            f"{method} {path} needs a key with the scope {' or '.join(acts)}; yours has: {have}",
            needed=list(acts),
            scopes=list(caller.scopes),
        )


def may_start(caller: Caller, workflow: str, *, resumes: bool) -> None:
    """Raises NotPermitted unless the caller may start runs of the workflow, or may answer what one of its runs asks."""
    caller.require("approve" if resumes else "invoke", workflow)


def credential(api_key: str | None, bearer: str | None) -> str | None:
    """What a request shows: its x-api-key, else what follows `Bearer`."""
    return api_key or bearer


async def caller_of(request: Request, house: House, shown: str | None, path: str) -> Caller:
    """Who makes the request, if that caller may use the route. Raises Unauthorized, RateLimited, NotPermitted."""
    address = request.client.host if request.client is not None else ""
    caller, request.scope[STANDINGS] = await house.gate.enter(shown, address)
    request.scope[CALLER] = caller
    admit(caller, request.method, path)
    return caller


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


async def _caller(
    request: Request,
    house: "TheHouse",
    key: Annotated[str | None, Depends(_API_KEY)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
) -> Caller:
    shown = credential(key, bearer.credentials if bearer is not None else None)
    route = request.scope.get("route")
    return await caller_of(request, house, shown, cast(str, getattr(route, "path", "")))


TheHouse = Annotated[House, Depends(_house)]
TheCaller = Annotated[Caller, Depends(_caller)]
