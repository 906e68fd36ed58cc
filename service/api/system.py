"""Whether the service is well, and what it is."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from sqlalchemy import text

from service.api.access import TheHouse

router = APIRouter(tags=["system"])


@router.get("/ok")
async def ok(house: TheHouse) -> dict[str, Any]:
    """Answers when the process and its database do."""
    async with house.database.reading() as connection:
        await connection.execute(text("SELECT 1"))
    return {"ok": True, "services": {}}


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
