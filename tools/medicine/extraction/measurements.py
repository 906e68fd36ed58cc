"""Vital signs and laboratory values with units, reference ranges and flags."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from collections.abc import Iterator
from functools import cache
from typing import Final, Literal

from tools.medicine.extraction.amounts import NUMBER, UNIT, amount, range_pattern, reference
from tools.medicine.extraction.context import Context
from tools.medicine.extraction.keydata import Amount, Measurement, Quote, Reference
from tools.medicine.extraction.record import Record
from tools.medicine.extraction.vocabularies import spoken, table

_Flag = Literal["high", "low", "abnormal", "normal"] | None
_LINK: Final = r"[ª.]?[ \t　]{0,6}(?:[（(](?!阳|阴|\+|-)[^）)\n\d+]{0,16}[）)])?[ \t]{0,4}(?:\t|\||:|：|=|→|,(?= ?\d)|为|是|约|测得|查|was|is|were|are|showed|shows|remained|peaked|rose|fell|increased|decreased|improved|up|down|to|of|at|a|de|von|level of|level|levels|on admission|est de|es de|de sortie|à|\s){0,4}[ \t]{0,4}"
_VITALS: Final = (
    ("blood_pressure", r"血压|bp|blood pressure|tension arterielle|presion arterial|=?blutdruck|=ta|=pa|=rr(?=\s?:?\s?\d{2,3}\s?/)|血圧|tension", r"(?P<a>\d{2,3})\s?/\s?(?P<b>\d{2,3})", r"mm\s?hg|kpa|毫米汞柱"),
    ("body_temperature", r"体温|最高体温|temperature|temp|tmax|=t|temperatur|temperatura|体温は|=temp|=ta(?=[ :]{0,3}\d{2}[,.]\d)", rf"(?P<a>{NUMBER})(?:\s?[-~]\s?(?P<high>{NUMBER}))?", r"℃|°\s?c|º\s?c|度|℉|°\s?f|º\s?f|degrees? (?:celsius|fahrenheit)|c\b|f\b"),
    ("heart_rate", r"心率|脉搏|脉率|heart rate|pulse|=hr|=p|=pr|pouls|frequence cardiaque|=fc|frecuencia cardiaca|puls|herzfrequenz|=hf|心拍数|脈拍", r"(?P<a>\d{2,3})(?:\s?[-~]\s?(?P<high>\d{2,3}))?(?!\s?[/.]\s?\d)", r"次\s?/\s?(?:分钟?|min)|次每分|bpm|beats? per minute|beats?/min|/\s?min|lpm|/分|回/分|x'|pm"),
    ("respiratory_rate", r"呼吸频率|呼吸|respiratory rate|respirations?|resp rate|=rr|=r|=resp|frequence respiratoire|=fr|frecuencia respiratoria|atemfrequenz|=af|呼吸数", r"(?P<a>\d{1,2})(?:\s?[-~]\s?(?P<high>\d{1,2}))?(?!\s?[/.]\s?\d{2})", r"次\s?/\s?(?:分钟?|min)|次每分|breaths? per minute|breaths?/min|/\s?min|rpm|/分|回/分|bpm"),
    ("oxygen_saturation", r"指脉氧饱和度|血氧饱和度|指脉氧|指氧|氧饱和度|血氧|spo2|sao2|sat\.? ?o2|o2 sats?|oxygen saturation|sats?|saturation|saturacion(?: de o2)?|sat|sauerstoffsattigung|酸素飽和度", r"(?P<a>\d{2,3})(?:\s?[-~]\s?(?P<high>\d{2,3}))?", r"%|％|percent"),
    ("body_weight", r"体重(?!下降|减轻|减少)|weight(?! loss)|=wt|poids|=peso|gewicht|korpergewicht", rf"(?P<a>{NUMBER})", r"kg|公斤|千克|lbs?|pounds|斤"),
    ("body_height", r"身高|height|=ht|taille|talla|=große|korpergroße|身長", rf"(?P<a>{NUMBER})", r"cm|厘米|m\b|米|in\b|inches"),
    ("body_mass_index", r"体质指数|体重指数|=bmi|bmi|=imc|body mass index", rf"(?P<a>{NUMBER})", r"kg/m2|kg/m²|kg/m\^2"),
)  # fmt: skip
_RANGES: Final = {"heart_rate": (20, 300), "respiratory_rate": (4, 80), "oxygen_saturation": (40, 100), "body_temperature": (25, 115), "body_weight": (0.3, 400), "body_height": (0.3, 250), "body_mass_index": (8, 90), "blood_pressure": (30, 320)}  # fmt: skip
_VALUE: Final = re.compile(
    rf"(?P<sign>[<>≤≥＜＞]=?)?\s?(?P<value>{NUMBER})(?:\s?[-~～]\s?(?P<high>{NUMBER})(?=\s?(?:{UNIT})))?"
    rf"(?:[ \t|]{{0,4}}(?P<flag1>[↑↓]{{1,3}}|[hl]\b(?!\w)|\*(?!\s?10)))?[ \t|]{{0,4}}(?P<unit>{UNIT})?"
    rf"(?:[ \t|]{{0,4}}(?P<flag2>[↑↓]{{1,3}}|[（(]?(?:hh|ll|high|low|h|l|高|低|升高|降低)[）)]?(?![a-z0-9])))?"
)
_WORDS: Final = re.compile(
    r"[（(]?(?P<words>阳性|阴性|弱阳性|未检出|正常|\+{1,4}|±|[1-4]\+|-(?=[）)])|positive|negative|neg\b|pos\b|non-?reactive|reactive|trace|normal|within normal limits|wnl|undetectable|elevated|no growth|无细菌生长|无菌生长|positif|negatif|negative|positivo|negativo|positiv|negativ|陽性|陰性)[）)]?"
)
_CELLS: Final = frozenset({"wbc", "rbc", "platelets", "neutrophil_percent", "lymphocyte_percent", "eosinophils"})
_HIGH, _LOW = frozenset(["↑", "h", "high", "高", "升高", "hh"]), frozenset(["↓", "l", "low", "低", "降低", "ll"])


@cache
def _vital_patterns() -> list[tuple[str, re.Pattern[str]]]:
    made: list[tuple[str, re.Pattern[str]]] = []
    for name, labels, value, units in _VITALS:
        parts = [
            (
                rf"(?<![a-z0-9\u0370-\u03ff]){label[1:]}(?![a-z])"
                if label.startswith("=")
                else label
                if re.search(r"[\u3040-\u9fff]", label)
                else rf"(?<![a-z]){label}"
            )
            for label in re.split(r"\|(?![^(]*\))", labels)
        ]
        made.append((name, re.compile(rf"(?P<name>{'|'.join(parts)}){_LINK}{value}\s?(?P<unit>{units})?")))
    return made


def find_measurements(record: Record) -> list[Measurement]:
    """Vital signs, then laboratory values, each in order."""
    vital = list(_vital_signs(record))
    taken = {at for each in vital for at in range(each.whole.start, each.whole.end)}
    laboratory = [each for each in _laboratory(record) if not taken & set(range(each.whole.start, each.whole.end))]
    return [*vital, *laboratory]


def _vital_signs(record: Record) -> Iterator[Measurement]:
    taken: set[int] = set()
    for name, pattern in _vital_patterns():
        for match in pattern.finditer(record.folded):
            label = match["name"]
            if set(range(*match.span())) & taken:
                continue
            low, high = _RANGES[name]
            value = float(match["a"].replace(",", ".").replace("·", "."))
            unit = match["unit"]
            bare = len(label) <= 2 and not unit
            if not low <= value <= high or (bare and not _among_vitals(record, match.start())):
                continue
            if name in {"body_weight", "body_height"} and not unit:
                continue
            taken |= set(range(*match.span()))
            written = record.text[slice(*match.span("unit"))] if unit else None
            yield Measurement(
                start=match.start("name"), end=match.end("name"), quote=record.text[slice(*match.span("name"))],
                kind="vital_sign", name=name, section=record.section_at(match.start()),
                amount=_vital(name, match["a"], match.groupdict().get("high"), written, record.language),
                second=_vital(name, match["b"], None, written, record.language) if name == "blood_pressure" else None,
                whole=_quote(record, *match.span()),
            )  # fmt: skip


def _among_vitals(record: Record, at: int) -> bool:
    near = record.folded[max(0, at - 60) : at + 60]
    return bool(re.search(r"\b(?:bp|hr|rr|spo2|temp|t|p|r|ta|fc|fr|vs)\b\s?:?\s?\d", near)) or record.section_at(
        at
    ) in {"vital_signs", "examination"}


def _vital(name: str, value: str, high: str | None, unit: str | None, lang: str) -> Amount:
    made = amount(value, unit, high, lang)
    code = made.ucum
    match name:
        case "blood_pressure":
            code = "kPa" if unit and "k" in unit.lower() else "mm[Hg]"
        case "body_temperature":
            fahrenheit = bool(unit and re.search(r"f|℉", unit.lower())) or (unit is None and made.value > 60)
            code = "[degF]" if fahrenheit else "Cel"
        case "heart_rate" | "respiratory_rate":
            code = "/min"
        case "oxygen_saturation":
            code = "%"
        case "body_weight":
            code = "[lb_av]" if unit and re.match(r"lb|pound", unit.lower()) else None if unit == "斤" else "kg"
        case "body_height":
            code = {"m": "m", "米": "m", "in": "[in_i]", "inches": "[in_i]"}.get((unit or "").lower(), "cm")
        case _:
            code = "kg/m2"
    return made.model_copy(update={"ucum": code})


def _laboratory(record: Record) -> Iterator[Measurement]:
    for segment in record.segments:
        if segment.section in {"demographics", "signature"}:
            continue
        folded = record.folded[segment.start : segment.end]
        lang = spoken(segment.language if segment.language != "und" else record.language)
        mentions = list(table("laboratory", lang).find(folded))
        context = Context(folded, lang, segment.section)
        made: list[Measurement] = []
        taken = segment.start
        for place, mention in enumerate(mentions):
            before = folded[mention.start - 1 : mention.start]
            inside = (before.isalnum() and before.isascii()) or before == "化"  # 氯化钾 is a drug
            given = folded[max(0, mention.start - 2) : mention.start] in {"输注", "悬浮", "输入"}
            if inside or given or segment.start + mention.start < taken:
                continue
            following = mentions[place + 1].start if place + 1 < len(mentions) else len(folded)
            one = _measured(record, segment.start, folded, mention.start, mention.end, following, mention.key, lang)
            if one is None:
                continue
            taken = one.whole.end
            mark = context.mark(mention.start, mention.end)
            made.append(one.model_copy(update={"section": segment.section, "subject": mark.subject}))
        sure = [each for each in made if len(each.quote) > 2 or (each.amount and each.amount.unit)]
        for each in made:
            if len(each.quote) > 2 or (each.amount and each.amount.unit) or (sure and each.amount):
                yield each


def _measured(
    record: Record, base: int, folded: str, start: int, end: int, limit: int, name: str, lang: str
) -> Measurement | None:
    link = re.compile(_LINK).match(folded, end, limit)
    at = link.end() if link else end
    abbreviation = re.compile(r"[ ]?[（(](?=[a-z0-9])[a-z0-9 +-]{1,12}[）)][ \t:：=|]{0,6}").match(folded, end)
    if abbreviation:
        at = max(at, abbreviation.end())
        limit = len(folded) if limit < at else limit
    quote = _quote(record, base + start, base + end)
    value = _VALUE.match(folded, at, len(folded))
    if value and value.end() > value.start() and value.start("value") < limit and not _part_of_other(folded, value):
        stop = value.end()
        reference_: Reference | None = None
        ranged = range_pattern().match(folded, stop)
        if ranged and (ranged["label"] or ranged["open"] or re.match(r"[\s|]", folded[stop : stop + 1])):
            written = record.text[base + ranged.start() : base + ranged.end()].strip(" \t|")
            reference_ = reference(ranged, written, lang)
            if reference_:
                stop = ranged.end()
        unit_at = value.span("unit")
        unit = value["unit"]
        if unit is None:
            loose = re.compile(rf"[ \t|]{{0,4}}(?P<unit>{UNIT})").match(folded, stop)
            if loose:
                unit_at, stop = loose.span("unit"), loose.end()
                ranged = range_pattern().match(folded, stop) if reference_ is None else None
                if ranged and (ranged["label"] or ranged["open"] or folded[stop : stop + 1] in " \t|"):
                    reference_ = reference(
                        ranged, record.text[base + ranged.start() : base + ranged.end()].strip(" \t|"), lang
                    )
                    stop = ranged.end() if reference_ else stop
        late = re.compile(r"[ \t|]{0,4}(?P<flag>[↑↓]{1,3}|[（(]?(?:high|low|h|l|高|低)[）)]?(?![a-z0-9]))").match(
            folded, stop
        )
        if late:
            stop = late.end()
        written_unit = record.text[base + unit_at[0] : base + unit_at[1]] if unit_at[0] >= 0 else None
        measured = amount(value["value"], written_unit, value["high"], lang)
        if name in _CELLS and written_unit in {"G/L", "G/l", "T/L", "T/l"}:  # giga and tera a litre
            measured = measured.model_copy(update={"ucum": f"10*{9 if written_unit[0] == 'G' else 12}/L"})
        flag = _flag(value["flag1"], value["flag2"], late["flag"] if late else None) or _against(measured, reference_)
        sign = value["sign"]
        comparator: Literal["<", "<=", ">", ">="] | None = None
        if sign:
            comparator = {"<": "<", "＜": "<", "≤": "<=", "<=": "<=", ">": ">", "＞": ">", "≥": ">=", ">=": ">="}.get(
                sign
            )  # pyright: ignore[reportAssignmentType]
        return Measurement(
            start=quote.start, end=quote.end, quote=quote.quote, kind="laboratory", name=name, amount=measured,
            comparator=comparator, reference=reference_, flag=flag, whole=_quote(record, base + start, base + stop),
        )  # fmt: skip
    words = _WORDS.match(folded, at, len(folded))
    if words and words.start() < limit:
        text = words["words"]
        flag: _Flag = None
        if text in {"elevated"}:
            flag = "high"
        elif text in {"normal", "正常", "wnl", "within normal limits"}:
            flag = "normal"
        return Measurement(
            start=quote.start, end=quote.end, quote=quote.quote, kind="laboratory", name=name,
            text=record.text[base + words.start("words") : base + words.end("words")], flag=flag,
            whole=_quote(record, base + start, base + words.end()),
        )  # fmt: skip
    return None


def _part_of_other(folded: str, value: "re.Match[str]") -> bool:
    """Whether the number is a date, a duration or a dose, not a result."""
    after = folded[value.end() : value.end() + 14]
    if not value["unit"] and re.match(
        r"\s?(?:年|月|日|天|周|次|岁|小时|片|mg\b|weeks?|days?|years?|hours?|jahre|ans\b|años|/\d|[-.]\d{1,2}[-.]\d|times\b|粒|支|h\b)",
        after,
    ):
        return True
    return bool(re.match(r"\s?mg(?!/)", after)) and not value["unit"]


def _flag(*written: str | None) -> _Flag:
    for each in written:
        plain = (each or "").strip("（）() ")
        if plain[:1] in _HIGH or plain in _HIGH:
            return "high"
        if plain[:1] in _LOW or plain in _LOW:
            return "low"
    return None


def _against(measured: Amount, range_: Reference | None) -> _Flag:
    if range_ is None:
        return None
    if range_.high is not None and measured.value > range_.high:
        return "high"
    if range_.low is not None and measured.value < range_.low:
        return "low"
    return "normal"


def _quote(record: Record, start: int, end: int) -> Quote:
    return Quote(start=start, end=end, quote=record.text[start:end])
