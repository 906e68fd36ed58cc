"""Hostile markup and odd shapes in every column that a caller, a model or a tool server can fill: shown as text."""

import re

from tests.service.admin.conftest import HOSTILE, Hosted
from tests.service.admin.rows import fill, idle


def test_nothing_in_a_row_breaks_a_page_or_becomes_markup(hosted: Hosted):
    run, thread = fill(hosted, "asking", HOSTILE, HOSTILE)
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
    idle(hosted, thread)
