"""Dates of birth, ages above 89, and dates moved by a number of days in the way they are written."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from tools.medicine.dates import Date, find_dates
from tools.medicine.identity.numbers import Found
from tools.medicine.lexicon import fold

_BIRTH: Final = re.compile(
    r"(?:出生日期|出生年月日?|生日|出生于|生于|生年月日|date of birth|birth ?date|d\.?o\.?b\.?|born(?: on)?|né\(?e?\)? le|date de naissance|"
    r"ddn|fecha de nacimiento|f\. ?nac\.?|fecha nac\.?|nacid[oa] el|geburtsdatum|geb\. ?(?:am)?|geboren am|geboren)[ \t]{0,3}[:：|(（]?[ \t\n]{0,3}",
    re.IGNORECASE,
)
_ERA: Final = re.compile(
    r"(?:明治|大正|昭和|平成|令和)[ 　]?(?:\d{1,2}|元)年[ 　]?\d{1,2}月[ 　]?\d{1,2}日|[MTSHR]\.?\d{1,2}[./年]\d{1,2}[./月]\d{1,2}日?"
)
"""A date by the year of a Japanese era."""
_AGE: Final = re.compile(
    r"(?<![\d.])(?P<age>9\d|1[01]\d|12[0-5])(?= ?(?:岁|周岁|歳|才|ans\b|años|Jahre|jährig|-?year|-? ?yo\b|-?y/o|years|yr|jahre))"
    r"|(?:年龄|age|aged|edad|âge|alter|年齢)[ \t]{0,2}[:：]?[ \t]{0,3}(?P<labelled>9\d|1[01]\d|12[0-5])(?![\d.%/])",
    re.IGNORECASE,
)
_MONTHS: Final = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}
_SHORT: Final = {"en": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"}
_NUMERIC: Final = re.compile(r"(?P<y>\d{4})(\D{1,3})(?P<m>\d{1,2})(\D{1,3})(?P<d>\d{1,2})")
_BACKWARDS: Final = re.compile(r"(?P<a>\d{1,2})([./-])(?P<b>\d{1,2})\2(?P<y>\d{4})")


def find_births_and_ages(text: str, ages: bool) -> Iterator[Found]:
    """Every date of birth that a label shows, and, if asked for, every age above 89 (45 CFR 164.514(b)(2)(i)(C))."""
    # Patterns read better unbroken.
    # ruff: noqa: E501
    dates = find_dates(fold(text))
    for match in _BIRTH.finditer(text):
        for each in dates:
            if each.start <= match.end() + 1 and each.end > match.end() and each.start >= match.start():
                yield Found("birth_date", max(each.start, match.end()), each.end)
                break
        if era := _ERA.match(text, match.end()):
            yield Found("birth_date", *era.span())
    for each in dates:  # 1985年3月2日生
        if each.day and re.match(r"(?:出)?生(?:まれ|于|，|,|。|　| |$)", text[each.end : each.end + 3]):
            yield Found("birth_date", each.start, each.end)
    if ages:
        for match in _AGE.finditer(text):
            yield Found("age", *match.span("age" if match["age"] else "labelled"))


def whole(found: Date) -> date | None:
    """The day, where year, month and day are written and can be read in one way only."""
    if len(found.year) == len(found.month) == len(found.day) == 1:
        try:
            return date(*found.year, *found.month, *found.day)
        except ValueError:
            return None
    return None


def moved(text: str, found: Date, days: int) -> str | None:
    """The date as written, moved by days; None where it cannot be written in the same way."""
    day = whole(found)
    if day is None:
        return None
    written = text[found.start : found.end]
    try:
        new = day + timedelta(days=days)
    except OverflowError:
        return None
    if match := _NUMERIC.search(written):
        fields = {"y": str(new.year), "m": _like(match["m"], new.month), "d": _like(match["d"], new.day)}
    elif match := _BACKWARDS.search(written):
        first_is_day = int(match["a"]) == day.day
        a, b = (new.day, new.month) if first_is_day else (new.month, new.day)
        fields = {"a": _like(match["a"], a), "b": _like(match["b"], b), "y": str(new.year)}
    else:
        return _with_month_name(written, day, new)
    spans = sorted((match.span(name), value) for name, value in fields.items())
    return _replaced(written, spans)


def _like(old: str, new: int) -> str:
    return f"{new:02d}" if old.startswith("0") or (len(old) == 2 and new < 10) else str(new)


def _with_month_name(written: str, old: date, new: date) -> str | None:
    for table in (_MONTHS, _SHORT):
        for names in table.values():
            row = names.split()
            name = re.search(rf"(?<![^\W\d_]){row[old.month - 1]}(?![^\W\d_])", written, re.IGNORECASE)
            if name is None:
                continue
            numbers = list(re.finditer(r"\d+", written))
            year = next((m for m in numbers if m.group() == str(old.year)), None)
            day = next((m for m in numbers if m is not year and int(m.group()) == old.day), None)
            if year is None or day is None or len(numbers) != 2 or re.search(r"\d(?:st|nd|rd|th|er)\b", written):
                return None
            word = row[new.month - 1]
            word = word if name.group()[0].isupper() else word.lower()
            spans = [(name.span(), word), (year.span(), str(new.year)), (day.span(), _like(day.group(), new.day))]
            return _replaced(written, sorted(spans))
    return None


def _replaced(text: str, spans: list[tuple[tuple[int, int], str]]) -> str:
    for (start, end), value in reversed(spans):
        text = text[:start] + value + text[end:]
    return text
