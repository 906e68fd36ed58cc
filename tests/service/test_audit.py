"""The audit log: whole with many writers at once, and what does not stay unseen when somebody meddles with it."""

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from typer.testing import CliRunner

from service.auth.audit import Anchor, Audit, audit_key
from service.cli import app
from service.database import audit, migrate
from service.database.audit import Act
from service.database.engine import Database, make_engine, open_database
from tests.conftest import Server, start_server
from tests.service.hosting import declared

SECRET = b"of this installation"


async def _written(database: Database, count: int, writer: str) -> None:
    """As one process writes: some acts are waited for, some are not."""
    async with Audit(database, SECRET) as log:
        for number in range(count):
            act = Act(f"key {writer}", "runs.create", f"run {number}", "t", "10.0.0.1", 200, {"ü": "张\0", "n": number})
            if number % 5:
                log.record(act)
            else:
                await log.write(act)


async def test_many_writers_at_once_make_one_whole_chain(empty_database: str):
    engine = make_engine(empty_database)
    await migrate.upgrade(engine)
    await engine.dispose()
    async with open_database(empty_database) as one, open_database(empty_database) as two:
        await asyncio.gather(*(_written(each, 40, f"{name}") for name, each in enumerate((one, two, one, two))))
        found = await audit.verify(one, audit_key(SECRET))
        assert (found.events, found.fault) == (160, None)
        shown = await audit.search(two, "t", actor="key 2", limit=1000)
        assert len(shown) == 40
        assert [row["seq"] for row in shown] == sorted((row["seq"] for row in shown), reverse=True)
        assert (await audit.verify(one, audit_key(b"another's"))).fault is not None

        seq, _, hash_ = found.head.partition(":")
        await audit.append(two, audit_key(SECRET), [Act("a", "b")])
        assert (await audit.verify(one, audit_key(SECRET), [(int(seq), hash_)])).fault is None

        for meddling in (
            "UPDATE audit_events SET actor = 'somebody else' WHERE seq = 7",
            "DELETE FROM audit_events WHERE seq = 7",
        ):
            with pytest.raises(SQLAlchemyError, match="append-only"):
                async with one.engine.begin() as connection:
                    await connection.execute(text(meddling))


MEDDLING = (
    ("UPDATE audit_events SET actor = 'somebody else' WHERE seq = 7", "event 7 was changed"),
    ("UPDATE audit_events SET at = '2001-01-01 00:00:00' WHERE seq = 3", "event 3 was changed"),
    ("DELETE FROM audit_events WHERE seq = 5", "event 5 is missing"),
    ("DELETE FROM audit_events WHERE seq > 8", "event 9 is missing"),
    (
        "UPDATE audit_events SET seq = 99 WHERE seq = 4; UPDATE audit_events SET seq = 4 WHERE seq = 5; "
        "UPDATE audit_events SET seq = 5 WHERE seq = 99",
        "event 4 was changed",
    ),
    ("INSERT INTO audit_events SELECT 11, at, tenant_id, actor, action, target, address, status, details, hash FROM "
     "audit_events WHERE seq = 10; UPDATE audit_head SET seq = 11", "event 11 was changed"),
    ("UPDATE audit_head SET seq = 8", "head is not that of its last event"),
    ("DELETE FROM audit_head", "head is not that of its last event|should end"),
)  # fmt: skip


async def _unguarded(database: Database, connection: AsyncConnection) -> None:
    """As somebody would begin who owns the database."""
    if database.is_sqlite:
        await connection.exec_driver_sql("BEGIN")  # the driver would begin only with the first INSERT or UPDATE
        for act in ("update", "delete"):
            await connection.execute(text(f"DROP TRIGGER audit_events_no_{act}"))
    else:
        await connection.execute(text("DROP TRIGGER audit_events_append_only ON audit_events"))


async def test_meddling_is_seen_by_whom_has_the_pepper(empty_database: str):
    async with open_database(empty_database) as database:
        await migrate.upgrade(database.engine)
        await audit.append(database, audit_key(SECRET), [Act("a", "b", str(number)) for number in range(10)])
        async with database.engine.connect() as connection:
            for meddling, fault in MEDDLING:
                await _unguarded(database, connection)
                for statement in meddling.split(";"):
                    await connection.execute(text(statement))
                found = await audit.verify(Seen(database, connection), audit_key(SECRET))  # type: ignore[arg-type]
                assert re.search(fault, found.fault or ""), (meddling, found)
                await connection.rollback()
        assert (await audit.verify(database, audit_key(SECRET))).fault is None


@dataclass(frozen=True)
class Seen:
    """A database as one transaction sees it, which then undoes what it did."""

    database: Database
    connection: AsyncConnection

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        yield self.connection


async def test_a_log_cut_off_at_its_end_is_seen_by_a_head_noted_before(empty_database: str, tmp_path: Path):
    async with open_database(empty_database) as database:
        await migrate.upgrade(database.engine)
        async with Audit(database, SECRET, tmp_path) as log:
            for number in range(10):
                await log.write(Act("a", "b", str(number)))
        noted = Anchor(tmp_path, database).heads()
        seq, _, hash_ = (await audit.verify(database, audit_key(SECRET), noted)).head.partition(":")
        assert noted == [(10, hash_)] == [(int(seq), hash_)]
        [ninth] = [row for row in await audit.search(database, None, limit=10) if row["seq"] == 9]
        async with database.engine.begin() as connection:
            await _unguarded(database, connection)
            await connection.execute(text("DELETE FROM audit_events WHERE seq = 10"))
            await connection.execute(text("UPDATE audit_head SET seq = 9, hash = :hash"), {"hash": ninth["hash"]})
        assert (await audit.verify(database, audit_key(SECRET))).fault is None, "it is a whole log, only shorter"
        async with Audit(database, SECRET, tmp_path) as log:
            assert "no longer holds event 10" in str((await log.verify()).fault)
            for _ in range(3):
                await log.write(Act("a", "grown again"))
        found = await audit.verify(database, audit_key(SECRET), Anchor(tmp_path, database).heads())
        assert "no longer holds event 10" in str(found.fault), "nor does growing again hide it"


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"x-api-key": server.key}, timeout=30) as client:
        yield client


