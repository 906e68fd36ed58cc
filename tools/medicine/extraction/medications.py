"""Drugs of a record with dose, route, frequency and duration."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from tools.medicine.drugs import find_drugs
from tools.medicine.extraction.amounts import NUMBER, amount
from tools.medicine.extraction.context import Context
from tools.medicine.extraction.keydata import Amount, Frequency, Medication, Quote, Segment
from tools.medicine.extraction.record import Record
from tools.medicine.extraction.vocabularies import forms, routes, spoken, stopped
from tools.medicine.frequencies import frequencies
from tools.medicine.lexicon import IDEOGRAPHIC

_UNITS: Final = (
    r"μg/kg/min|ug/kg/min|mcg/kg/min|mg/kg/d|mg/kg/day|mg/kg|ml/kg|iu/kg|u/kg|mg/m2|mg/m²|mg/ml|mcg/h|mg/h|ml/h|units?/kg|units?/hr?|mg/hr?"
    r"|kg|mg|mcg|μg|ug|ng|g|gr?ammes?|gramos?|gramm|ml|cc|l|miu|iu|ui|ie|units?|unidades|einheiten|unites|u|mmol|meq"
    r"|毫克|微克|克|毫升|升|国际单位|万单位|万u|单位|ミリグラム|"
    r"片|粒|丸|支|袋|包|枚|滴|喷|吸|揿|瓶|贴|杯|錠|カプセル|包|tablets?|tabs?|capsules?|caps?|puffs?|drops?|patch(?:es)?|pills?|sprays?|amp(?:oule)?s?|vials?"
    r"|comprimes?|gelules?|gouttes?|bouffees?|sachets?|comprimidos?|capsulas?|gotas|inhalaciones|sobres?|tabletten?|kapseln?|tropfen|hube?|beutel|tbl\.?|%"
)
_MASS: Final = frozenset(
    [
        "mg",
        "mcg",
        "μg",
        "ug",
        "ng",
        "g",
        "iu",
        "ui",
        "ie",
        "u",
        "units",
        "unit",
        "miu",
        "mmol",
        "meq",
        "毫克",
        "微克",
        "克",
        "国际单位",
        "单位",
        "万单位",
        "万u",
        "kg",
        "unidades",
        "einheiten",
        "unites",
        "ミリグラム",
    ]
)
_DOSE: Final = re.compile(
    rf"(?<![\d.,/])(?P<value>{NUMBER}|半|一|二|两|三|四|½|one|two|half|un|une|dos|uno|1/2)\s?(?:(?:-|~|～|至|to|à|a|bis)\s?(?P<high>{NUMBER})\s?)?(?P<unit>(?:{_UNITS})(?![a-z])|[\u4e00-\u9fff](?<=[片粒丸支袋包枚滴喷吸揿瓶贴杯錠]))"
)
_WORDS: Final = {
    "半": "0.5",
    "½": "0.5",
    "half": "0.5",
    "1/2": "0.5",
    "一": "1",
    "one": "1",
    "un": "1",
    "une": "1",
    "uno": "1",
    "二": "2",
    "两": "2",
    "two": "2",
    "dos": "2",
    "三": "3",
    "四": "4",
}
_WEEKLY: Final = re.compile(
    r"\b(?:weekly|once a week|per week|semanal(?:mente)?|hebdomadaire|par semaine|wochentlich)\b|每周(?:一次)?"
)
_DAILY: Final = re.compile(r"\b(?:od|o\.d\.|nocte|mane|once)\b")
_NEEDED: Final = re.compile(
    r"\bprn\b|as needed|when needed|if needed|necessary|必要时|需要时|si besoin|au besoin|a demande|si precisa|si dolor|segun precise|bei bedarf|b\.b\.|頓用|頓服|疼痛时|发热时|for pain|for fever|for breakthrough"
)
_DURATION: Final = re.compile(
    r"(?:[x×*]\s?(?P<a>\d{1,3})\s?-?\s?(?P<ua>天|日|周|d\b|days?|weeks?|wks?|jours?|j\b|dias|tage|wochen|semanas?|semaines?|months?|个月))"
    r"|(?:(?:for|pendant|durante|por|fur|uber|连用|连服|共|疗程|服用|使用|治疗|用)\s?(?:a total of |another |the next |un total de )?(?P<b>\d{1,3}|[一二两三四五六七八九十]{1,3}|one|two|three|four|five|six|seven|ten)\s?-?\s?(?:more )?(?P<ub>天|日|周|个月|days?|weeks?|months?|jours?|mois|dias|semanas?|meses|tage|wochen|monate|semaines?))"
    r"|(?P<c>\d{1,3})(?P<uc>日間|日分|-day course|-tagig|天量|日量)|(?P<d>\d{1,3})[- ](?P<ud>day|week) course"
)
_DAYS: Final = {"天": 1, "日": 1, "d": 1, "j": 1, "周": 7, "w": 7, "s": 7, "m": 30.4, "个": 30.4, "t": 1, "-": 1}
_BREAK: Final = re.compile(r"[。；;\n]|\.\s|、(?=\D)")
_ALLERGY: Final = re.compile(
    r"过敏|皮试|allerg|alerg|アレルキー|anaphyla|intoleran|uberempfindlich|不耐受|unvertraglich"
)
_LEVEL: Final = re.compile(
    r"[\s:：]{0,3}(?:level|离子|血症|水平|抗体|耐药|敏感|resistan|deficien|缺乏|channel|受体|受容体|激酶|通道|抵抗)"
)
_NOT_DRUG: Final = frozenset(
    [
        "胰岛素抵抗",
        "检查片",
        "胸片",
        "平片",
        "正位片",
        "侧位片",
        "切片",
        "涂片",
        "x线片",
        "摄片",
        "拍片",
        "照片",
        "晶片",
        "阅片",
        "扩散",
        "分散",
        "弥散",
    ]
)
_NOT_FORM: Final = re.compile(
    r"(?:胸|平|位|切|涂|线|摄|拍|照|阅|薄|刀|骨|腹|腰椎|头颅|全景|牙|一|两|每次|半|\d)片$|(?:扩|分|弥|疏|播|涣|离|消|发)散$|(?:血|药|大|小|结|每次|服药|弹)丸$|石膏|牙膏|(?:睾|蜜)丸$|一支|栓$(?<!肛栓|剂栓|置栓|道栓)|抗体|细胞"
)
_STEM: Final = re.compile(
    r"(?P<name>维生素\s?[a-k]\d{0,2}|[\u4e00-\u9fff]{1,9}?(?:昔布|沙坦|普利|地平|洛尔|他汀|西林|沙星|拉唑|替丁|单抗|替尼|列净|列汀|沙班|司琼|西泮|唑仑|格雷|鲁肽|那肽|膦酸|奈德|特罗|溴铵|康唑|环素|霉素|普坦|替康|紫杉醇|铂|洛韦|米特|利酮|拉嗪|西汀)"
    r"|[\u4e00-\u9fff]{2,9}(?=\s?\d+(?:\.\d+)?\s?(?:mg|μg|ug|mcg|iu|万单位|万u|单位|毫克|微克)(?![a-z/]|\s?/\s?d?l)))"
)
_NO_STEM: Final = re.compile(
    r"(?:剂量|用量|总量|约|每日|每次|一次|晨起|晚上|体重|减|增|共|量|至|为|到|各|蛋白|肌酐|胆红素|血糖|单次|日|次|重|过敏)$|^(?:每|约|共)"
)
_VERB: Final = re.compile(
    r"^(?:.*?(?:予以|给予|予|口服|加用|改用|服用|服|使用|联合|应用|停用|继续|并用|及|和|与|用|以|改为|换用|现服|静滴|肌注|外用|涂|开具|开|带|加|的|为|：|、))"
)


@dataclass(frozen=True, slots=True)
class _Named:
    start: int
    end: int
    inn: str | None


def find_medications(record: Record, laboratory: set[int]) -> list[Medication]:
    """Every drug that is taken, given, stopped or denied; laboratory: offsets that laboratory values cover."""
    found: list[Medication] = []
    for segment in record.segments:
        if segment.section not in {"allergies", "signature", "demographics"}:
            found += _in_segment(record, segment, laboratory)
    return found


def _in_segment(record: Record, segment: Segment, laboratory: set[int]) -> Iterator[Medication]:
    folded = record.folded[segment.start : segment.end]
    lang = spoken(segment.language if segment.language != "und" else record.language)
    names = _names(folded, lang, segment)
    if not names:
        return
    context = Context(folded, lang, segment.section)
    for place, name in enumerate(names):
        if set(range(segment.start + name.start, segment.start + name.end)) & laboratory:
            continue
        before_end = names[place - 1].end if place else 0
        after_start = names[place + 1].start if place + 1 < len(names) else len(folded)
        around = folded[max(before_end, name.start - 24) : min(after_start, name.end + 48)]
        if _allergic(folded, name, names) or _LEVEL.match(folded, name.end):
            continue
        yield _medication(record, segment, folded, lang, context, name, before_end, after_start, around)


def _allergic(folded: str, name: _Named, names: list[_Named]) -> bool:
    """Whether the drug is named for an allergy to it: near the word, with only other drugs between."""
    for match in _ALLERGY.finditer(folded):
        between = folded[name.end : match.start()] if match.start() >= name.end else folded[match.end() : name.start]
        for other in names:
            between = between.replace(folded[other.start : other.end], "")
        if len(between) < 26 and not re.search(
            r"[。；;.\n]|，(?!.{0,4}(?:、|及|和))|予|给予|口服|taking|prescribed|started|given|takes", between
        ):
            return True
    return False


def _names(folded: str, lang: str, segment: Segment) -> list[_Named]:
    found = [_Named(drug.start, drug.end, drug.name if drug.known else None) for drug in find_drugs(folded, lang)]
    if lang in IDEOGRAPHIC:
        found = [_with_form(folded, each) for each in found]
        taken = {at for each in found for at in range(each.start, each.end)}
        for match in forms().finditer(folded):
            start, end = match.span()
            if verb := _VERB.match(folded[start:end]):
                start += verb.end()
            if end - start >= 3 and not _NOT_FORM.search(folded[start:end]) and not taken & set(range(start, end)):
                found.append(_Named(start, end, None))
        taken = {at for each in found for at in range(each.start, each.end)}
        for match in _STEM.finditer(folded):
            start, end = match.span("name")
            if verb := _VERB.match(folded[start : end - 2]):
                start += verb.end()
            if end - start >= 2 and not taken & set(range(start, end)) and not _NO_STEM.search(folded[start:end]):
                found.append(_Named(start, end, None))
    else:
        found = [_with_salt(folded, each) for each in found]
        found += _dosed(folded, found)
        if segment.section == "medications":
            found += _listed(folded, found)
    return _joined(folded, sorted(found, key=lambda each: each.start))


def _with_form(folded: str, name: _Named) -> _Named:
    """阿莫西林 with the form that follows (胶囊) and the salt before (盐酸, 苯磺酸)."""
    form = _form_after().match(folded, name.end)
    salt = re.search(
        r"(?:盐酸|硫酸|苯磺酸|酒石酸|琥珀酸|富马酸|马来酸|枸橼酸|甲磺酸|磷酸|硝酸|复方|重组人?|注射用|精蛋白|门冬|甘精|低分子|硫酸氢)+$",
        folded[: name.start],
    )
    return _Named(salt.start() if salt else name.start, form.end() if form else name.end, name.inn)


@cache
def _form_after() -> re.Pattern[str]:
    from tools.medicine.lexicon import vocabulary, words

    joined = "|".join(words(vocabulary("administration")["forms"]["zh"]))
    return re.compile(rf"(?:钠|钾|钙|锌|酸|酯|盐|氢氯噻嗪|维酸钾|舒巴坦|他唑巴坦)?(?:{joined})?")


_LINE_DRUG: Final = re.compile(
    rf"(?:^|(?<=\n)|(?<=[,;] )|(?<=\d[.)] )|(?<=- ))\s?(?P<name>[a-z][a-z-]{{3,24}}(?: (?:[a-z][a-z-]{{2,15}}))?)(?= {NUMBER}\s?(?:{_UNITS})(?![a-z]))"
)


_DOSED: Final = re.compile(
    r"(?<![a-z-])(?P<name>[a-z][a-z-]{4,24})(?= \d+(?:[.,]\d+)?\s?(?:mg|mcg|μg|ug|units?|iu|ui|ie)(?![a-z/]|\s?/))"
)
_NO_DRUG: Final = frozenset(  # noqa: SIM905, RUF100
    [
        "about",
        "additional",
        "after",
        "again",
        "another",
        "approximately",
        "around",
        "before",
        "contained",
        "daily",
        "dosage",
        "doses",
        "every",
        "exactly",
        "given",
        "increased",
        "reduced",
        "decreased",
        "maximum",
        "minimum",
        "nearly",
        "once",
        "only",
        "received",
        "roughly",
        "takes",
        "taking",
        "tablet",
        "tablets",
        "capsule",
        "capsules",
        "titrated",
        "total",
        "twice",
        "under",
        "until",
        "weekly",
        "within",
        "without",
        "oral",
        "bolus",
        "initial",
        "starting",
        "infusion",
        "required",
        "dosis",
        "aproximadamente",
        "comprimido",
        "comprimidos",
        "comprime",
        "comprimes",
        "tabletten",
        "taglich",
        "insgesamt",
        "environ",
        "jusque",
        "hasta",
        "ungefahr",
        "sodium",
        "potassium",
        "calcium",
        "protein",
        "glucose",
        "creatinine",
        "hemoglobin",
        "cholesterol",
        "bilirubin",
        "albumin",
        "urine",
    ]
)
_SALT: Final = re.compile(
    r" (?:alfa|alpha|beta|sodium|potassium|succinate|tartrate|hydrochloride|hcl|acetate|maleate|besylate|mesylate|citrate|phosphate|sulfate|er|xr|sr|xl|cr)\b"
)


def _with_salt(folded: str, name: _Named) -> _Named:
    salt = _SALT.match(folded, name.end)
    return _Named(name.start, salt.end(), name.inn) if salt else name


def _dosed(folded: str, known: list[_Named]) -> Iterator[_Named]:
    """A word right before a dose is a drug, though the vocabulary does not know it: sevelamer 800 mg."""
    taken = {at for each in known for at in range(each.start, each.end)}
    for match in _DOSED.finditer(folded):
        if match["name"] not in _NO_DRUG and not taken & set(range(*match.span("name"))):
            yield _Named(*match.span("name"), None)


def _listed(folded: str, known: list[_Named]) -> Iterator[_Named]:
    """In a list of medications a word before a dose is a drug, whatever its name."""
    taken = {at for each in known for at in range(each.start, each.end)}
    for match in _LINE_DRUG.finditer(folded):
        span = range(*match.span("name"))
        if not taken & set(span) and match["name"] not in {
            "take",
            "dose",
            "apply",
            "inhale",
            "inject",
            "take about",
            "start",
            "continue",
        }:
            yield _Named(*match.span("name"), None)


def _joined(folded: str, names: list[_Named]) -> list[_Named]:
    """One for names that stand for one drug: a brand in parentheses, a salt, 门冬胰岛素, amoxicillin/clavulanate."""
    kept: list[_Named] = []
    for name in names:
        last = kept[-1] if kept else None
        if last and name.start < last.end:
            continue
        if (
            last
            and re.fullmatch(r"[/-]|\s?[（(]|\s?\+\s?|", folded[last.end : name.start])
            and (folded[last.end : name.start] != "" or name.inn != last.inn)
        ):
            end = name.end
            if folded[last.end : name.start].strip() in {"(", "（"}:
                closing = re.match(r"[^）)\n]{0,20}[）)]", folded[name.end :])
                end = name.end + closing.end() if closing else name.end
                if not closing:
                    kept.append(name)
                    continue
            kept[-1] = _Named(last.start, end, last.inn or name.inn)
        else:
            kept.append(name)
    return kept


def _medication(
    record: Record, segment: Segment, folded: str, lang: str, context: Context, name: _Named,
    before_end: int, after_start: int, around: str,
) -> Medication:  # fmt: skip
    stop = after_start
    window = folded[name.end : stop]
    if cut := re.search(r"。|；|;(?! ?\d)|，(?:同时|并|改|停|患者|症状|后)", window):
        stop = name.end + cut.start()
        window = folded[name.end : stop]
    ends = [name.end]
    starts = [name.start]
    dose, at = _dose(folded, name, stop, before_end, lang)
    if at:
        (ends if at[0] >= name.end else starts).append(at[1] if at[0] >= name.end else at[0])
    frequency = None
    often = next((f for f in frequencies(window, lang) if f.start < 70), None)
    if often is None and lang in IDEOGRAPHIC:
        often = next((f for f in frequencies(window, "en") if f.start < 70), None)
    if often is None:  # 1-0-1 is written in other languages too
        often = next((f for f in frequencies(window, "de") if f.start < 40 and "-" in window[f.start : f.end]), None)
    needed = _NEEDED.search(window)
    latin = _DAILY.search(window) if often is None else None
    if latin and latin.start() < 40:
        frequency = Frequency(
            text=record.text[segment.start + name.end + latin.start() : segment.start + name.end + latin.end()],
            per_day=1.0,
        )
        ends.append(name.end + latin.end())
    elif often is None and (weekly := _WEEKLY.search(window)) and weekly.start() < 50:
        a, b = name.end + weekly.start(), name.end + weekly.end()
        frequency = Frequency(text=record.text[segment.start + a : segment.start + b], per_day=round(1 / 7, 4))
        ends.append(b)
    elif often or needed:
        a, b = (often.start, often.end) if often else (needed.start(), needed.end()) if needed else (0, 0)
        text = record.text[segment.start + name.end + a : segment.start + name.end + b]
        frequency = Frequency(text=text, per_day=round(often.times, 4) if often else None, as_needed=bool(needed))
        ends.append(name.end + max(b, needed.end() if needed else 0))
    else:
        early = [f for f in frequencies(folded[before_end : name.start], lang) if lang != "de"]
        if early and name.start - before_end - early[-1].end < 12 and before_end == 0:
            f = early[-1]
            frequency = Frequency(text=record.text[segment.start + f.start : segment.start + f.end], per_day=f.times)
            starts.append(f.start)
    route = next((m for m in routes().find(window) if m.start < 60), None)
    early_route = (
        None
        if route
        else next(
            (
                m
                for m in list(routes().find(folded[before_end : name.start]))[::-1]
                if name.start - before_end - m.end < 6
            ),
            None,
        )
    )
    if route:
        ends.append(name.end + route.end)
    duration = _DURATION.search(window)
    days = None
    if duration and duration.start() < 80:
        days = _days(duration)
        ends.append(name.end + duration.end())
    mark = context.mark(name.start, name.end)
    halted = any(m.start < 40 for m in stopped().find(around)) and bool(
        re.search(
            r"(?:停用|停服|停止|停|discontinued?|stop(?:ped)?|hold(?:ing)?|held|suspend\w*|arret\w*|retirado|switched from|no longer tak\w+|was on|中止|不再服用)[^。；;.,，]{0,14}$",
            folded[before_end : name.start],
        )
        or re.match(
            r"[^。；;.,，]{0,28}(?:已?停用|已?停药|was (?:stopped|discontinued|held)|discontinued|stopped|suspendid|arret|abgesetzt|pausiert|は?中止)",
            window,
        )
    )
    start, end = segment.start + min(starts), segment.start + min(max(ends), after_start)
    return Medication(
        start=segment.start + name.start, end=segment.start + name.end,
        quote=record.text[segment.start + name.start : segment.start + name.end],
        presence=mark.presence if mark.presence != "suspected" else "affirmed", historical=mark.historical and segment.section != "past_history",
        subject=mark.subject, section=segment.section, drug=name.inn, dose=dose,
        route=(route or early_route).key if (route or early_route) else None,  # pyright: ignore[reportOptionalMemberAccess]
        frequency=frequency, duration_days=days, stopped=halted,
        whole=Quote(start=start, end=end, quote=record.text[start:end]),
    )  # fmt: skip


def _dose(
    folded: str, name: _Named, stop: int, before_end: int, lang: str
) -> tuple[Amount | None, tuple[int, int] | None]:
    doses = [m for m in _DOSE.finditer(folded, name.end, stop) if _is_dose(folded, m)]
    doses = [m for m in doses if m.start() - name.end < 40]
    if not doses:
        early = [m for m in _DOSE.finditer(folded, before_end, name.start) if _is_dose(folded, m) and m["unit"] != "%"]
        if early and re.fullmatch(r"\s?(?:of |de |d'|的)?\s?(?:oral |iv )?", folded[early[-1].end() : name.start]):
            match = early[-1]
            return _amount(match, lang), match.span()
        return None, None
    chosen = doses[0]
    if chosen["unit"] == "%":
        chosen = next((m for m in doses if m["unit"] != "%"), None)
        if chosen is None:
            return None, None
    # a strength and a number (0.5g×24片, 500 mg tablets) is no dose where a dose follows (每次1片, 0.5g bid)
    taken = next(
        (m for m in doses if re.search(r"(?:每次|一次|1次|take|prendre|tomar|1回)\s?$", folded[name.end : m.start()])),
        None,
    )
    packed = re.match(r"\s?[x×*/]\s?\d+\s?(?:片|粒|支|袋|瓶|枚|tab|cap|#)", folded[chosen.end() :])
    if taken:
        chosen = taken
    elif packed:
        chosen = next((m for m in doses if m.start() >= chosen.end() + packed.end()), chosen)
    return _amount(chosen, lang), chosen.span()


def _is_dose(folded: str, match: "re.Match[str]") -> bool:
    after = folded[match.end() : match.end() + 3]
    if match["unit"] in {"l", "g", "u"} and re.match(r"\s?/\s?[ld]", after):
        return False
    if re.match(r"\s?/\s?d?l\b", folded[match.end() : match.end() + 4]):
        return False
    return not (match["unit"].isascii() and re.match(r"[a-z]", after))


def _amount(match: "re.Match[str]", lang: str) -> Amount:
    value = _WORDS.get(match["value"], match["value"])
    return amount(value, match["unit"], match["high"], lang)


def _days(match: "re.Match[str]") -> float | None:
    count = match["a"] or match["b"] or match["c"] or match["d"]
    unit = match["ua"] or match["ub"] or match["uc"] or match["ud"]
    words = {
        "一": 1,
        "二": 2,
        "两": 2,
        "三": 3,
        "四": 4,
        "五": 5,
        "六": 6,
        "七": 7,
        "八": 8,
        "九": 9,
        "十": 10,
        "one": 1,
        "two": 2,
        "three": 3,
        "four": 4,
        "five": 5,
        "six": 6,
        "seven": 7,
        "ten": 10,
    }
    value = float(count) if count.isdigit() else float(words.get(count, 0))
    if not value:
        return None
    if unit.startswith(("mes", "moi", "mon")):
        return value * 30.4
    if unit.startswith(("sem", "woc", "wee", "wk", "周")):
        return value * 7
    return value * _DAYS.get(unit[0], 1)
