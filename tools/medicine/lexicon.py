"""Vocabulary files and the matching of their words in running text, with offsets kept.

Words are written folded (lower case, no accents). In a Latin-script word `*` stands for any ending; a word of four or
more letters may carry a plural or case ending of up to two letters. German words also match inside compounds from
five letters on. Words of Chinese and Japanese match anywhere.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

_LETTERS = "a-z\xdf-\xff"
"""What is a letter beside a word of Latin script: within the first 256, a class compiles a hundred times faster."""
VOCABULARY = Path(__file__).parent / "vocabulary"
IDEOGRAPHIC = frozenset({"zh", "ja"})
_ENDING = {"en": r"(?:s|es|'s)?", "fr": r"(?:e?s|e)?", "es": r"(?:e?s)?", "de": r"(?:e[nrsm]?|n|s)?"}


@dataclass(frozen=True, slots=True)
class Mention:
    """A word of the vocabulary found in a text: what it means, and where it stands."""

    key: str
    start: int
    end: int


@cache
def vocabulary(name: str) -> dict[str, dict[str, str]]:
    """The tables of one vocabulary file: {entry: {column: words separated by |}}."""
    with (VOCABULARY / f"{name}.toml").open("rb") as file:
        return TypeAdapter(dict[str, dict[str, str]]).validate_python(tomllib.load(file))


def language(code: str) -> str:
    """The primary subtag of a language code: zh-Hans becomes zh."""
    return code.lower().replace("_", "-").split("-")[0]


def fold(text: str) -> str:
    """Lower case without accents, of the same length, so that offsets stay true. Superscripts are kept."""
    return "".join(map(_fold_character, text))


@cache
def _fold_character(character: str) -> str:
    if character in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻":
        return character
    if character in "’‘ʼ":
        return "'"
    if character in "\u00a0\u202f\u2009\u3000":
        return " "
    if character in "–—−‐‑":
        return "-"
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    plain = plain.lower()
    return plain if len(plain) == 1 else character.lower() if len(character.lower()) == 1 else character


def pattern(words: Iterable[str], lang: str) -> re.Pattern[str]:
    """One regular expression for the words in a language, the longest first; to be used on folded text."""
    ordered = sorted({fold(word) for word in words if word}, key=len, reverse=True)
    return re.compile("|".join(_one(word, lang) for word in ordered) or r"(?!)")


def _one(word: str, lang: str) -> str:
    body = re.escape(word.rstrip("*")).replace(r"\ ", r"[\s-]+").replace(r"\.\.", r"\W+(?:\w+\W+){0,3}?")
    body = body.replace(re.escape(r"\w+"), "[a-z]+").replace(re.escape(r"\w*"), "[a-z]*")
    if re.search(r"[\u3040-\u9fff]", word) or not any(character.isalnum() for character in word):
        return body
    left = r"" if lang == "de" and len(word) >= 5 and not word.startswith("=") else rf"(?<![{_LETTERS}])"
    if word.startswith("="):
        body = body.removeprefix("=")
        return rf"{left}{body}(?![{_LETTERS}0-9])"
    if word.endswith("'"):  # d', l': what it is joined to follows at once
        return rf"{left}{body}"
    if word.endswith("*"):
        return rf"{left}{body}[{_LETTERS}]*"
    if lang == "de" and len(word) >= 5:
        return rf"{left}{body}"
    ending = _ENDING.get(lang, "") if len(word) >= 4 else ""
    return rf"{left}{body}{ending}(?![{_LETTERS}0-9])"


class Finder:
    """Finds the words of a vocabulary in folded text: the longest at each place, none overlapping."""

    def __init__(self, keys: Mapping[str, Sequence[str]], lang: str) -> None:
        rows = sorted(
            ((fold(word), key) for key, words in keys.items() for word in words if word), key=lambda row: -len(row[0])
        )
        self._keys = [key for _, key in rows]
        initials = {_initial(word) for word, _ in rows}
        self._patterns = {
            initial: re.compile(
                "|".join(
                    f"(?P<w{index}>{_one(word, lang)})"
                    for index, (word, _) in enumerate(rows)
                    if _initial(word) in {initial, ""}
                )
            )
            for initial in initials
        }

    def find(self, folded: str) -> Iterator[Mention]:
        """Every mention, in order."""
        anywhere = self._patterns.get("")
        at = 0
        while at < len(folded):  # by first letter: one alternation of a thousand words is ten times slower
            found = (self._patterns.get(folded[at]) or anywhere) if folded[at] != " " else None
            match = found.match(folded, at) if found else None
            if match and match.end() > at:
                yield Mention(self._keys[int((match.lastgroup or "w0")[1:])], at, match.end())
                at = match.end()
            else:
                at += 1


def _initial(word: str) -> str:
    initial = word.lstrip("=")[:1]
    return "" if initial == "\\" else initial


def words(cell: str | None) -> list[str]:
    """The words of one cell."""
    return [word.strip() for word in cell.split("|")] if cell else []


def masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with the spans blanked out, of the same length."""
    characters = list(text)
    for start, end in spans:
        characters[start:end] = "\u0001" * (end - start)
    return "".join(characters)
