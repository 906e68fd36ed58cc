"""All that a turn of advice goes by: what is asked, who asks, what is held, and what the tools have returned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from tools.finance.market import Fund
from tools.finance.results import FundList, Valuation
from tools.suitability.client import Client
from tools.suitability.gate import Gated
from tools.suitability.questionnaire import Classified
from workflows.financial_advisor.calls import Called, called, result
from workflows.financial_advisor.holdings import Held
from workflows.financial_advisor.request import Intent, Request

RECOMMENDING: Final[frozenset[Intent]] = frozenset({"analyse", "rebalance", "allocate", "less_risk", "buy"})
"""What ends in a recommendation, and so needs a profile."""
ABOUT_HOLDINGS: Final[frozenset[Intent]] = frozenset({"analyse", "rebalance", "loss", "stress"})
"""What cannot be answered without holdings."""
DEFAULT_YEARS: Final = 10
"""Years of a projection when neither the question nor the profile names any."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A turn. subject_weights, subject_volatility: of the last answer, for a follow-up."""

    request: Request
    client: Client
    held: Held
    calls: Sequence[Called]
    phase: Literal["research", "settle"]
    today: date
    subject_weights: Mapping[str, float]
    subject_volatility: float | None
    gated: Gated | None = None

    @property
    def intent(self) -> Intent:
        return self.request.intents[0]

    @property
    def intents(self) -> frozenset[Intent]:
        return frozenset(self.request.intents)

    @property
    def follows(self) -> bool:
        """Whether it changes or asks about the last answer, so that what that answer told need not be told again."""
        return self.subject_volatility is not None and (self.intent == "less_risk" or self.request.explains)

    @property
    def recommending(self) -> bool:
        return bool(self.intents & RECOMMENDING)

    @property
    def currency(self) -> str:
        if self.intent == "currency":
            return self.request.target_currency or self.request.currency or self.client.currency
        return self.client.currency

    @property
    def valuation(self) -> Valuation | None:
        return result(self.calls, "valuation", Valuation)

    @property
    def weights(self) -> dict[str, float]:
        """The portfolio that is talked about: as valued, as given in weights, or as last proposed."""
        if self.valuation is not None:
            return self.valuation.weights
        return dict(self.held.weights or self.subject_weights)

    @property
    def total(self) -> float | None:
        valued = self.valuation.total if self.valuation is not None else None
        return valued or self.request.amount

    @property
    def catalogue(self) -> list[Fund]:
        listed = result(self.calls, "funds", FundList)
        return listed.funds if listed is not None else []

    @property
    def classified(self) -> Classified | None:
        return result(self.calls, "client", Classified)

    @property
    def years(self) -> float:
        return self.request.years or self.client.horizon_years or DEFAULT_YEARS

    def done(self, key: str) -> bool:
        return called(self.calls, key) is not None
