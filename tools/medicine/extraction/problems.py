"""Problems of a record: conditions and symptoms of the vocabulary, those that only their form shows, and diagnoses."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tools.medicine.extraction.context import Context
from tools.medicine.extraction.keydata import Problem, Segment
from tools.medicine.extraction.record import Record
from tools.medicine.extraction.vocabularies import exact_names, problems, spoken
from tools.medicine.lexicon import IDEOGRAPHIC, vocabulary

_SKIPPED: Final = frozenset({"demographics", "allergies", "signature"})
_MODIFIERS: Final = re.compile(
    r"(?:急性|慢性|亚急性|陈旧性|左侧|右侧|双侧|左|右|双|轻度|中度|重度|反复|复发性|继发性|原发性|先天性|化脓性|持续性|阵发性|间断|剧烈|活动性|重症|"
    r"早期|晚期|老年性|缺血性|出血性|糖尿病性|高血压性|病毒性|细菌性|真菌性|社区获得性|医院获得性|acute |chronic |recurrent |severe |mild |moderate |"
    r"left |right |bilateral |stage \w+ |type \d |new-onset |persistent |intermittent |worsening |exacerbation of |flare of |complicated |akute[rs]? |chronische[rs]? |aguda? |cronica )+$"
)
_GRADE: Final = re.compile(
    r"[ ]?(?:\d级(?:[ ]?[（(]?(?:很高危|极高危|高危|中危|低危)[）)]?)?|[（(]?(?:CKD)?\d期[）)]?|急性加重期|急性发作|急性加重|失代偿期|代偿期|[ⅠⅡⅢⅣIV]{1,3}级|NYHA[ ]?[IVⅠⅡⅢⅣ]+级?|,? stage \w{1,3}\b)",
    re.IGNORECASE,
)
_FORM: Final = {
    "zh": re.compile(
        r"(?P<name>[\u4e00-\u9fff]{1,9}?(?:炎|癌|肉瘤|瘤|综合征|骨折|梗死|结石|衰竭|感染|畸形|囊肿|息肉|溃疡|贫血|缺损|狭窄|硬化症?|增生症?|脱位|"
        r"损伤|积液|血症|心脏病|肺病|肾病|肝病|皮肤病|疝|脱垂|闭塞|血肿|撕裂|挫伤|中毒|疼痛|隐痛|胀痛|绞痛|刺痛|钝痛|酸痛|剧痛|压榨痛))(?!症状|学|科|专|因子|药|片|史者|率|培养|灶|标志)"
    ),
    "en": re.compile(
        r"\b(?P<name>(?:[a-z][a-z-]+ ){0,2}?(?:[a-z]{3,}(?:itis|oma|osis|emia|aemia|opathy|algia|plegia|penia|megaly|cele)|"
        r"(?:[a-z][a-z'-]+ ){1,3}?(?:pain|ache|discomfort)|(?:[a-z][a-z'-]+ ){1,2}(?:syndrome|disease|disorder|fracture|infection|cancer|carcinoma|deficiency|failure|insufficiency|stenosis|tear|tumou?r|cyst|polyp|injury|abscess|hernia|dissection|contusion|laceration|sprain|strain|burn)))\b"
    ),
    "de": re.compile(
        r"\b(?P<name>[a-zß-]{3,}(?:schmerzen|schmerz|krankheit|entzundung|syndrom|fraktur|itis|infarkt|insuffizienz|karzinom|bruch|anamie|stenose|tumor|zyste|ruptur|infektion|erkrankung))\b"
    ),
    "es": re.compile(
        r"\b(?P<name>[a-z]{4,}(?:itis|osis|patia|algia)|(?:hiper|hipo|an|leuc|bacteri|ur|isqu)[a-z]{0,8}emia"
        r"|(?:dolor|fractura|sindrome|enfermedad|insuficiencia|infeccion|carcinoma|tumor|quiste) (?:(?:de |del |de la |en el |en la )[a-z]+|[a-z]{3,}(?:al|ales|ar|ico|ica|icos|icas|oso|osa|ario|aria)\b))"
    ),
    "fr": re.compile(
        r"\b(?P<name>[a-z]{3,}(?:ite|pathie|algie)|[a-z]{4,}(?:rose|lose|nose|tose|dose)|(?:hyper|hypo|an|leuc|bacteri|ur|isch)[a-z]{0,8}emie"
        r"|(?:douleurs?|fracture|syndrome|maladie|insuffisance|infection|carcinome|tumeur|kyste) (?:(?:de l'|de la |du |des |de |d'|a l'|a la )[a-z]+|[a-z]{3,}(?:ale|ales|aire|aires|ique|iques|euse|ee|ive)\b))"
    ),
    "ja": re.compile(
        r"(?P<name>[\u4e00-\u9fff\u30a0-\u30ff]{1,9}?(?:炎|癌|腫瘍|症候群|骨折|梗塞|結石|不全|感染症|潰瘍|貧血|狭窄|症))(?!状|例)"
    ),
}
_CUT: Final = re.compile(
    r".*(?:无|未见|否认|有|患|为|示|及|和|与|并|伴|或|的|因|予|行|见|考虑|诊断|提示|符合|合并|继发|曾|可疑|疑|除外|排除|治疗|抗|防|查|、|出现|诉|天前|月前|年前|周前|时前|日前|术后|饮酒后|餐后|进食后|活动后|切口|轻度|感到?|自觉)"
)
_NO_FORM: Final = re.compile(
    r"^(?:the|a|an|and|or|of|no|with|for|his|her|any|this|was|is|has|had|known|new|patient|heart|lung|liver|kidney|other|some|possible|suspected|denies|history)\b |"
    r"(?:diagnosis|prognosis|anastomosis|hypnosis|osmosis|metastasis free|coma scale|anamnese|dose|gabe|visite|suite|site|droite|limite|petite|parasite|ensuite|visite|chose|cause|prescrite|retraite|conduite|ecrite|faite|reduite|interdite|dite|decrite|produite|petite|insolite|nitrite|sulfite|granulocyte|lymphocyte|plaquettose|glucose|lactose)$|"
    r"^(?:消炎|抗炎|预防感染|抗感染|控制感染|目的|肿瘤|抗肿瘤)$"
)
_DIAGNOSIS_ITEM: Final = re.compile(r"[^\n；;]+")
_NUMBERED: Final = re.compile(
    r"(?:^|(?<=[\s，,。.；;]))(?:\d{1,2}(?:[、)）．]|\.(?!\d))|[（(]\d{1,2}[)）]|[①-⑳]|[-•*·])[ ]?"
)
_NOT_ITEM: Final = re.compile(
    r"^(?:.{0,12}[:：]|.*\d\s?(?:mg|mcg|ml|units|片|mmol)|无|none|n/a|same\b|同上|.*suspicion|待定|as above|see |follow|continue|start|建议|继续|予|给予|定期|随访|复查|请结合|stable|plan|discharge|will )",
    re.IGNORECASE,
)


def find_problems(record: Record) -> list[Problem]:
    """Every mention of a problem, the patient's and others', in order."""
    found: list[Problem] = []
    for segment in record.segments:
        if segment.section not in _SKIPPED and not record.is_heading(segment.start, segment.end):
            found += _in_segment(record, segment)
    taken = {at for problem in found for at in range(problem.start, problem.end)}
    found += [item for item in _diagnoses(record) if not taken & set(range(item.start, item.end))]
    return sorted(found, key=lambda problem: problem.start)


def _in_segment(record: Record, segment: Segment) -> Iterator[Problem]:
    folded = record.folded[segment.start : segment.end]
    lang = spoken(segment.language)
    context = Context(folded, lang, segment.section)
    spans: list[tuple[int, int, str | None]] = [(m.start, m.end, m.key) for m in problems(lang).find(folded)]
    taken = {at for start, end, _ in spans for at in range(start, end)}
    for match in _FORM[lang].finditer(folded):
        start, end = match.span("name")
        if lang in IDEOGRAPHIC and (cut := _CUT.match(folded, start, end - 1)):
            start = cut.end()
        if lang == "en" and (
            joined := re.match(r".*\b(?:but|denies|denied|and|or|no|with|without)\s", folded[start:end])
        ):
            start += joined.end()
        name = folded[start:end]
        while prefix := re.match(
            r"(?:the|a|an|and|or|of|no|with|for|his|her|any|this|was|is|has|had|known|new|to|on|in|by|from|as|not|without|possible|suspected|likely|denies|history|patient|developed|diagnosed|underwent|treated|due|secondary|but|denies|denied|having|reports|some|their|after|before|p|s)\s",
            name,
        ):
            start += prefix.end()
            name = folded[start:end]
        if _NO_FORM.search(name) or len(name) < (3 if lang in IDEOGRAPHIC else 5) or taken & set(range(start, end)):
            continue
        if (
            lang == "en"
            and " " not in name
            and name in {"disease", "syndrome", "fracture", "infection", "cancer", "failure", "injury"}
        ):
            continue
        spans.append((start, end, None))
        taken |= set(range(start, end))
    for start, end, concept in sorted(spans):
        if folded[start:end] == "咳" and re.match(r"[\u4e00-\u9fff]{0,3}痰", folded[end:]):
            continue
        if re.search(r"(?:prn|as needed|when needed|as required)(?: for)? $|if $", folded[:start]):
            continue  # what a drug is for
        yield _problem(record, segment, folded, context, start, end, concept)


def _problem(
    record: Record, segment: Segment, folded: str, context: Context, start: int, end: int, concept: str | None
) -> Problem:
    mark = context.mark(start, end)
    if folded[max(0, start - 2) : start].strip() == "?" or re.match(r"\s?[?？]", folded[end:]):
        mark = replace(mark, presence="suspected")
    exact = concept is not None and folded[start:end] in exact_names(concept)
    before = _MODIFIERS.search(folded[:start])
    if before:
        start = before.start()
    grade = _GRADE.match(record.text, segment.start + end, segment.end)
    if grade:
        end = grade.end() - segment.start
    row = vocabulary("conditions").get(concept or "", {})
    code = row.get("icd") if exact and before is None and (grade is None or concept == "hypertension") else None
    a, b = segment.start + start, segment.start + end
    relation = None
    if mark.subject == "other":
        relation = (
            record.text[segment.start + mark.relation[0] : segment.start + mark.relation[1]] if mark.relation else None
        )
    return Problem(
        start=a, end=b, quote=record.text[a:b], presence=mark.presence, historical=mark.historical, subject=mark.subject,
        section=segment.section, concept=concept, icd10cm=code, relation=relation,
    )  # fmt: skip


def _diagnoses(record: Record) -> Iterator[Problem]:
    """The items of a diagnosis section, whatever they say."""
    for section in record.sections:
        if section.kind != "diagnosis":
            continue
        for line in _DIAGNOSIS_ITEM.finditer(record.text, section.end, section.body_end):
            marks = list(_NUMBERED.finditer(record.text, line.start(), line.end()))
            starts = [mark.end() for mark in marks] or [line.start()]
            ends = [mark.start() for mark in marks[1:]] + [line.end()]
            for start, end in zip(starts, ends, strict=True):
                body = record.text[start:end]
                a, b = start + len(body) - len(body.lstrip()), start + len(body.rstrip(" \t\n。.,，、"))
                item = record.text[a:b]
                short = len(item) <= 28 if re.search(r"[\u3400-\u9fff]", item) else len(item.split()) <= 7
                if len(item) < 3 or not short or _NOT_ITEM.match(item) or not re.search(r"[^\W\d_]{2}", item):
                    continue
                if not marks and "," in item and " " in item and not re.search(r"[\u3400-\u9fff]", item):
                    continue
                segment = record.segment_at(a)
                lang = spoken(segment.language if segment else record.language)
                folded = record.folded[line.start() : line.end()]
                mark = Context(folded, lang, "diagnosis").mark(a - line.start(), b - line.start())
                suspected = bool(re.search(r"[?？]$|待排|待查|可能", item))
                yield Problem(
                    start=a, end=b, quote=item, presence="suspected" if suspected else mark.presence,
                    historical=mark.historical, subject=mark.subject, section="diagnosis",
                )  # fmt: skip
