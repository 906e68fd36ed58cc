"""Defined terms: where they are defined, how often they are used, and terms used as if they were defined."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

_QUOTED = r"[\"“”„](?P<term>[A-Z0-9][^\"“”„\n()]{0,70}?)[.,;]?[\"”“]"
_MEANS = re.compile(
    _QUOTED
    + r"(?:\s{0,3}(?:,|or|and)\s{0,3}[\"“][^\"”]{1,60}[\"”]){0,3}(?:\s{0,3}\([^()]{0,80}\))?(?:\s{1,3}as\s+used\s+"
    r"(?:herein|in[^,]{1,40}),?)?"
    r"[,:]?\s{1,4}(?:[a-z]{1,12}\s){0,4}?(?P<verb>(?P<pointer>(?:shall\s+)?ha(?:s"
    r"|ve)\s+the\s+(?:respective\s+)?meanings?|(?:as|is|are|be)\s+defined|(?<!not\s)includes?\b)"
    r"|means?\b|meaning\b|shall\s+refer|refers?\s+to|(?:is|are)\s+the\b)"
)
_LISTED = re.compile(
    r"^[ \t]*(?:\d[\d.]*\s+|\([a-z]+\)\s+)?(?P<term>[A-Z][\w’'&/-]*(?:\s(?:of\s"
    r"|and\s)?[A-Z(][\w’'&/)-]*){0,5})\s(?P<verb>means?\b|shall\smean\b)",
    re.MULTILINE,
)
_PARENTHESIS = re.compile(r"[(\[](?P<inside>[^()\[\]\n]{0,60}[\"“][^()\[\]]{1,200})[)\]]")
_TERM = re.compile(r"[\"“](?P<term>[A-Z0-9][^\"“”\n]{0,70}?)[.,;]?[\"”]")
_LEAD = re.compile(
    r"(?:\b(?:the|a|an|each|any|all|both|this|such|collectively|together|individually|jointly|severally|sometimes"
    r"|also|as|to|with|its|their|"
    r"herein|hereinafter|hereafter|hereinabove|thereafter|after|below|and|or|being|are|is|may|be|shall|will|of|in"
    r"|party|parties|for|"
    r"referred|called|known|defined|designated|termed|purposes|agreement|when|used|singular|plural|case|every|one"
    r"|either|from|time|"
    r"affiliates|subsidiaries|successors|assigns|other|foregoing|amount|date|period|us|we|you|our|your)\b"
    r"|[,;:\s\-–/]|i\.e\.)*",
    re.IGNORECASE,
)
_CALLED = re.compile(
    r"(?:hereinafter|hereafter|herein|referred\s+to|known|called|defined)\s{1,3}(?:[a-z]{1,12}[\s,]{1,3}){0,6}"
    + _QUOTED
)
_CHINESE_QUOTED = r"[“\"‘「『”](?P<term>[^“”\"‘’「」『』\n，。；]{1,24})[”\"’」』“]"
_CHINESE = (
    re.compile(r"(?:以下|下文|下称|统称|合称|简称|下简称)(?:[合统简]?称)?(?:之?为|作|：|:)?\s{0,2}" + _CHINESE_QUOTED),
    re.compile(_CHINESE_QUOTED + r"[:：]?\s{0,2}(?:是指|系指|意指|指|应?具有|的?定义为)"),
    re.compile(
        r"本(?:合同|协议)(?:中|项下)?所[称指述]的?\s{0,2}[“\"‘「]?(?P<term>[^“”\"‘’「」，。；：\n]{2,14}?)[”\"’」]?[，,]?\s{0,2}(?:是指|系指"
        r"|均指|指|包括)"
    ),
)
_TOKEN = re.compile(r"\w+")
_BETWEEN = re.compile(r"[\s\-–'’&/.,]{0,12}")
_LONGEST_TERM = 9
GENERIC = frozenset(
    {
        ("agreement",),
        ("party",),
        ("contract",),
        ("effective", "date"),
        ("exhibit",),
        ("schedule",),
        ("section",),
        ("amendment",),
    }
    | {(word,) for word in ("本合同", "本协议", "合同", "协议", "甲方", "乙方", "丙方", "双方", "一方", "各方")}
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A place that defines a term. pointer: it only says where the definition stands ("has the meaning given in …")."""

    term: str
    start: int
    end: int
    pointer: bool = False


