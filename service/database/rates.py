"""Buckets of requests that the processes over one PostgreSQL share: see `service.auth.leases`."""

from typing import Final

from sqlalchemy import text

from service.database.engine import Database

_MINUTE: Final = 60.0

_LEASE = text("""
INSERT INTO rate_buckets AS bucket (name, who, full_at, granted)
VALUES (:name, :who, extract(epoch FROM clock_timestamp()) + :first * :pause, :first)
ON CONFLICT (name, who) DO UPDATE SET (full_at, granted) = (
  SELECT base + got * :pause, got FROM (
    SELECT base, greatest(0, least(:want, floor((60 - (base - moment)) / :pause + 1e-6)))::int AS got FROM (
      SELECT greatest(bucket.full_at - :back * :pause, moment) AS base, moment
      FROM (SELECT extract(epoch FROM clock_timestamp())::float8 AS moment) AS clock
    ) AS filled
  ) AS granting
)
RETURNING granted, greatest(full_at - extract(epoch FROM clock_timestamp()), 0)::float8 AS filling
""")
_FORGET = text("DELETE FROM rate_buckets WHERE full_at < extract(epoch FROM clock_timestamp())")


async def lease(database: Database, name: str, who: str, limit: int, want: int, back: int) -> tuple[int, float]:
    """Take up to `want` requests out of a bucket, after giving back `back` that were taken and not used.

    limit: requests a minute. Returns how many were got, and the seconds until the bucket is full again. For PostgreSQL.
    """
    given = {
        "name": name,
        "who": who,
        "pause": _MINUTE / limit,
        "first": min(want, limit),
        "want": want,
        "back": back,
    }
    async with database.engine.connect() as connection:
        connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        got, filling = (await connection.execute(_LEASE, given)).one()
    return int(got), float(filling)


async def forget(database: Database) -> None:
    """Delete the buckets that are full: a new one is as good."""
    if not database.is_sqlite:
        async with database.engine.begin() as connection:
            await connection.execute(_FORGET)
