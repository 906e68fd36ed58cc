"""Values as a page or the API shows them: cut to what can be read, then masked unless they may be seen."""

from typing import Any, Final, cast

from service.admin.masking import masked, masked_text

LONGEST: Final = 4_000
"""Characters of one text."""

_MOST_ITEMS: Final = 500
_BUDGET: Final = 200_000
"""Characters of one value in all."""


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


def shown(value: Any, reveal: bool, longest: int = LONGEST) -> Any:
    """A JSON value, cut; masked unless `reveal`."""
    short = cut(value, longest)
    return short if reveal else masked(short)


def shown_text(text: str, reveal: bool, longest: int = LONGEST) -> str:
    """A text, cut; masked unless `reveal`. What could be half a secret at the cut is masked before it is cut."""
    near = text[: longest + 200]
    near = near if reveal else masked_text(near)
    return near if len(text) <= longest else f"{near[:longest]}… ({len(text):,} characters)"
