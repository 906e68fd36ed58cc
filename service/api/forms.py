"""What fields of requests look like, told by the description as exactly as they are checked."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

from service.api.paging import Text

Id = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
"""A UUID. Whoever uses it checks it (`finding.checked_uuid`), and says which id was wrong."""

SHIPPED: Final = ("contract_review", "financial_advisor", "medical_translation")
ASSISTANT: Final[dict[str, Any]] = {
    "anyOf": [{"type": "string", "format": "uuid"}, {"type": "string", "enum": [*SHIPPED]}],
    "description": "An assistant's UUID, or the name of a workflow for its default assistant; your own workflows' too.",
}
AssistantId = Annotated[str, WithJsonSchema(ASSISTANT)]

Label = Annotated[Text, WithJsonSchema({"type": "string", "pattern": "^[^.]+$"})]
"""A label of a namespace of the store."""

ExtractPath = Annotated[
    str,
    WithJsonSchema(
        {"type": "string", "pattern": r"^(config|interrupts|metadata|values)(\.[^.\[\]]+|\[-?[0-9]{1,9}\])*$"}
    ),
]
"""Where a value lies in a thread; `extracting.parse` reads it."""


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
"""An integer as JSON Schema knows it: 1.0 is one. Text never is, where a model is strict."""


def _moment(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("write a date with time in ISO 8601, such as 2026-11-28T14:00:00Z") from None


Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A date with time in a body."""

_AGE: Final = re.compile(r"(\d{1,6})\s*(min|m|h|d|w)", re.ASCII)
_UNITS: Final = {"min": 60, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def given(value: Any) -> Any:
    """A field of a form that was left empty was not given."""
    if isinstance(value, list):
        return [each for each in value if each != ""]  # pyright: ignore[reportUnknownVariableType]
    return None if isinstance(value, str) and not value.strip() else value


def _when(value: Any) -> Any:
    """24h, 7d, 90min back from now; or ISO 8601, UTC where it names no zone."""
    value = given(value)
    if not isinstance(value, str):
        return value
    if age := _AGE.fullmatch(value.strip()):
        try:
            return datetime.now(UTC) - timedelta(seconds=int(age[1]) * _UNITS[age[2]])
        except OverflowError:
            raise ValueError("that is before the year 1") from None
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("write an age (90min, 24h, 7d) or a date (2026-11-28, 2026-11-28T14:00)") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


When = Annotated[
    datetime | None,
    BeforeValidator(_when),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "format": "date"},
                {"type": "string", "pattern": "^[0-9]{1,4}(min|m|h|d|w)$"},
                {"type": "string", "pattern": r"^\s*$"},
                {"type": "null"},
            ]
        }
    ),
]
"""A moment in a URL: a date, a date with time, an age; nothing for no bound."""
