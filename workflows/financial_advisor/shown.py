"""The results of a turn's tool calls, as a model is shown them: without curves, and shorter for a small context."""

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


def shortened_results(shown: str, longest: int) -> str | None:
    """What `shown_results` gave, in at most so many bytes: shorter lists, then no remarks, then without the longest
    results, which say so. None where that is not enough."""
    kept: dict[str, dict[str, Any]] = orjson.loads(shown)
    for items in (12, 6, 3):
        kept = {key: {**each, "result": _short(each["result"], items)} for key, each in kept.items()}
        if len(orjson.dumps(kept)) <= longest:
            return orjson.dumps(kept).decode()
    for each in kept.values():
        if isinstance(found := each["result"], dict):
            cast(dict[str, Any], found).pop("notices", None)
    for key in sorted(kept, key=lambda key: -len(orjson.dumps(kept[key]))):
        if len(orjson.dumps(kept)) <= longest:
            break
        kept[key] = {"tool": kept[key]["tool"], "result": "left out for want of room"}
    said = orjson.dumps(kept)
    return said.decode() if len(said) <= longest else None


def _short(value: Any, items: int = _LONG) -> Any:
    match value:
        case dict():
            fields = cast(dict[str, Any], value)
            return {key: _short(each, items) for key, each in fields.items() if key not in _CURVES}
        case list():
            return [_short(each, items) for each in cast(list[Any], value)[:items]]
        case _:
            return value
