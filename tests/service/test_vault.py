"""Identity mappings: sealed in SQL, opened with the right keys only, rotated, erased."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text

from service.database import migrate, runs, sealing, threads
from service.database.engine import Database, make_engine, open_database
from service.database.sealing import CannotUnseal, InvalidSealingKeys, Sealer
from service.database.tables import DEFAULT_TENANT, new_id, now
from service.runs.vault import RunVault, reseal
from service.settings import Sealing
from tests.conftest import ENVIRONMENT

OLD, NEW = ({name: os.urandom(32)} for name in ("old", "new"))


@given(value=st.binary(), owner=st.lists(st.text(), max_size=4))
def test_what_was_sealed_opens_again_and_shows_nothing(value: bytes, owner: list[str]):
    sealed = Sealer(OLD).seal(value, *owner)
    assert Sealer({**OLD, **NEW}).open(sealed, *owner) == value
    assert len(value) < 8 or value not in sealed


@given(at=st.integers(0), bit=st.integers(0, 7))
def test_a_changed_bit_is_seen(at: int, bit: int):
    sealed = bytearray(Sealer(OLD).seal(b"Zhang Wei", "t", "r"))
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises(CannotUnseal):
        Sealer(OLD).open(bytes(sealed), "t", "r")


@pytest.mark.parametrize("other", [("t", "r2"), ("t2", "r"), ("tr", ""), ("t",), ()])
def test_a_value_moved_to_another_row_does_not_open(other: tuple[str, ...]):
    sealed = Sealer(OLD).seal(b"secret", "t", "r")
    with pytest.raises(CannotUnseal, match="another row"):
        Sealer(OLD).open(sealed, *other)


def test_a_missing_key_is_named():
    with pytest.raises(CannotUnseal, match=r"'old'.*they have new"):
        Sealer(NEW).open(Sealer(OLD).seal(b"secret"))


def test_the_first_start_makes_a_key_file_for_the_owner_only(tmp_path: Path):
    sealed = sealing.sealer(Sealing(), tmp_path).seal(b"secret")
    assert stat.S_IMODE((tmp_path / "sealing-keys").stat().st_mode) == 0o600
    assert sealing.sealer(Sealing(), tmp_path).open(sealed) == b"secret"


def test_keys_come_from_the_settings_a_command_or_a_file(tmp_path: Path):
    first, second = sealing.new_key("a"), sealing.new_key("b")
    (tmp_path / "keys").write_text("# ours\n" + first + second)
    told = SecretStr(first.strip() + "," + second)
    for chosen in (
        Sealing(keys=told),
        Sealing(command=["cat", str(tmp_path / "keys")]),
        Sealing(file=tmp_path / "keys"),
    ):
        found = sealing.sealer(chosen, tmp_path)
        assert (found.newest, sorted(found.keys)) == ("b", ["a", "b"])
        assert not any(str(key) in repr(found) for key in found.keys.values())


@pytest.mark.parametrize(
    ("chosen", "fault"),
    [
        (Sealing(keys=SecretStr("only-a-name")), "line 1: expected a name"),
        (Sealing(keys=SecretStr("a c2hvcnQ=")), "this one has 5 bytes"),
        (Sealing(keys=SecretStr("a ???")), "line 1: expected"),
        (Sealing(keys=SecretStr("# none")), "holds no key"),
        (Sealing(command=["false"]), "gave no keys"),
        (Sealing(command=["/no/such/program"]), "gave no keys"),
        (Sealing(file=Path("/no/such/keys")), "there is no file"),
    ],
)
def test_keys_that_cannot_be_used_stop_the_start_with_a_sentence(chosen: Sealing, fault: str, tmp_path: Path):
    with pytest.raises(InvalidSealingKeys, match=fault) as caught:
        sealing.sealer(chosen, tmp_path)
    assert "c2hvcnQ" not in str(caught.value)


async def _a_run(database: Database) -> str:
    run_id, thread_id = new_id(), new_id()
    creation, _ = threads.creation(DEFAULT_TENANT, thread_id, {})
    await database.writer.write(creation)
    row = {
        "run_id": run_id, "tenant_id": DEFAULT_TENANT, "thread_id": thread_id, "assistant_id": "a", "graph_id": "g",
        "status": "pending", "input": None, "kwargs": "{}", "metadata": "{}", "multitask_strategy": "enqueue",
        "attempt": 1, "degraded": False, "created_at": now(), "updated_at": now(),
    }  # fmt: skip
    async with database.engine.begin() as connection:
        names = ", ".join(row)
        await connection.execute(text(f"INSERT INTO runs ({names}) VALUES ({', '.join(':' + n for n in row)})"), row)
    assert await runs.get(database, DEFAULT_TENANT, run_id) is not None
    return run_id


async def test_a_mapping_is_kept_sealed_rotated_and_erased(empty_database: str):
    engine = make_engine(empty_database)
    await migrate.upgrade(engine)
    await engine.dispose()
    async with open_database(empty_database) as database:
        run_id = await _a_run(database)
        vault = RunVault(database, Sealer(OLD), DEFAULT_TENANT, run_id)
        assert await vault.get() is None
        await vault.put(b"first")
        await vault.put("张伟".encode())
        assert await vault.get() == "张伟".encode()
        async with database.reading() as connection:
            [raw] = (await connection.scalars(text("SELECT sealed FROM identity_mappings"))).all()
        assert "张伟".encode() not in bytes(raw)
        stranger = RunVault(database, Sealer(OLD), new_id(), run_id)
        assert await stranger.get() is None

        rotated = Sealer({**OLD, **NEW})
        assert [await reseal(database, rotated) for _ in range(2)] == [1, 0]
        assert await RunVault(database, Sealer(NEW), DEFAULT_TENANT, run_id).get() == "张伟".encode()
        with pytest.raises(CannotUnseal):
            await vault.get()

        await vault.erase()
        assert await vault.get() is None
        await vault.put(b"again")
        async with database.engine.begin() as connection:
            await connection.execute(text("DELETE FROM runs"))
        assert await vault.get() is None  # it goes with its run


def test_the_commands_make_a_key_and_reseal(tmp_path: Path):
    def consilia(*arguments: str) -> str:
        environment = {**ENVIRONMENT, "CONSILIA_DATA_DIR": str(tmp_path / "var"), "COLUMNS": "200"}
        command = [sys.executable, "-m", "service.cli", "db", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    name, key = consilia("new-key", "2026-11").split()
    assert (name, len(key)) == ("2026-11", 44)
    consilia("upgrade")
    (tmp_path / "var" / "sealing-keys").write_text(f"{name} {key}\n")
    assert "0 mappings and 0 values sealed anew with key '2026-11'" in consilia("reseal")
