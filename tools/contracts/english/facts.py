"""The facts of an English contract: what it is called, between whom, of which date, from when and until when.

CUAD asks for these of every contract (The Atticus Project, CUAD v1, CC BY 4.0); each is reported where it can be read.
"""

import re

from tools.contracts.contract import Passage
from tools.contracts.finding import find_in
from tools.contracts.rules import Rule, cue, rule
from tools.contracts.sentences import ContractText

_OPENING = 20_000  # characters in which a contract names itself and its parties, after cover page and contents
_PREAMBLE = 3_000  # characters that the list of parties may take

_KINDS = (
    r"AGREEMENT|CONTRACT|LEASE|AMENDMENT|ADDENDUM|DEED|TERMS\s+AND\s+CONDITIONS|TERMS\s+OF\s+(?:USE"
    r"|SERVICE)|CHARTER|GUARANT(?:Y|EE)"
)
_CAPITALS = re.compile(rf"\b(?:[A-Z][A-Z&/,'’-]*\s+){{0,9}}?(?:{_KINDS})\b(?:\s+(?:NO\.\s*\d+|OF\s+[A-Z]+))?")
_TITLE_CASE = re.compile(
    r"\b[Tt]his\s+((?:[A-Z][\w&/-]*\s+(?:and\s+|of\s+|for\s+)?){1,8}(?:Agreement|Contract|Lease|Amendment"
    r"|Addendum))\b"
)
_NO_TITLE = re.compile(
    r"^(?:(?:THIS|THE|EXHIBIT|EXECUTION|COPY|VERSION|FORM|OF|BETWEEN|AND|CONFIDENTIAL|FINAL|[A-Z])\s+)+"
)

_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December|Jan\.?"
    r"|Feb\.?|Aug\.?|Sept?\.?|Oct\.?|Nov\.?|Dec\.?)"
)
DATE = re.compile(
    rf"{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\s*,?\s+\d{{4}}|\d{{1,2}}\s?(?:s\s?t|n\s?d|r\s?d"
    rf"|t\s?h)?\s+(?:day\s+of\s+)?{_MONTH}\s*,?\s+\d{{4}}"
    r"|\d{1,2}/\d{1,2}/\d{2,4}|\d{4}-\d{2}-\d{2}|_{3,}\s*(?:day\s+of\s+_{3,}\s*)?,?\s*(?:19|20)[\d_]{2}",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"(?:dated|entered\s+into|made|executed|signed|effective|as\s+of|date:)\b[^.;]{0,80}?$", re.IGNORECASE
)
_NAMED_EFFECTIVE = re.compile(r"\s*\(?[^()]{0,40}[\"“'](?:the\s+)?(?:Effective|Commencement)\s+Date", re.IGNORECASE)

_PARTIES_BEGIN = re.compile(r"\b(?:by\s+and\s+(?:between|among)|between|among|BETWEEN|AMONG|BY\s+AND\s+BETWEEN)\b:?")
_PARTIES_END = re.compile(
    r"WITNESSETH|W\s?I\s?T\s?N\s?E\s?S|WHEREAS|RECITALS?\b|BACKGROUND\b|NOW,?\s+THEREFORE|Recitals?\b"
    r"|Whereas|\n\s*1\.\s|\b[Tt]he\s+[Pp]arties\s+agree"
)
_SUFFIX = (
    r"(?:Incorporated|INCORPORATED|Inc|INC|L\.?L\.?C|LLC|Ltd|LTD|Limited|LIMITED|Corporation|CORPORATION"
    r"|Corp|CORP|Company|COMPANY|Co|CO|L\.?P|LLP|GmbH|GMBH"
    r"|A\.?G|S\.?A|B\.?V|N\.?V|Plc|PLC|plc|Trust|TRUST|Association|ASSOCIATION|Bank|BANK|University"
    r"|UNIVERSITY|Foundation|Pte|S\.A\.S|AB)"
)
_WORD = r"[A-Z0-9][\w&.'’/-]*"
_COMPANY = re.compile(rf"\b[A-Z][\w&.'’/-]*(?:,?\s+(?:{_WORD}|&|of|de|\([A-Z][\w.]*\))){{0,7}}?,?\s+{_SUFFIX}\b\.?")
_PLAIN_NAME = re.compile(
    rf"(?:\bbetween|\bamong|\band|\bBETWEEN|\bAND|:)\s+(?:the\s+)?({_WORD}(?:\s+(?:{_WORD}|&"
    rf"|of)){{1,6}})\s*(?=,|\()"
)
_ALIAS = re.compile(r"\((?:[^()\"“”]{0,80})[\"“](?:the\s+)?([A-Z][^\"“”()]{0,40}?)[,.]?[\"”]")
_NO_ALIAS = re.compile(r"agreement|contract|date|part(?:y|ies)\b|amendment|lease|term\b", re.IGNORECASE)

