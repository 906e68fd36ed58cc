"""Arguments that several finance tools share, with what a model is told of them."""

from collections.abc import Callable
from datetime import date
from typing import Annotated

from pydantic import Field

from tools.finance.backtest import Rebalancing
from tools.finance.book import Book
from tools.finance.holdings import Cash, Holding
from tools.finance.market import Currency
from tools.finance.series import Frequency
from tools.serving import Call

Open = Callable[[Call], Book]
"""Opens the book of a call's tenant."""

FundIds = Annotated[
    list[str], Field(description="Fund ids or whole names, as search_funds gave them", min_length=1, max_length=500)
]
Weights = Annotated[
    dict[str, float],
    Field(
        description="Share of each fund by id, fractions of 0 or more that sum to 1; CASH is cash in the currency. "
        'Example: {"SYN-EQ-CN": 0.6, "CASH": 0.4}'
    ),
]
Start = Annotated[date | None, Field(description="First day, ISO 8601; null: as far back as all series go")]
End = Annotated[date | None, Field(description="Last day, ISO 8601, not in the future; null: the latest")]
OneCurrency = Annotated[Currency, Field(description="Currency that everything is converted to, such as CNY")]
AnyCurrency = Annotated[Currency | None, Field(description="Convert to this; null: each fund in its own currency")]
RiskFree = Annotated[float, Field(description="Risk-free rate a year as a fraction, for Sharpe, Sortino and alpha")]
Confidence = Annotated[float, Field(description="Confidence of VaR and expected shortfall, 0.5 to below 1")]
Benchmark = Annotated[str | None, Field(description="A benchmark's series id, as list_series gives it")]
WhenRebalanced = Annotated[Rebalancing, Field(description="When the portfolio is brought back to its weights")]
Curve = Annotated[Frequency, Field(description="Frequency of the values in the returned curves")]
AsOf = Annotated[date | None, Field(description="Value on this day; null: today")]
HeldFunds = Annotated[list[Holding], Field(description="What is held: fund id and units", max_length=500)]
HeldCash = Annotated[list[Cash] | None, Field(description="Cash by currency", max_length=50)]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
