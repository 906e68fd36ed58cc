"""Allergies of a record: to what, with what reaction, and where none is known."""
# Patterns read better unbroken.
# ruff: noqa: E501

import re
from collections.abc import Iterator
from typing import Final

from tools.medicine.drugs import find_drugs
from tools.medicine.extraction.context import Context
from tools.medicine.extraction.keydata import Allergy, Segment
from tools.medicine.extraction.record import Record
from tools.medicine.extraction.vocabularies import spoken

_NONE: Final = re.compile(
    r"\bnkd?a\b|\bnkfa\b|no known (?:drug |food |medication |medicine )?(?:and food )?allerg\w+|no (?:drug |food |medication |medicinal )?allerg\w+|denies (?:any )?(?:known )?(?:drug |food |medication )?(?:or food )?allerg\w+|"
    r"(?:无|否认|未发现|没有|无已知|未诉)(?:明确|明显|已知|任何)?(?:的)?(?:药物|食物|药食|药物及食物|食物及药物|药物、食物|食物、药物|药物或食物|食物或药物|其他药物|其他|其它)?(?:等|性)?(?:过敏|過敏)(?:史|病史)?|"
    r"(?:药物|食物|药物及食物|食物药物|药物、食物)?过敏史?\s?[:：]\s?(?:无|否认|没有|未发现|不详)(?!.{0,12}过敏)|"
    r"(?:否认|无)[^。；;\n]{0,30}(?:药物|食物)[^。；;\n]{0,8}过敏史?|"
    r"pas d'allergies?(?: medicamenteuses?)?(?: connues?)?|aucune allergie(?: connue| medicamenteuse)*|allergies?\s?[:：]\s?(?:none|no|nil|aucune|neant|non|nein|keine|ninguna|niega|nega|no conocidas|unknown|not known|なし|無し|denies)\b[^.\n]{0,24}|"
    r"sin alergias(?: medicamentosas)?(?: conocidas)?|no (?:refiere |presenta |tiene )?alergias?(?: medicamentosas)?(?: conocidas)?|niega alergias?(?: medicamentosas)?|no alergico|alergias\s?[:：]\s?(?:no|niega|ninguna)[^.\n]{0,24}|"
    r"keine (?:bekannten )?allergien(?: bekannt)?|allergien?\s?[:：]\s?(?:keine|nein|nicht bekannt|verneint)[^.\n]{0,16}|allergien (?:sind )?nicht bekannt|"
    r"アレルキー(?:歴)?\s?(?:[:：は]\s?)?(?:特に)?(?:なし|無し|ない)"
)
_HAN: Final = re.compile(
    r"(?:对|對|曾对|可疑)(?P<what>[^，。；;：:\n对]{1,30}?)(?:等)?(?:(?:药物|食物|类药物|制剂)?(?:过敏|過敏)|不耐受)|(?P<before>[\u4e00-\u9fffA-Za-z]{2,14}?(?:[、及和][\u4e00-\u9fffA-Za-z]{2,12}){0,4}?)(?:类)?(?:药物)?(?:过敏|過敏)(?!性|原|科|反应阴性|试验)"
)
_LATIN: Final = re.compile(
    r"(?:allergic (?:reaction )?to|allerg(?:y|ies) to|anaphyla(?:xis|ctic reaction) (?:to|with|after)|intoleran(?:t|ce) (?:to|of)|hypersensitivity to|allergique (?:a la |a l'|aux? |a )|allergies? (?:a la |a l'|aux? |au )|"
    r"alergic[oa]s? a(?: la| los| las|l)?|alergias? a(?: la| los| las|l)?|intolerancia a(?: la| los)?|allergisch (?:gegen|auf)|allergien? (?:gegen|auf)|unvertraglichkeit (?:gegen|von))\s?"
    r"(?P<what>[^.;:\n()]{2,80})"
)
_LATIN_BEFORE: Final = re.compile(
    r"(?P<what>[a-z][a-z-]{2,24}(?: [a-z][a-z-]{2,14})?)[- ](?:allerg(?:y|ie)|anaphylaxis)\b(?! to| list| clinic)|(?P<ja>[\u30a0-\u30ff\u4e00-\u9fff]{2,14}?)(?:に(?:対する)?|の|系?薬?)?アレルキー(?!性|歴|科|：|なし)"
)
_REACTION: Final = re.compile(
    r"[（(](?P<paren>[^）)\n]{2,40})[）)]|[，,]?\s?(?:表现为|出现|致|引起|导致|后出现|causes?|caused|causing|reaction\s?[:：]|leads to|led to|with|→|->|con|avec|mit|=|developed|which caused|-|–|：)\s?(?P<word>[^。；;.,，\n（(]{2,40})"
)
_SPLIT: Final = re.compile(
    r"\s*(?:、|,|，|;|；|/|\n|及|和|以及|与|\band\b|\bor\b|\bet\b|\by\b|\bund\b|\bsowie\b|\boder\b|と)\s*"
)
_ITEM: Final = re.compile(
    r"[^,，、;；\n。.（(]+(?:[（(][^）)\n]*[）)])?(?:\s?(?:-|–|:|：|→|causes|致|表现为)\s?[^,，、;；\n。.]+)?"
)
_EMPTY: Final = re.compile(
    r"^(?:with|无|否认|不详|没有|none|no|nil|unknown|denies|known|drug|drugs|food|药物|食物|其他|其它|史|药物、食物|药物及食物|the|any|a|an|及|和|见|有|曾|既往|患者|病人|本人|季节性|明确|性|类|severe|mild|has|seasonal|her|his|environmental|"
    r"aucune|connue|ninguna|conocidas|keine|bekannt|なし|無し|特に|medication|medications|medicamentosas?|known drug|food and drug)?\W*$"
)
_LEADING: Final = re.compile(
    r"^(?:(?:有|曾有|曾对|曾|既往有|既往|患者对|患者|对|为|has|patient has|severe|documented|reported|history of|于|是|诉|自诉|否认|无|of|(?:las?|los|el|la|le|les|die|der|das|known|the|a|an|with)(?= )|l'(?=[a-z])|其他|过敏史|有过|食用|使用|注射|应用|服用|食)\s?)+"
)
_STOPPED: Final = re.compile(
    r"\s(?:since|in \d|which|who|that|but|as a|when|after|causing|with|causes|resulting|developed|and (?:has|is|was|reports|takes|denies)|avec|con|mit|seit|desde|depuis|no)\b.*$|(?:，|,)\s?(?:否认|无|no|denies|nie|niega|sin|pas).*$"
)


