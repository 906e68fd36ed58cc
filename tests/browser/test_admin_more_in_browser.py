"""Every action of the admin's window in a real browser, and what it did, read in SQL."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.service.admin.conftest import HOSTILE
from tests.service.admin.rows import fill, idle
from tests.tools import nasty_server

pytestmark = pytest.mark.browser

Visits = Callable[..., Visit]

FACTS = ("Tokens in", "out", "thinking", "cached")


def test_a_key_is_made_rotated_and_revoked_and_the_log_tells_it(visit: Visits):
    seen = visit().sign_in()
    page = seen.go("/admin/keys")
    page.click("summary:has-text('Make a key')")
    page.fill("input[name=name]", "for the auditors")
    page.select_option("select[name=role]", "viewer")
    page.fill("input[name=days]", "7")
    page.click("button:text-is('Make it')")
    made = page.locator("#made").inner_text()
    key_id = made.split("_")[1]
    told = seen.hosted.sql("SELECT name, scopes, revoked_at FROM api_keys WHERE key_id = ?", key_id)
    assert told == [("for the auditors", '["read"]', None)]
    row = page.locator("tbody tr", has_text=key_id)
    expect(row.locator(".tag")).to_have_text("good")
    row.locator("button:text-is('Rotate')").click()
    new = page.locator("#made").inner_text()
    assert new != made
    expect(page.locator("tbody tr", has_text=key_id).locator(".tag")).to_have_text("replaced")
    new_id = new.split("_")[1]
    page.locator("tbody tr", has_text=new_id).locator("button:text-is('Revoke')").click()
    expect(page.locator("tbody tr", has_text=new_id)).to_have_count(0)
    assert seen.one("SELECT revoked_at IS NOT NULL FROM api_keys WHERE key_id = ?", new_id)
    page.click("text=Also those that have ended")
    expect(page.locator("tbody tr", has_text=new_id).locator(".tag")).to_have_text("revoked")
    page = seen.go("/admin/audit?action=keys.")
    expect(page.locator("tbody tr").first).to_contain_text("keys.revoke")
    seen.at_ease()


def test_an_endpoint_is_drained_and_taken_back_and_a_routing_decision_tried(pool_visit: Visits):
    seen = pool_visit().sign_in()
    page = seen.go("/admin/pool")
    first = page.locator("section[aria-label=first]")
    expect(first.locator(".status")).to_have_text("up")
    url = first.locator("tbody code").inner_text()
    first.locator("button:text-is('Drain')").click()
    expect(first.locator(".status")).to_have_text("drained")
    assert seen.one("SELECT url FROM drained_endpoints") == url
    page.fill("#text", "Weigh whether this clause is fair to both.")
    page.check("input[value=reasoning]")
    page.click("button:text-is('Who would answer?')")
    told = page.get_by_role("status")
    expect(told.locator("b")).to_have_text("second")
    expect(told.locator("li").first).not_to_be_empty()
    page.locator("section[aria-label=first] button:text-is('Take back')").click()
    expect(page.locator("section[aria-label=first] .status")).to_have_text("up")
    assert seen.one("SELECT count(*) FROM drained_endpoints") == 0
    seen.at_ease()


def test_a_run_is_run_again_with_another_model_and_the_two_compared(pool_visit: Visits):
    seen = pool_visit().sign_in()
    run = seen.ended("talking", {"messages": [{"role": "user", "content": "Is this clause fair to both of us?"}]})
    page = seen.go(f"/admin/runs/{run}/calls")
    counts = ("tokens_in", "tokens_out", "tokens_thinking", "tokens_cached")
    model, *tokens = seen.hosted.sql(f"SELECT model, {', '.join(counts)} FROM model_calls WHERE run_id = ?", run)[0]
    call = page.locator("details.call")
    expect(call.locator("summary").first).to_contain_text(model)
    expect(call.locator("ul.why li").first).to_be_visible()
    expect(call.locator("summary:has-text('Prompt')")).to_be_visible()
    facts = call.locator("dl.facts div")
    shown = [facts.filter(has_text=re.compile(f"^{name}")).locator("dd").inner_text() for name in FACTS]
    assert shown == [str(each) for each in tokens]
    expect(call).to_contain_text("It is fair.")
    thought = call.locator("pre", has_text="Weigh both sides first.")
    expect(thought).to_be_hidden()
    call.locator("summary", has_text="Thinking").click()
    expect(thought).to_be_visible()
    other = {"first": "second", "second": "first"}[model]
    page.select_option("select[name=model]", other)
    page.click("button:text-is('Run again')")
    page.wait_for_url(lambda url: run not in url)
    expect(page.locator(".head .status.success")).to_be_visible()
    again = page.url.rsplit("/", 1)[1]
    assert seen.one("SELECT model FROM model_calls WHERE run_id = ?", again) == other
    page.fill("input[name=run]:not([type=hidden])", run)
    page.click("button:text-is('Compare')")
    cells = page.locator("tr", has_text="Answered by").locator("td")
    assert cells.all_inner_texts() == [other, model]
    seen.at_ease()


def test_a_changed_tool_is_shown_and_accepted(pool_visit: Visits):
    seen = pool_visit().sign_in()
    page = seen.go("/admin/tools")
    expect(page.locator("section[aria-label=nasty] .status")).to_have_text("up")
    told = [
        {**each, "description": "Adds two numbers."} if each["name"] == "add" else each for each in nasty_server.TOOLS
    ]
    Path(seen.hosted.runs["tools"]).write_text(json.dumps(told))
    asked = page.locator("section.ask")
    for _ in range(40):
        if asked.count():
            break
        page.wait_for_timeout(250)  # the server is asked for its list each second
        page.reload()
    expect(asked.locator("h2")).to_contain_text("nasty/add")
    expect(asked.locator("pre")).to_contain_text('+  "description": "Adds two numbers."')
    asked.locator("button:text-is('Accept what is shown')").click()
    expect(page.locator("section.ask")).to_have_count(0)
    same, by = seen.hosted.sql("SELECT digest = seen_digest, pinned_by FROM tool_pins WHERE tool = 'add'")[0]
    assert same == 1
    assert by.startswith("first key")
    seen.at_ease()


@pytest.mark.parametrize("decision", ["approve", "reject", "edit"])
def test_what_is_decided_with_a_reason_is_what_the_run_is_told(pool_visit: Visits, decision: str):
    seen = pool_visit().sign_in()
    run = seen.ended("releasing", {"messages": []})
    page = seen.go(f"/admin/runs/{run}")
    expect(page.locator("g.waiting")).to_have_count(1)
    page.click("text=See what is asked")
    expect(page.locator(".ask")).to_contain_text("clause 4")
    form = page.locator("form.card", has_text="Edit" if decision == "edit" else "Approve or reject")
    form.locator("textarea[name='a.reason']").fill(f"because {decision}")
    expected: dict[str, Any] = {"decision": decision, "reason": f"because {decision}"}
    if decision == "edit":
        form.locator("[name='a.edits.0.segment']").fill("s1")
        form.locator("[name='a.edits.0.text']").fill("as it should read")
        expected["edits"] = [{"segment": "s1", "text": "as it should read"}]
    form.get_by_role("button", name=decision.capitalize()).click()
    expect(page.locator(".head .status.success")).to_be_visible()
    went = page.url.rsplit("/", 1)[1]
    [(told, by, resumed)] = seen.hosted.sql(
        "SELECT answer, decided_by, resumed_by FROM decisions WHERE run_id = ?", run
    )
    assert (json.loads(told), by, resumed) == (expected, "first key", went)
    assert json.loads(seen.one("SELECT output FROM runs WHERE run_id = ?", went))["answer"] == expected
    page = seen.go(f"/admin/runs/{run}")
    expect(page.locator(".note.good")).to_contain_text("Decided by first key")
    page = seen.go("/admin/approvals")
    expect(page.locator("table", has_text="Went on").locator("tbody tr").first).to_contain_text("because")
    seen.at_ease()


def test_of_two_admins_who_decide_at_once_one_is_told_so(pool_visit: Visits):
    one, two = pool_visit().sign_in(), pool_visit().sign_in()
    two.expected = one.expected = {409}
    run = one.ended("releasing", {"messages": []})
    thread = one.one("SELECT thread_id FROM runs WHERE run_id = ?", run)
    for visit, word in ((one, "yes"), (two, "no")):
        page = visit.go(f"/admin/approvals/{thread}")
        page.locator("textarea[name='a.reason']").first.fill(word)
    send = """() => { const form = document.querySelector("form.card");
        setTimeout(() => form.requestSubmit(form.querySelector("button[name=decision]")), 0); }"""
    for visit in (one, two):
        visit.page.evaluate(send)
    ends = [_decided(each.page) for each in (one, two)]
    assert sorted(ends) == ["refused", "went on"]
    assert one.one("SELECT count(*) FROM decisions WHERE run_id = ?", run) == 1
    one.at_ease()
    two.at_ease()


def _decided(page: Page) -> str:
    """How a decision went on its page."""
    went = page.locator(".head .status.success")
    refused = page.get_by_role("alert").filter(has_text="has decided this already")
    expect(went.or_(refused).first).to_be_visible()
    return "refused" if refused.count() else "went on"


def test_a_forged_token_does_nothing_and_signing_out_ends_the_session(visit: Visits):
    seen = visit().sign_in()
    seen.expected = {403}
    run = seen.start("slow", seconds=60)
    page = seen.go(f"/admin/runs/{run}")
    page.evaluate("document.querySelectorAll('[name=csrf]').forEach(each => each.value = 'forged')")
    page.click("button:text-is('Cancel')")
    expect(page.get_by_role("alert")).to_contain_text("the form's token is missing or not of this session")
    assert seen.one("SELECT status FROM runs WHERE run_id = ?", run) in ("pending", "running")
    page = seen.go(f"/admin/runs/{run}")
    page.click("button:text-is('Cancel')")
    expect(page.locator(".head .status.interrupted")).to_be_visible()
    page.click(".me summary")
    page.click("button:text-is('Sign out')")
    page.wait_for_url("**/admin/sign-in")
    page = seen.go("/admin/runs")
    expect(page.locator("#key")).to_be_visible()
    seen.at_ease()


def test_exports_files_and_states_are_downloaded_as_they_are_in_sql(visit: Visits):
    seen = visit().sign_in()
    page = seen.go("/admin/runs?workflow=contract_review")
    with page.expect_download() as download:
        page.click("a:text-is('JSON Lines')")
    lines = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    rows = seen.hosted.sql(
        "SELECT run_id, status, duration_ms FROM runs WHERE graph_id = 'contract_review' ORDER BY run_id DESC"
    )
    assert [(each["run_id"], each["status"], each["duration_ms"]) for each in lines] == rows
    run = seen.hosted.runs["review"]
    page = seen.go(f"/admin/runs/{run}")
    files = dict(seen.hosted.sql("SELECT name, size FROM files WHERE run_id = ?", run))
    assert set(page.locator(".files a").all_inner_texts()) == set(files)
    with page.expect_download() as download:
        page.locator(".files a").first.click()
    assert Path(download.value.path()).stat().st_size == files[download.value.suggested_filename]
    page = seen.go(f"/admin/runs/{run}/states")
    steps = [row for (row,) in seen.hosted.sql("SELECT checkpoint_id FROM checkpoints WHERE run_id = ?", run)]
    assert page.locator(".steps li").count() == len(steps)
    with page.expect_download() as download:
        page.click("text=All of it as a file")
    assert "findings" in json.loads(Path(download.value.path()).read_text())["review"]
    seen.at_ease()


def test_events_are_filtered_and_runs_paged_and_usage_is_what_sql_counts(visit: Visits):
    seen = visit().sign_in()
    run = seen.hosted.runs["review"]
    page = seen.go(f"/admin/runs/{run}/events")
    page.fill("input[name=kind]", "tool_call")
    page.click("button:text-is('Show')")
    told = [int(each) for each in page.locator("table.events td:first-child").all_inner_texts()]
    asked = "SELECT seq FROM run_events WHERE run_id = ? AND kind = 'tool_call' ORDER BY seq"
    assert told == [seq for (seq,) in seen.hosted.sql(asked, run)]
    page.fill("input[name=after]", str(told[1]))
    page.click("button:text-is('Show')")
    expect(page.locator("table.events td:first-child").first).to_have_text(str(told[2]))
    for _ in range(52 - seen.one("SELECT count(*) FROM runs")):
        seen.start("failing")
    page = seen.go("/admin/runs")
    page.click("a:text-is('Older')")
    page.wait_for_url("**before=**")
    oldest = seen.hosted.sql("SELECT run_id FROM runs ORDER BY run_id LIMIT 1")[0][0]
    expect(page.locator(f"#r{oldest}")).to_be_visible()
    page.click("a:text-is('Newest')")
    expect(page.locator("table.runs tbody tr")).to_have_count(50)
    seen.hosted.sql("SELECT 1")
    page = seen.go("/admin/usage")
    page.click("a:text-is('7 days')")
    page.wait_for_url("**days=7**")
    row = page.locator("section[aria-label='By workflow'] tr", has_text=re.compile("^contract_review"))
    assert row.locator("td").first.inner_text() == str(
        seen.one("SELECT count(*) FROM runs WHERE graph_id = 'contract_review' AND finished_at IS NOT NULL")
    )
    seen.at_ease()


def test_a_live_tail_is_masked_until_it_may_be_seen_and_a_viewer_never_sees_it(visit: Visits):
    seen, other = visit().sign_in(), visit().sign_in("viewer")
    body = {"assistant_id": "slow", "input": {"log": ["Mrs Jane Roe"], "seconds": 60}, "stream_mode": ["values"]}
    run = seen.api("POST", "/runs", json=body).json()["run_id"]
    for visit_, path in ((seen, f"/admin/runs/{run}"), (other, f"/admin/runs/{run}")):
        page = visit_.go(path)
        expect(page.locator(".tail li", has_text="values").first).to_be_visible()
        expect(page.locator("main")).not_to_contain_text("Jane")
    expect(other.page.locator(".note").first).to_contain_text("hidden from this key")
    seen.page.click("text=Show what is masked")
    expect(seen.page.locator(".tail")).to_contain_text("Mrs Jane Roe")
    seen.page.click("text=Mask again")
    expect(seen.page.locator(".tail li", has_text="values").first).to_be_visible()
    expect(seen.page.locator("main")).not_to_contain_text("Jane")
    seen.page.click("button:text-is('Cancel')")
    expect(seen.page.locator(".head .status.interrupted")).to_be_visible()
    seen.at_ease()


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_markup_in_every_field_is_text_and_nothing_runs(visit: Visits, width: int):
    seen = visit(width).sign_in()
    run, thread = fill(seen.hosted, "asking", HOSTILE, HOSTILE)
    page = seen.go(f"/admin/runs/{run}")
    page.click("text=Show what is masked")
    paths = [f"/admin/runs/{run}{part}" for part in ("", "/timeline", "/calls", "/states", "/events")]
    paths += [f"/admin/approvals/{thread}", "/admin/approvals", "/admin/runs", f"/admin/compare?run={run}&run={run}"]
    for path in [*paths, "/admin/usage", "/admin/tools"]:
        page = seen.go(path)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        seen.at_ease()
        if path in paths[:6]:
            expect(page.locator("main")).to_contain_text("<script>alert(1)</script>")
    idle(seen.hosted, thread)
    for table in ("model_calls", "tool_calls", "files", "decisions"):  # what follows counts and compares
        seen.hosted.many(f"DELETE FROM {table} WHERE run_id = ?", [(run,)])
