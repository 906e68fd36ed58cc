"""Keys, scopes and tenants, through a real service and the real command line."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from service.auth import Caller, Keys, Unauthorized
from service.auth.caller import NotPermitted, checked_scopes
from service.auth.key_text import key_id_of, new_key
from service.cli import app
from service.database import keys, migrate, tenants
from service.database.engine import Database, open_database
from service.database.tables import DEFAULT_TENANT, now
from tests.conftest import Server
from tools.errors import InvalidInput

SHAPE = re.compile(r"csl_[0-9a-f]{12}_[A-Za-z0-9_-]{43}[a-z2-7]{6}")


@given(at=st.integers(0, 69), other=st.sampled_from("abcXYZ019-_"))
def test_a_mistyped_key_is_told_from_a_revoked_one(at: int, other: str):
    key_id, key = new_key()
    assert SHAPE.fullmatch(key)
    assert key_id_of(key) == key_id
    mistyped = key[:at] + other + key[at + 1 :]
    if mistyped != key:
        with pytest.raises(Unauthorized, match="copied incompletely"):
            key_id_of(mistyped)


@pytest.mark.parametrize(
    ("scopes", "may", "may_not"),
    [
        (["read"], [("read", "a")], [("invoke", None), ("approve", "a"), ("admin", None)]),
        (["invoke:a"], [("invoke", "a"), ("invoke", None)], [("invoke", "b"), ("read", None), ("approve", "a")]),
        (["approve"], [("approve", "b")], [("invoke", "b")]),
        (["admin"], [("read", None), ("invoke", "b"), ("approve", "c"), ("admin", None)], []),
    ],
)
def test_a_scope_allows_what_it_names_and_nothing_else(scopes: list[str], may: list[Any], may_not: list[Any]):
    caller = Caller("t", "k", tuple(scopes))
    assert all(caller.may(*each) for each in may)
    assert not any(caller.may(*each) for each in may_not)
    with pytest.raises(NotPermitted):
        caller.require_installation()


@pytest.mark.parametrize("scopes", [[], ["everything"], ["read:a"], ["invoke:"], ["invoke:nothing_here"]])
def test_a_scope_that_there_is_not_is_refused(scopes: list[str]):
    with pytest.raises(InvalidInput):
        checked_scopes(scopes, ["contract_review"])


async def _fresh(url: str, folder: Path, use: Callable[[Database, Keys, Keys], Any]) -> None:
    """With a database and the keys of two replicas over it."""
    async with open_database(url) as database:
        await migrate.upgrade(database.engine)
        await use(database, Keys(database, folder), Keys(database, folder))


async def test_a_key_is_kept_as_a_hash_expires_rotates_and_is_revoked_on_every_replica(
    empty_database: str, tmp_path: Path
):
    async def use(database: Database, here: Keys, elsewhere: Keys) -> None:
        made = await here.create("robot", ["invoke:contract_review", "read"])
        caller = await elsewhere.caller(made.key)
        assert (caller.key_id, caller.tenant_id, caller.role) == (made.key_id, DEFAULT_TENANT, "operator")
        row = await keys.get(database, made.key_id)
        assert row is not None
        assert made.key.rsplit("_", 1)[1] not in str(dict(row))

        with pytest.raises(Unauthorized):
            await here.caller(new_key()[1])
        other_folder = tmp_path / "other"
        with pytest.raises(Unauthorized):  # the same database without the pepper lets nobody in
            await Keys(database, other_folder).caller(made.key)

        newer = await here.rotate(made.key_id, timedelta(hours=1))
        assert (await here.caller(newer.key)).scopes == made.scopes
        assert (await here.caller(made.key)).key_id == made.key_id, "both are good in the overlap"
        old = await here.find(made.key_id)
        assert old["replaced_by"] == newer.key_id
        assert timedelta(minutes=59) < old["expires_at"] - now() <= timedelta(hours=1)

        await here.caller(newer.key)
        await elsewhere.caller(newer.key)
        begun = time.monotonic()
        await here.revoke(newer.key_id)
        with pytest.raises(Unauthorized, match="revoked"):
            await here.caller(newer.key)
        while True:
            try:
                await elsewhere.caller(newer.key)
            except Unauthorized:
                break
            assert time.monotonic() - begun < 1.0, "a revocation acts within a second on every replica"
        with pytest.raises(InvalidInput, match="revoked"):
            await here.rotate(newer.key_id, timedelta(0))

        short = await here.create("short", ["read"], expires_at=now() + timedelta(milliseconds=30))
        while now() < short.expires_at:
            pass
        with pytest.raises(Unauthorized, match="expired"):
            await here.caller(short.key)

    await _fresh(empty_database, tmp_path, use)


async def test_a_suspended_tenant_s_keys_let_nobody_in(empty_database: str, tmp_path: Path):
    async def use(database: Database, here: Keys, elsewhere: Keys) -> None:
        legal = await tenants.create(database, "legal")
        with pytest.raises(tenants.TenantExists):
            await tenants.create(database, "legal")
        made = await here.create("theirs", ["admin"], legal["tenant_id"])
        await tenants.change(database, legal["tenant_id"], {"suspended_at": now()})
        with pytest.raises(Unauthorized, match="suspended"):
            await elsewhere.caller(made.key)
        with pytest.raises(InvalidInput, match="default"):
            await tenants.change(database, DEFAULT_TENANT, {"suspended_at": now()})

    await _fresh(empty_database, tmp_path, use)


def consilia(server: Server, *arguments: str, fails: bool = False) -> str:
    """The command line, in this process: starting one for each command takes longer than all of them."""
    done = CliRunner().invoke(app, list(arguments), env={"CONSILIA_DATA_DIR": str(server.data_dir)})
    assert (done.exit_code != 0) == fails, done.output
    return done.stderr if fails else done.stdout


@pytest.fixture(scope="module")
def limited(server: Server) -> Iterator[Callable[..., httpx.Client]]:
    """Clients by scope, of keys that the command line made while the service runs."""
    opened: list[httpx.Client] = []

    def client(*scopes: str) -> httpx.Client:
        given = [word for scope in scopes for word in ("--scope", scope)]
        made = json.loads(consilia(server, "keys", "create", "limited", *given, "--json"))
        opened.append(httpx.Client(base_url=server.url, headers={"x-api-key": made["key"]}, timeout=30))
        return opened[-1]

    yield client
    for each in opened:
        each.close()


def test_each_scope_opens_its_routes_alone(limited: Callable[..., httpx.Client]):
    reader, robot = limited("read"), limited("invoke:contract_review")
    run = {"assistant_id": "contract_review", "input": {"file_id": "none"}}
    assert reader.post("/threads/search", json={}).status_code == 200
    refused = reader.post("/runs", json=run)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    assert "invoke" in refused.json()["detail"]
    assert reader.get("/pool").status_code == 403

    assert robot.post("/runs", json=run).status_code == 200
    other = robot.post("/runs", json={"assistant_id": "financial_advisor", "input": {}})
    assert (other.status_code, other.json()["code"]) == (403, "not_permitted")
    assert robot.post("/threads/search", json={}).status_code == 403
    thread = robot.post("/threads", json={}).json()["thread_id"]
    answer = {"assistant_id": "contract_review", "command": {"resume": "yes"}}
    assert robot.post(f"/threads/{thread}/runs", json=answer).status_code == 403, "only approvers answer"
    bearer = {"authorization": f"Bearer {robot.headers['x-api-key']}"}
    assert httpx.post(f"{robot.base_url}/threads", json={}, headers=bearer).status_code == 200


def test_the_command_line_lists_rotates_and_revokes(server: Server):
    made = json.loads(
        consilia(server, "keys", "create", "to be listed", "--role", "viewer", "--expires", "90d", "--json")
    )
    headers = {"x-api-key": made["key"]}
    assert httpx.post(f"{server.url}/threads/search", json={}, headers=headers).status_code == 200
    rotated = json.loads(consilia(server, "keys", "rotate", made["key_id"], "--overlap", "1h", "--json"))
    shown = {each["key_id"]: each for each in json.loads(consilia(server, "keys", "list", "--json"))}
    assert shown[made["key_id"]]["state"] == "replaced"
    assert shown[made["key_id"]]["last_used_at"]
    assert shown[rotated["key_id"]]["scopes"] == ["read"]
    assert not any("secret" in name for name in shown[made["key_id"]])
    assert "to be listed" in consilia(server, "keys", "list")
    consilia(server, "keys", "revoke", made["key_id"])
    time.sleep(0.6)
    assert httpx.post(f"{server.url}/threads/search", json={}, headers=headers).status_code == 401
    assert "key_not_found" in consilia(server, "keys", "revoke", "nobody", fails=True)


async def test_a_stream_tells_nothing_more_once_its_key_is_revoked(server: Server):
    async with open_database(f"sqlite:///{server.data_dir / 'consilia.db'}") as database:
        store = Keys(database, server.data_dir)
        made = await store.create("of a stream", ["read", "invoke"])
        headers = {"x-api-key": made.key}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=30) as http:
            thread = (await http.post("/threads", json={})).json()["thread_id"]
            async with http.stream("GET", f"/threads/{thread}/stream") as stream:
                assert stream.status_code == 200
                await store.revoke(made.key_id)
                await asyncio.sleep(1)
                run = {"assistant_id": "contract_review", "input": {"file_id": "none"}}
                started = await http.post(
                    f"/threads/{thread}/runs", json=run, headers={"x-api-key": server.key}
                )  # another's run on the thread: a thing that happens after the revocation
                assert started.status_code == 200
                told = [line async for line in stream.aiter_lines()]
    assert told == [], "it ended, and said nothing"
