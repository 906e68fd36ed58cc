"""How large a run's input may be."""

from typing import Any

from service.runs.json import dumps
from tools.errors import ConsiliaError


class InputTooLarge(ConsiliaError):
    """The input (or the command) is over the limit; the message has both sizes."""

    code = "input_too_large"
    status = 413


def check_size(given: dict[str, Any] | None, command: dict[str, Any] | None, limit: int) -> None:
    """Raises InputTooLarge when input or command, as JSON in UTF-8, has more bytes than the limit."""
    for name, value in (("input", given), ("command", command)):
        size = len(dumps(value).encode()) if value else 0
        if size > limit:
            raise InputTooLarge(
                f"the run's {name} of {size} bytes is over the limit of {limit} bytes (limits.input_bytes); "
                "give a large document as a file (POST /files) and its file_id as input",
                size=size,
                limit=limit,
            )
