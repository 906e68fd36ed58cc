"""The FastAPI application: routers, error shapes, limits."""

from collections.abc import AsyncGenerator, MutableMapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError, StatementError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from service.admin.app import API, create_admin
from service.api import (
    a2a,
    assistants,
    audit,
    crons,
    erasures,
    files,
    keys,
    metrics,
    openai,
    pool,
    protocol,
    protocol_stream,
    runs,
    states,
    store,
    system,
    tenants,
    thread_stream,
    threads,
    usage,
)
from service.api.auditing import Audited
from service.api.bodies import Bodies
from service.api.description import describe
from service.api.headers import Headers
from service.api.methods import Methods
from service.api.openai_errors import PREFIX, OpenAIErrors, in_openais_form
from service.api.revoking import Revocable
from service.api.turnstile import Turnstile
from service.house import House
from service.mcp import endpoint, metadata
from service.mcp.hosting import Hosted
from tools.errors import ConsiliaError

log = structlog.get_logger(__name__)


def create_app(house: House) -> FastAPI:
    """The service over an open house."""
    mcp = Hosted(house)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with mcp.running():
            yield

    app = FastAPI(
        title="Consilia",
        version=version("consilia"),
        summary="Expert workflows on open models, every step on record.",
        telemetry={"operation_spans": False, "logs": False, "exclude": _unseen},
        lifespan=lifespan,
    )
    app.state.house, app.state.mcp = house, mcp
    app.include_router(system.health)
    for resource in (
        system,
        metrics,
        assistants,
        threads,
        states,
        thread_stream,
        protocol,
        protocol_stream,
        crons,
        runs,
        store,
        files,
        a2a,
        usage,
        pool,
        keys,
        tenants,
        audit,
        erasures,
    ):
        app.include_router(resource.router)
    if house.settings.admin.enabled:
        for router in API:
            app.include_router(router)
        app.mount("/admin", create_admin(house), "admin")
    app.router.routes[:0] = openai.routes  # first, as looking through all others costs half a millisecond
    app.router.routes.append(Route(endpoint.PATH, mcp.endpoint))
    app.include_router(metadata.router)
    describe(app)
    show_errors(app)
    app.state.metrics = metrics.RequestMetrics()
    app.add_middleware(Bodies, limits=house.settings.limits)
    app.add_middleware(metrics.Measured, metrics=app.state.metrics)
    app.add_middleware(Audited, house=house)
    app.add_middleware(Methods, described=app.openapi)
    app.add_middleware(Turnstile)
    app.add_middleware(Revocable, house=house)
    app.add_middleware(Headers)
    app.add_middleware(OpenAIErrors)
    if origins := house.settings.web.allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "authorization",
                "content-type",
                "idempotency-key",
                "last-event-id",
                "mcp-method",
                "mcp-name",
                "mcp-protocol-version",
                "mcp-session-id",
                "x-api-key",
            ],
            expose_headers=[
                "content-location",
                "location",
                "mcp-session-id",
                "ratelimit",
                "retry-after",
                "www-authenticate",
                "x-pagination-next",
            ],
            max_age=600,
        )
    return app


def show_errors(app: FastAPI) -> None:
    """Every error has one shape: `{"detail", "code", "details"}`."""
    app.add_exception_handler(ConsiliaError, _shown)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StatementError, _unstorable)
    app.add_exception_handler(Exception, _crashed)


def _unseen(scope: MutableMapping[str, Any]) -> bool:
    """Whether a request is left out of traces: what asks every few seconds would drown the others."""
    return scope.get("path") in ("/ok", "/live", "/ready", "/metrics")


def _body(status: int, code: str, message: str, details: dict[str, object] | None = None) -> JSONResponse:
    return JSONResponse({"detail": message, "code": code, "details": details or {}}, status)


async def _shown(request: Request, error: Exception) -> Response:
    assert isinstance(error, ConsiliaError)
    response = _body(error.status, error.code, error.message, error.details)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'ApiKey realm="consilia", header="x-api-key"'
    if error.status == 429:
        response.headers["Retry-After"] = str(error.details.get("retry_after", 1))
    return response


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()]
    return _body(422, "invalid_request", "; ".join(faults), {"faults": faults})


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}.get(error.status_code, "bad_request")
    response = _body(error.status_code, code, str(error.detail))
    response.headers.update(error.headers or {})
    return response


async def _unstorable(request: Request, error: Exception) -> Response:
    """A value that no database can keep: a number beyond 64 bits, nesting without end."""
    assert isinstance(error, StatementError)
    if isinstance(error.orig, ConsiliaError):
        return await _shown(request, error.orig)
    if isinstance(error.orig, TypeError | ValueError | OverflowError | RecursionError):
        return _body(422, "unstorable_value", f"the request holds a value that cannot be stored: {error.orig}")
    if isinstance(error, OperationalError | InterfaceError):
        return _away(request, error)
    return await _crashed(request, error)


def _away(request: Request, error: OperationalError | InterfaceError) -> Response:
    """The database does not answer, or has no room; trying again later may help, so the status is 503."""
    log.error("database failed", path=request.url.path, error_type=type(error.orig).__name__)
    full = "full" in str(error.orig) or "disk I/O" in str(error.orig)
    why = "its disk is full or cannot be written" if full else "it is away or busy"
    message = f"the database did not take the request: {why}; nothing of it was kept, try again later"
    response = _body(503, "database_unavailable", message)
    response.headers["Retry-After"] = "2"
    return response


async def _crashed(request: Request, error: Exception) -> Response:
    log.exception("request failed", path=request.url.path, error_type=type(error).__name__)
    response = _body(500, "internal_error", "the service failed at this request; its log has the reason")
    return in_openais_form(response, 500) if request.url.path.startswith(PREFIX) else response
