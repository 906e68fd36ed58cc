"""The one root of every error that Consilia raises on purpose.

An error is part of the API: it has a stable `code` that a program can compare, an HTTP status, and a message that
says what was wrong, with which value, and what to do next. Subclasses live beside the code that raises them.
"""

from typing import ClassVar, Self


class ConsiliaError(Exception):
    """What went wrong, for a person and for a program.

    code: stable, snake_case; clients compare it. status: the HTTP status that the service answers with, 400 to 599.
    details: further values for programs (JSON types only); never secrets, never document text.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def as_payload(self) -> dict[str, object]:
        """The JSON form: `{"code", "message", "status", "details"}`."""
        return {"code": self.code, "message": self.message, "status": self.status, "details": self.details}

    @classmethod
    def from_payload(cls, payload: dict[str, object]) -> "ConsiliaError":
        """The error that `as_payload` described, with its code and status, when it crossed a process or MCP border."""
        error = ForwardedError(str(payload.get("message", "")))
        details = payload.get("details")
        error.details = dict(details) if isinstance(details, dict) else {}  # pyright: ignore[reportUnknownArgumentType]
        error.forward(str(payload.get("code", cls.code)), int(str(payload.get("status", cls.status))))
        return error


class ForwardedError(ConsiliaError):
    """An error raised on the other side of a border (a tool server, a worker); it keeps its code and status."""

    def forward(self, code: str, status: int) -> Self:
        self.code = code  # pyright: ignore[reportAttributeAccessIssue]
        self.status = status  # pyright: ignore[reportAttributeAccessIssue]
        return self


class InvalidInput(ConsiliaError):
    """A value from a caller that cannot be used; the message names the field, the value and what is allowed."""

    code = "invalid_input"
    status = 422
