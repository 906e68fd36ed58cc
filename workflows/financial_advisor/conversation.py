"""One turn of the conversation: the question, who asks, what is held, and what is still missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from langchain_core.messages import AnyMessage, HumanMessage

from tools.documents.sandbox import parse_in_sandbox
from tools.errors import ConsiliaError, InvalidInput
from tools.finance.market import Fund
from tools.suitability.client import KNOWLEDGE, OBJECTIVES, Client
from tools.suitability.questionnaire import classify
from workflows.desk import FileStore
from workflows.financial_advisor import holdings
from workflows.financial_advisor import request as reading
from workflows.financial_advisor.advice import ClientOrder
from workflows.financial_advisor.holdings import Held
from workflows.financial_advisor.limits import AdviceLimits
from workflows.financial_advisor.request import Request
from workflows.financial_advisor.situation import ABOUT_HOLDINGS, RECOMMENDING
from workflows.financial_advisor.state import AdviceState

# Every key of the state is optional to LangGraph; a turn is resumed after the nodes that set what is read here.
# pyright: reportTypedDictNotRequiredAccess=false

DECISION_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "decision": {"enum": ["refuse", "release"]},
        "warned": {"type": "boolean", "description": "The client has had the special written risk warning"},
        "reason": {"type": "string", "maxLength": 2000},
    },
    "required": ["decision"],
}


class InvalidDecision(ConsiliaError):
    """A resume that is no decision."""

    code = "invalid_decision"
    status = 422


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as understood. missing: facts without which it cannot be answered."""

    request: Request
    client: Client
    held: Held
    missing: list[str]


def resume_schema(limits: AdviceLimits) -> dict[str, Any]:
    """The JSON schema of what answers a question back."""
    return {
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": limits.question},
            "profile": {"type": "object"},
            "holdings": {"type": "array", "items": {"type": "object"}, "maxItems": limits.holdings},
        },
    }


def question(state: AdviceState, limits: AdviceLimits) -> tuple[str, AnyMessage | None]:
    """The client's question, and the message that it is in; without a message where it came as `question`.

    Raises InvalidInput when there is none, or when it is too long.
    """
    text, message = (state.get("question") or "").strip(), None
    if not text:
        message = next((each for each in reversed(state.get("messages") or []) if isinstance(each, HumanMessage)), None)
        text = "" if message is None else str(message.text).strip()
    if not text:
        raise InvalidInput("ask something: give question, or messages with a human message last", field="question")
    if len(text) > limits.question:
        raise InvalidInput(f"the question has {len(text)} characters; at most {limits.question}", field="question")
    return text, message


async def given(state: AdviceState, files: FileStore, limits: AdviceLimits) -> tuple[Client, Held]:
    """The client and the holdings: as given with this turn or an earlier one, with what the conversation added."""
    if file_id := state.get("profile_file_id"):
        file = await files.read(file_id)
        parsed = await parse_in_sandbox("toml", file.content, file.name)
        profile = holdings.profile(parsed.fields["fields"], file.name)
    else:
        profile = holdings.profile(state.get("profile") or {})
    if file_id := state.get("holdings_file_id"):
        file = await files.read(file_id)
        parsed = await parse_in_sandbox("table", file.content, file.name, most=limits.holdings)
        held = holdings.from_table(parsed.fields, file.name, limits.holdings)
    else:
        held = holdings.from_rows(state.get("holdings") or [], most=limits.holdings)
    before = state.get("client")
    if before is not None and not _currency_given(state):
        profile = profile.model_copy(update={"currency": before.currency})
    return (profile if before is None else joined(profile, before)), (
        held if not held.empty else state.get("held") or held
    )


def joined(client: Client, said: Client | Request) -> Client:
    """The client with facts said later: they fill gaps, and otherwise the more careful counts, so that nobody can talk
    themselves into a higher class."""
    changes: dict[str, Any] = {}
    for name in ("client_class", "horizon_years", "loss_capacity"):
        one, other = getattr(client, name), getattr(said, name)
        if other is not None:
            changes[name] = other if one is None else min(one, other)
    for name, order in (("knowledge", KNOWLEDGE), ("objective", OBJECTIVES)):
        one, other = getattr(client, name), getattr(said, name)
        if other is not None:
            changes[name] = other if one is None else min(one, other, key=cast(tuple[str, ...], order).index)
    return client.model_copy(update=changes)


