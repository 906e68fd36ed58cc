"""Single values out of threads: the `extract` of a search, such as {"last": "values.messages[-1].content"}."""

import re
from typing import Any, Final

from tools.errors import InvalidInput

_ROOTS: Final = ("config", "interrupts", "metadata", "values")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(-?\d{1,9})\]")

Path = tuple[str | int, ...]
"""Keys of objects and indices of lists, from the outside in."""


def parse(path: str) -> Path:
    """`values.messages[-1]` → ("values", "messages", -1). Raises InvalidInput."""
    root = re.match(r"[^.\[\]]*", path)
    steps: list[str | int] = [root.group() if root else ""]
    if steps[0] not in _ROOTS:
        raise InvalidInput(f"Extract path {path!r} must start with one of: {', '.join(_ROOTS)}")
    position = len(str(steps[0]))
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise InvalidInput(f"Extract path {path!r} cannot be read at character {position + 1}")
        steps.append(step.group(1) if step.group(1) is not None else int(step.group(2)))
        position = step.end()
    return tuple(steps)


def extract(value: Any, path: Path) -> Any:
    """What lies at the path; None where there is nothing."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
