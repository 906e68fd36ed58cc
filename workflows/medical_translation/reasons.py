"""Why an alarm was raised and what a caution says, in the language of the report.

The rules write one English sentence of a few forms; `reasons.toml` says each form in the other languages. What has no
such form stays in English.
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

ENGLISH: Final = "en"
_SLOT: Final = re.compile(r"\\\{(\d)\\\}")


@cache
def _forms() -> tuple[tuple[re.Pattern[str], dict[str, str]], ...]:
    """Each form's pattern, the more particular first, with its sentences by language."""
    path = Path(__file__).with_name("reasons.toml")
    table = TypeAdapter(dict[str, dict[str, str]]).validate_python(tomllib.loads(path.read_text("utf-8")))
    ordered = sorted(table, key=lambda form: -len(re.sub(r"\{\d\}", "", form)))
    return tuple((re.compile(_SLOT.sub(r"(?P<v\1>.+?)", re.escape(form)), re.DOTALL), table[form]) for form in ordered)


def languages() -> frozenset[str]:
    """The languages in which reasons can be said, besides English."""
    return frozenset(lang for _, said in _forms() for lang in said)


def reason(english: str, lang: str) -> tuple[str, str]:
    """The sentence in a language, and the language that it is in: English where it cannot be said otherwise."""
    if lang == ENGLISH:
        return english, ENGLISH
    for pattern, said in _forms():
        match = pattern.fullmatch(english)
        if match and lang in said:
            quoted = [match[f"v{number}"] for number in range(len(match.groupdict()))]
            return said[lang].format(*quoted), lang
    return english, ENGLISH


def told(english: str, lang: str) -> str:
    """The sentence in a language; one that stays in English says so where the report is in another."""
    text, spoken = reason(english, lang)
    return text if spoken == lang else f"{text} [EN]"
