"""The desks of this process: what our workflows have at hand, bound to one run."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, cast

from langgraph.types import interrupt

from agents.ask import Counsel
from agents.chat_model import PoolChat
from agents.pool import Pool
from service.database.engine import Database
from service.database.sealing import Sealer
from service.runs.files import TenantFiles
from service.runs.ledger import RunLedger
from service.runs.vault import RunVault
from tools.host import Toolbox, ToolHost, policy
from workflows.desk import Desk
from workflows.registry import Workflow


@dataclass(frozen=True, slots=True)
class Desks:
    """Makes the desk of a run. secret: of this installation; salts made of it keep tenants apart in prefix caches."""

    database: Database
    host: ToolHost
    pool: Pool
    sealer: Sealer
    secret: bytes

    def desk(self, workflow: Workflow, row: dict[str, Any], ledger: RunLedger) -> Desk:
        """row: the run's."""
        return Desk(
            tools=self.toolbox(workflow, row, ledger),
            counsel=self._counsel(row, ledger),
            files=TenantFiles(self.database, row["tenant_id"], row["run_id"], workflow.name, ledger.mark_untrusted),
            vault=RunVault(self.database, self.sealer, row["tenant_id"], row["run_id"]),
        )

    def toolbox(self, workflow: Workflow, row: dict[str, Any], ledger: RunLedger) -> Toolbox:
        """The tools of a run, with what its workflow names and the settings give it; a person is asked by interrupt."""
        given = policy(self.host.settings, workflow.name, workflow.tools)
        return Toolbox(self.host, ledger, workflow.name, given.allowed, row["tenant_id"], given, interrupt)

    def chat_model(self, row: dict[str, Any], ledger: RunLedger) -> PoolChat:
        """What `agents.chat_model.chat_model` finds in a node of any graph."""
        return self._counsel(row, ledger).chat_model()

    def _counsel(self, row: dict[str, Any], ledger: RunLedger) -> Counsel:
        """The pool for this run. `config.configurable` may set `on_outage`, `priority` (lower is earlier), and
        `consilia_model`, the one model that may answer."""
        config = cast(dict[str, Any], cast(dict[str, Any], row["kwargs"]).get("config") or {})
        asked = cast(dict[str, Any], config.get("configurable") or {})
        on_outage, priority, model = asked.get("on_outage"), asked.get("priority"), asked.get("consilia_model")
        return Counsel(
            self.pool,
            ledger,
            salt=cache_salt(self.secret, row["tenant_id"]),
            priority=priority if isinstance(priority, int) and not isinstance(priority, bool) else 0,
            on_outage=on_outage if on_outage in ("fail", "embedded") else None,
            model=model if isinstance(model, str) and model else None,
        )


def cache_salt(secret: bytes, tenant_id: str) -> str:
    """What nobody else can guess (vLLM asks that of a `cache_salt`): HMAC-SHA-256 (RFC 2104) of the tenant's id."""
    return hmac.new(secret, f"cache\0{tenant_id}".encode(), hashlib.sha256).hexdigest()
