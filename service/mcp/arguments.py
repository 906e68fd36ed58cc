"""What the tools take. The descriptions are written for a model that has never seen Consilia."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from tools.contracts.playbook import DEFAULT
from tools.suitability.client import ClientClass, Knowledge, Objective, Regime
from tools.suitability.questionnaire import questionnaire

PATH: Final[dict[str, Any]] = {
    "type": "string",
    "maxLength": 4096,
    "description": (
        "Path of the file on the user's machine, absolute or relative to a folder that the client shares. Read by the "
        "local `consilia mcp` process within those folders only."
    ),
}
"""The argument that only the stdio server has: over HTTP nobody's disk is at hand."""

RunId = Annotated[
    str, Field(max_length=64, description="Id of the run, as the tool that started it or list_runs gave.")
]
Background = Annotated[
    bool,
    Field(description="true: answer at once with the run's id; look for its result with get_run. For long documents."),
]
Thread = Annotated[
    str | None,
    Field(max_length=64, description="Go on with this conversation: the conversation_id of an earlier result."),
]


class Arguments(BaseModel):
    """Unknown arguments are refused, so that a misspelt one is not silently without effect."""

    model_config = ConfigDict(extra="forbid")


class Document(Arguments):
    """A document, given in exactly one of these ways."""

    path: str | None = Field(default=None, max_length=4096, description=PATH["description"])
    content: str | None = Field(default=None, description="The whole text of the document.")
    content_base64: str | None = Field(
        default=None, description="The file's bytes in base64, for PDF and DOCX. Needs name."
    )
    file_id: str | None = Field(
        default=None, max_length=64, description="Id of a file that is already in Consilia (POST /files, or get_run)."
    )
    name: str | None = Field(
        default=None,
        max_length=300,
        description="File name with its ending (.pdf, .docx, .txt, .md, .xml, .json), which tells what content is.",
    )


class ReviewContract(Document):
    party: str | None = Field(
        default=None,
        max_length=300,
        description="The party that the user acts for, as the contract names it. Ask the user when it is not clear.",
    )
    playbook: str = Field(
        default=DEFAULT,
        max_length=100,
        description="Rules to review by: commercial, nda, chinese, or the file_id of the user's own TOML playbook.",
    )
    languages: list[Literal["en", "zh"]] = Field(
        default_factory=list[Literal["en", "zh"]],
        max_length=2,
        description="Languages of the reasons; default: the contract's own.",
    )
    approval: Literal["never", "critical"] = Field(
        default="never", description="critical: wait for a person's approval when a finding is critical."
    )
    background: Background = False


class TranslateRecord(Document):
    targets: list[str] = Field(
        default_factory=lambda: ["en"],
        min_length=1,
        max_length=12,
        description="Languages to translate into, as BCP 47 codes such as en, fr or zh-Hans.",
    )
    source: str | None = Field(
        default=None, max_length=35, description="The record's main language; told from the text when left out."
    )
    sign_off: Literal["always", "critical"] = Field(
        default="always",
        description="always: a clinician signs every translation off. critical: only one with a critical alarm.",
    )
    second_opinion: bool = Field(
        default=False, description="Translate back and have a second model judge, where models are configured."
    )
    dates: Literal["keep", "shift", "hide"] = Field(
        default="keep", description="Dates of care in what models see. Birth dates are always taken out."
    )
    background: Background = False


def _questions(schema: dict[str, Any]) -> None:
    """The questionnaire in the schema, so that a model can put it to the user."""
    schema.pop("additionalProperties", None)
    schema["properties"] = {
        each.key: {
            "enum": [option.key for option in each.options],
            "description": f"{each.text.en} " + "; ".join(f"{one.key}: {one.text.en}" for one in each.options),
        }
        for each in questionnaire().questions
    }


