"""Reading an answer: each way in which it can be unfit has its name, and what to tell the model about it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal

from pydantic import BaseModel, ValidationError

from agents.completion import Completion
from agents.languages import covers
from agents.question import Answer, Question
from tools.documents.languages import UNDETERMINED, language_of

Kind = Literal["truncated", "empty", "malformed", "wrong_language", "wrong_finish", "failed_check"]

_CONTROL: Final = re.compile(r"[\x00-\x1f]")
_PROSE: Final = 80
"""Characters of prose below which its language is not judged."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """An answer that cannot be used. told: for the model, when it is asked again. value: what failed only its check."""

    kind: Kind
    told: tuple[str, ...]
    value: BaseModel | None = None


@dataclass(frozen=True, slots=True)
class Fit(Generic[Answer]):
    value: Answer


def read(question: Question[Answer], completion: Completion, facts: Mapping[str, Any]) -> Fit[Answer] | Unfit:
    """The answer, or the first thing that is wrong with it."""
    if completion.finish not in ("stop", "length", ""):
        what = {"tool_calls": "It called a tool, and none was offered.", "content_filter": "It was filtered."}
        return Unfit("wrong_finish", (what.get(completion.finish, f"It ended with {completion.finish!r}."),))
    text = _json(completion.text)
    if not text:
        if completion.finish == "length":
            return Unfit("truncated", ("Thinking took all the room, and no answer came; think less.",))
        return Unfit("empty", ("There was no answer.",))
    try:
        value = question.answer.model_validate_json(_clean(text))
    except ValidationError as error:
        if completion.finish == "length":
            return Unfit("truncated", ("The answer broke off for want of room; be shorter.",))
        return Unfit("malformed", tuple(_faults(error)))
    wanted = question.language(facts)
    if wanted and (found := _language(value.model_dump(mode="json"))) and not covers((found,), wanted):
        return Unfit("wrong_language", (f"Its prose is in {found}; write it in {wanted}.",))
    if faults := question.check(value, facts):
        return Unfit("failed_check", tuple(faults), value)
    return Fit(value)


def _json(text: str) -> str:
    """The answer without a Markdown fence around it, which servers without a schema's constraint let through."""
    stripped = text.strip()
    if stripped.startswith("```"):
        stripped = stripped.split("\n", 1)[-1].rsplit("```", 1)[0].strip()
    return stripped


def _clean(text: str) -> str:
    """JSON whose strings may hold bare control characters, which grammars of some servers let through, without them."""
    if not _CONTROL.search(text):
        return text
    try:
        return json.dumps(json.loads(text, strict=False))
    except json.JSONDecodeError:
        return text


def _faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_input=False, include_url=False)[:10]:
        where = ".".join(str(part) for part in fault["loc"])
        yield f"{where}: {fault['msg']}" if where else fault["msg"]


def _language(value: Any) -> str | None:
    prose = " ".join(_prose(value))
    if len(prose) < _PROSE:
        return None
    found = language_of(prose)
    return None if found == UNDETERMINED else found


def _prose(value: Any) -> Iterator[str]:
    """Every string of several words, in order."""
    match value:
        case str() if " " in value or not value.isascii():
            yield value
        case dict():
            for each in value.values():  # pyright: ignore[reportUnknownVariableType]
                yield from _prose(each)
        case list():
            for each in value:  # pyright: ignore[reportUnknownVariableType]
                yield from _prose(each)
        case _:
            pass