def find_allergies(record: Record) -> list[Allergy]:
    """Every statement about an allergy, in order; one that none is known has no substance."""
    found: list[Allergy] = []
    for match in _NONE.finditer(record.folded):
        segment = record.segment_at(match.start())
        section = record.section_at(match.start())
        if section == "family_history" or (segment and _others(segment)):
            continue
        found.append(
            Allergy(
                start=match.start(),
                end=match.end(),
                quote=record.text[slice(*match.span())],
                presence="negated",
                section=section,
            )
        )
    none = list(found)
    for segment in record.segments:
        found += _in_segment(record, segment, none)
    found += _section(record, found)
    return _distinct(sorted(found, key=lambda allergy: allergy.start))


def _others(segment: Segment) -> bool:
    return bool(re.match(r"(?:父亲|母亲|其父|其母|mother|father)", segment.quote))


def _in_segment(record: Record, segment: Segment, none: list[Allergy]) -> Iterator[Allergy]:
    folded = record.folded[segment.start : segment.end]
    if not re.search(r"过敏|過敏|不耐受|allerg|alerg|アレルキー|anaphyla|intoleran|hypersens|unvertrag", folded):
        return
    lang = spoken(segment.language if segment.language != "und" else record.language)
    context = Context(folded, lang, segment.section)
    for pattern in (_HAN, _LATIN, _LATIN_BEFORE):
        for match in pattern.finditer(folded):
            group = next(name for name in ("what", "before", "ja") if name in match.groupdict() and match[name])
            start, end = match.span(group)
            if any(each.start <= segment.start + match.end() - 1 < each.end for each in none):
                continue
            if cut := _STOPPED.search(folded[start:end]):
                end = start + cut.start()
            for a, b in _items(folded, start, end):
                allergy = _allergy(record, segment, folded, lang, context, a, b, match.end())
                if allergy:
                    yield allergy


