"""What admins do with a run: retry, fork, edit its state, run it again, compare two; and the states it went through."""

import json
from typing import Any

import httpx
import psutil
import pytest

from service.admin.state_diff import MOST, diff
from tests.service.admin.conftest import HOSTILE, Hosted, token


def ended(api: httpx.Client, run_id: str) -> dict[str, Any]:
    thread = api.get(f"/admin/api/runs/{run_id}").json()["thread_id"]
    api.get(f"/threads/{thread}/runs/{run_id}/join")
    return api.get(f"/admin/api/runs/{run_id}").json()


def test_the_states_of_a_run_tell_what_each_step_changed(hosted: Hosted):
    run = hosted.runs["slow"]
    with hosted.api() as api:
        steps = api.get(f"/admin/api/runs/{run}/states").json()["steps"]
        rows = hosted.sql("SELECT checkpoint_id FROM checkpoints WHERE run_id = ? ORDER BY checkpoint_id", run)
        assert [(each["checkpoint_id"],) for each in steps] == rows
        assert [each["step"] for each in steps] == [-1, 0, 1, 2, 3]
        last = api.get(f"/admin/api/runs/{run}/states/{steps[-1]['checkpoint_id']}").json()
        assert last["values"]["log"] == ["first", "waited", "last"]
        assert last["changes"] == {
            "changes": [{"path": "log[2]", "kind": "added", "before": None, "after": "last", "pieces": []}],
            "more": False,
        }
        whole = api.get(f"/admin/api/runs/{run}/states/{steps[-1]['checkpoint_id']}/whole")
        assert "attachment" in whole.headers["content-disposition"]
        assert whole.json()["log"] == ["first", "waited", "last"]
        for unknown in ("x", hosted.runs["nested"]):
            assert api.get(f"/admin/api/runs/{run}/states/{unknown}").status_code == 404


def test_fork_edit_retry_and_again_make_the_runs_they_say(hosted: Hosted):
    run = hosted.runs["slow"]
    with hosted.signed_in() as browser:
        steps = browser.get(f"/admin/api/runs/{run}/states").json()["steps"]
        page = browser.get(f"/admin/runs/{run}/states?at={steps[2]['checkpoint_id']}")
        assert page.status_code == 200
        form = {"csrf": token(page.text), "checkpoint_id": steps[2]["checkpoint_id"]}
        forked = browser.post(f"/admin/runs/{run}/fork", data=form)
        assert forked.status_code == 303, forked.text
        assert ended(hosted.api(), forked.headers["location"].rsplit("/", 1)[1])["output"]["log"] == [
            "first",
            "waited",
            "last",
        ]
        for wrong, node in (("{", "first"), ("[]", "first"), ('{"log": []}', "nowhere"), ('{"log": 3}', "first")):
            refused = browser.post(f"/admin/runs/{run}/edit", data={**form, "values": wrong, "as_node": node})
            assert refused.status_code in (400, 422), refused.text
            assert 'role="alert"' in refused.text
        edited = browser.post(
            f"/admin/runs/{run}/edit", data={**form, "values": '{"log": ["edited"]}', "as_node": "wait"}
        )
        assert edited.status_code == 303, edited.text
        done = ended(hosted.api(), edited.headers["location"].rsplit("/", 1)[1])
        assert done["output"]["log"] == ["first", "edited", "last"]
        again = browser.post(f"/admin/runs/{run}/again", data={"csrf": token(page.text)})
        assert ended(hosted.api(), again.headers["location"].rsplit("/", 1)[1])["status"] == "success"
        unknown = browser.post(f"/admin/runs/{run}/again", data={"csrf": token(page.text), "model": "nothing"})
        assert unknown.status_code == 404
    with hosted.api() as api:
        again_failed = api.post(f"/admin/api/runs/{hosted.runs['failing']}/retry").json()["run_id"]
        told = ended(api, again_failed)
        assert (told["status"], told["metadata"]["retry_of"]) == ("error", hosted.runs["failing"])
        nodes = [each["name"] for each in api.get(f"/admin/api/runs/{again_failed}/timeline").json()["spans"]]
        assert nodes == ["waiting for a place", "fail"], "only the step that failed was taken again"
        late = api.post(f"/admin/api/runs/{hosted.runs['failing']}/retry")
        assert (late.status_code, late.json()["code"]) == (409, "run_not_newest")
        assert api.post(f"/admin/api/runs/{run}/cancel").json()["code"] == "nothing_to_cancel"


