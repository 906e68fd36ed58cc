"""Whether the service is well, and what it is."""

import asyncio
from importlib.metadata import version
from typing import Any, Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from service.api.access import TheHouse
from service.house import House
from tools.errors import ConsiliaError

router = APIRouter(tags=["system"])
health = APIRouter(tags=["system"])

_PATIENCE: Final = 3.0
"""Seconds that a database may take to answer before the process counts as not ready."""


class NotReady(ConsiliaError):
    """The process lives, but can do nothing for anybody now."""

    code = "not_ready"
    status = 503


class Alive(BaseModel):
    """The process answers."""

    live: Literal[True] = True


class Ready(BaseModel):
    """The process can work. models: "embedded", or how many endpoints of the pool are up; runs that need a model wait
    or fail while none is, so that does not make the process unready."""

    ready: Literal[True] = True
    database: Literal["ok"] = "ok"
    models: str


@health.get("/live")
async def live() -> Alive:
    """Answers while the process lives: what does not answer here should be started anew."""
    return Alive()


@health.get("/ready")
async def ready(house: TheHouse) -> Ready:
    """Answers 200 while the process can take work: its database answers. Else 503: send nothing here."""
    await _database_answers(house)
    if house.pool.embedded:
        return Ready(models="embedded")
    states = [each["state"] for model in house.pool.status()["models"] for each in model["endpoints"]]
    up = sum(state not in ("down", "broken", "drained") for state in states)
    return Ready(models=f"{up} of {len(states)} endpoints up")


@health.get("/ok")
async def ok(house: TheHouse) -> dict[str, Any]:
    """Answers when the process and its database do."""
    await _database_answers(house)
    return {"ok": True, "services": {}}


async def _database_answers(house: House) -> None:
    try:
        async with asyncio.timeout(_PATIENCE), house.database.reading() as connection:
            await connection.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise NotReady(
            f"the database does not answer ({type(error).__name__}); nothing can be done until it does"
        ) from None


@router.get("/info")
async def info(house: TheHouse) -> dict[str, Any]:
    """Versions and what is there."""
    return {
        "version": version("consilia"),
        "langgraph_py_version": version("langgraph"),
        "flags": {
            "assistants": True,
            "crons": True,
            "langsmith": False,
            "langsmith_tracing_replicas": False,
            "langsmith_tracing_session_on_runs": False,
        },
        "host": {
            "kind": "self-hosted",
            "product": "consilia",
            "project_id": None,
            "host_revision_id": None,
            "revision_id": None,
            "tenant_id": None,
        },
        "workflows": house.registry.names(),
    }