def defined_terms(text: str, language: str) -> list[Mention]:
    """Every definition in the order of the text; the span is that of the term, without its quotes."""
    found: dict[int, Mention] = {}
    for mention in _chinese(text) if language.startswith("zh") else _english(text):
        term = mention.term
        if len(term.split()) <= _LONGEST_TERM and any(sign.isalpha() for sign in term):
            kept = found.get(mention.start)
            if kept is None or kept.pointer:
                found[mention.start] = mention
    return [found[start] for start in sorted(found)]


def _mention(match: re.Match[str], shift: int = 0, *, pointer: bool = False) -> Mention:
    return Mention(match.group("term"), match.start("term") + shift, match.end("term") + shift, pointer)


def _english(text: str) -> Iterator[Mention]:
    for match in _MEANS.finditer(text):
        yield _mention(match, pointer=match.group("pointer") is not None)
    for match in _LISTED.finditer(text):
        yield _mention(match)
    for match in _CALLED.finditer(text):
        yield _mention(match)
    for match in _PARENTHESIS.finditer(text):
        inside = match.group("inside")
        first = next((at for at, sign in enumerate(inside) if sign in '"“'), 0)
        lead = _LEAD.match(inside, 0, first)
        if lead is None or lead.end() < first:
            continue
        for term in _TERM.finditer(inside, first):
            yield _mention(term, match.start("inside"), pointer="as defined" in inside)


def _chinese(text: str) -> Iterator[Mention]:
    for pattern in _CHINESE:
        for match in pattern.finditer(text):
            yield _mention(match)
    yield from _english(text)


def singular(word: str) -> str:
    """A rough singular, the same for a term and its plural; for comparing only."""
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("ches", "shes", "xes", "sses")) else word[:-1]


def term_key(term: str) -> tuple[str, ...]:
    """What makes two printings the same term: lower case, singular, white space and hyphens alike."""
    return tuple(singular(token.lower()) for token in _TOKEN.findall(term))


def count_uses(
    text: str, language: str, mentions: list[Mention]
) -> tuple[Counter[tuple[str, ...]], set[tuple[str, ...]]]:
    """(uses as a term by key, keys that occur at all); the defining places do not count.

    A longer term hides the shorter one within it. One pass over the words; a place is compared with at most as many
    lengths as there are lengths of terms.
    """
    if language.startswith("zh"):
        return _chinese_uses(text, mentions)
    starts = {mention.start for mention in mentions}
    lengths: dict[str, set[int]] = {}
    keys = {term_key(mention.term) for mention in mentions}
    for key in keys:
        if key and len(key) <= _LONGEST_TERM:
            lengths.setdefault(key[0], set()).add(len(key))
    longest_first = {head: sorted(sizes, reverse=True) for head, sizes in lengths.items()}
    uses: Counter[tuple[str, ...]] = Counter()
    seen: set[tuple[str, ...]] = set()
    tokens = [(match.start(), match.end(), match.group()) for match in _TOKEN.finditer(text)]
    words = [singular(token.lower()) for _, _, token in tokens]
    position = 0
    while position < len(tokens):
        step = 1
        for length in longest_first.get(words[position], ()):
            key = tuple(words[position : position + length])
            if len(key) < length or key not in keys or not _adjacent(text, tokens, position, length):
                continue
            if tokens[position][0] in starts:
                step = length
                break
            seen.add(key)
            if not tokens[position][2][0].islower():
                uses[key] += 1
                step = length
                break
        position += step
    return uses, seen


def _adjacent(text: str, tokens: list[tuple[int, int, str]], position: int, length: int) -> bool:
    return all(
        _BETWEEN.fullmatch(text, tokens[at][1], tokens[at + 1][0]) is not None
        for at in range(position, position + length - 1)
    )


def _chinese_uses(text: str, mentions: list[Mention]) -> tuple[Counter[tuple[str, ...]], set[tuple[str, ...]]]:
    terms = {mention.term: term_key(mention.term) for mention in mentions}
    uses: Counter[tuple[str, ...]] = Counter()
    if not terms:
        return uses, set()
    defining = {mention.start for mention in mentions}
    heads: dict[str, list[str]] = {}
    for term in sorted(terms, key=len, reverse=True):
        heads.setdefault(term[:2], []).append(term)
    first = re.compile(f"[{''.join(re.escape(head[0]) for head in heads)}]")
    at = 0
    while (found := first.search(text, at)) is not None:
        at = found.start()
        same = heads.get(text[at : at + 2]) or heads.get(text[at])
        hit = next((term for term in (same or ())[:50] if text.startswith(term, at)), None)
        if hit is None:
            at += 1
            continue
        if at not in defining:
            uses[terms[hit]] += 1
        at += len(hit)
    return uses, set(uses)


