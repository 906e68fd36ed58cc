"""The pages as an application of their own below /admin, so that its faults are pages too."""

from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException

from service.admin import (
    api_approvals,
    api_figures,
    api_pool,
    api_run,
    api_runs,
    api_tools,
    door,
    pages_acting,
    pages_approvals,
    pages_files,
    pages_installation,
    pages_run,
    pages_runs,
    pages_usage,
    web,
)
from service.admin.access import SignInNeeded
from service.admin.roles import Visitor
from service.house import House
from tools.charts.palette import DARK, LIGHT, STYLE
from tools.errors import ConsiliaError

log = structlog.get_logger(__name__)

API: Final = (
    api_runs.router,
    api_run.router,
    api_approvals.router,
    api_figures.router,
    api_pool.router,
    api_tools.router,
)
"""The routers of the JSON API, for the service's own application."""

_PAGES: Final = (
    door,
    pages_runs,
    pages_run,
    pages_files,
    pages_approvals,
    pages_acting,
    pages_usage,
    pages_installation,
)
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}


def create_admin(house: House) -> FastAPI:
    """The pages over an open house; mount it at /admin."""
    app = FastAPI(title="Consilia admin", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.house = house
    for each in _PAGES:
        app.include_router(each.router)
    app.add_api_route("/static/{name}", _static, methods=["GET"])
    app.add_exception_handler(ConsiliaError, _shown)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _away)
    app.add_exception_handler(InterfaceError, _away)
    app.add_exception_handler(Exception, _crashed)
    return app


def _chart_colours() -> str:
    """The charts' style sheet, their colours following the page's theme."""
    pairs = enumerate(zip(LIGHT, DARK, strict=True), start=1)
    own = "".join(f"--chart-{number}:light-dark({light},{dark});" for number, (light, dark) in pairs)
    own += "--chart-ink:var(--ink);--chart-soft:var(--soft);--chart-line:var(--line);--chart-paper:var(--card);"
    return f"{STYLE}html[data-theme]{{{own}}}"


async def _static(name: str) -> Response:
    """Our own files; their address holds their content's hash, so they may be kept for ever."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    if name == "charts.css":
        return Response(_chart_colours(), 200, headers, "text/css")
    path = web.STATIC / name
    if path.parent != web.STATIC or path.suffix not in _TYPES or not path.is_file():
        raise HTTPException(404, "there is no such file")
    return Response(path.read_bytes(), 200, headers, _TYPES[path.suffix])


def _fault(request: Request, status: int, code: str, title: str, message: str) -> Response:
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    if request.headers.get("hx-request"):
        return PlainTextResponse(message, status, {**web.HEADERS, "HX-Reswap": "none"})
    return web.page(
        request, "error.html", visitor, status, title=title, message=message, code=code, back=visitor and "/admin/runs"
    )


async def _shown(request: Request, error: Exception) -> Response:
    assert isinstance(error, ConsiliaError)
    if isinstance(error, SignInNeeded):
        where = door.sign_in_address(request)
        if request.headers.get("hx-request"):
            return HTMLResponse("", 401, {"HX-Redirect": where})
        return RedirectResponse(where, 303)
    titles = {403: "Not permitted", 404: "Not found", 409: "Not possible now", 422: "Not understood"}
    return _fault(request, error.status, error.code, titles.get(error.status, "It did not work"), error.message)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [f"{'.'.join(str(part) for part in fault['loc'][1:])}: {fault['msg']}" for fault in error.errors()]
    return _fault(request, 422, "invalid_request", "Not understood", "; ".join(faults))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _fault(request, error.status_code, "not_found", "Not found", "There is no such page.")


async def _away(request: Request, error: Exception) -> Response:
    log.error("database failed", path=request.url.path, error_type=type(error).__name__)
    return _fault(
        request, 503, "database_unavailable", "It did not work", "The database does not answer. Try again in a moment."
    )


async def _crashed(request: Request, error: Exception) -> Response:
    log.exception("page failed", path=request.url.path, error_type=type(error).__name__)
    return _fault(
        request, 500, "internal_error", "It did not work", "The service failed at this page; its log has the reason."
    )
