"""A drained model server gets no requests from any process of its database, also after a restart."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from agents.faults import UnknownPoolModel
from agents.pool import Pool
from service.cli import app
from service.database import migrate
from service.database.engine import open_database
from service.database.tables import DrainedEndpoint
from service.draining import Draining, drain
from tests.agents.conftest import ModelServer, pool_of, start_model_server


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    started = start_model_server()
    yield started
    started.stop()


def state(pool: Pool) -> str:
    return pool.status()["models"][0]["endpoints"][0]["state"]


async def until(pool: Pool, wanted: str) -> None:
    deadline = time.monotonic() + 10
    while state(pool) != wanted:
        assert time.monotonic() < deadline, state(pool)
        await asyncio.sleep(0.02)


async def test_what_one_process_drains_every_process_drains_until_it_is_taken_back(
    empty_database: str, server: ModelServer
) -> None:
    settings = pool_of({"m": [server.url]}, health_seconds=0.1)
    async with open_database(empty_database) as one, open_database(empty_database) as two:
        await migrate.upgrade(one.engine)
        async with Pool(settings) as here, Pool(settings) as there, Draining(one, here), Draining(two, there):
            assert (state(here), state(there)) == ("up", "up")
            await drain(one, here, f"{server.url}/", key_id="abc")
            assert state(here) == "drained"
            await until(there, "drained")
            await drain(two, there, server.url)  # again does no harm, and the first to drain it stays on record
            async with one.reading() as connection:
                assert (await connection.scalars(select(DrainedEndpoint.key_id))).all() == ["abc"]
            async with Pool(settings) as restarted, Draining(two, restarted):
                assert state(restarted) == "drained"
            with pytest.raises(UnknownPoolModel, match="the pool has no endpoint 'http://other/v1'"):
                await drain(one, here, "http://other/v1")
            await drain(two, there, server.url, draining=False)
            await until(here, "up")


def test_the_command_line_drains_and_takes_back_and_knows_its_endpoints(tmp_path: Path) -> None:
    config, url = tmp_path / "consilia.toml", "http://10.0.0.5:8000/v1"
    config.write_text(
        f'data_dir = "{tmp_path}/var"\n[[pool.models]]\nname = "m"\ncatalogue = "qwen3-8b"\nendpoints = ["{url}"]\n'
    )
    for words, status, told, left in (
        ([url], 0, "gets no new requests", [(url,)]),
        ([url, "--undo"], 0, "gets requests again", []),
        (["http://other/v1"], 2, f"there are: {url}", []),
    ):
        done = CliRunner().invoke(app, ["pool", "drain", *words, "--config", str(config)])
        assert (done.exit_code, told in " ".join(done.output.split())) == (status, True), done.output
        with sqlite3.connect(tmp_path / "var" / "consilia.db") as database:
            assert database.execute("SELECT url FROM drained_endpoints").fetchall() == left
