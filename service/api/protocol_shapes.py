"""What the commands of the streaming protocol are given, in the shapes of langchain-protocol."""

from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field

from service.api.shapes import Goto, RunConfig

Namespace = Annotated[list[str], Field(max_length=100)]


class Unanswerable(ValueError):
    """An answer says not what it answers."""


class Params(BaseModel):
    model_config = ConfigDict(extra="ignore")


class RunStart(Params):
    """input: the graph's, or the answer where the thread waits for one."""

    assistant_id: str = Field(min_length=1)
    input: Any = None
    config: RunConfig = Field(default_factory=RunConfig)
    metadata: dict[str, Any] = Field(default_factory=dict)


class Answer(Params):
    """namespace: where it was asked; the id alone says which interrupt is meant."""

    namespace: Namespace = Field(default_factory=list)
    interrupt_id: str = Field(min_length=1)
    response: Any = None


class Answers(Params):
    """One answer, or several at once, with what else the run that goes on is to do."""

    responses: list[Answer] = Field(min_length=1, max_length=1000)
    update: dict[str, Any] | None = None
    goto: str | Goto | list[str | Goto] | None = None
    config: RunConfig = Field(default_factory=RunConfig)
    metadata: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def of(cls, params: Any) -> "Answers":
        """Also from the short form, which holds one answer's fields itself."""
        short = cast(dict[str, Any], params)
        if isinstance(params, dict) and "responses" not in short:
            if not short.get("interrupt_id"):
                raise Unanswerable("input.respond requires an interrupt_id, or responses that each have one")
            return cls.model_validate({**short, "responses": [short]})
        return cls.model_validate(params)


class TreeOf(Params):
    """run_id: None is the thread's newest run."""

    run_id: str | None = None


class StateGet(Params):
    """keys: None is all."""

    namespace: Namespace = Field(default_factory=list)
    keys: list[str] | None = None


class Listing(Params):
    """before: a checkpoint's id; only older ones."""

    namespace: Namespace = Field(default_factory=list)
    limit: int = Field(default=10, ge=1, le=1000)
    before: str | None = None


class Fork(Params):
    """input: None goes on from the checkpoint."""

    checkpoint_id: str = Field(min_length=1)
    input: dict[str, Any] | None = None
    config: RunConfig = Field(default_factory=RunConfig)


_COMMAND: Final = {
    "type": "object",
    "title": "ProtocolCommand",
    "required": ["id", "method"],
    "properties": {
        "id": {"type": "integer", "minimum": 0, "description": "Chosen by the client; the answer has it too."},
        "method": {"type": "string"},
        "params": {"type": "object", "additionalProperties": True},
    },
}
_META: Final = {"type": "object", "properties": {"applied_through_seq": {"type": "integer", "minimum": 0}}}
_SUCCESS: Final = {
    "type": "object",
    "title": "ProtocolSuccess",
    "required": ["type", "id", "result"],
    "properties": {
        "type": {"const": "success"},
        "id": {"type": "integer", "minimum": 0},
        "result": {"type": "object", "additionalProperties": True},
        "meta": _META,
    },
}
_ERROR: Final = {
    "type": "object",
    "title": "ProtocolError",
    "required": ["type", "id", "error", "message"],
    "properties": {
        "type": {"const": "error"},
        "id": {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
        "error": {
            "enum": [
                "invalid_argument",
                "unknown_command",
                "unknown_error",
                "no_such_run",
                "no_such_subscription",
                "no_such_namespace",
                "no_such_interrupt",
                "no_such_checkpoint",
                "permission_denied",
                "not_supported",
            ]
        },
        "message": {"type": "string"},
    },
}


def _json(*shapes: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": shapes[0] if len(shapes) == 1 else {"oneOf": list(shapes)}}}


ENVELOPES: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": _json(_COMMAND)},
    "responses": {
        "200": {"description": "Done, or why not", "content": _json(_SUCCESS, _ERROR)},
        "400": {"description": "No command can be made out", "content": _json(_ERROR)},
        "403": {"description": "The key or token lacks a scope that this needs", "content": _json({})},
        "404": {"description": "There is no such thread, or it is not the caller's", "content": _json(_ERROR)},
    },
}
"""The description of the operation, whose body is read by hand: a bad one is answered in the protocol too."""
