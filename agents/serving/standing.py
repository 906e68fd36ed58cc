"""How the servers stand: what the supervisor writes down, and what everybody else reads."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, Field

from agents.serving.processes import Mark, read_mark
from agents.serving.served import Launch

Kept = TypeVar("Kept", bound=BaseModel)
State = Literal["waiting", "starting", "healthy", "unhealthy", "backing off", "stopped"]


class Standing(BaseModel):
    """One server. since: when it came into this state. restarts: by the supervisor, since it began. failures: starts in
    a row that did not lead to a healthy server. fault: the last thing that went wrong."""

    name: str
    model: str
    url: str
    log: str
    state: State = "waiting"
    pid: int | None = None
    since: datetime = Field(default_factory=lambda: datetime.now(UTC))
    restarts: int = 0
    failures: int = 0
    fault: str = ""


class Standings(BaseModel):
    """All servers, as the supervisor saw them last. order: that of the launches that it has acted upon."""

    order: int = 0
    servers: list[Standing] = []


class Launches(BaseModel):
    """What the supervisor is to keep running. starts: servers on the CPU that may be starting at a time.
    order: tells one writing from the next."""

    order: int = 0
    starts: int = 2
    servers: list[Launch] = []


class Home:
    """The folder of files by which commands and supervisor know of each other: `pool/` of the data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir.resolve() / "pool"
        self.logs = data_dir.resolve() / "log"

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        return self.folder / f"{name}.pid"

    def restart_file(self, name: str) -> Path:
        """Its existence asks the supervisor to restart the server."""
        return self.folder / f"{name}.restart"

    @property
    def supervisor(self) -> Mark | None:
        """The supervisor that runs, if one does."""
        return read_mark(self.pid_file("supervisor"))

    def launches(self) -> Launches:
        return _read(self.folder / "launches.json", Launches)

    def keep_launches(self, wanted: Launches) -> None:
        _write(self.folder / "launches.json", wanted)

    def standings(self) -> Standings:
        return _read(self.folder / "standings.json", Standings)

    def keep_standings(self, seen: Standings) -> None:
        _write(self.folder / "standings.json", seen)

    def keep_mark(self, name: str, mark: Mark) -> None:
        _write(self.pid_file(name), mark)


def _read(path: Path, kind: type[Kept]) -> Kept:
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return kind()


def _write(path: Path, value: BaseModel) -> None:
    """Whole or not at all: a reader never sees half a file."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_text(value.model_dump_json(indent=1))
    half.replace(path)
