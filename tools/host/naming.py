"""A tool's name as a model sees it."""

import hashlib
import re
from typing import Final

_LONGEST: Final = 64
"""Characters of a function's name in the OpenAI API, which model servers follow."""


def shown(entry: str) -> str:
    """server/tool as server__tool, of letters, digits, '_' and '-', at most 64.

    Where that would change or cut the name, a hash of the whole is put at its end: two tools stay two.
    """
    plain = entry.replace("/", "__", 1)
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", plain)
    if safe == plain and len(safe) <= _LONGEST:
        return safe
    return f"{safe[: _LONGEST - 9]}_{hashlib.sha256(entry.encode()).hexdigest()[:8]}"
