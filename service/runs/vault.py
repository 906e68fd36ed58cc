"""One run's identity mapping, sealed in SQL, as `workflows.desk.Vault`."""

from service.database import identities
from service.database.engine import Database
from service.database.sealing import Sealer, key_name

_TABLE = "identity_mappings"
_BATCH = 200


class RunVault:
    """Keeps what de-identification took out of one run's record.

    A run that resumes an interrupted one is another run of the same thread: it opens what the earlier one put.
    """

    def __init__(self, database: Database, sealer: Sealer, tenant_id: str, run_id: str) -> None:
        self._database = database
        self._sealer = sealer
        self._tenant_id = tenant_id
        self._run_id = run_id

    async def put(self, secret: bytes) -> None:
        sealed = self._sealer.seal(secret, _TABLE, self._tenant_id, self._run_id)
        await identities.put(self._database, self._tenant_id, self._run_id, sealed)

    async def get(self) -> bytes | None:
        for run_id in await identities.runs_of_thread(self._database, self._tenant_id, self._run_id):
            sealed = await identities.get(self._database, self._tenant_id, run_id)
            return None if sealed is None else self._sealer.open(sealed, _TABLE, self._tenant_id, run_id)
        return None

    async def erase(self) -> None:
        for run_id in await identities.runs_of_thread(self._database, self._tenant_id, self._run_id):
            await identities.erase(self._database, self._tenant_id, run_id)


async def reseal(database: Database, sealer: Sealer) -> int:
    """Seal every mapping that an older key seals with the newest; how many were. Raises CannotUnseal."""
    count, tenant_id, run_id = 0, "", ""
    while rows := await identities.after(database, tenant_id, run_id, _BATCH):
        for row in rows:
            tenant_id, run_id = row["tenant_id"], row["run_id"]
            if key_name(row["sealed"]) != sealer.newest:
                secret = sealer.open(row["sealed"], _TABLE, tenant_id, run_id)
                await identities.replace(database, tenant_id, run_id, sealer.seal(secret, _TABLE, tenant_id, run_id))
                count += 1
    return count
