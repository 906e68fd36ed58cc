"""Where texts say who somebody is, by the rules that de-identify medical records (docs/medical-translation.md)."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from tools.medicine.identity.deidentification import find_identities
from tools.medicine.identity.mapping import Options

Span = tuple[int, int]

_OPTIONS: Final = Options(facilities=False, ages=False)
_SHORT: Final = 300
_UNLIKELY: Final = re.compile(r"[^\u0080-\U0010ffff\s]*|[^A-Z\u0080-\U0010ffff]*")
"""One word in ASCII, or nothing in capitals: no text in which the rules would find a name."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def naming(texts: Sequence[str], most: int) -> list[tuple[Span, ...] | None]:
    """For each text the pieces that say who somebody is; None for texts beyond the first `most` characters.

    Short texts are looked through in one go, so that what one of them gives away is found in the others too.
    """
    found: list[tuple[Span, ...] | None] = [()] * len(texts)
    short: list[int] = []
    for number, text in enumerate(texts):
        if _UNLIKELY.fullmatch(text):
            continue
        most -= len(text)
        if most < 0:
            found[number] = None
        elif len(text) <= _SHORT:
            short.append(number)
        else:
            found[number] = _pieces(text)
    if short:
        spans = _pieces("\n".join(texts[number] for number in short))
        begin = 0
        for number in short:
            end = begin + len(texts[number])
            inside = ((max(start, begin) - begin, min(stop, end) - begin) for start, stop in spans)
            found[number] = tuple((start, stop) for start, stop in inside if start < stop)
            begin = end + 1
    return found


@lru_cache(maxsize=1_000)  # pages are loaded anew as a run goes on, and many questions are about one text
def _pieces(text: str) -> tuple[Span, ...]:
    ours = [each.span() for each in _UUID.finditer(text)]
    spans = ((each.start, each.end) for each in find_identities(text, _OPTIONS) if each.kind != "web")
    return tuple((start, end) for start, end in spans if not any(a < end and start < b for a, b in ours))
