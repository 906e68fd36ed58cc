"""Phrase templates: how each language says "no {finding}" or "{finding} for {duration}".

`term_base/phrases.toml`, written for this project: each phrase says what it makes (a clause, a finding, a place …) and
gives its wording by language; variants are separated by `|`, the first is the one that is written. A slot `{kind}`
stands for a term, a figure or another phrase of that kind; `{kind:flag}` changes how it is written (or: a list under a
negation; dat: German dative; adj: agrees with the phrase's noun).
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from pydantic import TypeAdapter

from tools.medicine.lexicon import fold
from tools.medicine.term_base import FILES, LANGUAGES

_SLOT = re.compile(r"\{(\w+?)(?::(\w+))?\}")


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a phrase. name: kind, with a digit where a phrase has two of a kind (dose, dose2)."""

    name: str
    flag: str = ""

    @property
    def kind(self) -> str:
        """What may stand here."""
        return self.name.rstrip("0123456789")


Wording = tuple[str | Slot, ...]
"""Literal pieces and slots, in order."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One template.

    read: folded variants by language; write: the preferred wording; negates: what it holds is denied.
    """

    makes: str
    read: Mapping[str, tuple[Wording, ...]] = field(hash=False)
    write: Mapping[str, Wording] = field(hash=False)
    negates: bool = False


def _wording(text: str, folded: bool) -> Wording:
    pieces: list[str | Slot] = []
    at = 0
    for match in _SLOT.finditer(text):
        if literal := text[at : match.start()]:
            pieces.append(fold(literal) if folded else literal)
        pieces.append(Slot(match[1], match[2] or ""))
        at = match.end()
    if literal := text[at:]:
        pieces.append(fold(literal) if folded else literal)
    return tuple(pieces)


def _cells(row: Mapping[str, str]) -> list[tuple[str, str]]:
    """The wordings by language; `all` serves those without one of their own."""
    cells = {lang: row.get(lang) or row["all"] for lang in LANGUAGES if lang in row or "all" in row}
    if "fr" in cells:  # de before a vowel
        elided = [each.replace(" de {", " d'{") for each in cells["fr"].split("|") if " de {" in each]
        cells["fr"] = "|".join([cells["fr"], *elided])
    return list(cells.items())


@cache
def load() -> tuple[Phrase, ...]:
    """The project's own phrases."""
    with (FILES / "phrases.toml").open("rb") as file:
        rows = TypeAdapter(dict[str, list[dict[str, str]]]).validate_python(tomllib.load(file))
    return tuple(
        Phrase(
            makes,
            {lang: tuple(_wording(each, folded=True) for each in cell.split("|")) for lang, cell in _cells(row)},
            {lang: _wording(cell.split("|")[0], folded=False) for lang, cell in _cells(row)},
            row.get("negates") == "yes",
        )
        for makes, group in rows.items()
        for row in group
    )
