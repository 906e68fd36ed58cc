"""Whether a thread's state fits its graph's own types, which are first met when the graph reads it."""

from collections.abc import Generator
from contextlib import contextmanager

from pydantic import ValidationError

from tools.errors import ConsiliaError


class StateUnfit(ConsiliaError):
    """What was written to a thread's state, or what a workflow's older version left there, its graph cannot take."""

    code = "state_unfit"
    status = 422


@contextmanager
def fitting() -> Generator[None]:
    """Around reading a state with a graph, which reads it by its own types. Raises StateUnfit, without the values."""
    try:
        yield
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) or "the whole" for each in error.errors(include_url=False)})
        message = (
            f"the thread's state does not fit its graph ({error.title}): {', '.join(fields)[:300]}; write to it anew"
        )
        raise StateUnfit(message, fields=fields[:20]) from None
