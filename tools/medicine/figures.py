"""Numbers, durations and dates as each language writes them: read from folded text, written anew.

Only what has one reading is read: "2,500" in Spanish and 03/04/2024 in English stay where they are.
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache

from tools.medicine.lexicon import fold

_HAN = {c: n for n, c in enumerate("一二三四五六七八九十", start=1)} | {"两": 2}
_COMMA = frozenset({"es", "fr", "de"})
NUMBER = r"(?<![\d.])(?<!\d,)\d+(?:[.,]\d+)?(?![\d]|[.,]\d)"
_UNITS: dict[str, dict[str, tuple[str, ...]]] = {  # preferred one, several, German dative; then what is read as well
    "zh": {"minute": ("分钟", "分钟"), "hour": ("小时", "小时"), "day": ("天", "天", "天", "日"),
           "week": ("周", "周", "周", "星期", "个星期"), "month": ("个月", "个月", "个月", "月"), "year": ("年", "年")},
    "en": {"minute": ("minute", "minutes"), "hour": ("hour", "hours", "hours", "h"), "day": ("day", "days"),
           "week": ("week", "weeks"), "month": ("month", "months"), "year": ("year", "years")},
    "es": {"minute": ("minuto", "minutos"), "hour": ("hora", "horas"), "day": ("día", "días"),
           "week": ("semana", "semanas"), "month": ("mes", "meses"), "year": ("año", "años")},
    "fr": {"minute": ("minute", "minutes"), "hour": ("heure", "heures"), "day": ("jour", "jours"),
           "week": ("semaine", "semaines"), "month": ("mois", "mois"), "year": ("an", "ans", "ans", "année", "années")},
    "de": {"minute": ("Minute", "Minuten", "Minuten"), "hour": ("Stunde", "Stunden", "Stunden"),
           "day": ("Tag", "Tage", "Tagen"), "week": ("Woche", "Wochen", "Wochen"),
           "month": ("Monat", "Monate", "Monaten"), "year": ("Jahr", "Jahre", "Jahren")},
    "ja": {"minute": ("分", "分", "分", "分間"), "hour": ("時間", "時間"), "day": ("日", "日", "日", "日間"),
           "week": ("週間", "週間", "週間", "週"), "month": ("か月", "か月", "か月", "ヶ月", "カ月", "ヵ月", "か月間"),
           "year": ("年", "年", "年", "年間")},
}  # fmt: skip
_MORE = {"en": ("more than ", "over "), "es": ("más de ",), "fr": ("plus de ",), "de": ("mehr als ", "über ")}
_MONTHS: dict[str, tuple[str, ...]] = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre"),
    "fr": ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
           "novembre", "décembre"),
    "de": ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
           "Dezember"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time. number: as digits with a point; more: "10余年", more than ten years."""

    number: str
    unit: str
    more: bool = False


def read_number(text: str, lang: str) -> str | None:
    """A number as digits with a decimal point, or None where it has no single reading."""
    text = text.strip()
    if lang in {"zh", "ja"} and text in _HAN:
        return str(_HAN[text])
    if not re.fullmatch(r"\d+(?:[.,]\d+)?", text):
        return None
    mark = next((c for c in text if c in ".,"), "")
    if not mark:
        return text
    whole, rest = text.split(mark)
    if (mark == "," and lang not in _COMMA) or (len(rest) == 3 and whole != "0" and lang in _COMMA):
        return None
    return f"{whole}.{rest}"


def write_number(number: str, lang: str) -> str:
    """The number with the language's decimal mark."""
    return number.replace(".", ",") if lang in _COMMA else number


