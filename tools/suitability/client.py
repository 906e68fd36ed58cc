"""The client: what must be known before anything is recommended, and the class that follows from it."""

from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Regime = Literal["cn", "eu"]
ClientClass = Literal["C1", "C2", "C3", "C4", "C5"]
Knowledge = Literal["none", "basic", "informed", "advanced"]
Objective = Literal["preservation", "income", "balanced", "growth", "speculation"]

CLASSES: Final[tuple[ClientClass, ...]] = get_args(ClientClass)
KNOWLEDGE: Final[tuple[Knowledge, ...]] = get_args(Knowledge)
OBJECTIVES: Final[tuple[Objective, ...]] = get_args(Objective)


class Client(BaseModel):
    """A client as known. Fractions are of the money that is invested; years and amounts are not negative.

    client_class: assessed elsewhere; where the answers give a lower one, that counts. lowest: of the class C1 and of
    the lowest kind (no full capacity, or unwilling to bear any loss): R1 products only, even on request.
    loss_capacity: largest loss in a severe year that the client can bear. liquidity_need: amount needed within a year,
    in `currency`. age: years. answers: to the questionnaire, option keys by question key.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    regime: Regime = Field(default="cn", description="cn: China's rules; eu: MiFID II")
    client_class: ClientClass | None = None
    lowest: bool = False
    knowledge: Knowledge | None = None
    objective: Objective | None = None
    horizon_years: float | None = Field(default=None, ge=0, le=80)
    loss_capacity: float | None = Field(default=None, ge=0, le=1)
    liquidity_need: float = Field(default=0.0, ge=0, le=1e15, description="Amount needed within twelve months")
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    age: int | None = Field(default=None, ge=0, le=120)
    answers: dict[str, str] = Field(default_factory=dict[str, str], max_length=50)
