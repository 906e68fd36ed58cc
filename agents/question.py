"""A question to the models, with the deterministic answer that does the job without one."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from agents.completion import Usage
from agents.routing import Needs, Route

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Question(Generic[Answer]):
    """Something to ask of a model.

    name: "workflow.step", stable. instruction: the prompt after the shared material, with `{placeholders}` for the
    facts. embedded: the deterministic answer, from the same facts. check: what is wrong with an answer that fits the
    schema (a quote that is not in the source, …), as sentences; an empty list accepts it.

    language: the BCP 47 code that the answer's prose must be in, None: any. confidence: how sure an answer says it is,
    0 to 1, None when it does not say; below the policy's bound a stronger model is asked. samples: 2 asks twice at
    first, and `same` tells whether the two agree; if not, a stronger model is asked. merge: one answer from those on
    the parts of a document that no context holds. shorten: such a material in at most so many bytes of UTF-8, without
    what matters least; None where that cannot be. With neither it is refused. salvage: what may be kept of
    an answer that fails nothing but its check, when no other is to be had; without it the question fails.
    answer_tokens: room for the answer, None: the policy's.
    """

    name: str
    answer: type[Answer]
    instruction: str
    needs: Needs
    embedded: Callable[[Mapping[str, Any]], Answer]
    check: Callable[[Answer, Mapping[str, Any]], list[str]] = lambda answer, facts: []
    language: Callable[[Mapping[str, Any]], str | None] = lambda facts: None
    confidence: Callable[[Answer], float | None] = lambda answer: None
    samples: int = 1
    same: Callable[[Answer, Answer], bool] = lambda one, other: one == other
    merge: Callable[[Sequence[Answer]], Answer] | None = None
    shorten: Callable[[str, int], str | None] | None = None
    salvage: Callable[[Answer, Mapping[str, Any]], Answer] | None = None
    answer_tokens: int | None = None

    @property
    def prompt_sha256(self) -> str:
        """The hash that the run keeps, so that a changed prompt shows."""
        return hashlib.sha256(self.instruction.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Answered(Generic[Answer]):
    """An answer and who gave it. degraded: an outage made the embedded engine answer in place of a model."""

    value: Answer
    route: Route
    usage: Usage = field(default_factory=Usage)
    degraded: bool = False

    @property
    def said_by(self) -> str:
        return self.route.model
