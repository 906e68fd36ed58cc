"""Which languages a record can be translated into: those of Qwen 3."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from agents.catalogue import catalogue
from agents.languages import covers
from tools.errors import ConsiliaError
from tools.medicine.lexicon import language

_TAG: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|\d{3}))?")
_NONE: Final = frozenset({"und", "mul", "zxx"})
"""Codes of no language in particular (ISO 639-2)."""
RIGHT_TO_LEFT: Final = frozenset(
    {"ar", "apc", "ars", "arz", "ary", "acm", "acq", "aeb", "he", "fa", "prs", "ur", "ydd", "yi", "sd", "ckb", "ug"}
)
"""Languages of the list that are written from right to left (Unicode CLDR, characterOrder)."""


class UnsupportedLanguage(ConsiliaError):
    """A language that is not among those translated; the details list them."""

    code = "unsupported_language"
    status = 422


@cache
def supported() -> tuple[str, ...]:
    """The 119 languages and dialects of Qwen 3, as BCP 47 codes."""
    return catalogue().find("qwen3-32b").languages


def targets(wanted: Sequence[str], source: str | None) -> list[str]:
    """The wanted languages in their usual spelling, each once. Raises UnsupportedLanguage with the list."""
    for tag in [*wanted, *([source] if source else [])]:
        if not _TAG.fullmatch(tag) or tag.lower() in _NONE or not covers(supported(), tag):
            raise UnsupportedLanguage(
                f"{tag!r} is none of the {len(supported())} languages translated: {', '.join(sorted(supported()))}",
                language=tag,
                supported=sorted(supported()),
            )
    return list(dict.fromkeys(_spelt(tag) for tag in wanted))


def same(one: str, other: str) -> bool:
    """Whether a text in one needs no translation into the other: en and en-GB, but not zh-Hans (or zh) and zh-Hant."""
    return language(one) == language(other) and _script(one) == _script(other)


def _script(tag: str) -> str:
    """The script that a tag names or, for Chinese, means: simplified, but in Taiwan, Hong Kong and Macao."""
    parts = tag.split("-")[1:]
    named = next((part.title() for part in parts if len(part) == 4), "")
    if named or language(tag) != "zh":
        return named
    return "Hant" if {part.upper() for part in parts} & {"TW", "HK", "MO"} else "Hans"


def right_to_left(tag: str) -> bool:
    """Whether the language is written from right to left."""
    return language(tag) in RIGHT_TO_LEFT


def _spelt(tag: str) -> str:
    """RFC 5646, section 2.1.1: language lower, script title, region upper case."""
    first, *rest = tag.split("-")
    return "-".join([first.lower(), *(part.title() if len(part) == 4 else part.upper() for part in rest)])
