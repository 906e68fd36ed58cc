"""What a worker tells of itself over HTTP: /live, /ready, /ok and /metrics, and nothing else."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from service.api import metrics, system
from service.api.app import show_errors
from service.house import House
from service.listening import Server, listen

log = structlog.get_logger(__name__)


def create_probe(house: House) -> FastAPI:
    """The probe's application over an open house."""
    app = FastAPI(title="Consilia worker", openapi_url=None)
    app.state.house = house
    app.state.metrics = metrics.RequestMetrics()
    app.include_router(system.health)
    app.include_router(metrics.router)
    show_errors(app)
    return app


class _Quiet(Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """None: the worker has its own."""
        yield


@asynccontextmanager
async def answering(house: House, host: str, port: int) -> AsyncGenerator[None]:
    """The probe answers while this is open; port 0: there is none. Raises OSError where the port is taken."""
    if not port:
        yield
        return
    listener = listen(host, port)
    server = _Quiet(
        uvicorn.Config(create_probe(house), log_config=None, log_level="warning", access_log=False, server_header=False)
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="probe")
    log.info("probe listens", port=port)
    try:
        yield
    finally:
        server.should_exit = True
        await serving
