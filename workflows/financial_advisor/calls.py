"""Tool calls of a turn: planned, made, and found again by what they are for."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Answer = TypeVar("Answer", bound=BaseModel)


class Planned(BaseModel):
    """A call to make. key: what it is for, once a turn."""

    model_config = ConfigDict(frozen=True)

    key: str
    server: str
    tool: str
    arguments: dict[str, Any]


class Called(Planned):
    """A call that was made. id: t1, t2, …, as figures refer to it. error: the payload of a ConsiliaError."""

    id: str
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class Fault(BaseModel):
    """What went wrong with a call, for the answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    code: str
    message: str
    details: dict[str, Any] = Field(default_factory=dict[str, Any])


def result(calls: Sequence[Called], key: str, answer: type[Answer]) -> Answer | None:
    """What the call for this purpose returned; None when it was not made or failed."""
    for each in calls:
        if each.key == key and each.result is not None:
            return answer.model_validate(each.result)
    return None


def called(calls: Sequence[Called], key: str) -> Called | None:
    """The call for this purpose, whatever became of it."""
    return next((each for each in calls if each.key == key), None)


def failed(calls: Sequence[Called], key: str) -> Fault | None:
    """Why the call for this purpose failed."""
    each = called(calls, key)
    return Fault.model_validate(each.error) if each is not None and each.error is not None else None
