"""The advice: what a caller gets as JSON, and what the reports are made of.

Its JSON schema is published in docs/schemas/financial_advisor.json (`make schemas`).
"""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tools.finance.results import Notice, Order
from tools.suitability.gate import Breach
from workflows.financial_advisor.request import Language, Refusal, Request
from workflows.inert import inert


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Section(_Part):
    """A part of the answer. key: stable, such as "risk"; title and paragraphs in the answer's language."""

    key: str
    title: str
    paragraphs: tuple[str, ...]


class TracedFigure(_Part):
    """A figure of the text and where it comes from. call: t1, t2, … or client; path: of the value in its result."""

    text: str
    section: str
    call: str
    path: str
    value: float | None


class CallShown(_Part):
    """A tool call that figures refer to. error: what went wrong, when it failed."""

    id: str
    tool: str
    arguments: dict[str, Any]
    error: str | None = None


class Recommendation(_Part):
    """What is recommended after the gate. weights: fractions that sum to 1, CASH among them. orders: whole lots."""

    weights: dict[str, float]
    orders: tuple[Order, ...]
    reasons: tuple[str, ...]
    expected_volatility: float | None


class ClientOrder(_Part):
    """A product that the client insisted on and a person decided about. It is not part of the recommendation."""

    funds: tuple[str, ...]
    decision: Literal["refuse", "release"]
    reason: str
    warned: bool


class Suitability(_Part):
    """How the client was classified, and what the gate did."""

    client_class: str | None
    score: float | None
    reasons: tuple[str, ...]
    outcome: Literal["passed", "changed", "blocked", "not_needed"]
    breaches: tuple[Breach, ...]
    rules_version: str | None


class Advice(_Part):
    """The answer to one question. engine: who answered; degraded: a model was due and the embedded engine stepped in.

    kind: answer, question (facts are missing, the text asks for them) or refusal. removed: sentences taken out
    because no tool returned a figure in them, or suitability forbids what they say.
    """

    kind: Literal["answer", "question", "refusal"]
    language: Language
    question: str
    request: Request
    sections: tuple[Section, ...]
    figures: tuple[TracedFigure, ...] = ()
    calls: tuple[CallShown, ...] = ()
    recommendation: Recommendation | None = None
    suitability: Suitability | None = None
    client_order: ClientOrder | None = None
    refusal: Refusal | None = None
    missing: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    currency: str
    disclosure: str
    engine: str
    degraded: bool = False
    generated_at: AwareDatetime
    synthetic: bool = Field(default=False, description="True when any value used is made up for demonstration")

    def text(self) -> str:
        """The answer as Markdown for a conversation, without anything to follow or to fetch."""
        parts: list[str] = []
        for section in self.sections:
            body = inert("\n".join(section.paragraphs))
            parts.append(f"**{inert(section.title)}**\n{body}" if section.title else body)
        return "\n\n".join([*parts, f"_{self.disclosure}_"] if self.kind == "answer" else parts)
