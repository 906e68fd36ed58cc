"""Which runs are asked for: the filters as they stand in a URL."""

from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from service.admin.roles import Visitor
from service.api.finding import checked_uuid
from service.api.forms import When, given
from service.database.run_list import RunFilter

Status = Literal["pending", "running", "success", "error", "timeout", "interrupted"]
STATUSES: Final[tuple[Status, ...]] = ("pending", "running", "success", "error", "timeout", "interrupted")

Text = Annotated[Annotated[str, Field(max_length=200)] | None, BeforeValidator(given)]
Number = Annotated[Annotated[float, Field(ge=0, le=1e15)] | None, BeforeValidator(given)]


class RunQuery(BaseModel):
    """The filters of a list of runs; all that are given must hold. slower, faster: seconds. cost: at least."""

    model_config = ConfigDict(extra="ignore")

    workflow: Text = None
    status: Annotated[list[Status], BeforeValidator(given)] = Field(default_factory=list[Status])
    tenant: Text = None
    model: Text = None
    tool: Text = Field(default=None, description='"tool" or "server/tool".')
    since: When = Field(default=None, description="An age (90min, 24h, 7d) or a date, ISO 8601.")
    until: When = None
    cost: Number = None
    slower: Number = None
    faster: Number = None
    degraded: Annotated[bool | None, BeforeValidator(given)] = None
    q: Text = Field(default=None, description="Stands in the input or in the error.")

    def filter(self, visitor: Visitor, searched: tuple[str, ...] | None) -> RunFilter:
        """As far as the visitor may see. searched: the workflows in whose runs text may be sought; None: all."""
        return RunFilter(
            tenant=visitor.tenant or self.tenant,
            workflow=self.workflow,
            statuses=tuple(self.status),
            model=self.model,
            tool=self.tool,
            since=self.since,
            until=self.until,
            cost=self.cost,
            slower_ms=None if self.slower is None else self.slower * 1000,
            faster_ms=None if self.faster is None else self.faster * 1000,
            degraded=self.degraded,
            text=self.q or "",
            searched=searched,
        )


def cursor(before: str | None) -> str | None:
    """A page's cursor: a run id. Raises InvalidInput."""
    return checked_uuid("run", before) if before else None


def in_url(given: list[tuple[str, str]], **changed: str | None) -> str:
    """The query string of these filters, with some changed or left out."""
    kept = [(name, value) for name, value in given if value and name not in changed]
    return urlencode([*kept, *((name, value) for name, value in changed.items() if value)])
