"""The market data that the tools compute on: facts of funds, series of values, and who supplies them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from tools.finance.series import Series

CASH: Final = "CASH"
"""The id under which a portfolio names cash in its own currency: constant value, risk class R1, no fee."""

RiskClass = Literal["R1", "R2", "R3", "R4", "R5"]
"""Product risk, low to high: China's 证券期货投资者适当性管理办法 (2017), art. 16."""

Category = Literal[
    "money_market", "government_bond", "corporate_bond", "high_yield_bond", "balanced", "equity_developed",
    "equity_emerging", "equity_china", "sector_equity", "real_estate", "commodity", "gold", "alternative",
]  # fmt: skip
Kind = Literal["nav", "benchmark", "fx"]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code, such as CNY, USD or EUR")]


class Fund(BaseModel):
    """A fund's facts. Fees are fractions: ongoing a year, entry and exit of the amount. lot_size: units that are
    bought or sold at once. settlement_days: business days until money is there after a sale. source: whose facts."""

    model_config = ConfigDict(frozen=True)

    fund_id: str
    name_en: str
    name_zh: str
    currency: Currency
    category: Category
    risk_class: RiskClass
    ongoing_fee: float = Field(ge=0, lt=0.2)
    entry_fee: float = Field(default=0.0, ge=0, lt=0.2)
    exit_fee: float = Field(default=0.0, ge=0, lt=0.2)
    benchmark_id: str | None = None
    lot_size: float = Field(default=1.0, gt=0)
    dealing: Literal["daily", "weekly", "monthly", "quarterly"] = "daily"
    settlement_days: int = Field(default=2, ge=0, le=365)
    inception: date | None = None
    description: str = ""
    source: str
    synthetic: bool = False


class SeriesFacts(BaseModel):
    """What there is of a series. currency: of the values; of a pair such as EURUSD, the one that the rate is in (USD
    for one EUR)."""

    model_config = ConfigDict(frozen=True)

    series_id: str
    kind: Kind
    name: str
    currency: Currency
    source: str
    synthetic: bool
    first: date
    last: date
    observations: int


class MarketData(Protocol):
    """Where funds and series come from; the service keeps them in SQL. Everything belongs to one tenant."""

    async def funds(self, tenant_id: str) -> Sequence[Fund]:
        """Every fund, by id."""
        ...

    async def listing(self, tenant_id: str) -> Sequence[SeriesFacts]:
        """What series there are, by id."""
        ...

    async def series(self, tenant_id: str, series_ids: Sequence[str]) -> Mapping[str, Series]:
        """The series of these ids; those that do not exist are left out."""
        ...


@dataclass(frozen=True, slots=True)
class Quotes:
    """What a source says of a series. currency: of the values, None where it does not say. values: unchecked."""

    currency: str | None
    values: Sequence[tuple[date, float]]


class MarketSource(Protocol):
    """A live source of values: the user's own MCP server (service.market_source), or anything that answers this."""

    @property
    def label(self) -> str:
        """How results name the source."""
        ...

    async def fetch(self, series_id: str, start: date | None, end: date | None) -> Quotes:
        """The series between two days, both included. Raises ConsiliaError when the source does not answer."""
        ...
