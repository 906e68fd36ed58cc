"""The admin's pages and the JSON API behind them, through a real service."""

import csv
import io
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.admin import sessions
from service.auth import pepper
from tests.service.admin.conftest import Hosted, token


def test_a_session_is_a_signed_cookie_that_scripts_and_other_sites_do_not_get(hosted: Hosted):
    with httpx.Client(base_url=hosted.server.url) as browser:
        away = browser.get("/admin/runs?status=error")
        assert (away.status_code, away.headers["location"]) == (
            303,
            "/admin/sign-in?next=%2Fadmin%2Fruns%3Fstatus%3Derror",
        )
        wrong = browser.post("/admin/sign-in", data={"key": "csl_nothing"})
        assert wrong.status_code == 401
        assert "set-cookie" not in wrong.headers
        invoker = browser.post("/admin/sign-in", data={"key": hosted.keys["invoker"]})
        assert invoker.status_code == 403
        came = browser.post("/admin/sign-in", data={"key": hosted.server.key, "next": "/admin/runs?status=error"})
        assert came.headers["location"] == "/admin/runs?status=error"
        cookie = came.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert hosted.server.key not in cookie
        page = browser.get("/admin/runs")
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        bare = re.sub(r"""("[^"]*"|'[^']*')""", '""', page.text)
        assert not re.search(r"<script(?![^>]* src=)|<style|<[^>]*\s(style|on\w+)=", bare)


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "/admin/\\evil", "/runs"])
def test_signing_in_leads_nowhere_else(hosted: Hosted, where: str):
    answer = httpx.post(f"{hosted.server.url}/admin/sign-in", data={"key": hosted.server.key, "next": where})
    assert answer.headers["location"] == "/admin/runs"


def test_a_changed_or_expired_session_and_a_forged_token_do_nothing(hosted: Hosted):
    with hosted.signed_in() as browser:
        running = hosted.runs["slow"]
        own = token(browser.get("/admin/runs").text)
        path = f"/admin/runs/{running}/cancel"
        for forged in ("", "x", own[:-2] + "AA", token(hosted.signed_in("operator").get("/admin/runs").text)):
            assert browser.post(path, data={"csrf": forged}).status_code == 403
            body = {"run_ids": [running]}
            answer = browser.post("/admin/api/runs/cancel", json=body, headers={"x-csrf-token": forged})
            assert (answer.status_code, answer.json()["code"]) == (403, "forged_request")
        crossed = browser.post(path, data={"csrf": own}, headers={"sec-fetch-site": "cross-site"})
        assert crossed.status_code == 403
        assert browser.post(path, data={"csrf": own}, headers={"origin": "https://evil.example"}).status_code == 403
        assert browser.post(path, data={"csrf": own}).status_code == 303
        value = browser.cookies["consilia_admin"]
    for cookie in (value[:-3] + "AAA", value.replace(".", ""), "", "a.b", "é"):
        answer = httpx.get(f"{hosted.server.url}/admin/runs", headers={"cookie": f"consilia_admin={cookie}".encode()})
        assert answer.status_code == 303
        polled = httpx.get(
            f"{hosted.server.url}/admin/runs/rows",
            headers={"cookie": f"consilia_admin={cookie}".encode(), "hx-request": "true"},
        )
        assert (polled.status_code, polled.headers["hx-redirect"]) == (401, "/admin/sign-in?over=1")
    moment = sessions.Session(hosted.keys["admin"].split("_")[1], "s", time.time() - 1)
    expired = sessions.pack(pepper(hosted.server.data_dir), moment)
    good = sessions.pack(pepper(hosted.server.data_dir), replace(moment, ends=time.time() + 60))
    for cookie, status in ((expired, 303), (good, 200)):
        answer = httpx.get(f"{hosted.server.url}/admin/runs", headers={"cookie": f"consilia_admin={cookie}"})
        assert answer.status_code == status
    assert "session is over" in httpx.get(f"{hosted.server.url}/admin/sign-in?over=1").text