_TERM_RULES: tuple[Rule, ...] = (
    # Until when: a day, a length of time, or "until terminated".
    rule(
        "expiration_date",
        r"term\b|expire|terminat|continue|force|effect",
        cue(
            r"(the |initial )(\w+ )?term (of this \w+ )?(shall|will|is|commence|begin)|this \w+ (shall"
            r"|will) (expire|continue|remain|terminate|be effective|be valid|commence|be for)",
            0.7,
        ),
        cue(
            r"(continue|remain) (\w+ ){0,2}in (full )?(force|effect)|in (full )?force and effect|expir(e|es"
            r"|ing) (on|at)|continue (indefinitely|until|for)",
            0.4,
        ),
        cue(r"\bterm of\b|period of|initial (term|period)", 0.3),
        cue(r"\b(years?|months?)\b|(19|20)\d\d", 0.4),
        cue(r"commenc|begin|effective date|from the date", 0.3),
        cue(r"unless (\w+ ){0,3}(earlier |sooner )?terminated|until terminated", 0.4),
        cue(
            r"insurance|confidential|surviv|following (the )?(expiration|termination)|warrant|payment"
            r"|upon (the )?terminat",
            -0.5,
        ),
        heading=(cue(r"\bterm\b|duration", 0.4), cue(r"confidential|definition", -0.2)),
        threshold=1.1,
        limit=1,
    ),
    # From when, where the opening names no day: a sentence that says so.
    rule(
        "effective_date",
        r"effective|commence|begin|come into (force|effect)",
        cue(
            r"[\"“]?effective date[\"”]? (of this \w+ )?(shall be|shall mean|means|is)|(this \w+"
            r"|the term)\b.{0,60}\b(commence|begin|come into|take effect|effective)",
            0.8,
        ),
        cue(r"(19|20)\d\d|date (first|hereof|of (this|the last|execution))|upon (the )?(execution|signature)", 0.4),
        heading=(cue(r"\bterm\b|definition|effective", 0.2),),
        threshold=1.0,
        limit=1,
    ),
)


def find_facts(contract: ContractText) -> list[Passage]:
    """Name, parties, dates and duration, in the order of the text. Every quote is literally `text[start:end]`."""
    found = [
        *_document_name(contract.text),
        *_parties(contract.text),
        *_dates(contract.text),
        *(_narrowed(contract.text, passage) for passage in find_in(contract, _TERM_RULES)),
    ]
    days = [passage for passage in found if passage.category == "effective_date"]
    # A day named as such in the opening comes first; a sentence that only says "upon signature" last.
    spare = sorted(days, key=lambda passage: passage.rule != "facts.effective_date")[1:]
    kept = [passage for passage in found if passage not in spare]
    return sorted(kept, key=lambda passage: (passage.start, passage.end, passage.category))


def _passage(text: str, category: str, start: int, end: int, confidence: float) -> Passage:
    return Passage(
        category=category, quote=text[start:end], start=start, end=end, confidence=confidence, rule=f"facts.{category}"
    )


def _narrowed(text: str, passage: Passage) -> Passage:
    """The day alone where a sentence on the effective date names one."""
    day = DATE.search(text, passage.start, passage.end) if passage.category == "effective_date" else None
    return passage if day is None else _passage(text, "effective_date", day.start(), day.end(), passage.confidence)


def _document_name(text: str) -> list[Passage]:
    """The title in capitals at the head; else what "this … Agreement" calls itself."""
    for match in _CAPITALS.finditer(text, 0, min(len(text), _OPENING)):
        leading = _NO_TITLE.match(match.group())
        start = match.start() + (leading.end() if leading else 0)
        if start < match.end() and len(text[start : match.end()].split()) > 1:
            return [_passage(text, "document_name", start, match.end(), 0.8)]
    titled = _TITLE_CASE.search(text, 0, min(len(text), _OPENING))
    return [_passage(text, "document_name", titled.start(1), titled.end(1), 0.7)] if titled else []


def _parties(text: str) -> list[Passage]:
    """Names and aliases in the opening's list of parties: the stretch after "between" that names most of them."""
    best: list[Passage] = []
    for begin in _PARTIES_BEGIN.finditer(text, 0, min(len(text), _OPENING)):
        stop = _PARTIES_END.search(text, begin.end(), min(len(text), begin.end() + _PREAMBLE))
        end = stop.start() if stop else min(len(text), begin.end() + 1_000)
        named = _named(text, begin.start(), end)
        if len(named) > len(best):
            best = named
        if sum(passage.rule == "facts.parties" and passage.confidence > 0.7 for passage in best) >= 3:
            break
    return best


def _named(text: str, start: int, end: int) -> list[Passage]:
    spans: list[tuple[int, int, float]] = [(m.start(), m.end(), 0.8) for m in _COMPANY.finditer(text, start, end)]
    for match in _PLAIN_NAME.finditer(text, start, end):
        if not any(left < match.end(1) and match.start(1) < right for left, right, _ in spans):
            spans.append((match.start(1), match.end(1), 0.6))
    for match in _ALIAS.finditer(text, start, end):
        if not _NO_ALIAS.search(match.group(1)):
            spans.append((match.start(1), match.end(1), 0.8))
    seen: set[str] = set()
    passages: list[Passage] = []
    for left, right, confidence in sorted(spans):
        name = " ".join(text[left:right].split()).casefold()
        if name not in seen:
            seen.add(name)
            passages.append(_passage(text, "parties", left, right, confidence))
    return passages


def _dates(text: str) -> list[Passage]:
    """The day of the contract, and the day it takes effect where the opening says which that is."""
    dates = list(DATE.finditer(text, 0, min(len(text), _OPENING)))
    dated = next((date for date in dates if _DATED.search(text, max(0, date.start() - 120), date.start())), None)
    agreement = dated or next(iter(dates), None)
    passages: list[Passage] = []
    if agreement:
        passages.append(_passage(text, "agreement_date", agreement.start(), agreement.end(), 0.8 if dated else 0.5))
    for date in dates:
        before = text[max(0, date.start() - 60) : date.start()]
        effective = re.search(r"effective\s+(?:date\s+)?(?:is\s+|as\s+of\s+|on\s+)?(?:the\s+)?$", before, re.IGNORECASE)
        if _NAMED_EFFECTIVE.match(text, date.end()) or effective:
            return [*passages, _passage(text, "effective_date", date.start(), date.end(), 0.8)]
    return passages
