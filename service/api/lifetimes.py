"""How long threads live: what a caller or the settings say, and how it is shown."""

from typing import Any

from sqlalchemy import RowMapping

from service.database.threads import TimeToLive
from service.settings import ThreadSettings


def default_ttl(settings: ThreadSettings) -> TimeToLive | None:
    """The time to live of a thread whose caller says nothing."""
    return TimeToLive(settings.ttl_minutes, settings.ttl_strategy) if settings.ttl_minutes else None


def shown_ttl(row: RowMapping) -> dict[str, Any] | None:
    """A thread's time to live in the Agent Server's shape; None for one that lives for ever."""
    if row["expires_at"] is None:
        return None
    return {"strategy": row["ttl_strategy"], "ttl_minutes": row["ttl"], "expires_at": row["expires_at"]}
