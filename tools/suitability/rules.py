"""The rules of suitability, read from TOML."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from tools.suitability.client import ClientClass, Knowledge, Objective, Regime
from tools.suitability.questionnaire import Text

RiskClass = Literal["R1", "R2", "R3", "R4", "R5"]
RISKS: Final[tuple[RiskClass, ...]] = ("R1", "R2", "R3", "R4", "R5")
_FILE: Final = Path(__file__).with_name("rules.toml")


class RuleText(BaseModel):
    """A rule in words. cn, eu: its source under each regime."""

    model_config = ConfigDict(frozen=True)

    title: Text
    cn: Text
    eu: Text

    def source(self, regime: Regime) -> Text:
        return self.cn if regime == "cn" else self.eu


class Illiquid(BaseModel):
    """settlement_days: from which a product counts as illiquid. C1 … C5: largest share."""

    model_config = ConfigDict(frozen=True)

    settlement_days: int
    C1: float
    C2: float
    C3: float
    C4: float
    C5: float

    def share(self, client_class: ClientClass) -> float:
        return float(getattr(self, client_class))


class Rules(BaseModel):
    """All rules; each table is explained where it stands, in rules.toml."""

    model_config = ConfigDict(frozen=True)

    version: str
    checked: dict[str, Literal["text", "secondary", "memory"]]
    matching: dict[ClientClass, RiskClass]
    objective: dict[Objective, RiskClass]
    knowledge: dict[str, Knowledge]
    horizon: dict[str, float]
    single_fund: dict[RiskClass, float]
    category: dict[str, float]
    risk_mix: dict[ClientClass, float]
    illiquid: Illiquid
    severe_loss: dict[RiskClass, float]
    target_volatility: dict[ClientClass, float]
    texts: dict[str, RuleText]


@cache
def rules() -> Rules:
    """The rules that come with Consilia."""
    return Rules.model_validate(tomllib.loads(_FILE.read_text("utf-8")))
