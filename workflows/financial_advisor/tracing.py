"""Every figure of an answer traced to what a tool returned in this run, or to what the client said.

A figure is found when its value, as written, equals a known one within its own rounding: 8.4 % is any fraction from
0.0835 to 0.0845, 12.3万 any number from 122,500 to 123,500. Numbers in digits of any script, Chinese numerals and
English number words with a unit, and dates are figures; class codes (C3, R4), names of funds and list numbers are not.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from workflows.financial_advisor.claims import Claim, claim
from workflows.financial_advisor.fitting import fits, unit
from workflows.financial_advisor.numbers_written import Written, in_ascii, written
from workflows.financial_advisor.numbers_written import dates as dates_in
from workflows.financial_advisor.places import Known, Place, Role, places

CLIENT: Final = "client"
"""The source of what the client said."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure in a text: [start, end), as written, and the known number that it is; None when there is none."""

    start: int
    end: int
    text: str
    source: Known | None


@dataclass(frozen=True, slots=True)
class Ground:
    """All that an answer may rest on. numbers: by their size. dates: ISO 8601, with the call that gave each.

    names: texts that hold digits. last: calls that are taken as a source only where no other fits, such as a catalogue.
    subjects: what funds, kinds of investment and scenarios are called, case-folded, with the id of each. periods: of
    which any number is known.
    """

    numbers: tuple[Known, ...]
    dates: Mapping[str, Known]
    names: tuple[str, ...] = ()
    last: frozenset[str] = frozenset()
    subjects: Mapping[str, str] = field(default_factory=dict[str, str])
    periods: frozenset[str] = frozenset()


def ground(
    results: Mapping[str, Any],
    statements: Iterable[Any] = (),
    names: Iterable[str] = (),
    last: Iterable[str] = (),
    subjects: Mapping[str, str] | None = None,
    roles: Mapping[str, Role] | None = None,
) -> Ground:
    """What may be quoted: results by call id, statements of the client (texts or JSON), names that hold digits.

    subjects: as Ground has them. roles: which portfolio a call is about, by its id.
    """
    numbers: list[Known] = []
    dates: dict[str, Known] = {}
    for call, result in results.items():
        role = (roles or {}).get(call, "")
        for place in places(result):
            _keep(numbers, dates, place, call, _role(place, role))
    for statement in statements:
        if isinstance(statement, str):
            numbers += [Known(each.value, CLIENT, statement[each.start : each.end]) for each in written(statement)]
            for each in dates_in(statement):
                dates.setdefault(each[2], Known(None, CLIENT, each[2]))
        else:
            for place in places(statement):
                _keep(numbers, dates, place, CLIENT, "client")
    ordered = sorted({name for name in names if name}, key=len, reverse=True)
    periods = frozenset(each.period for each in numbers if each.period is not None)
    return Ground(
        tuple(sorted(numbers, key=_size)), dates, tuple(ordered), frozenset(last), dict(subjects or {}), periods
    )


def _size(known: Known) -> float:
    return abs(known.value or 0.0)


def _role(place: Place, role: Role) -> Role:
    """A portfolio before and after its orders stands in one result, and so does a proposal beside what it replaces."""
    if place.path.startswith(("current.", "weights_before.")):
        return "current"
    return "proposed" if place.path.startswith(("weights_after.", "targets.", "allocation.")) else role


def _keep(numbers: list[Known], dates: dict[str, Known], place: Place, call: str, role: Role) -> None:
    value = place.value
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        numbers.append(Known(float(value), call, place.path, place.kind, place.subject, place.period, role))
    elif isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}([T ].*)?", value):
        dates.setdefault(value[:10], Known(None, call, place.path))


