"""Sensitive workflows at rest: what their runs hold cannot be read in the database, and opens again for its callers."""

import base64
import os
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph_sdk import get_client
from sqlalchemy import insert, select, text

from service.database import migrate, resealing
from service.database.engine import make_engine, open_database
from service.database.sealed import BYTES, SEALED, TEXT, Confidential
from service.database.sealing import CannotUnseal, Sealer, new_key, read_keys
from service.database.tables import DEFAULT_TENANT, File, FileContent, Thread, WebhookDelivery, new_id, now
from service.runs.serializing import CIPHER, OWNER, serializer
from tests.conftest import Server
from tests.service.hosting import on_either
from workflows.registry import Workflow

SECRET = "Zhang-Wei-of-Lane-4711"
LARGE = SECRET + "x" * 40_000
OLD, NEW = new_key("old"), new_key("new")


@dataclass(frozen=True)
class Hosted:
    server: Server
    database: str

    def whole(self) -> str:
        """Every value of every table, as text."""
        if self.database.startswith("sqlite"):
            with closing(sqlite3.connect(self.server.data_dir.parent / "consilia.db")) as connection:
                names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
                return "\n".join(
                    _text(value)
                    for name in names
                    for row in connection.execute(f'SELECT * FROM "{name}"')
                    for value in row
                )
        with psycopg.connect(self.database) as connection:
            names = [
                row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ]
            return "\n".join(
                _text(value)
                for name in names
                for row in connection.execute(f'SELECT * FROM "{name}"'.encode())
                for value in row
            )


def _text(value: Any) -> str:
    return value.decode("utf-8", "ignore") if isinstance(value, bytes) else str(value)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hosted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    with on_either(
        request,
        tmp_path_factory,
        CONSILIA_SEALING__WORKFLOWS='["asking", "failing"]',
        CONSILIA_SEALING__KEYS=OLD.strip(),
        CONSILIA_WEBHOOKS__ALLOW_NETWORKS='["127.0.0.0/8"]',
    ) as (server, database):
        yield Hosted(server, database)


async def test_nothing_of_a_sensitive_run_can_be_read_in_the_database_and_all_of_it_by_its_caller(hosted: Hosted):
    server = hosted.server
    async with get_client(url=server.url, api_key=server.key) as sdk:
        thread = (await sdk.threads.create())["thread_id"]
        run = await sdk.runs.create(
            thread,
            "asking",
            input={"log": [SECRET, LARGE]},
            context={"told": SECRET},
            stream_mode=["values", "updates"],
            webhook="http://127.0.0.1:9/nobody-listens",
        )
        await sdk.runs.join(thread, run["run_id"])
        assert (await sdk.threads.get(thread))["status"] == "interrupted"
        cron: Any = await sdk.crons.create_for_thread(thread, "asking", schedule="0 0 1 1 *", input={"log": [SECRET]})
        done: Any = await sdk.runs.wait(thread, "asking", command={"resume": SECRET})
        assert done["log"] == [SECRET, LARGE, "first", f"told {SECRET}", "last"]
        failed: Any = await sdk.runs.wait(None, "failing", input={"log": [SECRET]}, raise_error=False)
        assert failed["__error__"]["message"] == "a planned failure"
        copied = (await sdk.threads.copy(thread))["thread_id"]  # pyright: ignore[reportOptionalSubscript]
        file = httpx.post(
            f"{server.url}/files", headers={"x-api-key": server.key}, files={"file": ("a.txt", SECRET.encode())}
        ).json()["file_id"]

        kept = hosted.whole()
        assert SECRET not in kept
        assert base64.b64encode(SECRET.encode()).decode()[:20] not in kept
        assert "a planned failure" not in kept
        assert "graph_error" in kept, "by what code a run failed may be read"

        assert (await sdk.threads.get(thread))["values"]["log"][0] == SECRET
        history = await sdk.threads.get_history(thread, limit=50)
        assert len(history) > 4
        told = [each["values"]["log"][0] for each in history if each["values"].get("log")]
        assert set(told) == {SECRET}
        assert (await sdk.threads.get_state(copied))["values"]["log"][1] == LARGE
        again: Any = await sdk.runs.get(thread, run["run_id"])
        assert again["kwargs"]["input"]["log"][0] == SECRET
        assert again["kwargs"]["context"] == {"told": SECRET}
        events = [part async for part in sdk.runs.join_stream(thread, run["run_id"])]
        assert any(SECRET in str(part.data) for part in events)
        assert (await sdk.crons.search(thread_id=thread))[0]["payload"]["input"] == {"log": [SECRET]}
        assert cron["cron_id"]
        content = httpx.get(f"{server.url}/files/{file}", headers={"x-api-key": server.key}).content
        assert content == SECRET.encode()

        open_thread: Any = await sdk.runs.wait(None, "slow", input={"log": ["not sensitive"]})
        assert open_thread["log"][0] == "not sensitive"
        assert "not sensitive" in hosted.whole(), "what is not marked stays readable"


