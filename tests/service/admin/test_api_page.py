"""The page on the admin's JSON API tells every route and its role, and what it shows can be run."""

import re
import subprocess
from pathlib import Path

from tests.conftest import ROOT
from tests.service.admin.conftest import Hosted

PAGE = (ROOT / "docs/admin-api.md").read_text()
ROUTES = re.findall(r"^\| (GET|POST) \| `([^`]+)` \| (viewer|operator|admin) \|", PAGE, re.MULTILINE)
NOBODY = "019a2245-0000-7000-8000-000000000000"


def test_the_page_has_every_route_of_the_description_and_no_other(hosted: Hosted):
    with hosted.api() as api:
        described = api.get("/openapi.json").json()["paths"]
    known = {
        (method.upper(), path): route
        for path, routes in described.items()
        for method, route in routes.items()
        if path.startswith("/admin/api")
    }
    assert {(method, path) for method, path, _ in ROUTES} == set(known)
    for route in known.values():
        assert route["summary"], route
        assert "200" in route["responses"] or "204" in route["responses"]


def test_each_route_needs_the_role_that_the_page_names(hosted: Hosted):
    with hosted.api("viewer") as viewer, hosted.api("operator") as operator:
        for method, path, role in ROUTES:
            path = path.replace("{run_id}", NOBODY).replace("{thread_id}", NOBODY).replace("{checkpoint_id}", "x")
            body = {"json": {}} if method == "POST" else {}
            seen = [api.request(method, path, **body).status_code for api in (viewer, operator)]
            expected = [role != "viewer", role == "admin"]
            assert [status == 403 for status in seen] == expected, f"{method} {path}: {seen}"
            assert 500 not in seen


def test_the_page_s_examples_run(hosted: Hosted, tmp_path: Path):
    with hosted.api() as api:
        answer = api.post("/runs/wait", json={"assistant_id": "asking", "input": {"log": []}})
        thread = answer.headers["content-location"].split("/")[2]
    given = {
        "URL": hosted.server.url,
        "KEY": hosted.server.key,
        "RUN": hosted.runs["slow"],
        "OTHER": hosted.runs["nested"],
        "THREAD": thread,
        "PATH": "/usr/bin:/bin",
    }
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            env=given,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{block}{done.stdout[-500:]}{done.stderr}"
        assert done.stdout
    assert (tmp_path / "runs.jsonl").read_text().count("\n") >= 3