@cache
def _duration(lang: str) -> tuple[re.Pattern[str], dict[str, str]]:
    units = {fold(word): unit for unit, words in _UNITS[lang].items() for word in words}
    number = r"(?P<n>\d+(?:[.,]\d+)?|[一二三四五六七八九十两])" if lang in {"zh", "ja"} else r"(?P<n>\d+(?:[.,]\d+)?)"
    joined = "|".join(re.escape(unit) for unit in sorted(units, key=len, reverse=True))
    more = "|".join(re.escape(fold(word)) for word in _MORE.get(lang, ()))
    before = rf"(?P<more>{more})?" if more else ""
    middle = r"\s*(?P<more>余|多)?\s*(?:个(?=余|多))?" if lang == "zh" else r"\s*"
    after = r"(?P<more>以上)?" if lang == "ja" else ""
    return re.compile(rf"{before}{number}{middle}(?P<u>{joined}){after}"), units


def read_duration(folded: str, lang: str) -> Duration | None:
    """A whole text that is a length of time."""
    pattern, units = _duration(lang)
    match = pattern.fullmatch(folded.strip())
    number = read_number(match["n"], lang) if match else None
    if match is None or number is None:
        return None
    return Duration(number, units[match["u"]], bool(match["more"]))


def duration_pattern(lang: str) -> str:
    """The regular expression of a length of time, without groups."""
    return re.sub(r"\(\?P<\w+>", "(?:", _duration(lang)[0].pattern)


def write_duration(duration: Duration, lang: str, dative: bool = False) -> str:
    """The length of time in a language; dative: as after German seit, vor, nach."""
    one, several, *rest = _UNITS[lang][duration.unit]
    single = float(duration.number) == 1 or (lang == "fr" and float(duration.number) < 2)
    unit = one if single else rest[0] if dative and rest else several
    number = write_number(duration.number, lang)
    if lang == "zh":
        return f"{number}{'余' if duration.more else ''}{unit}"
    if lang == "ja":
        return f"{number}{unit}{'以上' if duration.more else ''}"
    return f"{_MORE[lang][0] if duration.more else ''}{number} {unit}"


@cache
def date_pattern(lang: str) -> str:
    """The regular expression of a full date, on folded text, without groups."""
    iso = r"(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)"
    if lang in {"zh", "ja"}:
        return rf"(?:(?:19|20)\d\d年\d{{1,2}}月\d{{1,2}}[日号]|{iso})"
    months = "|".join(fold(month) for month in _MONTHS[lang])
    if lang == "en":
        return rf"(?:\d{{1,2}} (?:{months}),? (?:19|20)\d\d|(?:{months}) \d{{1,2}}, (?:19|20)\d\d|{iso})"
    link = r" de (?:{m}) (?:de|del) " if lang == "es" else r" (?:{m}) "
    day = r"(?:\d{1,2}\.|\d{1,2})" if lang == "de" else r"(?:\d{1,2}|1er)"
    numeric = r"\d{1,2}\.\d{1,2}\.(?:19|20)\d\d" if lang == "de" else r"\d{1,2}/\d{1,2}/(?:19|20)\d\d"
    return rf"(?:{day}{link.replace('{m}', months)}(?:19|20)\d\d|{numeric}|{iso})"


def read_date(folded: str, lang: str) -> date | None:
    """A whole text that is a full date; None where there is none such day or the order of its fields is not plain."""
    if not re.fullmatch(date_pattern(lang), folded.strip()):
        return None
    fields = [int(each) for each in re.findall(r"\d+", folded)]
    months = [n for n, month in enumerate(_MONTHS.get(lang, ()), start=1) if fold(month) in folded]
    if months:
        day, year = fields
        return _day(year, months[0], day)
    if fields[0] > 31:
        return _day(*fields)
    return _day(fields[2], fields[1], fields[0])


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def write_date(day: date, lang: str) -> str:
    """The date as the language writes it in full."""
    if lang in {"zh", "ja"}:
        return f"{day.year}年{day.month}月{day.day}日"
    month = _MONTHS[lang][day.month - 1]
    match lang:
        case "es":
            return f"{day.day} de {month} de {day.year}"
        case "de":
            return f"{day.day}. {month} {day.year}"
        case "fr":
            return f"{'1er' if day.day == 1 else day.day} {month} {day.year}"
        case _:
            return f"{day.day} {month} {day.year}"
