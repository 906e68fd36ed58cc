"""The admin's window in a real browser: every page, every action, live, in both themes, on laptop and phone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser

Visits = Callable[..., Visit]


def _pages(visit: Visit) -> dict[str, str]:
    """Every page by name."""
    runs = visit.hosted.runs
    waiting = visit.api("GET", "/admin/api/approvals").json()
    thread = next((each["thread_id"] for each in waiting if each["graph_id"] == "contract_review"), "")
    review = f"/admin/runs/{runs['review']}"
    return {
        "runs": "/admin/runs",
        "run": review,
        "timeline": f"{review}/timeline",
        "calls": f"{review}/calls",
        "states": f"{review}/states",
        "events": f"{review}/events",
        "failed": f"/admin/runs/{runs['failing']}",
        "hostile": f"/admin/runs/{runs['hostile']}",
        "compare": f"/admin/compare?run={runs['slow']}&run={runs['hostile']}",
        "approvals": "/admin/approvals",
        "approval": f"/admin/approvals/{thread}",
        "usage": "/admin/usage",
        "pool": "/admin/pool?text=Is+this+fair&needs=reasoning",
        "tools": "/admin/tools",
        "keys": "/admin/keys",
        "audit": "/admin/audit",
        "filtered": "/admin/runs?status=error&since=24h&model=embedded",
    }


@pytest.mark.parametrize(
    ("width", "theme"), [(1280, "light"), (1280, "dark"), (390, "light")], ids=["laptop", "dark", "phone"]
)
def test_every_page_is_at_ease_and_accessible(visit: Visits, pictures: Path | None, width: int, theme: str):
    seen = visit(width, theme)
    seen.go("/admin/sign-in")
    serious = seen.serious()
    seen.sign_in()
    for name, path in _pages(seen).items():
        page = seen.go(path)
        expect(page.locator("h1").first).to_be_visible()
        seen.at_ease()
        if theme == "dark":  # all else is as in the light
            serious += seen.serious(["color-contrast"])
        elif width > 400 or name in ("runs", "run", "approval", "tools", "usage"):
            serious += seen.serious()
        kept = ("runs", "run", "timeline", "approval", "usage") if width > 400 else ("runs", "approval")
        if pictures is not None and name in kept:
            shown = "phone" if width < 400 else theme
            page.screenshot(path=pictures / f"admin-{name}-{shown}.png")
    assert serious == [], "\n".join(serious)


def test_the_list_follows_what_happens_and_keeps_what_is_ticked(visit: Visits):
    seen = visit().sign_in()
    page = seen.page
    page.locator('input[name="run"]').first.check()
    ticked = page.locator('input[name="run"]').first.input_value()
    run = seen.start("slow", seconds=3)
    row = page.locator(f"#r{run}")
    expect(row).to_be_visible()
    expect(row.locator(".status.success")).to_be_visible()
    assert page.locator(f'#r{ticked} input[name="run"]').is_checked(), "what was ticked stays so"
    seen.at_ease()


def test_a_run_s_live_tail_grows_until_its_end(visit: Visits):
    seen = visit().sign_in()
    run = seen.start("slow", seconds=4)
    page = seen.go(f"/admin/runs/{run}")
    expect(page.locator(".tail li").first).to_be_visible()
    expect(page.locator("g.running")).to_have_count(1)
    expect(page.locator(".tail")).to_contain_text('"first"')
    expect(page.locator(".head .status.success")).to_be_visible()
    assert page.locator(".tail").count() == 0, "at the end the page is read anew"
    (kinds,) = seen.hosted.sql("SELECT count(*) FROM run_events WHERE run_id = ?", run)[0]
    assert page.locator("dl.facts a[href$='/events']").inner_text() == str(kinds)
    seen.at_ease()


def test_one_and_many_runs_are_cancelled(visit: Visits):
    seen = visit().sign_in()
    one = seen.start("slow", seconds=60)
    page = seen.go(f"/admin/runs/{one}")
    page.click("button:text-is('Cancel')")
    expect(page.locator(".head .status.interrupted")).to_be_visible()
    many = [seen.start("slow", seconds=60) for _ in range(2)]
    page = seen.go("/admin/runs?status=running")
    for run in many:
        page.locator(f'#r{run} input[name="run"]').check()
    page.click("button:text-is('Cancel selected')")
    page = seen.go("/admin/runs")
    for run in many:
        expect(page.locator(f"#r{run} .status.interrupted")).to_be_visible()
    seen.at_ease()


def test_retry_run_again_fork_and_edit(visit: Visits):
    seen = visit().sign_in()
    failed = seen.start("failing")
    seen.api("GET", f"/threads/{seen.api('GET', f'/admin/api/runs/{failed}').json()['thread_id']}/runs/{failed}/join")
    page = seen.go(f"/admin/runs/{failed}")
    page.click("button:text-is('Retry')")
    page.wait_for_url(lambda url: failed not in url)
    expect(page.locator(".head .status.error")).to_be_visible()
    body = {"assistant_id": "slow", "input": {"log": []}, "interrupt_before": ["last"]}
    stopped = seen.api("POST", "/runs/wait", json=body).headers["content-location"].rsplit("/", 1)[1]
    page = seen.go(f"/admin/runs/{stopped}")
    page.click("button:text-is('Resume')")
    page.wait_for_url(lambda url: stopped not in url)
    expect(page.locator(".head .status.success")).to_be_visible()
    expect(page.locator("section[aria-label='Output']")).to_contain_text("last")
    page = seen.go(f"/admin/runs/{seen.hosted.runs['slow']}")
    page.click("button:text-is('Run again')")
    page.wait_for_url(lambda url: seen.hosted.runs["slow"] not in url)
    expect(page.locator(".head .status.success")).to_be_visible()
    run = page.url.rsplit("/", 1)[1]
    page = seen.go(f"/admin/runs/{run}/states")
    page.locator(".steps a").nth(2).click()
    expect(page.locator("table.diff")).to_contain_text("log")
    page.click("summary:has-text('Edit the state')")
    page.fill("#values", '{"log": ["by hand"]}')
    page.select_option("#as-node", "wait")
    page.click("button:has-text('Write, and run on')")
    page.wait_for_url(lambda url: run not in url)
    expect(page.locator(".head .status.success")).to_be_visible()
    expect(page.locator("section[aria-label='Output']")).to_contain_text("by hand")
    page = seen.go(f"/admin/runs/{run}/states")
    page.locator(".steps a").nth(2).click()
    page.click("button:has-text('Fork')")
    expect(page.locator(".head .status.success")).to_be_visible()
    seen.at_ease()


def test_two_runs_are_ticked_and_compared(visit: Visits):
    seen = visit().sign_in()
    page = seen.page
    for name in ("slow", "nested"):
        page.locator(f'#r{seen.hosted.runs[name]} input[name="run"]').check()
    page.click("button:text-is('Compare two')")
    expect(page.locator("h1")).to_have_text("Two runs side by side")
    expect(page.locator("table").first).to_contain_text("nested")
    seen.at_ease()


def test_a_decision_is_made_with_the_form_and_a_second_one_refused(visit: Visits):
    seen = visit().sign_in("operator")
    other = visit().sign_in()
    other.expected = {409}
    run = seen.start("asking")
    seen.api("GET", f"/threads/{seen.api('GET', f'/admin/api/runs/{run}').json()['thread_id']}/runs/{run}/join")
    page = seen.go(f"/admin/runs/{run}")
    page.click("text=See what is asked")
    late = other.go(page.url.removeprefix(seen.hosted.server.url))
    page.locator("textarea").fill("yes, go on")
    page.click("button:text-is('Send')")
    expect(page.locator(".head .status.success")).to_be_visible()
    expect(page.locator("section[aria-label='Output']")).to_contain_text("told yes, go on")
    late.locator("textarea").fill("no")
    late.click("button:text-is('Send')")
    expect(late.get_by_role("alert")).to_contain_text("has decided this already")
    seen.at_ease()
    other.at_ease()


def test_what_is_masked_is_shown_on_request_and_markup_never_runs(visit: Visits):
    seen = visit().sign_in()
    run = seen.hosted.runs["hostile"]
    page = seen.go(f"/admin/runs/{run}")
    expect(page.locator("body")).not_to_contain_text("hunter2")
    page.click("text=Show what is masked")
    expect(page.locator("body")).to_contain_text("hunter2")
    expect(page.locator("body")).to_contain_text("<script>alert(1)</script>")
    for part in ("", "/states", "/events", "/calls", "/timeline"):
        seen.go(f"/admin/runs/{run}{part}")
        seen.at_ease()
    page = seen.go(f"/admin/runs/{run}")
    page.click("text=Mask again")
    expect(page.locator("body")).not_to_contain_text("hunter2")


def test_filters_go_into_the_url_and_out_again_and_keys_work(visit: Visits):
    seen = visit().sign_in()
    page = seen.page
    page.keyboard.press("/")
    page.keyboard.type("planned failure")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=planned+failure**")
    rows = page.locator("table.runs tbody tr")
    expect(rows.first).to_contain_text("a planned failure")
    (told,) = seen.hosted.sql(
        "SELECT count(*) FROM runs WHERE json_extract(error, '$.message') LIKE '%planned failure%'"
    )[0]
    assert rows.count() == told
    page.select_option("select[name=status]", "success")
    page.click("button:text-is('Filter')")
    expect(page.locator(".empty")).to_contain_text("No run matches")
    page.click(".chips a:has-text('status')")
    expect(rows).to_have_count(told)
    with page.expect_download() as download:
        page.click("a:text-is('CSV')")
    assert len(Path(download.value.path()).read_text().splitlines()) == told + 1
    seen.at_ease()


def test_the_timeline_zooms_and_the_theme_is_chosen(visit: Visits):
    seen = visit().sign_in()
    page = seen.go(f"/admin/runs/{seen.hosted.runs['review']}/timeline")
    bar = page.locator(".span svg").first
    whole = bar.get_attribute("viewBox")
    page.click("button:text-is('Zoom in')")
    assert bar.get_attribute("viewBox") != whole
    page.click("button:text-is('all')")
    assert [round(float(each)) for each in (bar.get_attribute("viewBox") or "").split()] == [
        round(float(each)) for each in (whole or "").split()
    ]
    page.click(".me summary")
    page.click("button:text-is('dark')")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 17, 23)"
    seen.at_ease()


def test_without_javascript_pages_can_be_read_and_used(visit: Visits):
    seen = visit(script=False)
    page = seen.go("/admin/sign-in")
    page.fill("#key", seen.hosted.server.key)
    page.click("button.main")
    page.select_option("select[name=workflow]", "failing")
    page.click("button:text-is('Filter')")
    expect(page.locator("table.runs tbody tr").first).to_contain_text("a planned failure")
    run = seen.start("slow", seconds=60)
    page = seen.go(f"/admin/runs/{run}")
    page.click("button:text-is('Cancel')")
    expect(page.locator("h1")).to_be_visible()
    page = seen.go(f"/admin/runs/{seen.hosted.runs['review']}")
    expect(page.locator("svg.path")).to_be_visible()
    page = seen.go(f"/admin/runs/{seen.hosted.runs['review']}/timeline")
    expect(page.locator(".span svg").first).to_be_visible()


def test_a_session_that_is_over_and_roles_are_told_in_pages(visit: Visits):
    seen = visit().sign_in("viewer")
    seen.expected = {403, 404, 401}
    page = seen.page
    assert page.locator("text=Cancel selected").count() == 0
    page = seen.go("/admin/keys")
    expect(page.get_by_role("alert")).to_contain_text("needs the role admin")
    page = seen.go("/admin/runs/01a2245a-0000-7000-8000-000000000000")
    expect(page.get_by_role("alert")).to_contain_text("there is no run")
    page = seen.go("/admin/runs")
    seen.context.clear_cookies()
    page.wait_for_url("**/admin/sign-in?over=1")
    expect(page.locator("text=Your session is over")).to_be_visible()
