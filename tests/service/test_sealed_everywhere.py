"""A word is sent through a sensitive workflow by every door; it stands in no file and in no table as it is kept."""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.service import sensitive_graph
from tests.service.hosting import on_either, postgresql_program
from tests.service.puppet import Puppet
from tests.tools import nasty_server
from tests.tools.wicked_server import serving

WORD = "Zhang-Wei-of-Lane-4711"
TOLD = WORD.encode()
FORMS = {
    "as it is": TOLD,
    "in capitals": TOLD.upper(),
    "in small letters": TOLD.lower(),
    "in base64": base64.b64encode(TOLD)[:24],
    "in hex": TOLD.hex().encode(),
    "in UTF-16": WORD.encode("utf-16-le"),
}


@dataclass(frozen=True)
class Hosted:
    server: Server
    database: str
    http: httpx.Client

    def kept(self) -> Iterator[tuple[str, bytes]]:
        """All that is kept, by name: every file of the installation, and a dump of the database."""
        for path in sorted(self.server.data_dir.parent.rglob("*")):
            if path.is_file() and path.suffix != ".py" and "nasty" not in path.parts:
                yield path.name, path.read_bytes()
        if not self.database.startswith("sqlite"):
            command = [postgresql_program("pg_dump"), "--inserts", "--dbname", self.database]
            yield "dump", subprocess.run(command, capture_output=True, check=True).stdout

    def told(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        response = self.http.request(method, path, json=body, **options)
        assert response.status_code < 400, (path, response.text)
        return response.json() if response.content else None

    def ended(self, thread: str, status: str = "interrupted") -> dict[str, Any]:
        """The thread once it has come to this status."""
        deadline = time.monotonic() + 60
        while (found := self.told("GET", f"/threads/{thread}"))["status"] != status:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hosted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    folder = tmp_path_factory.mktemp("nasty")
    nasty = {
        "command": [sys.executable, "-S", str(Path(nasty_server.__file__)), str(folder)],
        "allow": {"leaky": ["echo", "odd"]},
    }
    with serving(Puppet()) as model:
        pool = {"models": [{"name": "puppet", "catalogue": "qwen3-8b", "endpoints": [f"{model}/v1"]}]}
        with on_either(
            request,
            tmp_path_factory,
            CONSILIA_WORKFLOWS=json.dumps({"leaky": f"{sensitive_graph.__file__}:graph"}),
            CONSILIA_SEALING__WORKFLOWS='["leaky"]',
            CONSILIA_POOL=json.dumps(pool),
            CONSILIA_TOOLS=json.dumps({"servers": {"nasty": nasty}}),
            CONSILIA_WEBHOOKS__ALLOW_NETWORKS='["127.0.0.0/8"]',
        ) as (server, database):
            with httpx.Client(base_url=server.url, headers={"x-api-key": server.key}, timeout=60) as http:
                yield Hosted(server, database, http)


def by_rest(hosted: Hosted) -> None:
    thread = hosted.told("POST", "/threads", {})["thread_id"]
    asked = {
        "assistant_id": "leaky",
        "input": {"who": WORD},
        "context": {"who": WORD},
        "config": {"configurable": {"who": WORD}, "tags": [WORD]},
        "stream_mode": ["values", "updates", "messages", "custom", "debug", "events", "tasks", "checkpoints"],
        "webhook": "http://127.0.0.1:9/nobody-listens",
        "durability": "sync",
    }
    headers = {"idempotency-key": "once"}
    run = hosted.told("POST", f"/threads/{thread}/runs", asked, headers=headers)["run_id"]
    assert WORD in str(hosted.ended(thread)["interrupts"])
    hosted.told("GET", f"/threads/{thread}/runs/{run}/join")
    answer = {"assistant_id": "leaky", "command": {"resume": WORD}}
    done = hosted.told("POST", f"/threads/{thread}/runs/wait", answer)
    assert (done["log"][-2], done["log"][-1]) == (f"told {WORD}", WORD)
    hosted.told("POST", f"/threads/{thread}/copy")
    hosted.told("POST", f"/threads/{thread}/state", {"values": {"who": WORD + " again"}, "as_node": "spread"})
    assert WORD in str(hosted.told("POST", f"/threads/{thread}/history", {}))


def by_failing(hosted: Hosted) -> None:
    thread = hosted.told("POST", "/threads", {})["thread_id"]
    failing = {"assistant_id": "leaky", "input": {"who": WORD, "fails": True}}
    hosted.told("POST", f"/threads/{thread}/runs", failing)
    hosted.ended(thread)
    answer = {"assistant_id": "leaky", "command": {"resume": "x"}, "raise_error": False}
    failed = hosted.http.post(f"/threads/{thread}/runs/wait", json=answer)
    assert WORD in failed.text


def by_history_and_cron(hosted: Hosted) -> None:
    supersteps = [{"updates": [{"values": {"who": WORD}, "as_node": "__start__"}]}]
    hosted.told("POST", "/threads", {"metadata": {"graph_id": "leaky"}, "supersteps": supersteps})
    cron = {"assistant_id": "leaky", "schedule": "0 0 1 1 *", "input": {"who": WORD}, "context": {"who": WORD}}
    hosted.told("POST", "/runs/crons", cron)


def by_protocol_and_a2a(hosted: Hosted) -> None:
    thread = hosted.told("POST", "/threads", {})["thread_id"]
    start = {"id": 1, "method": "run.start", "params": {"assistant_id": "leaky", "input": {"who": WORD}}}
    assert hosted.told("POST", f"/threads/{thread}/commands", start)["type"] == "success"
    hosted.ended(thread)
    [assistant] = hosted.told("POST", "/assistants/search", {"graph_id": "leaky"})
    part = {"kind": "data", "data": {"who": WORD}}
    message = {"kind": "message", "role": "user", "messageId": "m1", "parts": [part]}
    sent = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": message}}
    assert WORD in str(hosted.told("POST", f"/a2a/{assistant['assistant_id']}", sent))


def by_admin(hosted: Hosted) -> None:
    thread = hosted.told("POST", "/threads", {})["thread_id"]
    hosted.told("POST", f"/threads/{thread}/runs", {"assistant_id": "leaky", "input": {"who": WORD}})
    hosted.ended(thread)
    [waits] = hosted.told("GET", f"/admin/api/approvals/{thread}")
    answer = {"interrupt_id": waits["interrupt_id"], "answer": WORD}
    hosted.told("POST", f"/admin/api/approvals/{thread}", answer)
    hosted.ended(thread, "idle")
    assert thread in str(hosted.told("GET", "/admin/api/approvals/decided"))


def by_file_and_store(hosted: Hosted) -> None:
    file = hosted.told("POST", "/files", files={"file": (f"{WORD}.txt", TOLD)})
    assert hosted.told("GET", f"/files/{file['file_id']}/info")["name"] == f"{WORD}.txt"
    assert hosted.http.get(f"/files/{file['file_id']}").content == TOLD
    hosted.told("PUT", "/store/items", {"namespace": ["people"], "key": "other", "value": {"who": WORD}})
    for wanted, count in (({"who": WORD}, 2), ({"who": "nobody"}, 0)):
        found = hosted.told("POST", "/store/items/search", {"namespace_prefix": ["people"], "filter": wanted})
        assert len(found["items"]) == count, "sealed items are found by what they hold"


DOORS = (by_rest, by_failing, by_history_and_cron, by_protocol_and_a2a, by_admin, by_file_and_store)


def test_a_word_that_a_sensitive_workflow_was_told_can_be_read_nowhere(hosted: Hosted):
    for door in DOORS:
        door(hosted)
    found = [
        f"{name}: {form}, … {content[max(0, content.find(text) - 150) : content.find(text) + 50]!r}"
        for name, content in hosted.kept()
        for form, text in FORMS.items()
        if text in content
    ]
    assert not found, "\n".join(found)
    hosted.told("POST", "/threads", {"metadata": {"label": "Readable-Label-4712"}})
    names = {name for name, content in hosted.kept() if b"Readable-Label-4712" in content}
    assert names & {"consilia.db", "consilia.db-wal", "dump"}, "what is not sealed is found by the same search"
