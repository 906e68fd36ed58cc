"""What is odd about a series of values: gaps, splits, outliers, days without trade. Nothing is mended here."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from tools.finance.importing.findings import Finding
from tools.finance.series import Series, as_date, as_dates

_GAP: Final = 7
"""Weekdays without a value from which a gap is told; China's longest holidays close the exchanges for six or seven."""
_JUMP: Final = 0.28
"""Least relative change that may be a split: two for three falls by a third, four for three by a quarter."""
_RATIOS: Final = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
_NEAR: Final = 0.03
_SIGMAS: Final = 12.0
_UNCHANGED: Final = 10


def check(name: str, series: Series) -> Iterator[Finding]:
    """Everything odd about a series, as warnings."""
    if len(series) < 2:
        return
    daily = float(np.median(np.diff(series.days).astype(np.int64))) <= 4
    if daily:
        yield from _gaps(name, series)
        weekend = ~np.is_busday(series.days)
        if np.any(weekend):
            first = as_date(series.days[weekend][0])
            message = f"{int(weekend.sum())} value(s) on a Saturday or Sunday, the first on {first}"
            yield _warning("weekend", name, message, series.days[weekend][0], int(weekend.sum()))
    split = list(_splits(name, series))
    yield from split
    yield from _outliers(name, series, {each.day for each in split})
    yield from _unchanged(name, series)


def _warning(code: str, name: str, message: str, day: np.datetime64, count: int = 1) -> Finding:
    return Finding.model_validate(
        {
            "code": code,
            "severity": "warning",
            "message": message,
            "series_id": name,
            "day": as_date(day),
            "count": count,
        }
    )


def _gaps(name: str, series: Series) -> Iterator[Finding]:
    missing = np.busday_count(series.days[:-1] + 1, series.days[1:])
    for place in np.flatnonzero(missing >= _GAP):
        first, last = as_date(series.days[place]), as_date(series.days[place + 1])
        message = f"no value on {int(missing[place])} weekdays between {first} and {last}; they stay empty"
        yield _warning("gap", name, message, series.days[place], int(missing[place]))


def _splits(name: str, series: Series) -> Iterator[Finding]:
    ratio = series.values[1:] / series.values[:-1]
    for place in np.flatnonzero(np.abs(ratio - 1) > _JUMP):
        factor = float(max(ratio[place], 1 / ratio[place]))
        near = min(_RATIOS, key=lambda each: abs(each / factor - 1))
        after = series.values[place + 1 : place + 6]
        stays = bool(np.all(np.abs(after / series.values[place + 1] - 1) < _JUMP))
        if abs(near / factor - 1) <= _NEAR and stays:
            kind = f"split {near:g} for 1" if ratio[place] < 1 else f"merger 1 for {near:g}"
            message = (
                f"{series.values[place]:g} to {series.values[place + 1]:g} on {as_date(series.days[place + 1])} looks"
                f" like a {kind}; returns are wrong unless the values are adjusted for it"
            )
            yield _warning("possible_split", name, message, series.days[place + 1])


def _outliers(name: str, series: Series, known: set[object]) -> Iterator[Finding]:
    """Changes beyond 12 robust standard deviations and 5 %; one that is taken back the next day is a spike.

    Robust deviation: 1.4826 · median |r − median r|. Source: Rousseeuw & Croux (1993).
    """
    change = np.log(series.values[1:] / series.values[:-1])
    middle = float(np.median(change))
    deviation = 1.4826 * float(np.median(np.abs(change - middle)))
    wild = np.abs(change - middle) > max(_SIGMAS * deviation, 0.05)
    skip = -1
    for place in np.flatnonzero(wild):
        day = as_date(series.days[place + 1])
        if place == skip or day in known:
            continue
        back = (
            place + 1 < len(change)
            and wild[place + 1]
            and abs(change[place] + change[place + 1]) < 0.3 * abs(change[place])
        )
        skip = int(place) + 1 if back else -1
        what = "a spike that the next value takes back" if back else "a change far beyond the others"
        message = f"{np.expm1(change[place]):+.1%} on {day}: {what}"
        yield _warning("outlier", name, message, series.days[place + 1])


def _unchanged(name: str, series: Series) -> Iterator[Finding]:
    same = series.values[1:] == series.values[:-1]
    if np.all(same):
        return
    borders = np.flatnonzero(np.diff(np.concatenate([[0], same.view(np.int8), [0]])))
    days = as_dates(series.days)
    for start, end in borders.reshape(-1, 2).tolist():
        if end - start >= _UNCHANGED:
            message = f"the same value {end - start + 1} times from {days[start]}"
            yield _warning("unchanged_run", name, message, np.datetime64(days[start]), end - start)