def names(funds: Sequence[Fund]) -> dict[str, str]:
    """Ids by id and by name, folded, without what stands in brackets."""
    found: dict[str, str] = {}
    for fund in funds:
        for name in (fund.fund_id, fund.name_en, fund.name_zh):
            bare = name.split(" (")[0].split("（")[0].strip().casefold()
            found.setdefault(bare, fund.fund_id)
    return found


def turn(state: AdviceState, understood: Request, client: Client, held: Held, text: str) -> Turn:
    """The turn, with what is refused by rule whatever a model read, and with an earlier question that waited."""
    request = understood.model_copy(
        update={
            "refusal": reading.refused(text) or understood.refusal,
            "language": state.get("language") or understood.language,
        }
    )
    pending = state.get("pending")
    if pending is not None and request.intents == ["answer"] and request.refusal is None:
        request = _answered(pending, request, held)
    elif request.intents == ["answer"]:
        request = request.model_copy(update={"intents": ["allocate" if held.empty else "analyse"]})
    last = state.get("subject")
    if last is not None and request.refusal is None and reading.asks_why(text):
        same = 1.0 if last.request.risk_scale else None  # the risk was changed already
        kept: dict[str, Any] = {"language": request.language, "explains": True, "unused": request.unused}
        request = last.request.model_copy(update={**kept, "risk_scale": same})
    client = joined(client, understood)
    if request.currency and request.amount and "currency" not in request.intents and not _currency_given(state):
        client = client.model_copy(update={"currency": request.currency})
    return Turn(request, client, held, missing(request, client, held, bool(state.get("subject"))))


def _answered(pending: Request, said: Request, held: Held) -> Request:
    """The question that waited, with what its answer adds; money without holdings is there to be invested."""
    told: dict[str, Any] = {
        name: value for name in ("amount", "currency", "years") if (value := getattr(said, name)) is not None
    }
    if said.amount and held.empty and pending.intents == ["analyse"]:
        told["intents"] = ["allocate"]
    return pending.model_copy(update={**told, "language": said.language})


def _currency_given(state: AdviceState) -> bool:
    """Whether the profile says in which currency the client counts."""
    return bool(state.get("profile_file_id")) or "currency" in (state.get("profile") or {})


def missing(request: Request, client: Client, held: Held, follows: bool) -> list[str]:
    """The facts without which the request cannot be answered, in the order in which to ask for them."""
    found: list[str] = []
    if held.empty and not follows and (set(request.intents) & ABOUT_HOLDINGS or request.intents[0] == "less_risk"):
        found.append("holdings")
    needs_profile = set(request.intents) & RECOMMENDING or (request.intents[0] == "retirement" and held.empty)
    return [*found, *classify(client).missing] if needs_profile else found


def resumed(state: AdviceState, told: Any, limits: AdviceLimits) -> Turn:
    """The turn after an interrupt was answered: a sentence, or facts. Raises InvalidInput for what is neither."""
    if isinstance(told, str):
        told = {"text": told}
    if not isinstance(told, Mapping):
        raise InvalidInput("resume with text, profile or holdings", field="resume")
    fields = cast(Mapping[str, Any], told)
    client, held, request = state["client"], state["held"], state["request"]
    if isinstance(fields.get("profile"), Mapping):
        client = joined(client, holdings.profile(cast(Mapping[str, Any], fields["profile"]), "resume"))
    if fields.get("holdings"):
        held = holdings.from_rows(cast(Sequence[Any], fields["holdings"]), "resume", limits.holdings)
    if text := str(fields.get("text") or "")[: limits.question]:
        said = reading.read(text, fallback=request.language, follows=True)
        client = joined(client, said)
        request = request.model_copy(update={"refusal": said.refusal})
    return Turn(request, client, held, missing(request, client, held, bool(state.get("subject"))))


def decision(told: Any, funds: Sequence[str]) -> ClientOrder:
    """A person's decision. Raises InvalidDecision, also for a release without the written warning."""
    fields = cast(Mapping[str, Any], told) if isinstance(told, Mapping) else {"decision": told}
    verdict = fields.get("decision")
    if verdict not in ("refuse", "release"):
        raise InvalidDecision(f"decision must be 'refuse' or 'release', not {verdict!r}")
    if verdict == "release" and fields.get("warned") is not True:
        raise InvalidDecision("a release needs warned: true, the special written risk warning (Order No. 130, art. 19)")
    reason = str(fields.get("reason") or "")[:2000]
    return ClientOrder(funds=tuple(funds), decision=verdict, reason=reason, warned=fields.get("warned") is True)
