"""The files of one run's tenant, as `workflows.desk.FileStore`."""

from collections.abc import Callable

from service.database import files
from service.database.engine import Database
from tools.errors import ConsiliaError
from workflows.desk import StoredFile


class FileNotFound(ConsiliaError):
    code = "file_not_found"
    status = 404


class TenantFiles:
    """Reads any file of the tenant; writes files that belong to the run."""

    def __init__(
        self,
        database: Database,
        tenant_id: str,
        run_id: str,
        workflow: str,
        read: Callable[[str], None] = lambda what: None,
    ) -> None:
        """read: told of each file that is read, since a document's words are nobody's instructions."""
        self._database = database
        self._tenant_id = tenant_id
        self._run_id = run_id
        self._workflow = workflow
        self._read = read

    async def read(self, file_id: str) -> StoredFile:
        row = await files.get(self._database, self._tenant_id, file_id)
        if row is None:
            raise FileNotFound(f"there is no file {file_id!r}; upload it first with POST /files", file_id=file_id)
        content = await files.content(self._database, file_id)
        self._read("an uploaded file")
        return StoredFile(row["file_id"], row["name"], row["media_type"], content)

    async def write(self, name: str, media_type: str, content: bytes) -> str:
        row = await files.add(self._database, self._tenant_id, name, media_type, content, self._run_id, self._workflow)
        return str(row["file_id"])