def test_roles_bound_what_is_seen_and_done(hosted: Hosted):
    with hosted.signed_in("viewer") as viewer, hosted.signed_in("stranger") as stranger:
        page = viewer.get("/admin/runs")
        assert hosted.runs["slow"] in page.text
        run = f"/admin/runs/{hosted.runs['slow']}"
        assert viewer.post(f"{run}/cancel", data={"csrf": token(page.text)}).status_code == 403
        assert viewer.post(f"{run}/reveal", data={"csrf": token(page.text)}).status_code == 403
        assert viewer.get(f"/admin/api/runs/{hosted.runs['slow']}?reveal=true").status_code == 403
        assert hosted.runs["slow"] not in stranger.get("/admin/runs").text
        assert stranger.get(run).status_code == 404
    with hosted.api("stranger") as api:
        assert api.get("/admin/api/runs").json()["runs"] == []
        assert api.get("/admin/api/me").json() == {
            **api.get("/admin/api/me").json(),
            "role": "admin",
            "all_tenants": False,
        }
        cancelled = api.post("/admin/api/runs/cancel", json={"run_ids": [hosted.runs["slow"], "nonsense"]}).json()
        assert cancelled == {"cancelled": [], "skipped": [hosted.runs["slow"], "nonsense"]}


def test_the_list_is_what_is_in_sql_and_pages_by_key(hosted: Hosted):
    rows = hosted.sql("SELECT run_id, status, graph_id FROM runs ORDER BY run_id DESC")
    with hosted.api() as api:
        first = api.get("/admin/api/runs", params={"limit": 2}).json()
        second = api.get("/admin/api/runs", params={"limit": 100, "before": first["older"]}).json()
        told = [(each["run_id"], each["status"], each["graph_id"]) for each in first["runs"] + second["runs"]]
        assert told == rows
        assert second["older"] is None
        (duration,) = hosted.sql("SELECT duration_ms FROM runs WHERE run_id = ?", hosted.runs["slow"])[0]
        begun, over = hosted.sql("SELECT started_at, finished_at FROM runs WHERE run_id = ?", hosted.runs["slow"])[0]
        (exact,) = hosted.sql("SELECT (julianday(?) - julianday(?)) * 86400000", over, begun)[0]
        assert duration == pytest.approx(exact, abs=1)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"workflow": "failing"}, {"failing"}),
        ({"status": ["error", "interrupted"]}, {"failing", "asking"}),
        ({"q": "PLANNED fail"}, {"failing"}),
        ({"q": 'onerror=alert(2)>" on'}, {"hostile"}),
        ({"since": "1h", "until": "2999-01-01", "workflow": "nested"}, {"nested"}),
        ({"until": "2020-01-01"}, set()),
        ({"model": "no such"}, set()),
        ({"tool": "contracts/redline"}, set()),
        ({"cost": "0.5"}, set()),
        ({"slower": "3600"}, set()),
        ({"degraded": "true"}, set()),
        ({"workflow": "nested", "status": "", "q": "", "faster": "60"}, {"nested"}),
    ],
)
def test_filters_in_the_url_find_what_they_say(hosted: Hosted, given: dict[str, Any], names: set[str]):
    wanted, known = {hosted.runs[name] for name in names}, set(hosted.runs.values())
    with hosted.api() as api, hosted.signed_in() as browser:
        found = api.get("/admin/api/runs", params=given).json()
        assert {each["run_id"] for each in found["runs"]} & known == wanted
        page = browser.get("/admin/runs", params=given).text
        assert set(re.findall(r'id="r([0-9a-f-]{36})"', page)) & known == wanted


def test_filters_that_cannot_be_understood_are_named(hosted: Hosted):
    with hosted.api() as api, hosted.signed_in() as browser:
        wrong = [{"since": "yesterday"}, {"since": "999999w"}, {"cost": "much"}, {"cost": "nan"}, {"status": "done"}]
        for given in [*wrong, {"before": "x"}, {"q": "a\0b"}, {"model": "\0"}]:
            assert api.get("/admin/api/runs", params=given).status_code == 422
            page = browser.get("/admin/runs", params=given)
            assert page.status_code == 422
            assert 'role="alert"' in page.text


def test_exports_hold_the_same_rows_and_no_formula(hosted: Hosted):
    with hosted.api() as api:
        lines = api.get("/admin/api/runs/export", params={"format": "jsonl"})
        rows = [json.loads(line) for line in lines.text.splitlines()]
        assert [each["run_id"] for each in rows] == [
            row[0] for row in hosted.sql("SELECT run_id FROM runs ORDER BY 1 DESC")
        ]
        table = api.get("/admin/api/runs/export", params={"format": "csv", "status": "error"})
        assert "attachment" in table.headers["content-disposition"]
        errors = {each["run_id"]: each for each in csv.DictReader(io.StringIO(table.text.removeprefix("\ufeff")))}
        assert errors[hosted.runs["failing"]]["error_message"] == "a planned failure"
        assert {each["status"] for each in errors.values()} == {"error"}


