"""Checking a foreign server's result against its own output schema, within bounds.

Schema and result both come from a server that may lie, so neither may cost more than its own call: the check counts its
steps, never fetches a reference, and leaves out regular expressions, whose backtracking could hold the event loop.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cache
from typing import Any, Final, cast

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from tools.host.listing import visible

MOST_STEPS: Final = 500_000
"""Keywords looked at in one check: a few seconds of work in a thread, the result of some 4 MB of JSON."""

_LEFT_OUT: Final = frozenset({"pattern", "patternProperties", "format", "uniqueItems", "propertyNames"})

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


_left: ContextVar[list[int]] = ContextVar("steps left in the check under way")


class _TooMuch(Exception):
    """The check has taken all its steps."""


def fault(schema: dict[str, Any], value: Any, steps: int = MOST_STEPS) -> str | None:
    """What of a value does not fit the schema, in a sentence; None when it fits as far as it is checked."""
    _left.set([steps])
    registry = cast(Any, Registry)()  # an empty one: no reference leads out of the schema
    validator = _checker()(schema, registry=registry)
    try:
        first = next(iter(validator.iter_errors(value)), None)
    except Unresolvable as error:
        return f"the schema's own reference {error.ref!r} leads nowhere"
    except (_TooMuch, RecursionError):
        return f"the schema is too deep or too wide to check a result against ({steps:,} steps)"
    except Exception as error:  # a schema that is none breaks the checker in ways that it does not name
        return f"the schema cannot be used: {type(error).__name__}"
    if first is None:
        return None
    place = ".".join(str(part) for part in first.absolute_path) or "the result"
    return f"{place}: {visible(first.message, 300)}"


@cache
def _checker() -> Any:
    """The validator's class, made once: making it costs a hundred times what checking a small result does."""
    known = cast(dict[str, Keyword], Draft202012Validator.VALIDATORS)
    kept = {name: _pass if name in _LEFT_OUT else _counted(keyword) for name, keyword in known.items()}
    return cast(Any, validators).extend(Draft202012Validator, validators=kept)


def _counted(keyword: Keyword) -> Keyword:
    def check(validator: Any, wanted: Any, instance: Any, whole: Any) -> Iterator[ValidationError]:
        left = _left.get()
        left[0] -= 1
        if left[0] < 0:
            raise _TooMuch
        yield from keyword(validator, wanted, instance, whole) or ()

    return check


def _pass(validator: Any, wanted: Any, instance: Any, whole: Any) -> None:
    return None