def test_what_callers_do_is_in_the_log_and_what_they_read_is_not(http: httpx.Client, server: Server):
    thread = http.post("/threads", json={}).json()["thread_id"]
    run = http.post(f"/threads/{thread}/runs", json={"assistant_id": "contract_review", "input": {"file_id": "no"}})
    made = http.post("/keys", json={"name": "of the audit", "scopes": ["read"], "expires_in_days": 1}).json()
    reader = {"x-api-key": made["key"]}
    assert httpx.post(f"{server.url}/threads", json={}, headers=reader).status_code == 403
    assert httpx.get(f"{server.url}/threads/{thread}", headers={"x-api-key": "csl_wrong"}).status_code == 401
    http.get(f"/threads/{thread}")
    rotated = http.post(f"/keys/{made['key_id']}/rotate", json={"overlap_hours": 0}).json()
    assert http.delete(f"/keys/{rotated['key_id']}").status_code == 204
    assert http.post("/keys", json={"name": "x", "scopes": ["invoke:nothing"]}).status_code == 422

    deadline = time.monotonic() + 10
    while not http.get("/audit", params={"target": rotated["key_id"]}).json():
        assert time.monotonic() < deadline
    assert http.get("/audit/verification").json()["fault"] is None
    events = http.get("/audit", params={"limit": 1000}).json()
    told = {(each["action"], each["status"]): each for each in reversed(events)}
    assert told["runs.create", 200]["target"] == f"/threads/{thread}/runs/{run.json()['run_id']}"
    assert told["runs.create", 200]["address"] == "127.0.0.1"
    assert told["threads.create", 403]["actor"] == made["key_id"]
    assert told["threads.get", 401]["actor"] == "nobody"
    assert told["keys.revoke", 204]["target"] == f"key_id={rotated['key_id']}"
    assert ("threads.get", 200) not in told
    assert not any(secret in json.dumps(events) for secret in (made["key"], rotated["key"], server.key))
    of_keys = http.get("/audit", params={"action": "keys."}).json()
    assert of_keys
    assert all(each["action"].startswith("keys.") for each in of_keys)


def test_the_command_line_verifies_lists_and_exports(http: httpx.Client, server: Server, tmp_path: Path):
    def consilia(*arguments: str) -> str:
        done = CliRunner().invoke(app, list(arguments), env={"CONSILIA_DATA_DIR": str(server.data_dir)})
        assert done.exit_code == 0, done.output
        return done.stdout

    tenant = json.loads(consilia("tenants", "create", "audited", "--tokens-per-month", "1000", "--json"))
    verified = json.loads(consilia("audit", "verify", "--json"))
    assert verified["fault"] is None
    assert consilia("audit", "verify", "--head", verified["head"]).startswith("The audit log is whole")
    [event] = json.loads(consilia("audit", "list", "--action", "tenants.create", "--tenant", "audited", "--json"))
    assert (event["tenant_id"], event["details"]) == (tenant["tenant_id"], {"tokens_per_month": "1000"})
    assert event["actor"].startswith("command:")
    consilia("audit", "export", str(tmp_path / "log.jsonl"))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [each["seq"] for each in lines] == list(range(1, len(lines) + 1))
    assert http.get("/tenants/audited").json()["tokens_per_month"] == 1000
    changed = http.patch("/tenants/audited", json={"tokens_per_month": None, "retention_days": {"*": 30}}).json()
    assert (changed["tokens_per_month"], changed["retention_days"]) == (None, {"*": 30})


def test_what_is_decided_is_in_the_log_before_it_is_answered(tmp_path: Path):
    """The service is killed as soon as it has answered."""
    server = start_server(tmp_path / "var", CONSILIA_LANGGRAPH_JSON=str(declared(tmp_path / "graphs")))
    with httpx.Client(base_url=server.url, headers={"x-api-key": server.key}, timeout=60) as client:
        thread = client.post("/threads", json={}).json()["thread_id"]
        made = client.post(f"/threads/{thread}/runs/wait", json={"assistant_id": "asking", "input": {"log": []}})
        assert made.status_code == 200
        slow = client.post("/runs", json={"assistant_id": "slow", "input": {"seconds": 60}}).json()
        answer = {
            "assistant_id": "asking",
            "command": {"resume": {"decision": "reject", "reason": "of nobody's concern"}},
        }
        told = [
            client.patch(f"/threads/{thread}", json={"metadata": {"a": 1}}),
            client.post(f"/threads/{slow['thread_id']}/runs/{slow['run_id']}/cancel"),
            client.post("/assistants", json={"graph_id": "slow"}),
            client.post("/keys", json={"name": "k", "scopes": ["read"]}),
            client.post(f"/threads/{thread}/runs", json=answer),
        ]
        server.process.kill()
        server.process.wait(20)
    assert all(each.status_code < 300 for each in told), told

    async def read() -> list[str]:
        async with open_database(f"sqlite:///{server.data_dir / 'consilia.db'}") as database:
            rows = await audit.after(database, 0, 100)
            assert "nobody's" not in str([dict(row) for row in rows])
            return [f"{row['action']} {row['details'].get('decision', '')}".strip() for row in rows]

    actions = asyncio.run(read())
    assert {"threads.patch", "runs.cancel", "assistants.create", "keys.create", "runs.answer reject"} <= {*actions}
