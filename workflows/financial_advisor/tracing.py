"""Every figure of an answer traced to what a tool returned in this run, or to what the client said.

A figure is found when its value, as written, equals a known one within its own rounding: 8.4 % is any fraction from
0.0835 to 0.0845, 12.3万 any number from 122,500 to 123,500. Numbers in digits of any script, Chinese numerals and
English number words with a unit, and dates are figures; class codes (C3, R4), names of funds and list numbers are not.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

from workflows.financial_advisor.meanings import Meaning, fits, meanings
from workflows.financial_advisor.numbers_written import Written, in_ascii, written
from workflows.financial_advisor.numbers_written import dates as dates_in

CLIENT: Final = "client"
"""The source of what the client said."""
_CURVES: Final = frozenset(
    {"growth", "drawdown", "benchmark_growth", "points", "covariance", "by_fund", "notices", "units"}
)
"""Fields that hold curves and remarks, not figures: a number must not count as found because a curve passes it."""
_TEXTS: Final = frozenset(
    {"description", "message", "objective_is", "name_en", "name_zh", "source", "sources", "title"}
)
"""Fields of free text, which may come from outside: a number in a fund's description proves nothing."""


@dataclass(frozen=True, slots=True)
class Known:
    """A number (or, without a value, a date) that was returned or said. call: the tool call's id, or CLIENT for the
    client. path: where in it."""

    value: float | None
    call: str
    path: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure in a text: [start, end), as written, and the known number that it is; None when there is none."""

    start: int
    end: int
    text: str
    source: Known | None


@dataclass(frozen=True, slots=True)
class Ground:
    """All that an answer may rest on. dates: ISO 8601, with the call that gave each. names: texts that hold digits.

    last: calls that are taken as a source only where no other fits, such as a catalogue.
    """

    numbers: tuple[Known, ...]
    dates: Mapping[str, Known]
    names: tuple[str, ...] = ()
    last: frozenset[str] = frozenset()


def ground(
    results: Mapping[str, Any],
    statements: Iterable[Any] = (),
    names: Iterable[str] = (),
    last: Iterable[str] = (),
) -> Ground:
    """What may be quoted: results by call id, statements of the client (texts or JSON), names that hold digits."""
    numbers: list[Known] = []
    dates: dict[str, Known] = {}
    for call, result in results.items():
        for path, value in _leaves(result, ""):
            _keep(numbers, dates, value, call, path)
    for statement in statements:
        if isinstance(statement, str):
            numbers += [Known(each.value, CLIENT, statement[each.start : each.end]) for each in written(statement)]
            for each in dates_in(statement):
                dates.setdefault(each[2], Known(None, CLIENT, each[2]))
        else:
            for path, value in _leaves(statement, ""):
                _keep(numbers, dates, value, CLIENT, path)
    ordered = sorted({name for name in names if name}, key=len, reverse=True)
    return Ground(tuple(numbers), dates, tuple(ordered), frozenset(last))


def _keep(numbers: list[Known], dates: dict[str, Known], value: Any, call: str, path: str) -> None:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        numbers.append(Known(float(value), call, path))
    elif isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}([T ].*)?", value):
        dates.setdefault(value[:10], Known(None, call, path))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for key, each in cast(dict[str, Any], value).items():
                if key in _TEXTS or (key in _CURVES and isinstance(each, dict | list)):
                    continue
                if key == "bands" and isinstance(each, list) and each:
                    yield from _leaves(each[-1], f"{path}.bands[-1]")
                else:
                    yield from _leaves(each, f"{path}.{key}" if path else str(key))
        case list():
            items = cast(list[Any], value)
            yield f"{path}.count", len(items)
            for index, each in enumerate(items):
                yield from _leaves(each, f"{path}[{index}]")
        case _:
            yield path, value


def trace(
    text: str, known: Ground, today: date | None = None, prefer: Container[str] = (), *, as_said: bool = False
) -> list[Figure]:
    """Every figure of the text with its source, in order. today: may be named. prefer: calls to look in first.

    as_said: a percentage must also be what the words around it say that it is, a volatility or a share; so for what a
    model wrote.
    """
    bare = text
    for name in known.names:
        bare = bare.replace(name, "\u0000" * len(name))
    bare = re.sub(r"\[t\d+\]", lambda match: "\u0000" * len(match.group()), bare)
    found = [
        Figure(each.start, each.end, text[each.start : each.end], _source(each, known, prefer, said))
        for each in written(bare)
        for said in [meanings(bare, each.start, each.end) if as_said and each.percent else []]
    ]
    for start, end, said in dates_in(in_ascii(bare)):
        source = next((where for day, where in known.dates.items() if day.startswith(said)), None)
        if source is None and today is not None and today.isoformat().startswith(said):
            source = Known(None, "today", said)
        found.append(Figure(start, end, text[start:end], source))
    return sorted(found, key=lambda one: one.start)


def _source(number: Written, known: Ground, prefer: Container[str], said: list[Meaning]) -> Known | None:
    """The known number that fits: of the preferred calls first, then the closest."""
    best: Known | None = None
    closest = (3, float("inf"))
    for each in known.numbers:
        if each.value is None or (number.sign == "+" and each.value < 0):
            continue
        if number.percent and each.path.endswith(".count"):
            continue
        if each.call != CLIENT and not fits(each.path, each.value, said):
            continue
        gap = abs(abs(each.value) - number.value)
        rank = (0 if each.call in prefer else 2 if each.call in known.last else 1, gap)
        if gap <= number.slack * (1 + 1e-9) + abs(number.value) * 1e-9 and rank < closest:
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
