"""Questions whose answers noise can give: the schema asks for little, and checks nothing that only sense could meet."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, Field

from agents.ask import Counsel, ModelCall, Question
from agents.pool import Pool
from agents.routing import Needs
from tools.record import Place

HERE = Place(node="test", task_id="test")


class Verdict(BaseModel):
    """A short answer."""

    severity: Literal["low", "medium", "high"]
    years: int = Field(ge=0, le=99)
    reasons: list[str] = Field(max_length=2)


class Opinion(BaseModel):
    """A long answer: its text cannot end early, so that a server is still writing when it is killed. The bounds only
    bind the server, which counts an escape such as \\n as two characters."""

    text: str = Field(json_schema_extra={"minLength": 1500, "maxLength": 1600})
    severity: Literal["low", "medium", "high"]


def question(number: int = 0, needs: Needs | None = None) -> Question[Verdict]:
    return Question(
        name="test.verdict",
        answer=Verdict,
        instruction=f"Question {number}: how severe is what clause {number} says?",
        needs=needs or Needs(extraction=True),
        embedded=lambda facts: Verdict(severity="low", years=0, reasons=[]),
    )


OPINION = Question(
    name="test.opinion",
    answer=Opinion,
    instruction="Write an opinion.",
    needs=Needs(extraction=True),
    embedded=lambda facts: Opinion(text="x" * 1500, severity="low"),
    answer_tokens=2048,
)


@dataclass
class Records:
    """A ledger in memory."""

    calls: list[ModelCall] = field(default_factory=list[ModelCall])

    async def model_called(self, call: ModelCall) -> None:
        self.calls.append(call)


def counsel(pool: Pool, records: Records | None = None, **fields: object) -> Counsel:
    return Counsel(pool, records or Records(), **fields)  # type: ignore[arg-type]