_PHRASE = re.compile(
    r"(?P<before>\b(?:[Tt]he|[Ss]uch|[Aa]ny|[Ee]ach|[Aa]ll|its|their|that|said"
    r"|[Aa]n?)\s{1,3})(?P<term>[A-Z][a-z]{2,20}(?:[ \n\-][A-Z][a-z]{2,20}){1,3})\b(?![\w’'&])(?!\s{1,12}(?:(?:and"
    r"|of|for|&)\s)?[A-Z])"
)
_QUOTED_USE = re.compile(r"[\"“](?P<term>[A-Z][^\"“”\n]{1,60}?)[.,]?[\"”]")
_NO_TERM = re.compile(
    r"\b(?:Act|Code|Rules?|Laws?|Regulations?|Court|Courts|Commission|Bank|Association|Department|Government"
    r"|States?|Inc|Ltd|Corporation|"
    r"Company|University|Exchange|Republic|Office|County|City|Street|Avenue|District|Circuit|Island|Kingdom|Union"
    r"|Section|Article|Exhibit|"
    r"Schedule|Appendix|Annex|Attachment|Clause|Paragraph|January|February|March|April|May|June|July|August"
    r"|September|October|November|"
    r"December|Monday|Friday|Sunday|President|Officer|Director|Directors|Chairman|Secretary|Treasurer|Manager|Vice"
    r"|Board|Internet|Web|World|North|South|East|West|"
    r"New|San|Los|Hong|Kong|American|America|European|Europe|Asia|China|Chinese|International|National|Federal"
    r"|Agency|Bureau|Institute|"
    r"Foundation|Society|Council|Authority|Ministry|Administration|Committee|Arbitration|Tribunal|Uniform"
    r"|Commercial|Conventions?|"
    r"Treaty|Protocol|Dollars?|Chapter|Title|Secretary|Patent|Trademark|Copyright|Accounting|Principles|Standards?"
    r"|Dow|Wall|Journal|Times|"
    r"English|French|German|Agreement|Contract|Page|Table|General|Counsel|Corp|Plaza|Center|Centre|Building|Park"
    r"|River|Sea|Gulf|Park|Holy|Prime|Windows|Microsoft|Labs?|Group|Amendment|Addendum|Parties|Party)\b"
)
_TERMS = re.compile(r"(?:capitali[sz]ed|initially\s+capital|defined)\s+(?:terms?|words?)", re.IGNORECASE)
_ELSEWHERE = re.compile(
    r"(?:meaning|defined|ascribed)(?:.{0,60})\b(?:in|under|by)\s+the\s+(?!preamble|recital)[A-Z]", re.DOTALL
)
_LEAST_USES = 3
_MOST_CANDIDATES = 200


def undefined_terms(text: str, mentions: list[Mention], titles: set[str]) -> list[tuple[str, int, int, int]]:
    """(term, start, end, times): phrases used like defined terms, at least three times, that nothing defines.

    Only what is written after a determiner ("the Delivery Schedule") and never in small letters, is no title of a
    clause, no name and no compound of defined terms. None where the contract takes its definitions from another one.
    """
    for match in islice(_TERMS.finditer(text), 20):
        if _ELSEWHERE.search(text[match.end() : match.end() + 240].split(".")[0]):
            return []
    defined = {term_key(mention.term) for mention in mentions}
    parts = {word for key in defined for word in key}
    quoted = {term_key(match.group("term")) for match in _QUOTED_USE.finditer(text)}
    shunned = {term_key(title) for title in titles}
    places: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for match in _PHRASE.finditer(text):
        key = term_key(match.group("term"))
        if key not in defined and key not in quoted and key not in shunned:
            places.setdefault(key, []).append(match.span("term"))
    small = text.lower()
    found: list[tuple[str, int, int, int]] = []
    often = sorted((each for each in places.items() if len(each[1]) >= _LEAST_USES), key=lambda each: -len(each[1]))
    for key, spans in often[:_MOST_CANDIDATES]:
        start, end = spans[0]
        term = text[start:end]
        if _NO_TERM.search(term) or any(word in parts for word in key):
            continue
        written_small = (
            len(re.findall(rf"\b{re.escape(term.lower())}", text)) if small.count(term.lower()) > len(spans) else 0
        )
        if not written_small:
            found.append((re.sub(r"\s+", " ", term), start, end, len(spans)))
    return sorted(found, key=lambda each: each[1])


def last_at_or_before(starts: list[int], offset: int) -> int:
    """Index of the last of the sorted `starts` not after `offset`, or -1."""
    return bisect_right(starts, offset) - 1
