"""The desks of this process: what our workflows have at hand, bound to one run."""

from dataclasses import dataclass
from typing import Any

from agents.ask import Counsel
from agents.pool import Pool
from service.database.engine import Database
from service.database.sealing import Sealer
from service.runs.files import TenantFiles
from service.runs.ledger import RunLedger
from service.runs.vault import RunVault
from tools.host import Toolbox, ToolHost
from workflows.desk import Desk
from workflows.registry import Workflow


@dataclass(frozen=True, slots=True)
class Desks:
    """Makes the desk of a run."""

    database: Database
    host: ToolHost
    pool: Pool
    sealer: Sealer

    def desk(self, workflow: Workflow, row: dict[str, Any], ledger: RunLedger) -> Desk:
        """row: the run's."""
        return Desk(
            tools=Toolbox(self.host, ledger, workflow.name, workflow.tools),
            counsel=Counsel(self.pool, ledger),
            files=TenantFiles(self.database, row["tenant_id"], row["run_id"]),
            vault=RunVault(self.database, self.sealer, row["tenant_id"], row["run_id"]),
        )
