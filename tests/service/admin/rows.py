"""Rows of every kind with chosen words in every column that a caller, a model or a tool server can fill."""

import json
from typing import Any

from tests.service.admin.conftest import Hosted

NOW = "2026-11-28 23:00:00.000000"


def shapes(word: str, named: str) -> list[Any]:
    """What a JSON column may hold."""
    return [
        word,
        None,
        [],
        {},
        [word, {"role": word, "content": [{"type": word}]}, 3, None],
        {"message": word, word: {word: word}, "deep": [[[[word]]]], "trace": word},
        {"title": None, "question": 7, "evidence": [word, 3, {"category": None}], "schema": {"type": named}},
        {"title": word, "question": word, "evidence": {"a": word}, "more": word},
    ]


def fill(hosted: Hosted, graph: str, word: str, named: str) -> tuple[str, str]:
    """A run of an asking graph on a thread of its own, with rows of every kind; (run, thread).

    word: in what a run reads and writes. named: in what programs name: nodes, models, tools, files, kinds of events.
    """
    with hosted.api() as api:
        given = {"assistant_id": graph, "input": {"log": [word]}, "metadata": {"m": word, word: word}}
        answer = api.post("/runs/wait", json=given)
        _, _, thread, _, run = answer.headers["content-location"].split("/")
    (tenant,) = hosted.sql("SELECT tenant_id FROM runs WHERE run_id = ?", run)[0]
    every = shapes(word, named)
    for number, shape in enumerate(every):
        packed = json.dumps(shape)
        columns = {
            "call_id": f"{number}-{run}",
            "run_id": run,
            "tenant_id": tenant,
            **dict.fromkeys(("node", "task_id", "question", "prompt_sha256", "engine", "model", "endpoint"), named),
            "reasons": json.dumps([named, 3]),
            "thinking": True,
            "schema_name": named,
            "prompt": packed if isinstance(shape, list) else json.dumps([shape]),
            "answer": packed,
            "reasoning": word,
            "attempts": packed if isinstance(shape, list) else json.dumps([shape]),
            **dict.fromkeys(("tokens_in", "tokens_out", "tokens_thinking", "tokens_cached"), 3),
            "cost": 0.5,
            "error": packed,
            "started_at": NOW,
            "duration_ms": 12.0,
        }
        insert(hosted, "model_calls", columns)
        call = {
            "run_id": run,
            "key": f"{named}{number}",
            "tenant_id": tenant,
            **dict.fromkeys(("node", "server", "tool", "permission"), named),
            "arguments": packed,
            "result": packed,
            "error": packed,
            "started_at": NOW,
            "duration_ms": 1.0,
        }
        insert(hosted, "tool_calls", call)
        kind = (named, "values", "messages|a:b", "custom", "error", "tool_call", "updates", "events")[number]
        event = {"run_id": run, "seq": 1000 + number, "kind": kind, "data": packed, "created_at": NOW}
        insert(hosted, "run_events", event)
        file = {"file_id": f"{number}{run[1:]}", "tenant_id": tenant, "run_id": run, "name": f"{word}{number}.docx"}
        more = {"media_type": "text/html", "size": 3, "sha256": "x", "created_at": NOW}
        insert(hosted, "files", {**file, **more})
        decision = {"thread_id": thread, "interrupt_id": f"{named}{number}", "tenant_id": tenant, "run_id": run}
        who = {"resumed_by": run, "key_id": named, "decided_by": named, "answer": packed, "decided_at": NOW}
        insert(hosted, "decisions", {**decision, **who})
    for number, told in enumerate(
        ({"phase": "started", "namespace": f"{named}:x"}, {"phase": "finished", "error": word})
    ):
        task = {"node": named, "task_id": named, **told}
        event = {"run_id": run, "seq": 2000 + number, "kind": "node", "data": json.dumps(task), "created_at": NOW}
        insert(hosted, "run_events", event)
    asked = [{"id": f"i{number}", "value": shape, "response_schema": None} for number, shape in enumerate(every)]
    error = {"code": named, "message": word, "status": 500, "details": every[5], "trace": word}
    hosted.many("UPDATE threads SET interrupts = ? WHERE thread_id = ?", [(json.dumps({"t": asked}), thread)])
    hosted.many(
        "UPDATE runs SET error = ?, output = ?, executor = ? WHERE run_id = ?",
        [(json.dumps(error), json.dumps(every[5]), named, run)],
    )
    return run, thread


def idle(hosted: Hosted, thread: str) -> None:
    """Take what the thread asks out of the inbox."""
    hosted.many("UPDATE threads SET interrupts = '{}', status = 'idle' WHERE thread_id = ?", [(thread,)])


def insert(hosted: Hosted, table: str, columns: dict[str, object]) -> None:
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    hosted.many(f"INSERT INTO {table} ({names}) VALUES ({marks})", [tuple(columns.values())])
