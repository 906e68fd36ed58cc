"""The results of a turn's tool calls, as a model is shown them."""

from collections.abc import Sequence
from typing import Any, Final, cast

import orjson

from workflows.financial_advisor.calls import Called

_CURVES: Final = frozenset({"growth", "drawdown", "bands", "points"})
_LONG: Final = 40
"""Items of a list that a model is shown; curves are cut to that."""


def shown_results(calls: Sequence[Called]) -> str:
    """The results as JSON for a prompt, by call id, without curves."""
    shown = {
        each.id: {"tool": each.tool, "result": _short(each.result or each.error)}
        for each in calls
        if each.key != "funds"
    }
    return orjson.dumps(shown).decode()


def _short(value: Any) -> Any:
    match value:
        case dict():
            fields = cast(dict[str, Any], value)
            return {
                key: _short(each)
                for key, each in fields.items()
                if key not in ("growth", "drawdown", "bands", "points")
            }
        case list():
            return [_short(each) for each in cast(list[Any], value)[:_LONG]]
        case _:
            return value