def test_one_run_is_told_as_it_is_in_sql(hosted: Hosted):
    with hosted.api() as api:
        run = api.get(f"/admin/api/runs/{hosted.runs['failing']}").json()
        assert (run["status"], run["error"]["code"]) == ("error", "graph_error")
        assert "ValueError: a planned failure" in run["error"]["trace"]
        kinds = hosted.sql("SELECT seq, kind FROM run_events WHERE run_id = ? ORDER BY seq", hosted.runs["failing"])
        page = api.get(f"/admin/api/runs/{hosted.runs['failing']}/events", params={"limit": 3}).json()
        rest = api.get(f"/admin/api/runs/{hosted.runs['failing']}/events", params={"after": page["next"]}).json()
        assert [(each["seq"], each["kind"]) for each in page["events"] + rest["events"]] == kinds
        graph = api.get(f"/admin/api/runs/{hosted.runs['failing']}/graph").json()
        assert {each["name"]: each["state"] for each in graph["nodes"]} == {
            "__start__": "done",
            "first": "done",
            "fail": "failed",
            "__end__": "not-taken",
        }
        assert [(each["source"], each["target"]) for each in graph["edges"] if each["taken"]] == [
            ("__start__", "first"),
            ("first", "fail"),
        ]
        asking = api.get(f"/admin/api/runs/{hosted.runs['asking']}/graph").json()
        assert {"name": "ask", "state": "waiting"}.items() <= asking["nodes"][2].items()
        nested = api.get(f"/admin/api/runs/{hosted.runs['nested']}/timeline").json()
        told = [(each["name"], each["depth"]) for each in nested["spans"]]
        assert told == [("waiting for a place", 0), ("part0", 0), ("first", 1), ("tell", 1), ("last", 0)]
        for unknown in ("01a2245a-0000-7000-8000-000000000000", "x"):
            assert api.get(f"/admin/api/runs/{unknown}").status_code in (404, 422)


def test_markup_is_text_and_secrets_are_dots_until_an_admin_asks(hosted: Hosted):
    run = hosted.runs["hostile"]
    with hosted.signed_in() as browser:
        for path in ("", "/timeline", "/calls", "/events"):
            page = browser.get(f"/admin/runs/{run}{path}").text
            assert "<script>alert" not in page
            assert "<img src=x" not in page
            for secret in ("hunter2", "patient@example.org", "csl_0123456789ab"):
                assert secret not in page
        assert "&lt;script&gt;alert(1)" in browser.get(f"/admin/runs/{run}").text
        shown = browser.post(f"/admin/runs/{run}/reveal", data={"csrf": token(page)}, follow_redirects=True)
        assert "hunter2" in shown.text
        assert "patient@example.org" in shown.text
        assert "hunter2" not in browser.get(f"/admin/api/runs/{run}").text
        assert "hunter2" in browser.get(f"/admin/api/runs/{run}?reveal=true").text
        masked = browser.post(f"/admin/runs/{run}/mask", data={"csrf": token(page)}, follow_redirects=True)
        assert "hunter2" not in masked.text
    seen = hosted.sql("SELECT actor FROM audit_events WHERE action = 'run.reveal' AND target = ?", run)
    assert len(seen) == 2
    done = {action for (action,) in hosted.sql("SELECT DISTINCT action FROM audit_events")}
    assert {"runs.reveal", "runs.cancel", "admin.cancel_runs"} <= done


def test_static_files_are_ours_alone(hosted: Hosted):
    assert httpx.get(f"{hosted.server.url}/admin/static/htmx.min.js").status_code == 200
    assert httpx.get(f"{hosted.server.url}/admin/static/charts.css").headers["content-type"].startswith("text/css")
    for name in ("..%2Fapp.py", "nothing.js", "%2e%2e/templates/base.html"):
        assert httpx.get(f"{hosted.server.url}/admin/static/{name}").status_code == 404
    assert Path("service/admin/static/htmx.LICENSE.txt").read_text().startswith("Zero-Clause BSD")
