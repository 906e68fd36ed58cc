"""The numbers of a text against those of its translation: values, units, doses, frequencies, dates, temperatures."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from tools.medicine.alarms import Alarm, Kind, span
from tools.medicine.dates import Date, agree, find_dates, find_months, find_times
from tools.medicine.frequencies import Frequency, frequencies
from tools.medicine.quantities import SOFT, Quantity, quantities, same, same_amount, same_number

_DOSES = frozenset({"mass", "volume", "units", "tablet", "mass/mass", "amount", "equivalent"})
_SCALE = re.compile(r"\d\s*[+-]?\s*/\s*$")
_GRADED = re.compile(
    r"strength|power|motor|\bmrc\b|pain|\bvas\b|\bnrs\b|肌力|疼痛|评分|kraft|schmerz|force|douleur|fuerza|dolor|muscul"
)
_NONE = re.compile(
    r"\b(?:no|none|not|nil|zero|neither|without|negative|aucune?s?|pas|sans|zero|ningun[oa]?|no|sin|cero|kein\w*|ohne|null)\b"
    r"|无|未|没有|零|阴性"
)
"""What says a 0 in words."""
_RARE = 1 / 6.5
"""Times a day below which a frequency is one of weeks and months."""
_TEMPERATURES = frozenset({"temperature", "fahrenheit"})


@dataclass(frozen=True, slots=True)
class Measures:
    """All the figures of one text. numbers: those outside dates and frequencies; hints: what may match one of them."""

    text: str
    folded: str
    numbers: list[Quantity]
    frequencies: list[Frequency]
    dates: list[Date]
    times: list[tuple[int, int, int]]
    hints: list[Quantity]


def measures(text: str, folded: str, lang: str) -> Measures:
    """Read the figures of a text."""
    often, dates, times = frequencies(folded, lang), find_dates(folded), find_times(folded)
    spans = (
        [(f.start, f.end) for f in often if f.exact] + [(d.start, d.end) for d in dates] + [(s, e) for _, s, e in times]
    )
    numbers: list[Quantity] = []
    hints: list[Quantity] = []
    for number in quantities(folded, lang):
        inside = any(start <= number.start < end for start, end in spans) or _out_of(folded, number)
        (hints if inside or number.strength == "hint" else numbers).append(number)
    hints += [Quantity((float(month),), None, 1.0, "hint", start, end) for month, start, end in find_months(folded)]
    for often_ in often:
        hints += [
            Quantity((value,), None, 1.0, "hint", often_.start, often_.end) for value in (*often_.numbers, often_.times)
        ]
    return Measures(text, folded, numbers, often, dates, times, hints)


def _out_of(folded: str, number: Quantity) -> bool:
    """Whether it is the 5 of a strength of 4/5 or the 10 of a pain of 8/10, which another language leaves out."""
    scale = _SCALE.search(folded, max(0, number.start - 4), number.start)
    return scale is not None and number.values[0] in (5, 10) and _GRADED.search(folded) is not None


def compare(source: Measures, target: Measures) -> Iterator[Alarm]:
    """The alarms that the figures of two texts give."""
    yield from _compare_dates(source, target)
    yield from _compare_times(source, target)
    yield from _compare_frequencies(source, target)
    yield from _compare_numbers(source, target)


def _compare_numbers(source: Measures, target: Measures) -> Iterator[Alarm]:
    texts = f"{source.folded} {target.folded}"
    mine, theirs = list(source.numbers), list(target.numbers)
    for test in (_identical, _equal):
        for number in list(mine):
            match = next((other for other in theirs if test(number, other, texts)), None)
            if match:
                mine.remove(number)
                theirs.remove(match)
    _drop_sums(mine, theirs)
    _drop_sums(theirs, mine)
    for number in [n for n in mine if n.dimension]:
        other = next((o for o in theirs if o.dimension and same_number(number, o) and _both_plain(number, o)), None)
        if other:
            mine.remove(number)
            theirs.remove(other)
            yield _changed(source, target, number, other)
    lost = [n for n in mine if not _told(n, target, texts)]
    gained = [n for n in theirs if not _told(n, source, texts)]
    repeated, again = (
        [n for n in mine if n not in lost and n.strength == "digit"],
        [n for n in theirs if n not in gained and n.strength == "digit"],
    )
    if len(source.numbers) == len(target.numbers):  # a value became another that the text holds as well
        lost += [n for n in repeated if len(gained) > len(lost) or again]
        gained += [n for n in again if len(lost) > len(gained)]
    for number in sorted(lost, key=lambda n: n.strength != "digit"):
        other = min((o for o in gained if _comparable(number, o)), key=lambda o: _distance(number, o), default=None)
        if other is None:
            continue
        lost.remove(number)
        gained.remove(other)
        yield _changed(source, target, number, other)
    for number in lost:
        if number.strength == "digit" and number.values != (1.0,):
            shown = span(source.text, number.start, number.end)
            yield Alarm(
                kind=_kind(number),
                severity="critical",
                source=shown,
                target=None,
                why=f"“{shown.text}” of the source is not in the translation",
            )
    for number in gained:
        if number.strength == "digit" and number.values != (1.0,):
            shown = span(target.text, number.start, number.end)
            yield Alarm(
                kind=_kind(number),
                severity="critical",
                source=None,
                target=shown,
                why=f"“{shown.text}” of the translation is not in the source",
            )


def _drop_sums(parts: list[Quantity], sums: list[Quantity]) -> None:
    """Take out what is told in two units on one side and in one on the other: 2岁4个月, 28 months."""
    for one, other in list(pairwise(parts)):
        near = other.start - one.end < 6
        if not near or not one.dimension == other.dimension == "time" or not one.factor > other.factor:
            continue
        total = replace(one, values=(one.scaled()[0] + other.scaled()[0],), factor=1.0)
        if told := next((each for each in sums if each.factor < one.factor and same(total, each)), None):
            parts.remove(one)
            parts.remove(other)
            sums.remove(told)


def _identical(one: Quantity, other: Quantity, texts: str) -> bool:
    return one.dimension == other.dimension and same(one, other)


def _equal(one: Quantity, other: Quantity, texts: str) -> bool:
    if same(one, other) or same_amount(one, other, texts):
        return True
    loose = one.dimension is None or other.dimension is None or {one.dimension, other.dimension} <= SOFT
    if "count" in {one.dimension, other.dimension} and {one.dimension, other.dimension} & {
        None,
        "amount/volume",
        "mass/volume",
    }:
        return same_number(one, other)
    strict = {one.dimension, other.dimension} & {"mass", "units", "amount/volume", "fahrenheit"}
    if loose and strict and not _unit_unread(one, other):
        return False
    return loose and same_number(one, other)


def _unit_unread(one: Quantity, other: Quantity) -> bool:
    return "hint" in {one.strength, other.strength} or "fahrenheit" not in {one.dimension, other.dimension}


def _told(number: Quantity, other: Measures, texts: str) -> bool:
    if number.values == (0.0,) and number.dimension in {None, "percent"} and _NONE.search(other.folded):
        return True
    if any(_equal(number, each, texts) for each in other.numbers):
        return True
    if any(_hinted(number, each) for each in other.hints):
        return True
    if number.dimension == "tablet" and number.values == (1.0,):
        return True
    return any(int(v) in {*d.year, *d.month, *d.day} for d in other.dates for v in number.values) or any(
        int(v) % 12 == minutes // 60 for minutes, _, _ in other.times for v in number.values
    )


def _hinted(number: Quantity, hint: Quantity) -> bool:
    """Whether a hint tells the number; "the third day" tells no third week."""
    if number.dimension == hint.dimension == "time" and number.factor != hint.factor:
        return same(number, hint)
    return same_number(number, hint) or same(number, hint)


def _both_plain(one: Quantity, other: Quantity) -> bool:
    """Whether a unit swap is the only reading: both units are written out and neither is often left out."""
    return not {one.dimension, other.dimension} & {*SOFT, "fahrenheit"} or {one.dimension, other.dimension} == {
        "fahrenheit",
        "temperature",
    }


def _comparable(one: Quantity, other: Quantity) -> bool:
    if one.strength == other.strength == "word":
        return one.dimension == other.dimension
    if "word" in {one.strength, other.strength}:
        return one.dimension == other.dimension or same_number(one, other)
    return True


def _distance(one: Quantity, other: Quantity) -> tuple[int, float]:
    near = abs(one.values[0] - other.values[0]) / max(one.values[0], other.values[0], 1e-9)
    return (0 if same_number(one, other) else 1 if one.dimension == other.dimension else 2, near)


def _kind(number: Quantity) -> Kind:
    return "dose" if number.dimension in _DOSES else "temperature" if number.dimension in _TEMPERATURES else "number"


def _changed(source: Measures, target: Measures, one: Quantity, other: Quantity) -> Alarm:
    mine, theirs = span(source.text, one.start, one.end), span(target.text, other.start, other.end)
    kind = _kind(one)
    if same_number(one, other):
        kind = "temperature" if kind == "temperature" else "unit"
        why = f"the unit changed: “{mine.text}” became “{theirs.text}”"
    else:
        ratio = (other.scaled()[0] / one.scaled()[0]) if one.scaled()[0] and one.dimension == other.dimension else 0
        tenfold = next((f for f in (0.001, 0.01, 0.1, 10, 100, 1000) if ratio and abs(ratio / f - 1) < 1e-6), None)
        why = f"“{mine.text}” became “{theirs.text}”" + (f", {tenfold:g} times as much" if tenfold else "")
    return Alarm(kind=kind, severity="critical", source=mine, target=theirs, why=why)


def _compare_dates(source: Measures, target: Measures) -> Iterator[Alarm]:
    lost = [d for d in source.dates if not any(agree(d, o) for o in target.dates)]
    gained = [d for d in target.dates if not any(agree(d, o) for o in source.dates)]
    for date in lost:
        shown = span(source.text, date.start, date.end)
        other = gained.pop(0) if gained else None
        if other is None and _told_as_number(date, target):
            continue
        theirs = span(target.text, other.start, other.end) if other else None
        why = (
            f"the date “{shown.text}” became “{theirs.text}”"
            if theirs
            else f"the date “{shown.text}” is not in the translation"
        )
        yield Alarm(kind="date", severity="critical", source=shown, target=theirs, why=why)
    for date in gained:
        if not _told_as_number(date, source):
            shown = span(target.text, date.start, date.end)
            yield Alarm(
                kind="date",
                severity="critical",
                source=None,
                target=shown,
                why=f"the date “{shown.text}” is not in the source",
            )


def _told_as_number(date: Date, other: Measures) -> bool:
    values = {int(v) for n in (*other.numbers, *other.hints) for v in n.values}
    values |= {v for d in other.dates for v in (*d.year, *d.month, *d.day)}
    return all(field & values for field in (date.year, date.day or date.month) if field)


def _compare_times(source: Measures, target: Measures) -> Iterator[Alarm]:
    mine, theirs = {t[0] for t in source.times}, {t[0] for t in target.times}
    lost = [t for t in source.times if t[0] not in theirs]
    gained = [t for t in target.times if t[0] not in mine]
    for one, other in zip(lost, gained, strict=False):
        yield Alarm(
            kind="date",
            severity="critical",
            source=span(source.text, *one[1:]),
            target=span(target.text, *other[1:]),
            why="the time of day changed",
        )
    for text, other, rest in ((source, target, lost[len(gained) :]), (target, source, gained[len(lost) :])):
        for minutes, start, end in rest:
            numbers = {int(v) for n in (*other.numbers, *other.hints) for v in n.values}
            if (
                not ({minutes // 60, minutes // 60 + 12} & numbers and (minutes % 60 == 0 or minutes % 60 in numbers))
                and minutes % 60
            ):
                shown = span(text.text, start, end)
                yield Alarm(
                    kind="date",
                    severity="critical",
                    source=shown if text is source else None,
                    target=None if text is source else shown,
                    why=f"the time “{shown.text}” is on one side only",
                )


def _compare_frequencies(source: Measures, target: Measures) -> Iterator[Alarm]:
    mine, theirs = list(source.frequencies), list(target.frequencies)
    for often in list(mine):
        if match := next((o for o in theirs if abs(o.times - often.times) < 1e-6), None):
            mine.remove(often)
            theirs.remove(match)
    lost = [f for f in mine if f.exact and not _frequency_told(f, target)]
    gained = [f for f in theirs if f.exact and not _frequency_told(f, source)]
    for one, other in zip(lost, gained, strict=False):
        a, b = span(source.text, one.start, one.end), span(target.text, other.start, other.end)
        yield Alarm(kind="frequency", severity="critical", source=a, target=b, why=f"“{a.text}” became “{b.text}”")
    for one in lost[len(gained) :]:
        a = span(source.text, one.start, one.end)
        loose = next((f for f in theirs if not f.exact), None)
        b = span(target.text, loose.start, loose.end) if loose else None
        yield Alarm(
            kind="frequency",
            severity="critical",
            source=a,
            target=b,
            why=f"how often, “{a.text}”, is not in the translation",
        )
    for other in gained[len(lost) :]:
        b = span(target.text, other.start, other.end)
        yield Alarm(
            kind="frequency",
            severity="critical",
            source=None,
            target=b,
            why=f"how often, “{b.text}”, is not in the source",
        )


def _frequency_told(often: Frequency, other: Measures) -> bool:
    if any(abs(each.times - often.times) < 1e-6 for each in other.frequencies):
        return True
    if often.times < _RARE:  # every three weeks: not told by a 3 of other things
        return any(n.dimension == "time" and abs(n.scaled()[0] * often.times - 1) < 0.1 for n in other.numbers)
    hour = 1 / 24
    plain = [n for n in (*other.numbers, *other.hints) if n.dimension != "time" or abs(n.factor - hour) < 1e-3]
    values = {v for n in plain for v in n.values}
    daily = any(not f.exact for f in other.frequencies)
    if often.times == 1.0:
        return daily or not any(f.exact for f in other.frequencies)
    return (bool(often.numbers) and any(v in values for v in often.numbers)) or often.times in values
