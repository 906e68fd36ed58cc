"""Errors put into correct translations one at a time, by a seeded generator, to see whether verification finds them.

The patterns are the injector's own, written apart from the verifier's vocabulary; only drug names are shared.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from tools.medicine.alignment import sentences
from tools.medicine.drugs import find_drugs
from tools.medicine.lexicon import fold, vocabulary, words

_DIGITS = re.compile(r"(?<![\w.,^×])(?<![A-Za-z]-)\d+(?:[.,]\d+)?(?![\d^]|[.,]\d|\s*\^)")
_DOSE = re.compile(
    r"(?<![\w.,])(\d+(?:[.,]\d+)?)(\s*(?:mg|g|µg|μg|mcg|ml|mL|IU|毫克|克|毫升|单位|units?|unités?|unidades|Einheiten)(?![A-Za-z/]))"
)
_UNITS = [
    (r"(?<=\d)(\s*)mg(?![A-Za-z])", r"\1g"),
    (r"(?<=\d)(\s*)g(?![A-Za-z/])", r"\1mg"),
    (r"(?<=\d)(\s*)m[lL](?![A-Za-z])", r"\1L"),
    (r"(?<=\d)(\s*)(?:µg|μg|mcg)", r"\1mg"),
    (r"mmol/([lL])", r"µmol/\1"),
    (r"[µμ]mol/([lL])", r"mmol/\1"),
    (r"(?<=\d)([\s-]*)mm(?![A-Za-z])", r"\1cm"),
    (r"(?<=\d)(\s*)cm(?![A-Za-z])", r"\1mm"),
    (r"(?<=\d)(\s*)°C", r"\1°F"),
    (r"℃", "℉"),
    (r"\bdays\b", "weeks"),
    (r"\bweeks\b", "months"),
    (r"\bhours\b", "days"),
    (r"\bjours\b", "semaines"),
    (r"\bsemaines\b", "mois"),
    (r"\bdías\b", "semanas"),
    (r"\bsemanas\b", "meses"),
    (r"\bTage\b", "Wochen"),
    (r"\bWochen\b", "Monate"),
    (r"毫克", "克"),
    (r"(?<=\d)天", "周"),
    (r"(?<=\d)周", "个月"),
    (r"(?<=[一二两三四五六七八十\d])小时", "天"),
]
_NEGATIONS = {
    "zh": [
        ("未见", "可见"),
        ("无", "有"),
        ("没有", "有"),
        ("否认", "诉"),
        (r"未(?!婚|来|成|明|分)", ""),
        ("不伴", "伴"),
        ("从未", "曾"),
    ],
    "en": [
        (r"\b[Nn]o (?=evidence|sign|known|\w)(?!longer|more|less|later)", ""),
        (r"\b(?:did|does|do) not ", ""),
        (r"\b(was|is|were|are|has|had|have|can|could|should|will) not\b", r"\1"),
        (r"\bwithout\b", "with"),
        (r"\b[Dd]enie[sd]\b", "reported"),
        (r"\bnever\b", "often"),
        (r"\bnegative for\b", "positive for"),
        (r"\babsence of\b", "presence of"),
        (r"\bdenying\b", "reporting"),
        (r"\b(did|was|is|were|does|has|had)n['’]t\b", r"\1"),
    ],
    "fr": [
        (r"\b[Ss]ans\b(?![^.;]* ni )", "avec"),
        (r"\b[Ss]ans ([^.;]*?) ni ", r"avec \1 et "),
        (r"\bn['’](\w+) pas(?: de)?\b", r"\1"),
        (r"\bne (\w+) pas(?: de)?\b", r"\1"),
        (r"\b[Pp]as d['’e]\s?", ""),
        (r"\b[Aa]ucune? ", "un "),
        (r"\bni (\w+[^.;]*?) ni ", r"\1 et "),
        (r"\bn['’](\w+) jamais\b", r"\1"),
        (r"\bnie\b", "signale"),
    ],
    "es": [
        (r"\b[Ss]in(?! embargo)\b(?![^.;]* ni )", "con"),
        (r"\b[Ss]in ([^.;]*?) ni ", r"con \1 y "),
        (r"\b[Nn]o (?=\w)(?!\w+(?: \w+)? (?:nunca|ning|ni\b))", ""),
        (r"\b[Nn]iega\b", "Refiere"),
        (r"(?<!o )(?<!toma )(?<!tome )\b[Nn]unca\b", "siempre"),
        (r"\bNo (\w+) nunca", r"\1 siempre"),
        (r"\b[Nn]o (\w+) ningún\b", r"\1 algún"),
    ],
    "de": [
        (r"\b[Oo]hne\b", "mit"),
        (r"\b[Kk]eine?[nrms]?\b", "eine"),
        (r"\bnicht\b ?(?!nur)", ""),
        (r"\bverneint\b", "bejaht"),
        (r"\bnie\b", "oft"),
        (r"\bweder (.*?) noch\b", r"sowohl \1 als auch"),
    ],
}
_SIDES = {
    "zh": [("左(?!右|氧|旋|甲|乙)", "右"), ("(?<!左)右(?!美|旋)", "左")],
    "en": [
        (r"\bleft\b(?! the| him| her| after| against| without| for| hospital| home)", "right"),
        (r"\bright\b(?! away)", "left"),
        (r"\bLeft\b", "Right"),
        (r"\bRight\b", "Left"),
    ],
    "fr": [("gauche", "droit"), (r"\bdroite?s?\b", "gauche")],
    "es": [("izquierd(?=[oa])", "derech"), ("derech(?=[oa])", "izquierd"), ("Derech(?=[oa])", "Izquierd")],
    "de": [
        (r"\blinks", "rechts"),
        (r"\brechts", "links"),
        (r"\blinke", "rechte"),
        (r"\brechte(?=[nrsm]?\b)", "linke"),
        ("Linke", "Rechte"),
        ("Rechte(?=[nrsm ])", "Linke"),
    ],
}
_LOOK_ALIKE = [
    ("amlodipine", "nifedipine"),
    ("metformin", "metronidazole"),
    ("prednisone", "prednisolone"),
    ("hydralazine", "hydroxyzine"),
    ("clonidine", "clonazepam"),
    ("vincristine", "vinblastine"),
    ("dopamine", "dobutamine"),
    ("losartan", "valsartan"),
    ("amoxicillin", "ampicillin"),
    ("ceftriaxone", "cefotaxime"),
    ("omeprazole", "esomeprazole"),
    ("atorvastatin", "rosuvastatin"),
    ("lamotrigine", "lamivudine"),
    ("quetiapine", "olanzapine"),
    ("epinephrine", "norepinephrine"),
    ("warfarin", "heparin"),
    ("metoprolol", "bisoprolol"),
    ("clarithromycin", "azithromycin"),
    ("furosemide", "torsemide"),
    ("aspirin", "clopidogrel"),
]


@dataclass(frozen=True, slots=True)
class Injected:
    """A translation with one error: its kind, and the wrong text."""

    kind: str
    target: str


def inject(target: str, lang: str, generator: Random) -> Iterator[Injected]:
    """One error of each kind that the translation has a place for."""
    makers: dict[str, Callable[[str, str, Random], list[str]]] = {
        "dose ×10": _tenfold,
        "unit swapped": _unit,
        "negation dropped": _negation,
        "left↔right": _side,
        "drug swapped": _drug,
        "number changed": _number,
        "sentence dropped": _drop,
    }
    for kind, make in makers.items():
        places = [wrong for wrong in make(target, lang, generator) if wrong.strip() and wrong != target]
        if places:
            yield Injected(kind, generator.choice(places))


def _each(pattern: str, replacement: str, text: str) -> Iterator[str]:
    for match in re.finditer(pattern, text):
        yield text[: match.start()] + match.expand(replacement) + text[match.end() :]


def _tenfold(text: str, lang: str, generator: Random) -> list[str]:
    found: list[str] = []
    for match in _DOSE.finditer(text):
        number = match[1]
        mark = "," if "," in number else "."
        if re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", number):
            larger = f"{number}0"
            larger = f"{number.replace(mark, '')}0"
        elif mark in number:
            whole, rest = number.split(mark)
            larger = (whole.lstrip("0") + rest[0] + (mark + rest[1:] if rest[1:] else "")) or "0"
        else:
            larger = f"{number}0"
        found.append(text[: match.start()] + larger + match[2] + text[match.end() :])
    return found


def _unit(text: str, lang: str, generator: Random) -> list[str]:
    return [wrong for old, new in _UNITS for wrong in _each(old, new, text)]


def _negation(text: str, lang: str, generator: Random) -> list[str]:
    return [wrong for old, new in _NEGATIONS.get(lang, []) for wrong in _each(old, new, text)]


def _side(text: str, lang: str, generator: Random) -> list[str]:
    return [wrong for old, new in _SIDES.get(lang, []) for wrong in _each(old, new, text)]


def _drug(text: str, lang: str, generator: Random) -> list[str]:
    partners = dict(_LOOK_ALIKE) | {b: a for a, b in _LOOK_ALIKE}
    names = sorted(vocabulary("drugs"))
    found: list[str] = []
    for drug in find_drugs(fold(text), lang):
        here = {each.name for each in find_drugs(fold(text), lang)}
        other = partners.get(drug.name) or generator.choice(names)
        if other in here or drug.name in {"insulin", "glargine", "lispro", "aspart", "detemir"}:
            continue
        name = words(vocabulary("drugs")[other].get("zh"))[0] if lang == "zh" else other
        found.append(text[: drug.start] + name + text[drug.end :])
    return found


def _number(text: str, lang: str, generator: Random) -> list[str]:
    found: list[str] = []
    for match in _DIGITS.finditer(text):
        digits = list(match.group())
        place = 0
        digits[place] = generator.choice([d for d in "123456789" if d != digits[place]])
        found.append(text[: match.start()] + "".join(digits) + text[match.end() :])
    return found


def _drop(text: str, lang: str, generator: Random) -> list[str]:
    cut = sentences(text)
    return [(text[:start] + text[end:]).strip() for start, end in cut] if len(cut) > 1 else []
