"""The admin's window over PostgreSQL: the queries that differ there, and deciding once among processes."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.conftest import Server, start_server
from tests.service.hosting import declared, new_database, stop


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, postgresql: str) -> Iterator[tuple[Server, Server]]:
    """Two services over one database, with one key."""
    folder: Path = tmp_path_factory.mktemp("two")
    graphs = str(declared(folder / "graphs"))
    with new_database(folder, postgresql) as url:
        environment = {"CONSILIA_LANGGRAPH_JSON": graphs, "CONSILIA_DATABASE": url, "MARKS": os.devnull}
        first = start_server(folder / "var", **environment)
        second = start_server(folder / "var", **environment)
        yield first, second
        stop(second)
        stop(first)


def test_lists_figures_states_and_decisions_hold_on_postgresql(two: tuple[Server, Server]):
    key = {"x-api-key": two[0].key}
    with (
        httpx.Client(base_url=two[0].url, headers=key, timeout=30) as one,
        httpx.Client(base_url=two[1].url, headers=key, timeout=30) as other,
    ):
        runs: dict[str, str] = {}
        for name in ("slow", "failing", "asking"):
            given = {"log": [f"Grüße, 世界 from {name}"]}
            answer = one.post("/runs/wait", json={"assistant_id": name, "input": given})
            runs[name] = answer.headers["content-location"].rsplit("/", 1)[1]

        def found(**given: str) -> set[str]:
            told = other.get("/admin/api/runs", params=given)
            assert told.status_code == 200, told.text
            return {name for name, run in runs.items() if run in told.text}

        assert found(limit="2") == {"failing", "asking"}
        assert found(q="世界 FROM slow") == {"slow"}
        assert found(q="planned") == {"failing"}
        assert found(q="世") == set(runs)
        assert found(status="interrupted", since="1h", model="") == {"asking"}
        assert found(tool="x/y") == found(model="x") == found(cost="1") == set()
        assert found(slower="0", faster="3600") == set(runs)
        usage = one.get("/admin/api/usage").json()
        by_name = {each["name"]: each for each in usage["workflows"]}
        assert (by_name["failing"]["failed"], by_name["slow"]["failed"]) == (1, 0)
        assert by_name["slow"]["p50"] == by_name["slow"]["p95"] > 0
        assert [each["runs"] for each in usage["days"]] == [3]
        steps = other.get(f"/admin/api/runs/{runs['slow']}/states").json()["steps"]
        state = other.get(f"/admin/api/runs/{runs['slow']}/states/{steps[-1]['checkpoint_id']}").json()
        assert state["changes"]["changes"][0]["after"] == "last"
        [waits] = other.get("/admin/api/approvals").json()
        body = {"interrupt_id": waits["interrupt_id"], "answer": "yes"}
        path = f"/admin/api/approvals/{waits['thread_id']}"
        with ThreadPoolExecutor(2) as pool:
            sent = [pool.submit(each.post, path, json=body) for each in (one, other)]
            answers = sorted((each.result() for each in sent), key=lambda answer: answer.status_code)
        assert [each.status_code for each in answers] == [200, 409], [each.text for each in answers]
        assert answers[1].json()["code"] == "already_decided"
        went = answers[0].json()["resumed_by"]
        with one.stream("GET", f"/admin/api/runs/{went}/live") as live:
            lines = "".join(live.iter_text())
        assert lines.rstrip().endswith("event: end\ndata: {}")
        assert one.get(f"/admin/api/runs/{went}").json()["output"]["log"][-2:] == ["told yes", "last"]
        again = other.post(f"/admin/api/runs/{runs['failing']}/retry").json()["run_id"]
        with one.stream("GET", f"/admin/api/runs/{again}/live") as live:
            assert "a planned failure" in "".join(live.iter_text())
        for page in ("/admin/runs", "/admin/usage", "/admin/approvals", "/admin/tools", "/admin/pool", "/admin/keys"):
            assert one.get(page).status_code == 200
