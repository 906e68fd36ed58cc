"""Cross-references: what a contract calls its parts, and which of those there are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tools.contracts.numbering import CN, chinese_number, number_value

_PARENS = r"(?:\s?\([a-zA-Z0-9]{1,4}\)){0,4}"
_ITEM = (
    rf"(?:\d{{1,4}}(?:\.\d{{1,3}}){{0,4}}(?:[A-Z](?![a-zA-Z]))?{_PARENS}|[IVXL]{{1,6}}(?![A-Za-z]){_PARENS}"
    rf"|\([a-zA-Z0-9]{{1,4}}\){_PARENS})"
)
_ENGLISH = re.compile(
    r"\b(?P<word>(?:sub-?)?(?:sections?|articles?|clauses?|paragraphs?)|§{1,2})\s{0,3}"
    rf"(?P<items>{_ITEM}(?:(?:,?\s{{1,3}}(?:and|or|through|to|and/or)\s{{1,3}}|,\s{{0,3}}"
    rf"|\s?[-–&]\s?)(?:(?:[Ss]ections?|[Cc]lauses?|[Aa]rticles?)\s)?{_ITEM}){{0,12}})",
    re.IGNORECASE,
)
_ONE = re.compile(_ITEM)
_ATTACHMENT = re.compile(
    r"\b(?P<word>Schedule|Exhibit|Annex|Annexure|Appendix|Attachment|SCHEDULE|EXHIBIT|ANNEX|APPENDIX"
    r"|ATTACHMENT)s?(?: {1,2}|[ \t]?\n[ \t]{0,12})"
    r"(?:No\.?\s)?[\"“']?(?!(?:OR|IS|TO|AS|OF|IN|BY|AT|ON|IF|AN|NO|SO|WE|DO|13[DEG]|14[ACDFN]|TO-?[A-Z]?|K-1)\b)"
    r"(?P<key>[A-Z]{1,2}(?:[-–.]?\d{1,2})?|\d{1,2}(?:[.-]\d{1,2}){0,2}(?:-?[A-Z])?|[IVX]{1,5})(?![\w])"
)
_CHINESE = re.compile(
    rf"(?:本(?:合同|协议)\s{{0,2}})?第\s{{0,2}}(?P<number>[{CN}]{{1,7}}"
    rf"|\d{{1,3}}(?:\.\d{{1,3}}){{0,3}})\s{{0,2}}(?P<word>条|章|款)"
    rf"(?:(?:之?第)?\s{{0,2}}(?P<inner>\d{{1,2}}(?:\.\d{{1,2}}){{1,3}}))?(?:第[{CN}\d]{{1,3}}款)?"
    rf"(?:第?[（(]?[{CN}\d]{{1,3}}[)）]?项)?"
)
_CHINESE_ATTACHMENT = re.compile(
    rf"(?P<word>附件|附表|附录)\s{{0,2}}(?P<key>[{CN}]{{1,3}}|\d{{1,2}}|[A-Z](?![A-Za-z]))(?![{CN}]?[个份页张])"
)
_CHINESE_STATUTE = re.compile(
    rf"(?:》|法|条例|规定|办法|解释|法典|细则|规则)(?:[（(][^（）()]{{0,20}}[)）])?(?:第?[{CN}\d]{{1,7}}[条款项]?[、，及和与至第\s]{{1,3}}){{0,6}}"
    rf"(?:的)?$"
)
_OWN = re.compile(
    r"[,\s]{1,3}(?:(?:above|below|hereof|hereto|herein|hereunder)|(?:of|to|in|under)\s+(?:this|these|the\s+(?:terms"
    r"|general|present)|(?:[Ss]ection|[Aa]rticle|[Cc]lause)\s))",
)
_OTHERS = re.compile(
    r"(?:\s{0,2}\([^()]{0,60}\))?,?\s{1,3}(?:thereof|thereto|therein|thereunder|(?:of|to|under|in|from)\s+(?:the"
    r"|that|such|said|each|any|an?|its|his|their|those|either|both|Regulation|Title|Part|Chapter|"
    r"Subchapter|[A-Z][\w&.’']*)\b)",
)
_OTHERS_BEFORE = re.compile(
    r"(?:\b(?:Act|Code|UCC|U\.C\.C\.|Rules?|Regulations?|C\.?F\.?R\.?|U\.?S\.?C\.?(?:A\.)?|Law|Statutes?|Stat\."
    r"|Ann\.|Treasury|Treas\. Reg\.|IRC|Internal Revenue|ERISA|GDPR|"
    r"Directive|Lease|Indenture|Constitution|By-?laws|Charter|Plan|Title \d+|Agreement’s|Agreement's|Civil Code"
    r"|Labor Code|thereunder)[,\s(]{1,4}(?:[A-Za-z]{1,9}\s){0,1})$"
)
_OWN_WORDS = re.compile(r"\s(?:of|to|under|in)\s+(?:the|that)\s+(?:Agreement|Contract)\b")


@dataclass(frozen=True, slots=True)
class Mentioned:
    """A mention of a part. key: ("14", "3", "a") or ("schedule b",).

    foreign: it belongs to another document or a statute.
    relative: says only where in the same clause ("paragraph (b)").
    """

    start: int
    end: int
    target: str
    key: tuple[str, ...]
    foreign: bool
    relative: bool = False


def mentioned_parts(text: str, language: str) -> list[Mentioned]:
    """Every mention of a part of a contract, in order."""
    found = [*_english(text), *_attachments(text)]
    if language.startswith("zh"):
        found += [*_chinese(text)]
    return sorted(found, key=lambda each: each.start)


def number_key(printed: str) -> tuple[str, ...]:
    """The parts of a printed number, for comparing: "14.3(a)" → ("14", "3", "a"); "XIV" → ("14",)."""
    head, _, rest = printed.replace(" ", "").partition("(")
    inner = tuple(part.rstrip(")").lower() for part in rest.split("(") if part) if rest else ()
    if not head:
        return inner
    if head[0].isdigit():
        return (*(str(int(part)) if part.isdecimal() else part.lower() for part in head.split(".") if part), *inner)
    value = number_value(head)
    return (str(value) if value else head.lower(), *inner)


def _english(text: str) -> Iterator[Mentioned]:
    for match in _ENGLISH.finditer(text):
        after = text[match.end() : match.end() + 90]
        before = text[max(0, match.start() - 40) : match.start()]
        own = bool(_OWN.match(after) or _OWN_WORDS.match(after))
        foreign = not own and bool(_OTHERS.match(after) or _OTHERS_BEFORE.search(before))
        items = list(_ONE.finditer(text, match.start("items"), match.end("items")))
        outer: tuple[str, ...] = ()
        parenthesised, head = False, ""
        for ordinal, item in enumerate(items):
            printed = item.group()
            key = number_key(printed)
            relative = False
            if printed[0] == "(":
                relative = not outer or (ordinal > 0 and not parenthesised)
                key = (*outer, *key)
            else:
                outer = number_key(printed.split("(")[0])
                parenthesised = "(" in printed
                head = "".join(printed.split("(")[0].split())
            start = match.start() if ordinal == 0 else item.start()
            strange = (key[0].isdecimal() and int(key[0]) > 99) or (not relative and not key[0].isdecimal())
            yield Mentioned(
                start,
                item.end(),
                (head if printed[0] == "(" and not relative else "") + "".join(printed.split()),
                key,
                foreign or strange,
                relative,
            )


def _attachments(text: str) -> Iterator[Mentioned]:
    for match in _ATTACHMENT.finditer(text):
        after = text[match.end() : match.end() + 60]
        foreign = bool(_OTHERS.match(after)) and not _OWN.match(after) and not _OWN_WORDS.match(after)
        filed = match.start() < 300 and match.group("word").lower() == "exhibit" and "." in match.group("key")
        foreign = foreign or filed  # the number under which a stock exchange filing lists the contract itself
        word = match.group("word").lower()
        key = match.group("key").upper().replace("–", "-")
        yield Mentioned(match.start(), match.end(), f"{word.capitalize()} {key}", (f"{word} {key}",), foreign)


def _chinese(text: str) -> Iterator[Mentioned]:
    for match in _CHINESE.finditer(text):
        number = match.group("inner") or match.group("number")
        own = match.group().startswith("本")
        foreign = not own and bool(_CHINESE_STATUTE.search(text[max(0, match.start() - 60) : match.start()]))
        if match.group("word") == "章" or (match.group("word") == "款" and "." not in number):
            continue
        if "." in number:
            key = tuple(str(int(part)) for part in number.split("."))
        else:
            value = chinese_number(number)
            if value is None:
                continue
            key = (str(value),)
        yield Mentioned(match.start(), match.end(), match.group(), key, foreign)
    for match in _CHINESE_ATTACHMENT.finditer(text):
        key = match.group("key")
        value = chinese_number(key) if not key.isalpha() or key[0] in CN else None
        yield Mentioned(match.start(), match.end(), match.group(), (f"{match.group('word')} {value or key}",), False)
