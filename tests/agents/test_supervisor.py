"""Servers kept running by the real supervisor; a small program stands in for vLLM."""

import itertools
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agents.serving import control, processes
from agents.serving.keeper import LONGEST_PAUSE, pause_after
from agents.serving.served import Launch
from agents.serving.standing import Home, Standing


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


STAND_IN = """
import http.server, os, pathlib, subprocess, sys, time
port, folder, mode = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
(folder / f"start-{time.time_ns()}").touch()
if mode == "dies":
    sys.exit("RuntimeError: no memory for the cache")
child = subprocess.Popen(["sleep", "600"])  # vLLM's engine is a child too
(folder / "child").write_text(str(child.pid))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if (folder / "sick").exists() else 200)
        self.end_headers()
        self.wfile.write(os.environ.get("VLLM_API_KEY", "").encode())
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "var")
    yield made
    control.down(made)


def launch(folder: Path, name: str, mode: str = "serves", port: int = 0, key: str = "") -> Launch:
    port = port or free_port()
    return Launch(
        name=name,
        model=name,
        command=(sys.executable, "-c", STAND_IN, str(port), str(folder), mode),
        environment={},
        url=f"http://127.0.0.1:{port}",
        ready_seconds=20,
        key=key,
    )


def silent(seen: object) -> None:
    """Nobody watches."""


def wait_for(home: Home, state: str, restarts: int = 0) -> Standing:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        [seen] = home.standings().servers
        if seen.state == state and seen.restarts >= restarts:
            return seen
        time.sleep(0.05)
    raise AssertionError(home.standings())


def test_a_server_killed_with_kill_9_is_started_anew_and_leaves_no_child(home: Home, tmp_path: Path) -> None:
    wanted = launch(tmp_path, "one")
    [first] = control.up([wanted], home, silent).servers
    child = int((tmp_path / "child").read_text())
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    second = wait_for(home, "healthy", restarts=1)
    assert second.pid != first.pid
    assert processes.began(child) == "", "the killed server's child lives on"
    assert httpx.get(f"{wanted.url}/health", trust_env=False).status_code == 200


def test_a_server_that_is_unwell_for_long_is_started_anew(home: Home, tmp_path: Path) -> None:
    [first] = control.up([launch(tmp_path, "one")], home, silent).servers
    (tmp_path / "sick").touch()
    seen = wait_for(home, "unhealthy")
    assert "/health did not answer well" in seen.fault
    wait_for(home, "starting", restarts=1)
    (tmp_path / "sick").unlink()
    assert wait_for(home, "healthy", restarts=1).pid != first.pid


def test_a_restart_brings_another_process_and_down_leaves_none(home: Home, tmp_path: Path) -> None:
    [first] = control.up([launch(tmp_path, "one")], home, silent).servers
    assert control.servers_of("one", home) == ["one"]
    control.restart("one", home, silent)
    [second] = home.standings().servers
    assert second.pid not in (None, first.pid)
    supervisor = home.supervisor
    assert control.down(home) == ["one"]
    assert home.supervisor is None
    assert supervisor is not None
    assert processes.began(supervisor.pid) != supervisor.began
    assert processes.began(second.pid or 0) == ""
    assert processes.began(int((tmp_path / "child").read_text())) == ""
    [left] = home.standings().servers
    assert (left.state, left.pid) == ("stopped", None)
    assert control.down(home) == []


def test_up_again_leaves_alone_what_did_not_change_and_ends_what_is_no_longer_wanted(
    home: Home, tmp_path: Path
) -> None:
    for name in ("kept", "changed", "gone"):
        (tmp_path / name).mkdir()
    kept, changed, gone = (launch(tmp_path / name, name) for name in ("kept", "changed", "gone"))
    first = {each.name: each for each in control.up([kept, changed, gone], home, silent).servers}
    moved = launch(tmp_path / "changed", "changed")
    second = {each.name: each for each in control.up([kept, moved], home, silent).servers}
    assert second["kept"].pid == first["kept"].pid
    assert second["changed"].url == moved.url
    assert set(second) == {"kept", "changed"}
    assert processes.began(first["gone"].pid or 0) == ""


def test_servers_outlive_a_killed_supervisor_and_are_found_again(home: Home, tmp_path: Path) -> None:
    wanted = launch(tmp_path, "one")
    [first] = control.up([wanted], home, silent).servers
    assert home.supervisor is not None
    os.kill(home.supervisor.pid, signal.SIGKILL)
    time.sleep(0.3)
    assert httpx.get(f"{wanted.url}/health", trust_env=False).status_code == 200
    [second] = control.up([wanted], home, silent).servers
    assert (second.pid, second.state) == (first.pid, "healthy")
    os.kill(first.pid or 0, signal.SIGKILL)
    assert wait_for(home, "healthy", restarts=1).pid != first.pid


def test_a_server_that_cannot_start_is_told_with_its_last_error_and_its_log(home: Home, tmp_path: Path) -> None:
    with pytest.raises(control.NotHealthy, match=r"no memory for the cache.*one\.log"):
        control.up([launch(tmp_path, "one", "dies")], home, silent)
    starts = sorted(int(path.name.split("-")[1]) for path in tmp_path.glob("start-*"))
    pauses = [(later - earlier) / 1e9 for earlier, later in itertools.pairwise(starts)]
    assert len(starts) >= control.TRIES
    assert pauses[0] >= 1.0
    assert pauses[1] >= 2.0


def test_a_port_that_another_program_holds_is_told(home: Home, tmp_path: Path) -> None:
    other = launch(tmp_path, "other")
    foreign = processes.start(other, tmp_path / "other.log", "")
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                httpx.get(other.url, trust_env=False)
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        with pytest.raises(control.NotHealthy, match="is taken by another program"):
            control.up([launch(tmp_path, "one", port=int(other.url.rpartition(":")[2]))], home, silent)
    finally:
        foreign.end(signal.SIGKILL)
        foreign.sweep()


def test_a_key_reaches_the_server_by_its_environment_and_stands_in_no_file(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", "s3cret-of-the-servers")
    wanted = launch(tmp_path, "one", key="env:THE_KEY")
    control.up([wanted], home, silent)
    assert httpx.get(wanted.url, trust_env=False).text == "s3cret-of-the-servers"
    for path in (tmp_path / "var").rglob("*"):
        assert not path.is_file() or b"s3cret" not in path.read_bytes(), path


def test_pauses_double_up_to_five_minutes() -> None:
    assert [pause_after(number) for number in (1, 2, 3, 8, 9, 50)] == [1.0, 2.0, 4.0, 128.0, 256.0, LONGEST_PAUSE]
