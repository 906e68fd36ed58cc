"""Text in a picture: how wide it will be, cut to fit, and free of characters that would mislead."""

import re
import unicodedata
from typing import Final

_MISLEADING = re.compile(
    "[\u200e\u200f\u202a-\u202e\u2066-\u2069\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]"
)
SIZE: Final = 12
"""The font size of labels, in SVG units."""


def clean(value: str) -> str:
    """The text without control, surrogate and direction-override characters (which XML forbids or which mislead)."""
    return _MISLEADING.sub("\ufffd", value)


def width(value: str, size: float = SIZE) -> float:
    """About how wide the text is, in SVG units: an em for East Asian wide characters, a little over half for others."""
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in value)
    return size * (wide + 0.57 * (len(value) - wide))


def fitted(value: str, room: float, size: float = SIZE) -> str:
    """The text, cut with an ellipsis where it is wider than `room` units."""
    if width(value, size) <= room:
        return value
    cut = value
    while cut and width(cut + "…", size) > room:
        cut = cut[:-1]
    return cut.rstrip() + "…"
