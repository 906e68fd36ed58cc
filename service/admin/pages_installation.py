"""The pool, the tools, the keys, the tenants and the audit log."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import RowMapping

from service import tool_servers
from service.admin import web
from service.admin.access import TheAdmin, TheVisitor
from service.admin.api_figures import tool_figures
from service.admin.api_pool import Tried, drained, pool_now, routed
from service.admin.api_tools import accepted, failed
from service.admin.roles import Role, Visitor
from service.api import keys as key_routes
from service.api.access import TheHouse
from service.api.keys import KeyCreate, KeyRotate
from service.auth.caller import ROLES
from service.database import audit, keys, tenants
from service.house import House
from tools.errors import ConsiliaError

router = APIRouter(include_in_schema=False)

_NEEDS: Final = ("reasoning", "tools", "extraction", "low_latency")
_AUDIT_PAGE: Final = 100


@router.get("/pool")
async def pool(
    request: Request,
    house: TheHouse,
    visitor: TheAdmin,
    text: Annotated[str, Query(max_length=20_000)] = "",
    language: Annotated[str, Query(max_length=200)] = "en",
    needs: Annotated[list[str], Query(max_length=10)] = [],  # noqa: B006, FastAPI copies it
) -> Response:
    """Models and endpoints; with a question in the URL, also who would answer it."""
    now = await pool_now(house, visitor)
    tried: Any = None
    if text or needs:
        wanted = {name: True for name in needs if name in _NEEDS}
        languages = [each.strip() for each in language.split(",") if each.strip()][:20] or ["en"]
        tried = await routed(house, visitor, Tried(text=text, languages=languages, **wanted))
    return web.page(
        request,
        "pool.html",
        visitor,
        now=now,
        tried=tried,
        text=text,
        language=language,
        needs=needs,
        all_needs=_NEEDS,
    )


@router.post("/pool/drain")
async def drain(
    house: TheHouse,
    visitor: TheAdmin,
    endpoint: Annotated[str, Form(max_length=2000)],
    draining: Annotated[bool, Form()] = True,
) -> Response:
    await drained(house, visitor, endpoint, draining)
    return RedirectResponse("/admin/pool", 303)


@router.get("/tools")
async def tools(request: Request, house: TheHouse, visitor: TheVisitor) -> Response:
    """Servers, their tools, what has changed since it was pinned, and how calls went in thirty days."""
    runs_all = visitor.caller.runs_the_installation
    shown = await tool_servers.servers(house, wait=False)
    changed = await tool_servers.differences(house.database) if runs_all else []
    told = {(each.server, each.tool): each for each in await tool_figures(house, visitor, 30)}
    return web.page(
        request,
        "tools.html",
        visitor,
        servers=[asdict(each) for each in shown],
        changed=changed,
        figures=told,
        errors=await failed(house, visitor, 30),
    )


@router.post("/tools/accept")
async def accept(
    house: TheHouse,
    visitor: TheAdmin,
    server: Annotated[str, Form(max_length=200)],
    tool: Annotated[str, Form(max_length=300)],
    digest: Annotated[str, Form(max_length=100)],
) -> Response:
    """Pin what a server says of a tool now, if it is still what was shown."""
    await accepted(house, visitor, server, tool, digest)
    return RedirectResponse("/admin/tools", 303)


@router.get("/keys")
async def key_list(request: Request, house: TheHouse, visitor: TheAdmin, ended: bool = False) -> Response:
    return await _keys(request, house, visitor, ended)


async def _keys(
    request: Request, house: House, visitor: Visitor, ended: bool = False, made: Any = None, fault: str = ""
) -> Response:
    every = visitor.tenant is None
    rows = [keys.shown(row) for row in await keys.search(house.database, visitor.tenant, ended=ended)]
    known: Sequence[RowMapping] = await tenants.search(house.database) if every else ()
    return web.page(
        request,
        "keys.html",
        visitor,
        422 if fault else 200,
        keys=rows,
        tenants=known,
        ended=ended,
        roles=list(ROLES),
        workflows=house.registry.names(),
        made=made,
        fault=fault,
    )


@router.post("/keys")
async def create_key(
    request: Request,
    house: TheHouse,
    visitor: TheAdmin,
    name: Annotated[str, Form(max_length=200)] = "",
    role: Annotated[str, Form(max_length=50)] = "viewer",
    scopes: Annotated[str, Form(max_length=2000)] = "",
    tenant: Annotated[str, Form(max_length=200)] = "",
    days: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Make a key and show it, this once."""
    try:
        given = tuple(scopes.split()) or next((each for name, each in ROLES.items() if name == role), ())
        body = KeyCreate(
            name=name.strip(), scopes=list(given), tenant=tenant or None, expires_in_days=float(days) if days else None
        )
        made = await key_routes.create(body, house, visitor.caller)
    except ConsiliaError as error:
        return await _keys(request, house, visitor, fault=error.message)
    except ValueError as error:  # pydantic's and float's
        told = "give the key a name, a role or scopes, and days as a number above 0"
        return await _keys(request, house, visitor, fault=f"{told} ({type(error).__name__})")
    return await _keys(request, house, visitor, made=made)


@router.post("/keys/{key_id}/rotate")
async def rotate_key(request: Request, key_id: str, house: TheHouse, visitor: TheAdmin) -> Response:
    """A new key in its place; the old one stays good for a day."""
    made = await key_routes.rotate(key_id, KeyRotate(overlap_hours=24), house, visitor.caller)
    return await _keys(request, house, visitor, made=made)


@router.post("/keys/{key_id}/revoke")
async def revoke_key(key_id: str, house: TheHouse, visitor: TheAdmin) -> Response:
    await key_routes.revoke(key_id, house, visitor.caller)
    return RedirectResponse("/admin/keys", 303)


@router.get("/audit")
async def audit_log(
    request: Request,
    house: TheHouse,
    visitor: TheAdmin,
    actor: Annotated[str, Query(max_length=200)] = "",
    action: Annotated[str, Query(max_length=200)] = "",
    target: Annotated[str, Query(max_length=200)] = "",
    days: Annotated[float, Query(gt=0, le=36_600)] = 90,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """Who did what to what, newest first."""
    visitor.need(Role.ADMIN, "the audit log")
    rows = await audit.search(
        house.database,
        visitor.tenant,
        actor=actor or None,
        action=action or None,
        target=target or None,
        since=datetime.now(UTC) - timedelta(days=days),
        before=before,
        limit=_AUDIT_PAGE + 1,
    )
    older = rows[_AUDIT_PAGE - 1]["seq"] if len(rows) > _AUDIT_PAGE else None
    asked = {"actor": actor, "action": action, "target": target}
    return web.page(
        request, "audit.html", visitor, events=rows[:_AUDIT_PAGE], older=older, before=before, asked=asked, days=days
    )
