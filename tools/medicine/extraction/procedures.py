"""Operations, interventions, endoscopies and examinations of a record."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from collections.abc import Iterator
from typing import Final, Literal, cast

from tools.medicine.extraction.context import Context
from tools.medicine.extraction.keydata import Procedure, Segment
from tools.medicine.extraction.record import Record
from tools.medicine.extraction.vocabularies import spoken, table
from tools.medicine.lexicon import IDEOGRAPHIC, vocabulary

_Kind = Literal["operation", "intervention", "endoscopy", "imaging", "other"]
_FORM: Final = {
    "zh": re.compile(
        r"[\u4e00-\u9fff+]{2,18}(?<!手)(?<!技)(?<!武)(?<!算)(?<!学)(?<!美)(?<!艺)术(?!后|前|中|式|者|语|野|区|室|史|科|毕|终|名|经|记|日|时|方|切|口)"
    ),
    "en": re.compile(
        r"\b(?:(?:laparoscopic|open|right|left|bilateral|total|partial|radical|percutaneous|endoscopic|diagnostic|exploratory|robotic|emergency|elective|subtotal) ){0,3}(?:[a-z]+ ){0,1}?"
        r"(?:[a-z]{3,}(?:ectomy|otomy|ostomy|plasty|oscopy|centesis|odesis|pexy|rrhaphy)|[a-z]+ (?:repair|replacement|transplant|transplantation|resection|excision|ablation|ligation|grafting|decompression|drainage|fusion|reconstruction))\b"
    ),
    "de": re.compile(
        r"\b[a-zß-]{4,}(?:ektomie|otomie|ostomie|plastik|skopie|punktion|transplantation|resektion|operation|exstirpation|implantation)\b"
    ),
    "fr": re.compile(r"\b[a-z]{4,}(?:ectomie|otomie|ostomie|plastie|scopie|centese|transplantation)\b"),
    "es": re.compile(r"\b[a-z]{4,}(?:ectomia|otomia|ostomia|plastia|scopia|centesis|trasplante)\b"),
    "ja": re.compile(r"[\u4e00-\u9fff\u30a0-\u30ff]{2,16}(?<!手)(?<!技)術(?!後|前|中|式|者|野|室|歴)"),
}
_CUT: Final = re.compile(r".*(?:行|予|拟|曾|为|在|下|后|于|施|接受|因|做|术式：|及|和|无|示|的|了|史)")
_PLANNED: Final = re.compile(
    r"(?:拟行|拟择期|拟于|拟|择期|计划|建议|必要时行|必要时|准备|预约|scheduled for|planned for|plan for|plan to|will undergo|to undergo|awaiting|recommend\w*|consider|prevu\w*|programmad?\w*|pendiente de|se solicita|geplant\w*|empfehlen|予定|advised?|needs?|order(?:ed)?|obtain|refer for|schedule|arrange)[^。；;.\n]{0,24}$"
)
_LATER: Final = re.compile(
    r" (?:is |was |has been )?(?:tomorrow|scheduled|planned|next week|pending|today at|recommended)|(?:明日|择期|待排期)"
)
_EARLIER: Final = re.compile(
    r"(?:\d{4}年(?:\d{1,2}月)?|\d+余?年前|[一二三四五六七八九十]+年前|\d+月前|\d+个月前)[^。；;日]{0,12}$"
)
_EARLIER_AFTER: Final = re.compile(
    r"[\u4e00-\u9fff]{0,2}(?:术后|后\d|史)|,? [(]?(?:in |en |im jahr |im jahre )?(?:19|20)\d\d\b(?![-/.]\d)"
)
_NOT: Final = frozenset(
    ["手术", "技术", "麻醉术", "本次术", "该术", "microscopy", "autopsy", "anatomy", "dichotomy", "telescopy"]
)


def find_procedures(record: Record) -> list[Procedure]:
    """Every mention of a procedure, in order."""
    found: list[Procedure] = []
    for segment in record.segments:
        if segment.section not in {"allergies", "demographics", "signature"}:
            found += _in_segment(record, segment)
    return found


def _in_segment(record: Record, segment: Segment) -> Iterator[Procedure]:
    folded = record.folded[segment.start : segment.end]
    lang = spoken(segment.language if segment.language != "und" else record.language)
    spans: list[tuple[int, int, str | None]] = [(m.start, m.end, m.key) for m in table("procedures", lang).find(folded)]
    for match in _FORM[lang].finditer(folded):
        start, end = match.span()
        if lang in IDEOGRAPHIC and (cut := _CUT.match(folded, start, end - 2)):
            start = cut.end()
        if prefix := re.match(
            r"(?:the|a|an|had|of|for|with|and|his|her|p|after|post|prior|previous|underwent|no|s/p|status|her|to|or)\s",
            folded[start:end],
        ):
            start += prefix.end()
        if end - start < 3 or folded[start:end] in _NOT:
            continue
        inside = [each for each in spans if each[0] < end and start < each[1]]
        if inside and any(b - a >= end - start for a, b, _ in inside):
            continue
        key = (
            inside[0][2]
            if len(inside) == 1 and inside[0][2] not in {"ct", "mri", "xray", "ultrasound", "biopsy"}
            else None
        )
        spans = [each for each in spans if each not in inside] + [(start, end, key)]
    context = Context(folded, lang, segment.section) if spans else None
    for start, end, key in sorted(spans):
        mark = context.mark(start, end, after=False) if context else None
        if mark is None or (segment.section == "family_history" and mark.subject == "other"):
            continue
        a, b = segment.start + start, segment.start + end
        planned = bool(_PLANNED.search(folded[:start]) or _LATER.match(folded, end))
        after = bool(_EARLIER_AFTER.match(folded, end) or _EARLIER.search(folded[:start]))
        yield Procedure(
            start=a, end=b, quote=record.text[a:b], presence="affirmed" if planned and mark.presence == "suspected" else mark.presence,
            historical=(mark.historical or after) and not planned, subject=mark.subject, section=segment.section,
            kind=cast(_Kind, vocabulary("procedures")[key]["kind"]) if key else "operation", name=key, planned=planned,
        )  # fmt: skip