def test_two_runs_are_compared_side_by_side(hosted: Hosted):
    left, right = hosted.runs["slow"], hosted.runs["hostile"]
    with hosted.signed_in() as browser:
        told = browser.get(f"/admin/api/runs/{left}/compared?other={right}").json()
        assert told["input"]["changes"][0]["path"] == "log[0]"
        assert set(told["left"]["nodes"]) == {"first", "wait", "last"}
        page = browser.get("/admin/compare", params={"run": [left, right]})
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "hunter2" not in page.text
        assert browser.get("/admin/compare", params={"run": [left]}).status_code == 422
    with hosted.signed_in("stranger") as stranger:
        assert stranger.get("/admin/compare", params={"run": [left, right]}).status_code == 404


def test_a_state_of_ten_megabytes_and_fifty_thousand_events_are_shown_in_parts_and_soon(hosted: Hosted):
    """Names stand everywhere in them, so that masking has work to do; timed by the server's own processor time."""
    words = f"Mrs Jane Roe of Acme wrote this clause. {HOSTILE} "
    big = {"log": [f"{number} {words * 9}" for number in range(8000)], "seconds": 0}
    with hosted.api() as api:
        started = api.post("/runs/wait", json={"assistant_id": "slow", "input": big})
        assert started.status_code == 200, started.text[:300]
        run = started.headers["content-location"].rsplit("/", 1)[1]
    events = [(run, seq, *_made_event(seq), "2026-11-28 00:00:00.000000") for seq in range(100, 50_100)]
    hosted.many("INSERT INTO run_events (run_id, seq, kind, data, created_at) VALUES (?, ?, ?, ?, ?)", events)
    server = psutil.Process(hosted.server.process.pid)
    with hosted.signed_in() as browser:
        steps = browser.get(f"/admin/api/runs/{run}/states").json()["steps"]
        page = browser.get(f"/admin/runs/{run}")  # the first page reads the names and words to look for
        parts = ("", "/now", "/timeline", "/states", "/calls", "/events?after=50000", "/events?kind=custom&after=40001")
        paths = [f"/admin/runs/{run}{part}" for part in parts]
        api_parts = ("", "/timeline", "/graph", "/events?kind=values", f"/states/{steps[-1]['checkpoint_id']}")
        paths += [f"/admin/api/runs/{run}{part}" for part in api_parts]
        for path in (*paths, f"/admin/compare?run={run}&run={hosted.runs['slow']}", "/admin/runs"):
            before = sum(server.cpu_times()[:2])
            page = browser.get(path)
            took = sum(server.cpu_times()[:2]) - before
            assert page.status_code == 200
            assert len(page.content) < 1_500_000
            assert "Jane" not in page.text, path
            assert took < 2, f"{path} took {took:.2f} s of the processor"
            if path == paths[6]:
                assert ">40002<" in page.text
        assert browser.get(f"/admin/api/runs/{run}").json()["events"] == 50_099
        state = browser.get(f"/admin/api/runs/{run}/states/{steps[-1]['checkpoint_id']}").json()
        assert state["size"] > 10_000_000


def _made_event(seq: int) -> tuple[str, str]:
    """(kind, data): of two in four a node's start or end."""
    if seq % 4 < 2:
        phase = "finished" if seq % 2 else "started"
        return "node", json.dumps({"node": f"n{seq % 7}", "task_id": f"t{seq // 2}", "phase": phase})
    return "custom", json.dumps({"n": seq, "said": "Mrs Jane Roe said hello."})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"a": 1}, [("a", "added")]),
        ({"a": 1}, {}, [("a", "removed")]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, [("a[1]", "changed"), ("a[2]", "added")]),
        ({"a": 1}, {"a": True}, [("a", "changed")]),
        ({"a": {"b": "x y"}}, {"a": {"b": "x z"}}, [("a.b", "changed")]),
        ([1, 2], [1], [("[1]", "removed")]),
    ],
)
def test_a_difference_names_its_path(before: Any, after: Any, told: list[tuple[str, str]]):
    assert [(each.path, each.kind) for each in diff(before, after).changes] == told


def test_a_difference_of_thousands_of_entries_is_cut_and_words_are_told_apart():
    long = diff(list(range(5000)), list(range(1, 5001)))
    assert (len(long.changes), long.more) == (MOST, True)
    [change] = diff({"t": "a red fox"}, {"t": "a blue fox"}).changes
    assert [(each.kind, each.text) for each in change.pieces] == [
        ("same", "a "),
        ("removed", "red"),
        ("added", "blue"),
        ("same", " fox"),
    ]
