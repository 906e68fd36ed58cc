"""Values as a page or the API shows them: cut to what can be read, then masked or hidden unless they may be seen."""

from typing import Any, Final, cast

import orjson

from service.admin.masking import MASK, Sight, hidden, hidden_path, masked, masked_text, private_path
from service.admin.state_diff import Diff

LONGEST: Final = 4_000
"""Characters of one text."""

_MOST_ITEMS: Final = 500
_BUDGET: Final = 60_000
"""Characters of one value in all."""

_CHANGE: Final = 2_000
_EVENT: Final = 2_000
_READ_EVENTS: Final = 4_000_000
"""Characters of events that are read to show a page of them."""

_OURS: Final[dict[str, frozenset[str]]] = {
    "metadata": frozenset({"run_id", "attempt"}),
    "node": frozenset({"node", "task_id", "phase", "namespace", "interrupted"}),
    "model_call": frozenset({"node", "question", "engine", "model", "reasons", "thinking", "degraded", "duration_ms"}),
    "tool_call": frozenset({"node", "server", "tool", "permission", "duration_ms"}),
    "untrusted": frozenset({"what"}),
}
"""Our own events, and the fields of them that hold nothing of what a run read or wrote."""

_OF_ERROR: Final = frozenset({"code", "status"})

_DELTAS: Final = ("messages", "events")
"""Kinds of events that bring a text piece by piece: no piece can be judged without the others, so all are hidden."""


def cut(value: Any, longest: int = LONGEST, budget: int = _BUDGET) -> Any:
    """The value with long texts and lists cut; each cut says what it left out. Its size is bounded by `budget`."""
    left = budget

    def walk(each: Any, depth: int) -> Any:
        nonlocal left
        if isinstance(each, str):
            left -= min(len(each), longest) + 2
            return each if len(each) <= longest else f"{each[:longest]}… ({len(each):,} characters)"
        left -= 8
        if left < 0 or depth > 40:
            return "…"
        if isinstance(each, dict):
            return within(cast(dict[str, Any], each), depth)
        if isinstance(each, list):
            items = cast(list[Any], each)
            shown: list[Any] = []
            for item in items[:_MOST_ITEMS]:
                if left < 0:
                    break
                shown.append(walk(item, depth + 1))
            return shown if len(shown) == len(items) else [*shown, f"… ({len(items) - len(shown):,} more)"]
        return each

    def within(named: dict[str, Any], depth: int) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, item in named.items():
            if left < 0 or len(shown) >= _MOST_ITEMS:
                shown["…"] = f"{len(named) - len(shown):,} more"
                break
            shown[name[:200]] = walk(item, depth + 1)
        return shown

    return walk(value, 0)


def shown(value: Any, sight: Sight, longest: int = LONGEST) -> Any:
    """A JSON value, cut, as far as it may be seen."""
    match sight:
        case Sight.SEEN:
            return cut(value, longest)
        case Sight.MASKED:
            return masked(cut(value, longest))
        case Sight.HIDDEN:
            return hidden(value)


def shown_text(text: str, sight: Sight, longest: int = LONGEST) -> str:
    """A text, cut, as far as it may be seen. What could be half a secret at the cut is masked before it is cut."""
    if sight is Sight.HIDDEN:
        return MASK if text else ""
    near = text[: longest + 200]
    near = near if sight is Sight.SEEN else masked_text(near)
    return near if len(text) <= longest else f"{near[:longest]}… ({len(text):,} characters)"


def shown_error(error: Any, sight: Sight) -> Any:
    """An error as it is kept, as far as it may be seen; its code always is."""
    return hidden(error, _OF_ERROR) if sight is Sight.HIDDEN else shown(error, sight)


def shown_events(events: list[tuple[str, str]], sight: Sight, longest: int = _EVENT) -> list[str]:
    """The data of events (kind, JSON text), cut, as far as they may be seen."""
    if sight is Sight.SEEN:
        return [shown_text(data, sight, longest) for _, data in events]
    left, told = _READ_EVENTS, list[Any]()
    for kind, data in events:
        left -= len(data)
        plain = kind.partition("|")[0]
        value: Any = _read(data) if left >= 0 else MASK
        if plain.startswith(_DELTAS):
            value = hidden(value)
        elif sight is Sight.HIDDEN:
            value = hidden(value, _OURS.get(plain, frozenset()))
        told.append(cut(value, longest, longest * 2))
    texts = [orjson.dumps(each).decode() for each in masked(told)]
    return [
        text if len(text) <= longest else f"{text[:longest]}… ({len(data):,} characters)"
        for text, (_, data) in zip(texts, events, strict=True)
    ]


def _read(data: str) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return data


def shown_diff(changes: Diff, sight: Sight) -> Diff:
    """What changed, cut, as far as it may be seen; the words of a changed text only where nothing of it is masked."""
    left, pairs = _BUDGET, list[list[Any]]()
    for change in changes.changes:
        pair = [cut(each, _CHANGE, max(left, 0)) if left > 0 else "…" for each in (change.before, change.after)]
        left -= sum(len(orjson.dumps(each)) for each in pair)
        pairs.append(pair)
    told = [[each.path, *pair] for each, pair in zip(changes.changes, pairs, strict=True)]
    if sight is Sight.HIDDEN:
        told = [[hidden_path(path), *map(hidden, pair)] for path, *pair in told]
    elif sight is Sight.MASKED:
        told = masked([[path, *(map(hidden, pair) if private_path(path) else pair)] for path, *pair in told])
    shown = [
        change.model_copy(
            update={"path": path, "before": pair[0], "after": pair[1], "pieces": change.pieces * (pair == kept)}
        )
        for change, (path, *pair), kept in zip(changes.changes, told, pairs, strict=True)
    ]
    return Diff(changes=shown, more=changes.more)
