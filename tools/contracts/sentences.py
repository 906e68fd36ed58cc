"""A contract cut into sentences, each knowing the heading it stands under."""

import re
from bisect import bisect_right
from dataclasses import dataclass

# A full stop ends a sentence unless it follows one of these, a single letter, or a number before a digit.
_ABBREVIATED = (
    "inc co corp ltd llc l.l.c no nos sec art v vs mr mrs ms dr jr sr st e.g i.e etc u.s u.s.a n.a p.o p.m a.m cf al "
    "approx dept est fig ft para pp vol ed rev"
)
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_BOUNDARY = re.compile(r"""(?P<stop>[.!?;。！？；]["”’'）)\]]{0,2})(?P<space>\s+|(?<=[。！？；])|$)""")
# What limits a promise belongs to it: "; provided that …" starts no sentence.
_PROVISO = re.compile(r"(?:and )?(?:provided|except|however)\b", re.IGNORECASE)
_PARAGRAPH = re.compile(
    r"\n[ \t　]*\n\s*|\n(?=[ \t]*(?:\d{1,2}(?:\.\d{1,3})*\.?[ \t]|\([a-z0-9ivx]{1,4}\)[ \t]"
    r"|第[一二三四五六七八九十百零〇\d]{1,5}[条章节]|[一二三四五六七八九十]{1,3}、|[（(][一二三四五六七八九十\d]{1,3}[)）]))|\n(?=[^\n]*[一-鿿])"
)
# A sentence broken by the end of a page, with or without a page number between its halves.
_RUNS_ON = re.compile(r"(?:(?:[Pp]age )?-?\s?\d{1,3}\s?-?[ \t]*\n\s*)?[a-z]{2}")
_NUMBER = re.compile(
    r"^\s*(?:(?:ARTICLE|Article|SECTION|Section|CLAUSE|Clause|§)\s*)?(?P<number>\d{1,2}(?:\.\d{1,3}){0,3}|[IVXL]{1,6}|[A-Z])?[.)]?[\s:.–—-]*"
)
_RUN_IN = re.compile(
    r"^(?P<title>[A-Z][\w'’&,/()-]*(?:\s+(?:[A-Z(][\w'’&,/()-]*|of|and|or|the|for|to|in|on|by|with|without|a|an|from|upon|not|no|as|at|/|&)){0,9})(?:\.|:|\s[–—-]\s)\s*"
)
_CHINESE_HEADING = re.compile(
    r"^\s*(?:第[一二三四五六七八九十百零〇\d]{1,5}[条章节]|[一二三四五六七八九十]{1,3}、|\d{1,2}(?:\.\d{1,2})*[.、]?)\s*(?P<title>[一-鿿、与和及的（）()]{2,20})\s*[:：]?\s*$"
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its place. heading: title of the part it stands under, lower case, "" before the first one.

    title: the run-in title at the start of its own paragraph ("limitation of liability" of "12.1 Limitation of
    Liability. In no event …"), "" where there is none. paragraph: 0-based ordinal of its paragraph.
    """

    start: int
    end: int
    text: str
    heading: str
    title: str
    paragraph: int


@dataclass(frozen=True, slots=True)
class ContractText:
    """The contract's text and its sentences in order."""

    text: str
    language: str
    sentences: tuple[Sentence, ...]

    def sentence_at(self, offset: int) -> int:
        """Index of the sentence that holds `offset`, or of the last one before it."""
        return max(0, bisect_right([sentence.start for sentence in self.sentences], offset) - 1)


# A line in capitals above a line that is not: a heading whose paragraph follows without a blank line, as Word has it.
_AFTER_CAPITALS = re.compile(
    r"(?m)^[ \t]*[A-Z][A-Z ,;&/'’()-]{3,68}(?P<break>\n)(?=[ \t]*[“\"(]?[A-Z][^\n]{0,200}?[a-z]{3})"
)


def paragraphs(text: str) -> list[tuple[int, int]]:
    """Spans of the paragraphs: parted by blank lines, or by a line break before a clause number; trimmed."""
    spans: list[tuple[int, int]] = []
    start = bridged = 0
    blank = [gap.span() for gap in _PARAGRAPH.finditer(text)]
    gaps = sorted([*blank, *(heading.span("break") for heading in _AFTER_CAPITALS.finditer(text))])
    for gap in [*gaps, None]:
        if gap and gap[0] < start:
            continue
        stop = gap[0] if gap else len(text)
        if gap and stop > start:
            if stop < bridged:
                continue
            if text[stop - 1].islower() or text[stop - 1] == ",":
                bridge = _RUNS_ON.match(text, gap[1])
                if bridge:
                    bridged = bridge.end()
                    continue
        piece = text[start:stop]
        trimmed = piece.strip()
        if trimmed:
            left = start + piece.index(trimmed[0])
            spans.append((left, left + len(trimmed)))
        start = gap[1] if gap else stop
    return spans


def sentence_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Spans of the sentences of `text[start:end]`; a stop after an abbreviation, an initial or in a number is none."""
    spans: list[tuple[int, int]] = []
    begin = start
    for match in _BOUNDARY.finditer(text, start, end):
        if text[match.start()] == ".":
            before = text[max(begin, match.start() - 12) : match.start()].split()
            word = before[-1].lstrip("(“\"'").lower() if before else ""
            following = text[match.end() : match.end() + 1]
            if word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()) or (following and following.islower()):
                continue
            if re.fullmatch(r"[\d.]+|section|article|clause", word) and match.start() - begin < 12:
                continue
        if text[match.start()] == ";" and (match.end("stop") - begin < 60 or _PROVISO.match(text, match.end())):
            continue
        if text[begin : match.end("stop")].strip():
            spans.append((begin, match.end("stop")))
        begin = match.end()
    if begin < end and text[begin:end].strip():
        spans.append((begin, end))
    return spans


def _heading_of(paragraph: str) -> str | None:
    """The title if the whole paragraph is a heading, else None."""
    if len(paragraph) > 120 or paragraph.rstrip().endswith((",", ";")):
        return None
    chinese = _CHINESE_HEADING.match(paragraph)
    if chinese:
        return chinese.group("title")
    number = _NUMBER.match(paragraph)
    body = paragraph[number.end() :] if number else paragraph
    body = body.strip(" .:\t_")
    words = re.findall(r"[A-Za-z][\w'’-]*", body)
    if not words or len(words) > 12:
        return None
    capitalised = sum(
        word[0].isupper() or word in {"of", "and", "or", "the", "for", "to", "in", "on", "by", "with", "a"}
        for word in words
    )
    return body.lower() if words[0][0].isupper() and capitalised >= 0.8 * len(words) else None


def read(text: str, language: str = "en") -> ContractText:
    """Cut a contract into sentences with headings. Linear in the length of the text."""
    sentences: list[Sentence] = []
    heading = ""
    for ordinal, (start, end) in enumerate(paragraphs(text)):
        paragraph = text[start:end]
        found = _heading_of(paragraph)
        if found is not None:
            heading = found
            sentences.append(Sentence(start, end, paragraph, heading, heading, ordinal))
            continue
        number = _NUMBER.match(paragraph)
        run_in = _RUN_IN.match(paragraph[number.end() :] if number else paragraph)
        title = run_in.group("title").lower() if run_in else ""
        sentences.extend(
            Sentence(left, right, text[left:right], heading, title, ordinal)
            for left, right in sentence_spans(text, start, end)
        )
    return ContractText(text, language, tuple(sentences))