async def test_after_resealing_the_new_key_alone_opens_everything(hosted: Hosted):
    server = hosted.server
    async with get_client(url=server.url, api_key=server.key) as sdk:
        thread = (await sdk.threads.create())["thread_id"]
        await sdk.runs.wait(thread, "asking", input={"log": [SECRET, LARGE]})
    httpx.post(f"{server.url}/files", headers={"x-api-key": server.key}, files={"file": ("a.txt", SECRET.encode())})
    both = Sealer(read_keys(OLD + NEW, "the test"))
    async with open_database(hosted.database, seals=both) as database:
        before = hosted.whole()
        assert await resealing.reseal(database, both, CIPHER, OWNER) > 5
        assert await resealing.reseal(database, both, CIPHER, OWNER) == 0
        assert hosted.whole() != before
    async with open_database(hosted.database, seals=Sealer(read_keys(NEW, "the test"))) as database:
        async with database.reading() as connection:
            values = (await connection.scalars(select(Thread.values))).all()
            contents = (await connection.scalars(select(FileContent.content))).all()
        assert any(value and value.get("log", [""])[0] == SECRET for value in values)
        assert SECRET.encode() in contents
    async with open_database(hosted.database, seals=Sealer(read_keys(OLD, "the test"))) as database:
        with pytest.raises(CannotUnseal, match="'new'"):
            async with database.reading() as connection:
                (await connection.scalars(select(Thread.values))).all()
    async with open_database(hosted.database) as database:
        with pytest.raises(CannotUnseal, match="without the sealing keys"):
            async with database.reading() as connection:
                (await connection.scalars(select(Thread.values))).all()


@pytest.mark.parametrize(
    "value",
    [{SEALED: "AAAA"}, {"$plain": 1}, {"$plain": {SEALED: "AAAA"}}, {SEALED: 1, "b": 2}, {"a": {SEALED: "x"}}, {}],
)
async def test_what_only_looks_sealed_comes_back_as_it_was(value: dict[str, Any], tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    engine = make_engine(url)
    await migrate.upgrade(engine)
    await engine.dispose()
    async with open_database(url, seals=Sealer({"k": os.urandom(32)})) as database:
        thread, file = new_id(), new_id()
        moment = now()
        words = [f"{TEXT}AAAA", "plain:x", f"plain:{TEXT}", "usual"]
        async with database.engine.begin() as connection:
            times = {"created_at": moment, "updated_at": moment, "state_updated_at": moment}
            row = {"thread_id": thread, "tenant_id": DEFAULT_TENANT, "status": "idle", "metadata_": {}, "config": {}}
            await connection.execute(
                insert(Thread).values(**row, **times, values=value, interrupts=Confidential(value), temporary=False)
            )
            await connection.execute(
                insert(File).values(
                    file_id=file,
                    tenant_id=DEFAULT_TENANT,
                    name="a",
                    media_type="b",
                    size=1,
                    sha256="",
                    created_at=moment,
                )
            )
            await connection.execute(insert(FileContent).values(file_id=file, content=BYTES + b"looks sealed"))
            for word in words:
                await connection.execute(
                    insert(WebhookDelivery).values(
                        delivery_id=new_id(), tenant_id=DEFAULT_TENANT, run_id="r", url="u", body=word, status="failed",
                        attempts=0, next_attempt_at=moment, created_at=moment, updated_at=moment,
                    )
                )  # fmt: skip
        async with database.reading() as connection:
            assert (await connection.execute(select(Thread.values, Thread.interrupts))).one() == (value, value)
            assert await connection.scalar(select(FileContent.content)) == BYTES + b"looks sealed"
            bodies = select(WebhookDelivery.body).order_by(WebhookDelivery.delivery_id)
            assert list(await connection.scalars(bodies)) == words
            assert SEALED in str(await connection.scalar(text("SELECT interrupts FROM threads")))


@dataclass(frozen=True)
class Payload:
    """Stands for a class that somebody who can write to the database would have made here."""

    command: str


async def test_a_checkpoint_makes_nothing_that_its_workflow_does_not_declare_and_no_pickle(tmp_path: Path):
    async with open_database(f"sqlite:///{tmp_path / 'a.db'}") as database:
        planted = JsonPlusSerializer().dumps_typed({"value": Payload("rm")})
        found = serializer(database).loads_typed(planted)
        assert not isinstance(found["value"], Payload)
        ours = Workflow("w", "", None, state_types=(Payload,))
        assert serializer(database, ours).loads_typed(planted) == {"value": Payload("rm")}
        assert not isinstance(
            serializer(database, Workflow("v", "", None, state_types=(Hosted,))).loads_typed(planted)["value"], Payload
        )
        for workflow in (None, ours):
            with pytest.raises(NotImplementedError):
                serializer(database, workflow).loads_typed(("pickle", pickle.dumps(Payload("rm"))))
