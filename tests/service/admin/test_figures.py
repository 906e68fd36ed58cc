"""Usage, pool, tools, keys and the audit log in the admin's window, compared with SQL."""

import re
import statistics

import httpx
import pytest

from tests.service.admin.conftest import Hosted, token


def test_usage_is_what_sql_adds_up(hosted: Hosted):
    with hosted.api() as api:
        told = api.get("/admin/api/usage").json()
    rows = hosted.sql("SELECT graph_id, status, duration_ms FROM runs WHERE finished_at IS NOT NULL")
    for each in told["workflows"]:
        mine = [(status, took) for name, status, took in rows if name == each["name"]]
        assert each["runs"] == hosted.sql("SELECT count(*) FROM runs WHERE graph_id = ?", each["name"])[0][0]
        assert each["failed"] == sum(status in ("error", "timeout") for status, _ in mine)
        ranked = sorted(took for _, took in mine)
        assert each["p50"] == pytest.approx(ranked[(len(ranked) + 1) // 2 - 1])
        assert each["p95"] == pytest.approx(ranked[-(-95 * len(ranked) // 100) - 1])
        assert ranked[0] <= statistics.median_low(ranked) <= each["p95"]
    assert sum(each["runs"] for each in told["days"]) == sum(each["runs"] for each in told["workflows"])
    assert {each["name"] for each in told["workflows"]} >= {"slow", "failing", "asking"}
    with hosted.signed_in() as browser:
        page = browser.get("/admin/usage").text
        assert page.count("<svg") >= 3
        assert not re.search(r"<style|\sstyle=", page)
        assert "another tenant" not in browser.get("/admin/usage?days=1").text
    with hosted.api("stranger") as api:
        assert api.get("/admin/api/usage").json()["workflows"] == []


def test_pool_and_tools_are_shown_and_a_routing_decision_is_tried(hosted: Hosted):
    with hosted.signed_in() as browser:
        assert "embedded engine answers" in browser.get("/admin/pool").text
        tried = browser.get("/admin/pool", params={"text": "Is this clause fair?", "needs": "reasoning"}).text
        assert "No model server is configured" in tried
        page = browser.get("/admin/tools").text
        assert "split_clauses" in page
        assert "<script>alert" not in page
        refused = browser.post("/admin/pool/drain", data={"csrf": token(page_with_form(browser)), "endpoint": "x"})
        assert refused.status_code == 404
    with hosted.signed_in("viewer") as viewer, hosted.signed_in("stranger") as stranger:
        assert viewer.get("/admin/pool").status_code == 403
        assert stranger.get("/admin/pool").status_code == 403, "the pool is the installation's"
        assert viewer.get("/admin/keys").status_code == 403
        assert viewer.get("/admin/audit").status_code == 403
        assert "/admin/keys" not in viewer.get("/admin/runs").text


def page_with_form(browser: httpx.Client) -> str:
    return browser.get("/admin/runs").text


def test_a_key_is_made_shown_once_used_rotated_and_revoked(hosted: Hosted):
    with hosted.signed_in() as browser:
        csrf = token(browser.get("/admin/keys").text)
        made = browser.post("/admin/keys", data={"csrf": csrf, "name": "of the <page>", "role": "viewer", "days": "7"})
        key = re.search(r'id="made">(csl_[^<]+)<', made.text)
        assert key
        assert "of the &lt;page&gt;" in made.text
        assert key[1] not in browser.get("/admin/keys").text
        with httpx.Client(base_url=hosted.server.url, headers={"x-api-key": key[1]}) as made_key:
            assert made_key.get("/admin/api/me").json()["role"] == "viewer"
        assert browser.post("/admin/keys", data={"csrf": csrf, "name": "a\0b"}).status_code == 422
        for wrong in ({"name": ""}, {"name": "x", "scopes": "everything"}, {"name": "x", "days": "-1"}):
            assert browser.post("/admin/keys", data={"csrf": csrf, **wrong}).status_code == 422
        key_id = key[1].split("_")[1]
        session = httpx.post(f"{hosted.server.url}/admin/sign-in", data={"key": key[1]})
        cookie = {"consilia_admin": session.cookies["consilia_admin"]}
        rotated = browser.post(f"/admin/keys/{key_id}/rotate", data={"csrf": csrf})
        assert 'id="made">csl_' in rotated.text
        assert browser.post(f"/admin/keys/{key_id}/revoke", data={"csrf": csrf}).status_code == 303
        with httpx.Client(base_url=hosted.server.url, cookies=cookie) as gone:
            assert gone.get("/admin/runs").status_code == 303, "a revoked key ends its sessions"
        log = browser.get("/admin/audit", params={"action": "keys."}).text
        assert "keys.create_key" in log
    with hosted.signed_in("stranger") as stranger:
        assert "first key" not in stranger.get("/admin/keys").text
        assert stranger.post(f"/admin/keys/{key_id}/revoke", data={"csrf": "x"}).status_code == 403
