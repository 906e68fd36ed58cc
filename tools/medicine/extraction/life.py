"""Dates of a record, and how somebody lives: smoking, alcohol, occupation, marriage."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from collections.abc import Iterator
from typing import Final, Literal

from tools.medicine.dates import Date, find_dates
from tools.medicine.extraction.context import Context
from tools.medicine.extraction.keydata import DateMention, SocialFact
from tools.medicine.extraction.record import Record
from tools.medicine.extraction.vocabularies import spoken

_Role = Literal["admission", "discharge", "procedure", "birth", "report", "onset"]
_ROLES: Final[tuple[tuple[_Role, re.Pattern[str]], ...]] = (
    (
        "birth",
        re.compile(r"出生|生于|生年月日|birth|\bdob\b|born|naissance|\bnee? le|nacimiento|nacid|geb\.|geboren|geburts"),
    ),
    ("admission", re.compile(r"入院|收入|收住|admi|hospitalis|ingres|aufnahme|aufgenommen|entree")),
    ("discharge", re.compile(r"出院|退院|discharge|sortie|alta|entlass")),
    (
        "procedure",
        re.compile(
            r"手术|行.{0,14}术|施行|operation|surgery|procedure|underwent|intervention|cirugia|intervenid|eingriff|operiert|opere"
        ),
    ),
    ("report", re.compile(r"报告|记录|检查日期|采样|report|collected|dated?\b|fecha|datum|记|開立|签")),
    ("onset", re.compile(r"发病|起病|开始|出现|onset|since|depuis|desde|seit")),
)
_YEAR: Final = re.compile(r"\b(?:in|en|im jahre?|seit|since|depuis|desde|anno|year) (?P<year>(?:19|20)\d\d)\b")
_SOCIAL: Final[
    tuple[tuple[Literal["smoking", "alcohol", "drugs", "occupation", "marital", "pregnancies"], re.Pattern[str]], ...]
] = (
    (
        "smoking",
        re.compile(
            r"吸烟(?:史)?|抽烟|烟龄|烟酒(?:嗜好|史)?|烟、酒|烟草|smok\w+|tobacco|cigarettes?|pack[- ]years?|nonsmoker|non-smoker|ex-smoker|tabac\w*|tabagi\w+|fum(?:eur|euse|ador|adora|a)\b|tabaquismo|raucher\w*|nikotin\w*|nichtraucher\w*|rauch(?:t|en)\b|喫煙\w*|タハコ"
        ),
    ),
    (
        "alcohol",
        re.compile(
            r"饮酒(?!后)(?:史)?|喝酒|嗜酒|酗酒|饮白酒|烟酒(?:嗜好|史)?|alcohol\w*|etoh|drinks? (?:alcohol|socially|occasionally|beer|wine)|wine|beers?\b|alcool\w*|ethylisme|enolismo|alkohol\w*|飲酒\w*|アルコール"
        ),
    ),
    (
        "drugs",
        re.compile(
            r"吸毒(?:史)?|药物滥用|毒品|illicit drugs?|recreational drugs?|drug use|cocaine|heroin|marijuana|cannabis|ivdu|illicit|drogues?|drogas|drogen\w*"
        ),
    ),
    (
        "occupation",
        re.compile(
            r"职业[:：\s]{0,3}(?P<work>[\u4e00-\u9fff]{2,8})|退休(?:工人|教师|干部|人员)|occupation[: ]{1,3}(?P<work2>[a-z ]{3,24})|works? as an? (?P<work3>[a-z ]{3,24}?)(?=[.,;]|\sand|\sat|$)|retired(?: [a-z]{3,14})?|profession ?: ?(?P<work4>[a-z ]{3,24})|beruf ?: ?(?P<work5>[a-z ]{3,24})"
        ),
    ),
    (
        "marital",
        re.compile(
            r"(?:婚姻(?:状况)?[:：\s]{0,3})?(?:已婚|未婚|离异|离婚|丧偶|适龄结婚)|\b(?:married|divorced|widowed|single(?= man| woman|[,.;]|$)|widower|widow)\b|marie[e]?\b|celibataire|casad[oa]|solter[oa]|viud[oa]|verheiratet|ledig|verwitwet|既婚|未婚"
        ),
    ),
    (
        "pregnancies",
        re.compile(
            r"孕\d产\d|\bg\d+\s?p\d+(?:\+\d)?|育有?[一二两三四\d][子女](?:[一二两三四\d][子女])?|gravida \d+,? para \d+"
        ),
    ),
)
_QUANTITY: Final = re.compile(
    r"(?:约|每[日天]|平均)?\s?\d+(?:\.\d+)?(?:\s?[-~]\s?\d+)?\s?(?:余)?(?:支|包|根|盒|两|ml|g|克|年|pack[- ]years?|packs?|ppd|cigarettes?|drinks?|beers?|units?|glasses|years?|ans|anos|jahre|paquets?(?:[- ]annees?)?|py|cigarrillos?|zigaretten|本|合)(?:\s?/\s?(?:日|天|d|day|week|wk|jour|dia|tag))?(?:\s?(?:per|a|each|par|al|pro|par) (?:day|week|jour|dia|tag|semana))?"
)
_QUIT: Final = re.compile(
    r"(?<!未)戒烟|(?<!未)戒酒|已戒|quit|former|ex-|stopped|sevre|exfumador|ex fumador|ancien|ehemalig|禁煙|過去に"
)


def find_date_mentions(record: Record) -> list[DateMention]:
    """Every date, with the role that the words around it give it."""
    found: list[DateMention] = []
    dates = find_dates(record.folded)
    taken = {at for date in dates for at in range(date.start, date.end)}
    for match in _YEAR.finditer(record.folded):
        if match.start("year") not in taken:
            dates.append(Date(frozenset({int(match["year"])}), frozenset(), frozenset(), *match.span("year")))
    for date in sorted(dates, key=lambda each: each.start):
        around = record.folded[max(0, date.start - 14) : date.start] + " " + record.folded[date.end : date.end + 8]
        before = record.folded[max(0, date.start - 18) : date.start]
        role = _role(before) or _role(around)
        found.append(
            DateMention(
                start=date.start, end=date.end, quote=record.text[date.start : date.end], iso=_iso(date), role=role
            )
        )
    return found


def _role(words: str) -> _Role | None:
    return next((role for role, pattern in _ROLES if pattern.search(words)), None)


def _clause(folded: str, start: int, end: int) -> tuple[int, int]:
    """The part between commas, or the whole where one denial holds for a list (denies tobacco, alcohol, drugs)."""
    if re.search(r"denie[sd]|否认|niega|verneint|\bno\b[^,.]*,[^.]*\bor\b", folded[:start] + folded[end:]):
        return 0, len(folded)
    before = max(folded.rfind(mark, 0, start) for mark in ",;，；")
    after = min((at for mark in ",;，；" if (at := folded.find(mark, end)) >= 0), default=len(folded))
    return before + 1, after


def _iso(date: Date) -> str | None:
    if len(date.year) != 1 or len(date.month) > 1 or len(date.day) > 1:
        return None
    parts = [f"{next(iter(date.year)):04d}"]
    if date.month:
        parts.append(f"{next(iter(date.month)):02d}")
        if date.day:
            parts.append(f"{next(iter(date.day)):02d}")
    return "-".join(parts)


def find_social(record: Record) -> Iterator[SocialFact]:
    """Habits and circumstances; a habit that was given up is historical."""
    for segment in record.segments:
        folded = record.folded[segment.start : segment.end]
        if segment.section in {"family_history", "investigations"}:
            continue
        lang = spoken(segment.language if segment.language != "und" else record.language)
        seen: set[str] = set()
        for kind, pattern in _SOCIAL:
            match = pattern.search(folded)
            if (
                match is None
                or kind in seen
                or (
                    kind == "occupation"
                    and segment.section not in {"none", "social_history", "demographics", "present_illness"}
                )
            ):
                continue
            seen.add(kind)
            clause_start, clause_end = _clause(folded, *match.span())
            context = Context(folded[clause_start:clause_end], lang, segment.section)
            mark = context.mark(match.start() - clause_start, match.end() - clause_start)
            if mark.subject == "other":
                continue
            clause = re.compile(r"[^。；;.]*").match(folded, match.start())
            before = re.search(r"[^。；;.，,]*$", folded[: match.start()])
            near = (before.group() if before else "") + (clause.group() if clause else "")
            cut = (
                re.search(r"(?:饮酒|alcohol|etoh|enol|飲酒|alkohol)", near)
                if kind == "smoking"
                else re.search(r"(?:吸烟|smok|tabac|fum|喫煙|rauch)", near)
            )
            if cut and cut.start() > 2:
                near = near[: cut.start()]
            quantities = [m.span() for m in _QUANTITY.finditer(near)]
            quantity = near[quantities[0][0] : quantities[-1][1]].strip() if quantities else None
            negated = mark.presence == "negated" or bool(
                re.search(
                    r"nonsmoker|non-smoker|nichtrauch|(?:不|无|否认|从不|没有)[^，。；]{0,8}$|never ?$|never a $",
                    folded[max(0, match.start() - 12) : match.start()]
                    + (match.group() if "non" in match.group() or "nicht" in match.group() else ""),
                )
            )
            yield SocialFact(
                start=segment.start + match.start(), end=segment.start + match.end(), quote=record.text[segment.start + match.start() : segment.start + match.end()],
                presence="negated" if negated and kind in {"smoking", "alcohol", "drugs"} else "affirmed",
                historical=bool(_QUIT.search(near)), section=segment.section, kind=kind,
                quantity=quantity if quantity and not negated and kind in {"smoking", "alcohol"} else None,
            )  # fmt: skip
