"""What a workflow has at hand in one run: tools, counsel, files, a vault. It reaches nodes as LangGraph's context."""

from dataclasses import dataclass
from typing import Protocol

from langgraph.runtime import Runtime

from agents.ask import Counsel
from tools.host import Toolbox
from tools.record import Place


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An uploaded or produced file. content: the bytes as they came."""

    file_id: str
    name: str
    media_type: str
    content: bytes


class FileStore(Protocol):
    """Files of the run's tenant; the service keeps them in SQL."""

    async def read(self, file_id: str) -> StoredFile:
        """The file; raises `file_not_found` for an unknown id or another tenant's."""
        ...

    async def write(self, name: str, media_type: str, content: bytes) -> str:
        """Keep a file that the run made; its id. The same name written again by the same run replaces the file."""
        ...


class Vault(Protocol):
    """Who is who in the run's record: one secret a run, sealed at rest, out of events, logs and checkpoints."""

    async def put(self, secret: bytes) -> None:
        """Keep the secret; an earlier one of the same run is replaced."""
        ...

    async def get(self) -> bytes | None:
        """The secret, or None where none was put or it was erased. Raises `cannot_unseal`."""
        ...

    async def erase(self) -> None:
        """Delete the secret for good: what was de-identified stays so."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """One run's tools, counsel, files and vault."""

    tools: Toolbox
    counsel: Counsel
    files: FileStore
    vault: Vault


def place(runtime: Runtime[Desk], node: str) -> Place:
    """Where the calling node stands in its run; the same again when a crashed run takes the node up anew."""
    info = runtime.execution_info
    return Place(node=node, task_id=info.task_id if info else node)
