"""Which processes of one SQLite database live: each holds a lock on a file of its name, which death releases."""

import fcntl
import os
import secrets
import socket
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tools.errors import ConsiliaError


class DatabaseInUse(ConsiliaError):
    """Another service has the SQLite database open."""

    code = "database_in_use"
    status = 409


def process_name() -> str:
    """A name for this process that no other has had: host, process id, and a random part."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"


class Presence:
    """This process among those of a database. Use as a context manager.

    folder: where the lock files lie. only_service: refuse to enter while another does that asks for the same
    (DatabaseInUse).
    """

    def __init__(self, folder: Path, name: str, *, only_service: bool = False) -> None:
        self._folder = folder
        self._name = name
        self._only_service = only_service
        self._held: list[tuple[Path, IO[str]]] = []

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._only_service and not self._hold(self._folder / "service"):
            holder = (self._folder / "service").read_text() or "?"
            self.__exit__(None, None, None)
            raise DatabaseInUse(
                f"another consilia serve ({holder}) has this database; stop it first, or use PostgreSQL for several"
            )
        self._hold(self._folder / self._name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path, file in self._held:
            if path.name != "service":
                path.unlink(missing_ok=True)
            file.close()
        self._held.clear()

    def _hold(self, path: Path) -> bool:
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        self._held.append((path, file))
        return True

    def served(self) -> bool:
        """Whether a service has the database; it takes up what dead processes left, so that nobody else need."""
        try:
            with (self._folder / "service").open("r", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def alive(self, name: str) -> bool:
        """Whether the process of this name lives. This process does."""
        if name == self._name:
            return True
        path = self._folder / name
        try:
            file = path.open("r", encoding="utf-8")
        except FileNotFoundError:
            return False
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            path.unlink(missing_ok=True)
            return False
