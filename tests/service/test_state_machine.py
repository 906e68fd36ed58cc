"""Threads, runs and approvals in any order, through a real service over both databases: it always knows what it has.

Hypothesis makes up the callers' doings; beside them a model keeps what must be the case, and each step compares.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from tests.conftest import Server, start_server
from tests.service.hosting import declared, new_database, stop


@dataclass
class Known:
    """What must be the case of a thread. log: its state. waiting: for an approval. runs: the status of each.
    graph: which ran last on it."""

    thread_id: str
    log: list[str] = field(default_factory=list)
    waiting: bool = False
    status: str = "idle"
    runs: dict[str, str] = field(default_factory=dict)
    graph: str | None = None


class Doings(RuleBasedStateMachine):
    """What callers do."""

    threads = Bundle("threads")

    def __init__(self, http: httpx.Client) -> None:
        super().__init__()
        self.http = http
        self.known: dict[str, Known] = {}

    def _post(self, path: str, expected: int, **body: Any) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code == expected, f"{path} {body}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def _ended(self, thread: Known, status: str, graph: str = "slow") -> None:
        """Note the newest run, which is the one that the model does not know yet."""
        rows = self.http.get(f"/threads/{thread.thread_id}/runs").json()
        [new] = [row for row in rows if row["run_id"] not in thread.runs][:1]
        thread.runs[new["run_id"]] = status
        thread.graph = graph

    @rule(target=threads, mark=st.text(max_size=20))
    def make_a_thread(self, mark: str) -> Known:
        metadata = {"mark": mark.replace("\0", "")}
        made = self._post("/threads", 200, metadata=metadata)
        assert made["metadata"] == metadata
        self.known[made["thread_id"]] = Known(made["thread_id"])
        return self.known[made["thread_id"]]

    @rule(thread=threads)
    def run_to_the_end(self, thread: Known) -> None:
        """A run with input on a thread that waits begins anew: the question is dropped."""
        values = self._post(f"/threads/{thread.thread_id}/runs/wait", 200, assistant_id="slow", input={"log": ["in"]})
        thread.log += ["in", "first", "waited", "last"]
        thread.waiting, thread.status = False, "idle"
        assert values["log"] == thread.log
        self._ended(thread, "success")

    @rule(thread=threads)
    def run_to_a_question(self, thread: Known) -> None:
        values = self._post(f"/threads/{thread.thread_id}/runs/wait", 200, assistant_id="asking", input={"log": ["q"]})
        thread.log += ["q", "first"]
        thread.waiting, thread.status = True, "interrupted"
        assert values["__interrupt__"][0]["value"] == {"question": "go on?"}
        self._ended(thread, "interrupted", "asking")

    @rule(thread=threads, answer=st.sampled_from(["yes", "no", "später 以后"]))
    def approve(self, thread: Known, answer: str) -> None:
        body = {"assistant_id": "asking", "command": {"resume": answer}}
        if not thread.waiting:
            refused = self.http.post(f"/threads/{thread.thread_id}/runs/wait", json=body)
            assert refused.status_code in (400, 409, 422), refused.text
            return
        values = self._post(f"/threads/{thread.thread_id}/runs/wait", 200, **body)
        thread.log += [f"told {answer}", "last"]
        thread.waiting, thread.status = False, "idle"
        assert values["log"] == thread.log
        self._ended(thread, "success", "asking")

    @rule(thread=threads)
    def run_into_an_error(self, thread: Known) -> None:
        values = self._post(f"/threads/{thread.thread_id}/runs/wait", 200, assistant_id="failing", input={"log": ["f"]})
        thread.log += ["f", "first"]
        thread.waiting, thread.status = False, "error"
        assert values["__error__"]["error"] == "ValueError"
        self._ended(thread, "error", "failing")

    @rule(thread=threads, action=st.sampled_from(["interrupt", "rollback"]))
    def cancel_a_run(self, thread: Known, action: str) -> None:
        body = {"assistant_id": "slow", "input": {"log": ["c"], "seconds": 30}}
        run = self._post(f"/threads/{thread.thread_id}/runs", 200, **body)
        path = f"/threads/{thread.thread_id}/runs/{run['run_id']}"
        ended = self.http.post(f"{path}/cancel", params={"wait": True, "action": action})
        assert ended.status_code == 204, ended.text
        assert self.http.get(path).json()["status"] == "interrupted"
        thread.runs[run["run_id"]], thread.graph = "interrupted", "slow"
        state = self.http.get(f"/threads/{thread.thread_id}/state").json()
        thread.log = list((state["values"] or {}).get("log", []))  # it may have been cancelled before or after a step
        thread.waiting = bool(state["interrupts"])
        thread.status = self.http.get(f"/threads/{thread.thread_id}").json()["status"]
        assert thread.status != "busy"

    @rule(thread=threads)
    def two_at_once(self, thread: Known) -> None:
        """The second of two runs is refused where its caller says so, and runs after the first where not."""
        body = {"assistant_id": "slow", "input": {"log": ["t"], "seconds": 0.2}}
        first = self._post(f"/threads/{thread.thread_id}/runs", 200, **body)
        refused = self._post(f"/threads/{thread.thread_id}/runs", 409, **body, multitask_strategy="reject")
        assert refused["code"] == "thread_busy"
        values = self._post(f"/threads/{thread.thread_id}/runs/wait", 200, assistant_id="slow", input={"log": ["u"]})
        thread.log += ["t", "first", "waited", "last", "u", "first", "waited", "last"]
        thread.waiting, thread.status = False, "idle"
        assert values["log"] == thread.log
        thread.runs[first["run_id"]] = "success"
        self._ended(thread, "success")

    @rule(thread=threads)
    def write_into_the_state(self, thread: Known) -> None:
        if thread.waiting:
            return
        if thread.graph not in ("slow", "asking"):  # the others have no such node
            refused = self.http.post(f"/threads/{thread.thread_id}/state", json={"values": {}, "as_node": "last"})
            assert 400 <= refused.status_code < 500, refused.text
            return
        self._post(f"/threads/{thread.thread_id}/state", 200, values={"log": ["w"]}, as_node="last")
        thread.log += ["w"]
        thread.status = self.http.get(f"/threads/{thread.thread_id}").json()["status"]

    @rule(target=threads, thread=threads)
    def copy_a_thread(self, thread: Known) -> Known:
        made = self._post(f"/threads/{thread.thread_id}/copy", 200)
        copied = Known(made["thread_id"], list(thread.log), thread.waiting, thread.status, graph=thread.graph)
        self.known[copied.thread_id] = copied
        return copied

    @rule(thread=consumes(threads))
    def delete_a_thread(self, thread: Known) -> None:
        assert self.http.delete(f"/threads/{thread.thread_id}").status_code == 204
        del self.known[thread.thread_id]
        assert self.http.get(f"/threads/{thread.thread_id}").status_code == 404
        for run_id in thread.runs:
            assert self.http.get(f"/threads/{thread.thread_id}/runs/{run_id}").status_code == 404

    @rule()
    def ask_for_what_is_not_there(self) -> None:
        nobody = str(uuid4())
        assert self.http.get(f"/threads/{nobody}").status_code == 404
        self._post(f"/threads/{nobody}/runs/wait", 404, assistant_id="slow", input={})

    @invariant()
    def everything_is_as_it_must_be(self) -> None:
        for thread in self.known.values():
            row = self.http.get(f"/threads/{thread.thread_id}").json()
            assert row["status"] == thread.status, f"{row['status']}, {thread}"
            assert bool(row["interrupts"]) == thread.waiting
            state = self.http.get(f"/threads/{thread.thread_id}/state").json()
            assert (state["values"] or {}).get("log", []) == thread.log
            assert bool(state["interrupts"]) == thread.waiting
            rows = self.http.get(f"/threads/{thread.thread_id}/runs", params={"limit": 1000}).json()
            assert {row["run_id"]: row["status"] for row in rows} == thread.runs


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def http(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("machine")
    url = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with new_database(folder, url) as database:
        server: Server = start_server(
            folder / "var",
            CONSILIA_LANGGRAPH_JSON=str(declared(folder / "graphs")),
            CONSILIA_DATABASE=database,
        )
        with httpx.Client(base_url=server.url, headers={"x-api-key": server.key}, timeout=60) as client:
            yield client
        stop(server)


def test_whatever_callers_do_threads_runs_and_approvals_are_as_they_must_be(http: httpx.Client) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    bounded = settings(
        max_examples=5,
        stateful_step_count=10,
        deadline=None,
        database=None,
        suppress_health_check=checks,
        phases=(Phase.generate,),  # to shrink a failure takes minutes here; what was done is short enough to read
    )
    run_state_machine_as_test(lambda: Doings(http), settings=bounded)
