"""`consilia runs list | show` read well on narrow and wide terminals."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from rich.console import Console
from typer.testing import CliRunner

from service.cli import app
from service.commands import runs as command


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command sets up logs for its process, which here is that of other tests too."""
    yield
    structlog.reset_defaults()


def consilia(*arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == status, (done.output, done.exception)
    return done.stdout


def test_runs_and_their_errors_are_whole_in_80_and_120_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    name = "[red]" + "a long name of a scanned agreement, " * 3 + ".pdf"
    Path(name).write_text("no PDF")
    consilia("review", name, status=2)
    [run] = json.loads(consilia("runs", "list", "--json"))
    message = run["error"]["message"].splitlines()[0]
    assert len(message) > 120
    for width in (80, 120):
        monkeypatch.setattr(command, "out", Console(width=width))
        listed = consilia("runs", "list")
        assert max(map(len, listed.splitlines())) <= width
        assert run["run_id"] in listed
        assert "contract_review  error" in listed
        assert message in " ".join(listed.split())
        shown = consilia("runs", "show", run["run_id"])
        assert max(map(len, shown.splitlines())) <= width
        assert message in " ".join(shown.split())
        assert "Questions  none" in shown
    assert json.loads(consilia("runs", "show", run["run_id"], "--json"))["error"] == run["error"]
