"""All that an answer is made from, and how its figures and names are printed."""

from dataclasses import dataclass

from tools.suitability.gate import CASH, Gated
from workflows.financial_advisor.advice import ClientOrder
from workflows.financial_advisor.questions import Judged
from workflows.financial_advisor.request import Language
from workflows.financial_advisor.situation import Situation
from workflows.financial_advisor.words import CATEGORIES, UNITS


@dataclass(frozen=True, slots=True)
class Material:
    """All that the answer is made from."""

    situation: Situation
    language: Language
    judged: Judged | None
    gated: Gated | None
    client_order: ClientOrder | None

    def say(self, en: str, zh: str) -> str:
        return zh if self.language == "zh" else en

    def money(self, amount: float) -> str:
        currency = self.situation.currency
        if self.language == "zh":
            return f"{amount:,.0f}{UNITS.get(currency, ' ' + currency)}"
        return f"{currency} {amount:,.0f}"

    def name(self, fund_id: str) -> str:
        """The fund's name in the answer's language with its id; plain words for cash and for kinds."""
        if fund_id == CASH:
            return self.say("cash", "现金")
        for fund in self.situation.catalogue:
            if fund.fund_id == fund_id:
                return f"{fund.name_zh if self.language == 'zh' else fund.name_en} ({fund_id})"
        return self.category(fund_id)

    def category(self, key: str) -> str:
        pair = CATEGORIES.get(key)
        return key[:60] if pair is None else self.say(*pair)

    @property
    def comma(self) -> str:
        return self.say(", ", "、")


def pct(value: float, decimals: int = 1) -> str:
    """A fraction as per cent, with a true minus."""
    return f"{value * 100:.{decimals}f}%".replace("-", "\u2212")
