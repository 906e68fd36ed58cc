"""What goes into advice, what a conversation keeps, and what comes out."""

from typing import Annotated, Any, Literal

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from tools.suitability.client import Client
from tools.suitability.gate import Gated
from tools.suitability.questionnaire import Classified
from workflows.financial_advisor.advice import Advice, ClientOrder
from workflows.financial_advisor.calls import Called, Planned
from workflows.financial_advisor.holdings import Held
from workflows.financial_advisor.questions import Judged
from workflows.financial_advisor.request import Language, Request


class AdviceInput(TypedDict, total=False):
    """A turn of a conversation; on a thread, what is left out stays as it was said before.

    messages: chat messages, the last of them the client's question; or question: the question alone. profile: the
    client as JSON (fields of `tools.suitability.client.Client`), or profile_file_id: as an uploaded TOML file.
    holdings: rows of fund_id and units (or weight), CASH with a currency; or holdings_file_id: an uploaded CSV.
    language: of the answer; default: the question's. ask: how to ask back for what is missing: in the conversation, or
    as an interrupt that a resume answers. approval: whether a product that the client insists on is put before a person
    (an interrupt) or refused at once.
    """

    messages: Annotated[list[AnyMessage], add_messages]
    question: str
    profile: dict[str, Any]
    profile_file_id: str
    holdings: list[dict[str, Any]]
    holdings_file_id: str
    language: Literal["en", "zh"]
    ask: Literal["message", "interrupt"]
    approval: Literal["person", "refuse"]


class AdviceOutput(TypedDict, total=False):
    """The result of a turn. advice: `workflows.financial_advisor.advice.Advice` as JSON. files: ids by kind."""

    messages: Annotated[list[AnyMessage], add_messages]
    advice: dict[str, Any]
    files: dict[str, str]


class Subject(BaseModel):
    """What the last answer was about, so that a follow-up can change it. volatility: a year, of what was proposed."""

    model_config = ConfigDict(frozen=True)

    request: Request
    weights: dict[str, float]
    volatility: float | None = None


class AdviceState(AdviceInput, total=False):
    """What the nodes hand on. Kept over the turns of a thread: client, held, subject, pending (a question that waits
    for facts). Of this turn: the rest. phase: research before the judgement, settle after the gate."""

    text: str
    spoken: Language
    client: Client
    held: Held
    subject: Subject | None
    pending: Request | None
    request: Request
    missing: list[str]
    phase: Literal["research", "settle"]
    planned: list[Planned]
    calls: list[Called]
    judged: Judged | None
    classified: Classified | None
    gated: Gated | None
    client_order: ClientOrder | None
    said_by: list[str]
    degraded: bool
    answer: Advice
    advice: dict[str, Any]
    files: dict[str, str]


STATE_TYPES: tuple[type, ...] = (
    Client, Held, Subject, Request, Planned, Called, Judged, Classified, Gated, ClientOrder, Advice,
)  # fmt: skip
