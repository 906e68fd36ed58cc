"""Hostile markup and odd shapes in every column that a caller, a model or a tool server can fill: shown as text."""

import json
import re

import pytest

from tests.service.admin.conftest import HOSTILE, Hosted

pytestmark = pytest.mark.xdist_group("admin")

SHAPES = [
    HOSTILE,
    None,
    [],
    {},
    [HOSTILE, {"role": HOSTILE, "content": [{"type": HOSTILE}]}, 3, None],
    {"message": HOSTILE, HOSTILE: {HOSTILE: HOSTILE}, "deep": [[[[HOSTILE]]]]},
    {"title": None, "question": 7, "evidence": [HOSTILE, 3, {"category": None}], "schema": {"type": HOSTILE}},
]
"""What a JSON column may hold."""


def _fill(hosted: Hosted) -> tuple[str, str]:
    """A run on a thread of its own with hostile rows of every kind; (run, thread)."""
    with hosted.api() as api:
        answer = api.post("/runs/wait", json={"assistant_id": "asking", "input": {"log": []}})
        _, _, thread, _, run = answer.headers["content-location"].split("/")
    (tenant,) = hosted.sql("SELECT tenant_id FROM runs WHERE run_id = ?", run)[0]
    now = "2026-11-28 23:00:00.000000"
    for number, shape in enumerate(SHAPES):
        packed = json.dumps(shape)
        columns = {
            "call_id": f"{number}-{run}",
            "run_id": run,
            "tenant_id": tenant,
            **dict.fromkeys(("node", "task_id", "question", "prompt_sha256", "engine", "model", "endpoint"), HOSTILE),
            "reasons": json.dumps([HOSTILE, 3]),
            "thinking": True,
            "schema_name": HOSTILE,
            "prompt": packed if isinstance(shape, list) else json.dumps([shape]),
            "answer": packed,
            "reasoning": HOSTILE,
            "attempts": packed if isinstance(shape, list) else json.dumps([shape]),
            **dict.fromkeys(("tokens_in", "tokens_out", "tokens_thinking", "tokens_cached"), 3),
            "cost": 0.5,
            "error": packed,
            "started_at": now,
            "duration_ms": 12.0,
        }
        _insert(hosted, "model_calls", columns)
        call = {
            "run_id": run,
            "key": f"{HOSTILE}{number}",
            "tenant_id": tenant,
            **dict.fromkeys(("node", "server", "tool", "permission"), HOSTILE),
            "arguments": packed,
            "result": packed,
            "error": packed,
            "started_at": now,
            "duration_ms": 1.0,
        }
        _insert(hosted, "tool_calls", call)
        event = {"run_id": run, "seq": 1000 + number, "kind": HOSTILE, "data": packed, "created_at": now}
        _insert(hosted, "run_events", event)
        file = {"file_id": f"{number}{run[1:]}", "tenant_id": tenant, "run_id": run, "name": f"{HOSTILE}{number}"}
        more = {"media_type": "text/html", "size": 3, "sha256": "x", "created_at": now}
        _insert(hosted, "files", {**file, **more})
        decision = {"thread_id": thread, "interrupt_id": f"{HOSTILE}{number}", "tenant_id": tenant, "run_id": run}
        who = {"resumed_by": run, "key_id": HOSTILE, "decided_by": HOSTILE, "answer": packed, "decided_at": now}
        _insert(hosted, "decisions", {**decision, **who})
    task = {"node": HOSTILE, "task_id": HOSTILE, "phase": "started", "namespace": f"{HOSTILE}:x"}
    event = {"run_id": run, "seq": 2000, "kind": "node", "data": json.dumps(task), "created_at": now}
    _insert(hosted, "run_events", event)
    asked = [{"id": f"i{number}", "value": shape, "response_schema": None} for number, shape in enumerate(SHAPES)]
    error = {"code": HOSTILE, "message": HOSTILE, "status": 500, "details": SHAPES[5], "trace": HOSTILE}
    hosted.many("UPDATE threads SET interrupts = ? WHERE thread_id = ?", [(json.dumps({"t": asked}), thread)])
    hosted.many(
        "UPDATE runs SET error = ?, output = ?, metadata = ?, executor = ? WHERE run_id = ?",
        [(json.dumps(error), json.dumps(SHAPES[5]), json.dumps({HOSTILE: HOSTILE}), HOSTILE, run)],
    )
    return run, thread


def _insert(hosted: Hosted, table: str, columns: dict[str, object]) -> None:
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    hosted.many(f"INSERT INTO {table} ({names}) VALUES ({marks})", [tuple(columns.values())])


def test_nothing_in_a_row_breaks_a_page_or_becomes_markup(hosted: Hosted):
    run, thread = _fill(hosted)
    hosted.many("UPDATE tenants SET name = ? WHERE name = 'another tenant'", [(f"another tenant {HOSTILE}",)])
    hosted.many("UPDATE api_keys SET name = ? WHERE name = 'invoker'", [(HOSTILE,)])
    parts = ("", "/timeline", "/calls", "/states", "/events", "/events?kind=node", "/now")
    paths = [f"/admin/runs/{run}{part}" for part in parts]
    paths += [f"/admin/approvals/{thread}", "/admin/approvals", "/admin/runs", "/admin/usage", "/admin/pool"]
    paths += ["/admin/tools", "/admin/keys?ended=true", "/admin/audit", f"/admin/compare?run={run}&run={run}"]
    paths += [f"/admin/runs?q={HOSTILE}&model={HOSTILE}&tool={HOSTILE}&workflow={HOSTILE}&since={HOSTILE}"]
    with hosted.signed_in() as browser, hosted.api() as api:
        for path in paths:
            page = browser.get(path)
            assert page.status_code in (200, 422), f"{path}: {page.status_code}"
            assert "<script>alert" not in page.text, path
            assert not re.search(r"<img|\son\w+\s*=\s*['\"]|href=\"javascript", re.sub(r">[^<]*<", "><", page.text)), (
                path
            )
        assert "&lt;script&gt;" in browser.get(paths[2]).text
        for part in ("", "/model-calls", "/tool-calls", "/events", "/graph", "/timeline", "/states"):
            told = api.get(f"/admin/api/runs/{run}{part}")
            assert told.status_code == 200, part
            assert told.headers["content-type"] == "application/json"
        assert api.get("/admin/api/runs/export?format=csv").status_code == 200
    hosted.many("UPDATE threads SET interrupts = '{}', status = 'idle' WHERE thread_id = ?", [(thread,)])
