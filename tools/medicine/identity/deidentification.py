"""De-identification that can be undone: who somebody is, replaced by placeholders that pass through a translation.

`reidentify(*deidentify(text))` gives the text back to the last character. Once a name was found, all its occurrences
are hidden: the whole, its parts, surname and title, capitals. Rules by label, context and form, not by a model: names
that nothing in the text shows to be names are missed (tests/tools/test_medicine_identity.py says how many).
"""

import re
import string
from collections.abc import Iterable, Iterator, Sequence
from random import Random, SystemRandom
from typing import NamedTuple

from tools.medicine.dates import find_dates
from tools.medicine.identity.days import find_births_and_ages, moved, whole
from tools.medicine.identity.mapping import LETTERS, PLACEHOLDER, Identity, IdentityMapping, Kind, Options
from tools.medicine.identity.names import find_names
from tools.medicine.identity.numbers import Found, find_numbers
from tools.medicine.identity.occurrences import occurrences
from tools.medicine.identity.places import find_places
from tools.medicine.lexicon import fold

_SHIFT = range(30, 366)


class Deidentified(NamedTuple):
    """The text without identities, and what was taken out."""

    text: str
    mapping: IdentityMapping


def deidentify(text: str, options: Options | None = None) -> Deidentified:
    """Take out who somebody is. Languages are told from the text itself: zh, en, fr, es, de, ja at once."""
    options = options or Options()
    done = _deidentify(text, options)
    if reidentify(*done) != text and options.dates == "shift":  # two ways of writing one date: hide them instead
        done = _deidentify(text, options.model_copy(update={"dates": "hide"}))
    return done


def _deidentify(text: str, options: Options) -> Deidentified:
    found = _resolved(find_identities(text, options))
    numbering = _Numbering(text)
    pieces: list[str] = []
    at = 0
    dates: dict[str, str] = {}
    days = _shift(options) if options.dates == "shift" else 0
    by_start = {each.start: each for each in find_dates(fold(text))} if days else {}
    for each in found:
        written = text[each.start : each.end]
        pieces.append(text[at : each.start])
        new = None
        if each.kind == "date" and each.start in by_start:
            new = moved(text, by_start[each.start], days)
            if new is not None and dates.setdefault(new, written) != written:
                new = None
        pieces.append(new if new is not None else numbering.placeholder(each.kind, written))
        at = each.end
    pieces.append(text[at:])
    mapping = IdentityMapping(identities=tuple(numbering.identities), shift_days=days if dates else 0, dates=dates)
    return Deidentified("".join(pieces), mapping)


def find_identities(text: str, options: Options | None = None) -> list[Found]:
    """Every piece of the text that says who somebody is; pieces may overlap."""
    options = options or Options()
    found = [
        *find_numbers(text), *find_places(text, options.facilities), *find_births_and_ages(text, options.ages)
    ]  # fmt: skip
    names = find_names(text)
    found += names
    found += [Found("person", *place) for place in occurrences(text, {text[n.start : n.end] for n in names})]
    if options.dates != "keep":
        dates = find_dates(fold(text))
        found += [Found("date", d.start, d.end) for d in dates if options.dates == "hide" or whole(d) or d.day]
    return found


def reidentify(text: str, mapping: IdentityMapping) -> str:
    """Put back what was taken out, in the de-identified text or in a translation of it.

    Dates that were shifted are shifted back, also where a translation writes them in another way.
    """
    if mapping.dates:
        text = _shifted_back(text, mapping)
    words = {identity.placeholder: identity.text for identity in mapping.identities}
    return PLACEHOLDER.sub(lambda match: words.get(match.group(), match.group()), text)


def _shifted_back(text: str, mapping: IdentityMapping) -> str:
    moved_days = {
        day for written in mapping.dates for found in find_dates(fold(written)) if (day := whole(found)) is not None
    }
    for found in reversed(find_dates(fold(text))):
        written = text[found.start : found.end]
        old = mapping.dates.get(written)
        if old is None and whole(found) in moved_days:
            old = moved(text, found, -mapping.shift_days)
        if old is not None:
            text = text[: found.start] + old + text[found.end :]
    return text


def _shift(options: Options) -> int:
    random = SystemRandom() if options.seed is None else Random(options.seed)  # noqa: S311
    return random.choice(_SHIFT) * random.choice((-1, 1))


def _resolved(found: Iterable[Found]) -> list[Found]:
    """None overlapping: where two do, the longer keeps its piece whole, and of the other the rest is hidden too."""
    taken: list[Found] = []
    for each in sorted(found, key=lambda one: (one.start - one.end, one.start, LETTERS[one.kind])):
        for start, end in _free(each.start, each.end, taken):
            taken.append(Found(each.kind, start, end))
    return sorted(taken, key=lambda each: each.start)


def _free(start: int, end: int, taken: Sequence[Found]) -> Iterator[tuple[int, int]]:
    """What of a piece nothing else covers."""
    inside = sorted((each for each in taken if each.start < end and start < each.end), key=lambda each: each.start)
    for each in inside:
        if each.start > start:
            yield start, each.start
        start = max(start, each.end)
    if start < end:
        yield start, end


class _Numbering:
    """Gives the same words the same placeholder, and the names of one person the same number."""

    def __init__(self, text: str) -> None:
        self.identities: list[Identity] = []
        self._used = set(PLACEHOLDER.findall(text))
        self._known: dict[tuple[Kind, str], str] = {}
        self._numbers: dict[str, int] = {}
        self._people: list[tuple[int, list[str]]] = []

    def placeholder(self, kind: Kind, written: str) -> str:
        if (known := self._known.get((kind, written))) is not None:
            return known
        letter = LETTERS[kind]
        number, variant = self._place(letter, kind, written)
        hint = ":90+" if kind == "age" else ""
        placeholder = f"⟦{letter}{number}{variant}{hint}⟧"
        while placeholder in self._used:
            number, variant = self._next(letter), ""
            placeholder = f"⟦{letter}{number}{hint}⟧"
        self._used.add(placeholder)
        self._known[kind, written] = placeholder
        self.identities.append(Identity(placeholder=placeholder, kind=kind, text=written))
        return placeholder

    def _next(self, letter: str) -> int:
        self._numbers[letter] = self._numbers.get(letter, 0) + 1
        return self._numbers[letter]

    def _place(self, letter: str, kind: Kind, written: str) -> tuple[int, str]:
        if kind == "person":
            for number, forms in self._people:
                if any(_same_person(form, written) for form in forms) and len(forms) < len(string.ascii_lowercase):
                    forms.append(written)
                    return number, string.ascii_lowercase[len(forms) - 1]
            number = self._next(letter)
            self._people.append((number, [written]))
            return number, ""
        return self._next(letter), ""


def _same_person(one: str, other: str) -> bool:
    if re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", one + other):
        a, b = (re.sub(r"[\s某*×＊]", "", each) for each in (one, other))
        return bool(a and b) and (a.startswith(b) or b.startswith(a) or (len(a) > 2 and a.endswith(b) and len(b) > 1))
    first, second = ({token for token in re.findall(r"\w+", fold(each)) if len(token) > 1} for each in (one, other))
    return bool(first and second) and (first <= second or second <= first)
