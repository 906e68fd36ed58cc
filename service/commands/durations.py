"""Spans of time as people type them: 30m, 24h, 90d."""

import re
from datetime import timedelta
from typing import Final

import typer

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def duration(text: str) -> timedelta:
    """`90d` as a timedelta; a number and one of s, m, h, d, w. Raises typer.BadParameter."""
    found = re.fullmatch(r"(\d{1,6})\s*([smhdw])", text.strip().lower())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no span of time; write a number and s, m, h, d or w, such as 90d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