def trace(
    text: str, known: Ground, today: date | None = None, prefer: Collection[str] = (), *, as_said: bool = False
) -> list[Figure]:
    """Every figure of the text with its source, in order. today: may be named. prefer: calls to look in first.

    as_said: a number must also be what the words around it say that it is: the return of that year, the share of that
    fund; so for what a model wrote.
    """
    bare = text
    for name in known.names:
        bare = bare.replace(name, "\u0000" * len(name))
    bare = re.sub(r"\[t\d+\]", lambda match: "\u0000" * len(match.group()), bare)
    found: list[Figure] = []
    for each in written(bare):
        told = claim(bare, text, each.start, each.end, known.subjects) if as_said or prefer else None
        source = _source(each, text, known, prefer, told, as_said)
        if source is None and as_said:
            source = _span(each, bare, known) or _year(each, known)
        found.append(Figure(each.start, each.end, text[each.start : each.end], source))
    for start, end, day_said in dates_in(in_ascii(bare)):
        source = next((where for day, where in known.dates.items() if day.startswith(day_said)), None)
        if source is None and today is not None and today.isoformat().startswith(day_said):
            source = Known(None, "today", day_said)
        found.append(Figure(start, end, text[start:end], source))
    return sorted(found, key=lambda one: one.start)


_UNIT_OF_TIME: Final = re.compile(r"[\s-]*(?:(years?)|(months?)|(年)|(个月))")
_PAST: Final = re.compile(r"(?:past|last|over|trailing|过去|最近|近)\W*$")


def _span(number: Written, text: str, known: Ground) -> Known | None:
    """A span such as "the past 5 years", as a period that a result has a return of."""
    match = _UNIT_OF_TIME.match(text, number.end)
    if match is None or number.percent or not _PAST.search(text[: number.start]):
        return None
    period = f"{number.value:.0f}{'Y' if match[1] or match[3] else 'M'}"
    return next((each for each in known.numbers if each.period == period), None)


def _year(number: Written, known: Ground) -> Known | None:
    """A year that stands alone, such as at the beginning of a sentence, as the year of a known day."""
    if number.percent or number.slack != 0.5 or not 1900 <= number.value <= 2100:
        return None
    return next((where for day, where in known.dates.items() if day.startswith(f"{number.value:.0f}-")), None)


def _source(
    number: Written, text: str, known: Ground, prefer: Collection[str], told: Claim | None, as_said: bool
) -> Known | None:
    """The known number that fits: of the preferred calls first, then what it is said to be, then the closest."""
    best: Known | None = None
    closest = (3, True, float("inf"))
    written_in = unit(number, text)
    reach = number.slack * (1 + 1e-9) + abs(number.value) * 1e-9
    first = bisect_left(known.numbers, number.value - reach, key=_size)
    for each in known.numbers[first : bisect_right(known.numbers, number.value + reach, key=_size)]:
        if each.value is None or (number.sign == "+" and each.value < 0) or (number.percent and each.kind == "count"):
            continue
        other = told is not None and not fits(each, number, written_in, told, known.periods)
        if other and as_said:
            continue
        preferred = 0 if each.call in prefer else 2 if each.call in known.last else 1
        rank = (preferred, other, abs(abs(each.value) - number.value))
        if rank < closest:
            best, closest = each, rank
    return best


def untraceable(text: str, known: Ground, today: date | None = None, *, as_said: bool = False) -> list[Figure]:
    """The figures of a text that no tool returned and the client did not say. as_said: as `trace` takes it."""
    return [each for each in trace(text, known, today, as_said=as_said) if each.source is None]


_SENTENCE = re.compile(r"[^。！？!?\n]+?(?:[。！？]|[.!?](?=\s|$)|\n|$)\s*")


def sentences(text: str) -> list[tuple[int, int]]:
    """The spans of the sentences of a text, in English or Chinese; lines end sentences."""
    return [match.span() for match in _SENTENCE.finditer(text)]


def without(text: str, faults: Sequence[Figure]) -> str:
    """The text without the sentences that hold these figures."""
    kept = [text[start:end] for start, end in sentences(text) if not any(start <= each.start < end for each in faults)]
    return "".join(kept).strip()
