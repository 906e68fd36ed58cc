"""Budgets: how many tokens a tenant may use and what it may cost in a calendar month (UTC).

A budget that is used up stops new runs and chats; those that were accepted go on to their end. What was spent is read
again every few seconds, so a crowd that comes at once may overshoot by what it then spends.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from service.database import tenants, usage
from service.database.engine import Database
from service.settings import Limits
from tools.errors import ConsiliaError

BELIEVED_SECONDS: Final = 5.0
"""How long what a tenant has spent is believed."""

_MOST: Final = 10_000


class BudgetUsedUp(ConsiliaError):
    """The tenant has spent what it may spend this month."""

    code = "budget_used_up"
    status = 402


@dataclass(frozen=True, slots=True)
class Budget:
    """What a tenant may spend in a month, and has spent. A limit of 0 is none. cost: in the currency of the pool's
    prices."""

    month: str
    tokens_limit: int
    cost_limit: float
    tokens: int
    cost: float

    @property
    def used_up(self) -> bool:
        return 0 < self.tokens_limit <= self.tokens or 0 < self.cost_limit <= self.cost


@dataclass(slots=True)
class Budgets:
    """Use one a process."""

    database: Database
    limits: Limits
    _spent: dict[str, tuple[float, Budget]] = field(default_factory=dict[str, tuple[float, Budget]])

    async def check(self, tenant_id: str) -> None:
        """Raises BudgetUsedUp where the tenant may start nothing more this month."""
        row = await tenants.get(self.database, tenant_id)
        tokens_limit = (row["tokens_per_month"] if row else None) or self.limits.tokens_per_month
        cost_limit = (row["cost_per_month"] if row else None) or self.limits.cost_per_month
        if not tokens_limit and not cost_limit:
            return
        known = self._spent.get(tenant_id)
        believed = known is not None and time.monotonic() - known[0] < BELIEVED_SECONDS
        budget = known[1] if known is not None and believed else await self.of(tenant_id)
        if not 0 < tokens_limit <= budget.tokens and not 0 < cost_limit <= budget.cost:
            return
        spent = f"{budget.tokens:,} of {tokens_limit:,} tokens" if 0 < tokens_limit <= budget.tokens else ""
        spent = spent or f"{budget.cost:.2f} of a cost of {cost_limit:.2f}"
        name = row["name"] if row else tenant_id
        raise BudgetUsedUp(
            f"tenant {name!r} has used up its budget of {budget.month}: {spent}; new runs are taken from the first of "
            "next month, or once an admin raises it: consilia tenants set",
            tokens=budget.tokens,
            tokens_limit=tokens_limit,
            cost=budget.cost,
            cost_limit=cost_limit,
        )

    async def of(self, tenant_id: str) -> Budget:
        """What the tenant may spend this month, and has spent until now."""
        row = await tenants.get(self.database, tenant_id)
        begun = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        clock = time.monotonic()
        tokens, cost = await usage.spent(self.database, tenant_id, begun)
        budget = Budget(
            f"{begun:%B %Y}",
            (row["tokens_per_month"] if row else None) or self.limits.tokens_per_month,
            (row["cost_per_month"] if row else None) or self.limits.cost_per_month,
            tokens,
            cost,
        )
        if len(self._spent) >= _MOST:
            self._spent.clear()
        self._spent[tenant_id] = (clock, budget)
        return budget