def _items(folded: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    at = start
    for gap in [*_SPLIT.finditer(folded, start, end), None]:
        stop = gap.start() if gap else end
        if lead := _LEADING.match(folded[at:stop]):
            at += lead.end()
        body = folded[at:stop]
        a, b = at + len(body) - len(body.lstrip()), at + len(body.rstrip(" .。:："))
        told = re.search(r"\b(?:went|had|has|was|is|were|developed|takes|no|denies)\b", folded[a:b])
        if not _EMPTY.match(folded[a:b]) and 2 <= b - a <= 40 and not told:
            yield a, b
        at = gap.end() if gap else end


def _allergy(
    record: Record, segment: Segment, folded: str, lang: str, context: Context, start: int, end: int, after: int
) -> Allergy | None:
    drug = next(iter(find_drugs(folded[start:end], lang)), None)
    mark = context.mark(start, end)
    presence = "negated" if re.search(r"(?:否认|无|未见|没有)[^，。；]{0,8}$", folded[:start]) else mark.presence
    if re.search(r"\d{2,}|年|岁|主诉|咳嗽", folded[start:end]):
        return None
    reaction = _REACTION.match(folded, max(after, end)) or _REACTION.match(folded, end)
    written = None
    if reaction:
        group = "paren" if reaction["paren"] else "word"
        written = record.text[segment.start + reaction.start(group) : segment.start + reaction.end(group)].strip()
    a, b = segment.start + start, segment.start + end
    return Allergy(
        start=a, end=b, quote=record.text[a:b], presence=presence, historical=False, subject=mark.subject, section=segment.section,
        substance=record.text[a:b], drug=drug.name if drug else None, reaction=written,
    )  # fmt: skip


def _section(record: Record, known: list[Allergy]) -> Iterator[Allergy]:
    """The items of a section of allergies."""
    for section in record.sections:
        if section.kind != "allergies":
            continue
        body = record.folded[section.end : section.body_end]
        paragraph = re.match(r"\s*(?:(?:[-•*]|\d+[.)])?[^\n]+\n?)*", body)
        end = section.end + (paragraph.end() if paragraph else len(body))
        for match in _ITEM.finditer(record.folded, section.end, end):
            item = record.folded[match.start() : match.end()]
            start = match.start() + len(item) - len(item.lstrip(" \t\n-•*"))
            core = re.match(
                r"(?:\d+[.)]\s?)?(?P<what>[^（(:：→–]+?)(?:\s-\s|\s?[（(:：→–]|\s?(?:causes|致|表现为|引起|过敏)|$)",
                record.folded[start : match.end()],
            )
            if core is None:
                continue
            a, b = start + core.start("what"), start + len(core["what"].rstrip()) + core.start("what")
            if lead := _LEADING.match(record.folded[a:b]):
                a += lead.end()
            what = record.folded[a:b]
            if (
                _EMPTY.match(what)
                or not 2 <= len(what) <= 36
                or len(what.split()) > 4
                or re.search(r"过敏|\d|allerg|alerg|アレルキー|否认|denies|no known|nkda", what)
            ):
                continue
            if any(each.start < b and a < each.end for each in known):
                continue
            rest = _REACTION.match(record.folded, b) or re.compile(
                r"\s?(?:过敏|过敏史)?[（(](?P<paren>[^）)\n]{2,40})[）)](?P<word>)"
            ).match(record.folded, b)
            reaction = None
            if rest:
                group = "paren" if rest["paren"] else "word"
                reaction = record.text[rest.start(group) : rest.end(group)].strip()
            segment = record.segment_at(a)
            lang = spoken(segment.language if segment else record.language)
            drug = next(iter(find_drugs(what, lang)), None)
            yield Allergy(
                start=a, end=b, quote=record.text[a:b], section="allergies", substance=record.text[a:b],
                drug=drug.name if drug else None, reaction=reaction or None,
            )  # fmt: skip


def _distinct(found: list[Allergy]) -> list[Allergy]:
    kept: list[Allergy] = []
    for allergy in found:
        if not any(allergy.start < other.end and other.start < allergy.end for other in kept):
            kept.append(allergy)
    return kept
