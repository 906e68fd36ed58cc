"""Who somebody is, planted in every place of a run: shown to nobody who may not see it, and never by the way."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from service.admin.masking import MASK, Sight, hidden, hidden_path, masked, masked_text, masked_texts
from service.admin.naming import naming
from service.admin.showing import shown_events
from tests.service.admin.conftest import Hosted, token
from tests.service.admin.rows import fill, idle

WORD = "Zebulon Quartermain 欧阳建国 4711"
"""What no rule would find."""

PLAIN = "Mrs Jane Roe, jane.roe@example.org"
"""What the rules find in any workflow."""


@pytest.fixture(scope="module")
def planted(hosted: Hosted) -> Iterator[dict[str, tuple[str, str]]]:
    """(run, thread) with names in every place: of a workflow that is hidden, and of one that is not."""
    made = {"within": fill(hosted, "within", WORD, "plain"), "asking": fill(hosted, "asking", PLAIN, "plain")}
    yield made
    for _, thread in made.values():
        idle(hosted, thread)


def everything(browser: httpx.Client, run: str, thread: str, other: str) -> Iterator[tuple[str, str]]:
    """(path, text) of every page and answer that tells something of the run."""
    pages = ("", "/now", "/timeline", "/calls", "/states", "/events", "/events?after=1000", "/events?kind=values")
    paths = [f"/admin/runs/{run}{part}" for part in pages]
    paths += [f"/admin/compare?run={run}&run={other}", "/admin/runs", "/admin/runs/rows", "/admin/approvals"]
    paths += ["/admin/approvals/" + thread, "/admin/usage", "/admin/tools"]
    base = f"/admin/api/runs/{run}"
    parts = ("", "/model-calls", "/tool-calls", "/events", "/events?after=999", "/graph", "/timeline", "/states")
    paths += [base + part for part in parts] + [f"{base}/compared?other={other}", "/admin/api/runs"]
    paths += [f"/admin/api/runs/export?format={kind}" for kind in ("csv", "jsonl")]
    paths += ["/admin/api/approvals", "/admin/api/approvals/decided", "/admin/api/tools/errors"]
    for step in browser.get(f"{base}/states").json()["steps"]:
        at = step["checkpoint_id"]
        paths += [f"/admin/runs/{run}/states?at={at}", f"/admin/runs/{run}/states/{at}.json"]
        paths += [f"{base}/states/{at}", f"{base}/states/{at}/whole"]
    for path in paths:
        answer = browser.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        yield path, answer.text


def told(text: str) -> str:
    return text if "\\u" not in text else text.encode().decode("unicode_escape", "replace")


@pytest.mark.parametrize(
    ("role", "graph"),
    [("viewer", "asking"), ("viewer", "within"), ("operator", "within"), ("admin", "within"), ("admin", "asking")],
)
def test_names_planted_anywhere_are_shown_to_none_who_may_not_see_them(
    hosted: Hosted, planted: dict[str, tuple[str, str]], role: str, graph: str
):
    run, thread = planted[graph]
    words = ("Zebulon", "Quartermain", "欧阳", "建国", "4711") if graph == "within" else ("Jane", "Roe", "jane.roe")
    if role == "viewer":
        words = ("Zebulon", "Quartermain", "欧阳", "建国", "Jane", "Roe", "jane.roe")
    with hosted.signed_in(role) as browser:
        for path, text in everything(browser, run, thread, hosted.runs["slow"]):
            if role != "viewer" and graph == "within" and path.startswith("/admin/approvals/"):
                continue  # who decides sees what is asked; below
            for word in words:
                assert word not in told(text), f"{path} tells {word}"


def test_what_is_asked_is_shown_to_who_may_decide_and_that_is_audited(
    hosted: Hosted, planted: dict[str, tuple[str, str]]
):
    _, thread = planted["within"]
    with hosted.signed_in("operator") as operator, hosted.signed_in("viewer") as viewer:
        before = hosted.sql("SELECT count(*) FROM audit_events WHERE action = 'approval.see'")[0][0]
        assert "Zebulon" in operator.get(f"/admin/approvals/{thread}").text
        assert "Zebulon" not in viewer.get(f"/admin/approvals/{thread}").text
        assert "Zebulon" not in viewer.get(f"/admin/api/approvals/{thread}").text
        seen = hosted.sql("SELECT target FROM audit_events WHERE action = 'approval.see'")
        assert [target for (target,) in seen][before:] == [thread]


def test_failed_tool_calls_are_listed_with_their_runs(hosted: Hosted, planted: dict[str, tuple[str, str]]):
    failed = "SELECT run_id, server, tool FROM tool_calls WHERE error IS NOT NULL ORDER BY run_id DESC LIMIT 20"
    with hosted.signed_in() as browser:
        told = browser.get("/admin/api/tools/errors").json()
        assert [each["run_id"] for each in told] == [run for run, _, _ in hosted.sql(failed)]
        page = browser.get("/admin/tools").text
        assert f"/admin/runs/{planted['asking'][0]}/calls#tools" in page


def test_text_is_sought_only_where_it_may_be_seen(hosted: Hosted, planted: dict[str, tuple[str, str]]):
    found: dict[str, set[str]] = {}
    for role in ("viewer", "operator", "admin"):
        with hosted.api(role) as api:
            for word in ("quartermain", "jane roe"):
                answer = api.get("/admin/api/runs", params={"q": word}).json()
                found[role] = found.get(role, set()) | {each["run_id"] for each in answer["runs"]}
    with hosted.signed_in("operator") as operator, hosted.signed_in("viewer") as viewer:
        page = operator.get("/admin/runs?q=jane").text
        assert "financial_advisor, medical_translation: they are sealed at rest" in page
        assert "within: their content is not shown to this key" in page
        assert "asking" in viewer.get("/admin/runs?q=jane").text.split("sealed at rest")[1].split("</p>")[0]
    (within, _), (asking, _) = planted["within"], planted["asking"]
    assert found["viewer"] == set()
    assert within not in found["operator"]
    assert asking in found["operator"]
    assert {within, asking} <= found["admin"]


def test_files_are_for_those_who_may_see_what_is_in_them(hosted: Hosted, planted: dict[str, tuple[str, str]]):
    def answers(graph: str) -> list[int]:
        path = f"/admin/files/0{planted[graph][0][1:]}"
        told = []
        for role in ("viewer", "operator", "admin"):
            with hosted.signed_in(role) as browser:
                told.append(browser.get(path).status_code)
        return told

    for graph, expected in (("asking", [403, 200, 200]), ("within", [403, 403, 200])):
        (run, _) = planted[graph]
        hosted.many("INSERT INTO file_contents VALUES (?, x'616263')", [(f"0{run[1:]}",)])
        assert answers(graph) == expected
    seen = hosted.sql("SELECT target FROM audit_events WHERE action = 'file.download'")
    assert len(seen) == 3


def test_a_live_tail_is_masked_and_after_the_reveal_is_not(hosted: Hosted):
    with hosted.api() as api, hosted.signed_in() as browser:
        body = {"assistant_id": "slow", "input": {"log": [PLAIN], "seconds": 60}, "stream_mode": ["values"]}
        started = api.post("/runs", json=body).json()
        run, thread = started["run_id"], started["thread_id"]
        path = f"/admin/runs/{run}/live"
        assert "Jane" not in tail(browser, path)
        assert "Jane" not in tail(browser, f"/admin/api/runs/{run}/live")
        csrf = token(browser.get(f"/admin/runs/{run}").text)
        browser.post(f"/admin/runs/{run}/reveal", data={"csrf": csrf})
        assert "Mrs Jane Roe" in tail(browser, path)
        assert "Mrs Jane Roe" in tail(browser, f"/admin/api/runs/{run}/live?reveal=true")
        browser.post(f"/admin/runs/{run}/mask", data={"csrf": csrf})
        assert "Jane" not in tail(browser, path)
        api.post(f"/threads/{thread}/runs/{run}/cancel?wait=true")


def tail(browser: httpx.Client, path: str) -> str:
    """The lines of a live tail up to the first values."""
    lines: list[str] = []
    with browser.stream("GET", path) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            lines.append(line)
            if line.startswith("data:") and json.loads(line[5:]).get("kind") == "values":
                break
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Dear Mr. Bond,", f"Dear Mr. {MASK},"),
        ("signed by Maria Gonzalez", f"signed by {MASK}"),
        ("患者王小明，男，45岁", f"患者{MASK}，男，45岁"),
        ("write to jane@example.org", f"write to {MASK}"),
        ("model qwen3 has no healthy endpoint (http://10.0.0.5:8000/v1: refused)", None),
        ("run 019a2245-0000-7000-8000-000000000000 went on", None),
        ("The Supplier shall indemnify the Customer.", None),
    ],
)
def test_running_text_is_masked_where_the_rules_find_somebody(text: str, shown: str | None):
    assert masked_text(text) == (text if shown is None else shown)


def test_what_one_text_gives_away_is_masked_in_its_neighbours():
    assert masked_texts(["Patient: Ana Torres", "Torres agrees"]) == [f"Patient: {MASK}", f"{MASK} agrees"]
    value = {"told": ["Mrs Jane Roe came", {"Jane Roe": 1}], "password": {"a": ["b", 3]}, "tokens_in": 4}
    assert masked(value) == {
        "told": [f"Mrs {MASK} came", {MASK: 1}],
        "password": {"a": [MASK, MASK]},
        "tokens_in": 4,
    }


def test_a_hidden_value_keeps_its_shape_alone():
    value: Any = {"log": ["Jane", 1, True, None], "Jane Roe": {"age": 47}, "$ref": "x"}
    assert hidden(value) == {
        "log": [MASK, MASK, True, "… (1 more)"],
        MASK: {"age": MASK},
        "$ref": MASK,
    }
    assert hidden_path("log[3].Jane Roe.age") == f"log[3].{MASK}.age"


def test_pieces_of_a_text_that_comes_bit_by_bit_are_not_shown():
    data = json.dumps([{"content": "Ja"}, {"langgraph_node": "speak"}])
    for kind in ("messages", "messages/partial|speak:1", "events"):
        [shown] = shown_events([(kind, data)], Sight.MASKED)
        assert "Ja" not in shown
        assert "content" in shown
    assert "Ja" in shown_events([("messages", data)], Sight.SEEN)[0]


def test_masking_takes_a_bounded_time_and_shows_nothing_that_it_did_not_look_through():
    texts = [f"Mrs Jane Roe wrote paragraph {number} to the Supplier. " * 20 for number in range(200)]
    found = naming(texts, 50_000)
    assert found[0]
    assert found[-1] is None
    assert masked_texts(["x" * 500_000 + " A"]) == [MASK]
    begun = time.process_time()
    naming(texts, 50_000)
    assert time.process_time() - begun < 1, "what was looked through once is not looked through again"
