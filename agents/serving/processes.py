"""Server processes: started in a session of their own, known again by pid and start time, ended with all they began."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from agents.serving.served import CannotServe, Launch


class Mark(BaseModel):
    """A process that was started: its pid, when the system says that it began, and the command's fingerprint."""

    pid: int
    began: str
    command: str


@dataclass(slots=True)
class Running:
    """A process that we started (`child`) or found again by its pid file."""

    mark: Mark
    child: "subprocess.Popen[bytes] | None" = None

    @property
    def alive(self) -> bool:
        if self.child is not None:
            return self.child.poll() is None
        return began(self.mark.pid) == self.mark.began

    @property
    def status(self) -> str:
        """How it ended, in words."""
        code = self.child.returncode if self.child is not None else None
        if code is None:
            return "ended"
        return f"was ended by signal {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    def end(self, signal_number: int) -> None:
        """Send the process itself a signal."""
        if self.alive:
            os.kill(self.mark.pid, signal_number)

    def sweep(self) -> None:
        """Kill what is left of its session (vLLM's engine and workers), so that their memory and ports are free."""
        try:
            os.killpg(self.mark.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def began(pid: int) -> str:
    """When the process began, as the system counts; "" when there is none, or it is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return ""
        told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return told.stdout.strip()
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def start(launch: Launch, log: Path, key: str) -> Running:
    """Start it, its output appended to `log`; the log before the last start is kept beside it."""
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    environment = {**os.environ, **launch.environment}
    environment.pop("PYTHONPATH", None)  # the servers' environment must not see ours
    if key:
        environment[launch.key_variable] = key
    with log.open("ab") as out:
        child = subprocess.Popen(
            launch.command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )
    return Running(Mark(pid=child.pid, began=began(child.pid), command=fingerprint(launch)), child)


def fingerprint(launch: Launch) -> str:
    """What tells one launch from another, so that a changed configuration starts the server anew."""
    return launch.model_dump_json()


def read_mark(path: Path) -> Mark | None:
    """The mark of a pid file whose process still runs; None when there is none."""
    try:
        mark = Mark.model_validate_json(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return mark if mark.began and began(mark.pid) == mark.began else None


def read_key(launch: Launch) -> str:
    """The API key that its entry names. Raises CannotServe where there is none."""
    kind, _, where = launch.key.partition(":")
    if kind == "env":
        value = os.environ.get(where, "")
    elif kind == "file":
        value = Path(where).read_text(encoding="utf-8").strip() if Path(where).is_file() else ""
    else:
        return ""
    if not value:
        raise CannotServe(f"model {launch.model!r}: its api_key ({kind} {where}) is empty or missing")
    return value


def wait_gone(mark: Mark, seconds: float) -> bool:
    """Wait until the process is gone; whether it is."""
    deadline = time.monotonic() + seconds
    while began(mark.pid) == mark.began:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
