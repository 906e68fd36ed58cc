"""The whole API by its own description, with every check of schemathesis, over both databases: `make test-schema`.

No answer is a 5xx, none has a status, a media type or a shape that the description does not tell, what it forbids is
refused and what it allows is taken. SCHEMA_EXAMPLES sets how many requests are made up for each operation beside those
that cover its schema (the default is small, for the gate).
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import ENVIRONMENT, SAMPLES, Server, start_server
from tests.service.hosting import new_database, stop

pytestmark = pytest.mark.schema

CONFIG = Path(__file__).parent / "schemathesis.toml"

ENDLESS = r"^/threads/\{thread_id\}/stream(/events)?$|^/admin/api/runs/\{run_id\}/live$"
"""Streams that end only when their client goes: tests/service/test_thread_stream.py and tests of the admin pages."""

OWN_KEYS = r"^/keys"
"""It would revoke the key that it calls with: tests/service/test_keys.py."""

PATIENCE = int(os.environ.get("SCHEMA_SECONDS", "900"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hosted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("schema")
    url = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with new_database(folder, url) as database:
        server = start_server(folder / "var", CONSILIA_DATABASE=database)
        yield server
        stop(server)


def things(server: Server) -> dict[str, str]:
    """A file, a thread and a run that ended, for what lies behind their ids; schemathesis.toml names the variables."""
    with httpx.Client(base_url=server.url, headers={"x-api-key": server.key}, timeout=60) as http:
        sample = SAMPLES / "mutual-nda.md"
        file_id = http.post("/files", files={"file": (sample.name, sample.read_bytes())}).json()["file_id"]
        thread_id = http.post("/threads", json={}).json()["thread_id"]
        asked = {"assistant_id": "contract_review", "input": {"file_id": file_id}}
        run_id = http.post(f"/threads/{thread_id}/runs", json=asked).json()["run_id"]
        http.get(f"/threads/{thread_id}/runs/{run_id}/join")
        cron = {"assistant_id": "contract_review", "schedule": "0 0 1 1 *", "input": {"file_id": file_id}}
        cron_id = http.post("/runs/crons", json=cron).json()["cron_id"]
    return {"SCHEMA_FILE": file_id, "SCHEMA_THREAD": thread_id, "SCHEMA_RUN": run_id, "SCHEMA_CRON": cron_id}


@pytest.mark.timeout(PATIENCE + 60)
def test_the_service_does_what_its_description_says(hosted: Server, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
    command += [f"{hosted.url}/openapi.json", "--header", f"x-api-key: {hosted.key}"]
    command += ["--header", f"Authorization: Bearer {hosted.key}"]
    command += ["--max-examples", os.environ.get("SCHEMA_EXAMPLES", "2"), "--continue-on-failure"]
    command += ["--exclude-path-regex", f"{ENDLESS}|{OWN_KEYS}", "--request-timeout", "30"]
    with (tmp_path / "told").open("w") as told:
        done = subprocess.run(
            command, env={**ENVIRONMENT, **things(hosted)}, stdout=told, stderr=told, timeout=PATIENCE, check=False
        )
    said = (tmp_path / "told").read_text()
    assert done.returncode == 0, said[-12_000:]