class Profile(Arguments):
    """What is known of the client, as far as it is; on a conversation only what has changed."""

    regime: Regime | None = Field(
        default=None, description="Whose rules on suitability: cn (default) or eu (MiFID II)."
    )
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$", description="The client's currency; default CNY.")
    horizon_years: float | None = Field(default=None, ge=0, le=80, description="How long the money can stay, years.")
    objective: Objective | None = None
    knowledge: Knowledge | None = Field(default=None, description="Of investments.")
    loss_capacity: float | None = Field(
        default=None, ge=0, le=1, description="Largest loss in a severe year that they can bear, a fraction."
    )
    liquidity_need: float | None = Field(default=None, ge=0, description="Amount needed within twelve months.")
    age: int | None = Field(default=None, ge=0, le=120)
    client_class: ClientClass | None = Field(
        default=None, description="Risk class where one was assessed before, C1 (least) to C5. Else give answers."
    )
    lowest: bool | None = Field(default=None, description="Of the lowest kind of C1: bears no loss at all.")
    answers: dict[str, str] | None = Field(
        default=None,
        max_length=50,
        description="Answers to the risk questionnaire; all of them give a class. Ask the user; never guess.",
        json_schema_extra=_questions,
    )


class Holding(Arguments):
    """A fund by units or by weight; cash as the fund CASH, its amount as units, with its currency."""

    fund_id: str = Field(min_length=1, max_length=200, description="The fund's id or ISIN, or CASH.")
    units: float | None = Field(default=None, description="Units held; of CASH the amount.")
    weight: float | None = Field(default=None, description="Share of the whole, in the place of units in every row.")
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$", description="Of CASH.")


class AskAdvisor(Arguments):
    question: str = Field(min_length=1, description="What the client asks, in English or Chinese, in their own words.")
    conversation_id: Thread = None
    profile: Profile | None = Field(
        default=None, description="What is known of the client. The advisor asks for what is missing."
    )
    holdings: list[Holding] | None = Field(default=None, description="What the client holds now.")
    language: Literal["en", "zh"] | None = Field(default=None, description="Of the answer; default: the question's.")
    background: Background = False


class ListRuns(Arguments):
    workflow: str | None = Field(default=None, max_length=200, description="Only runs of this workflow.")
    state: Literal["queued", "running", "waiting", "done", "failed", "cancelled"] | None = Field(
        default=None, description="Only runs in this state; waiting: for a person's decision."
    )
    limit: int = Field(default=20, ge=1, le=100, description="Most runs to list, newest first.")
    cursor: str | None = Field(default=None, max_length=64, description="next_cursor of the page before.")


class GetRun(Arguments):
    run_id: RunId
    wait_seconds: float = Field(
        default=0, ge=0, le=50, description="Wait so long for a run that has not ended before answering, seconds."
    )


class GetFile(Arguments):
    file_id: str = Field(max_length=64, description="Id of the file, from the files of a run.")
    offset: int = Field(default=0, ge=0, description="First character to return of a text.")
    length: int = Field(default=50_000, ge=1, le=500_000, description="Most characters to return of a text.")


class Edit(Arguments):
    segment: str = Field(max_length=100, description="The segment's id.")
    language: str = Field(max_length=35, description="Which translation of it.")
    text: str = Field(min_length=1, max_length=20_000, description="The new translation.")


class AnswerRun(Arguments):
    run_id: RunId
    decision: str | None = Field(
        default=None,
        max_length=40,
        description="The person's decision: one of waiting_for.schema, such as approve, reject, edit, release.",
    )
    reason: str = Field(default="", max_length=2000, description="The person's reason; kept with the decision.")
    accepted: list[str] = Field(
        default_factory=list, max_length=2000, description="Ids of critical alarms that the person accepts."
    )
    edits: list[Edit] = Field(
        default_factory=list[Edit], max_length=500, description="With decision edit: the segments that change."
    )
    answer: Any = Field(
        default=None,
        description="In the place of decision, where waiting_for.schema asks for other fields: the whole answer by it.",
    )
    background: Background = False


class CancelRun(Arguments):
    run_id: RunId


def schema(model: type[Arguments], *, paths: bool) -> dict[str, Any]:
    """The JSON schema of a tool's arguments. paths: whether the server reads files of the client's machine."""
    described = model.model_json_schema()
    properties: dict[str, Any] = described["properties"]
    if not paths:
        properties.pop("path", None)
    for each in properties.values():
        each.pop("title", None)
    return {"type": "object", **{key: value for key, value in described.items() if key not in ("title", "description")}}
