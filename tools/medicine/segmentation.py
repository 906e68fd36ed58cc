"""A medical record from any of its forms: one text with blocks and pages, and its segments to translate."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from tools.documents.document import DOCX, PDF, Block, Document, Page
from tools.medicine.alignment import sentences
from tools.medicine.identity.mapping import IdentityMapping
from tools.medicine.lexicon import IDEOGRAPHIC, language
from tools.medicine.scripts import HAN, SCRIPTS, WORD

Form = Literal["text", "docx", "pdf", "fhir", "cda"]
LONGEST: Final = 1_200
"""Characters: a sentence that is longer is cut at a comma or a space."""

_LINE: Final = re.compile(r"(?:(?![\u3000 ]{2})[^\n\f\t])+")
"""A line, or what stands between wide gaps in it, as in 姓名：…　　性别：女."""
_COMMON: Final = {
    "en": "the of and with was is had has for his her no not at from by which that are been without",
    "fr": "le la les des du et une est dans avec pas pour sur au aux par sans",
    "es": "el los las del y con para por que su al sin fue una se",
    "de": "der die das und ein eine ist im mit nicht für auf von zu den dem wurde keine ohne bei seit",
    "pt": "o os as do da dos das e com para por não uma em foi sem ao",
    "it": "il lo gli di del della e con per non una in che è senza",
}
_LATIN: Final = {lang: frozenset(common.split()) for lang, common in _COMMON.items()}


class ReadRecord(BaseModel):
    """A record as its file has it. Offsets are characters of `text`, half open. language: BCP 47, of most of it."""

    model_config = ConfigDict(frozen=True)

    form: Form
    sha256: str
    language: str
    text: str
    pages: tuple[Page, ...]
    blocks: tuple[Block, ...]


class Cut(BaseModel):
    """A piece of a record to translate as one. block: index into the record's blocks; language: BCP 47."""

    model_config = ConfigDict(frozen=True)

    start: int
    end: int
    block: int
    page: int
    language: str


def of_document(document: Document) -> ReadRecord:
    """The record that a PDF, Word or text file holds."""
    forms: dict[str, Form] = {PDF: "pdf", DOCX: "docx"}
    return ReadRecord(
        form=forms.get(document.media_type, "text"),
        sha256=document.sha256,
        language=document.language,
        text=in_rows(document.text, document.blocks),
        pages=document.pages,
        blocks=tuple(block.model_copy(update={"runs": ()}) for block in document.blocks),
    )


def in_rows(text: str, blocks: Sequence[Block]) -> str:
    """The text with a tab, and no line end, between the cells of one table row; of the same length."""
    pieces: list[str] = []
    at = 0
    for one, other in pairwise(blocks):
        if one.row is not None and one.row == other.row:
            pieces += [text[at : one.end], text[one.end : other.start].replace("\n", "\t")]
            at = other.start
    return "".join([*pieces, text[at:]])


def moved(record: ReadRecord, hidden: str, mapping: IdentityMapping) -> ReadRecord:
    """The record with its de-identified text, pages and blocks where they now stand."""
    shifts = _shifts(record.text, hidden, mapping)
    olds, news = [old for old, _ in shifts], [new for _, new in shifts]

    def place(offset: int) -> int:
        at = bisect_right(olds, offset) - 1
        distance = offset - olds[at]
        limit = news[at + 1] if at + 1 < len(news) else len(hidden)
        return min(news[at] + distance, limit)

    pages = tuple(page.model_copy(update={"start": place(page.start), "end": place(page.end)}) for page in record.pages)
    blocks = tuple(
        block.model_copy(update={"start": place(block.start), "end": place(block.end)}) for block in record.blocks
    )
    return record.model_copy(update={"text": hidden, "pages": pages, "blocks": blocks})


def restored(hidden: str, mapping: IdentityMapping) -> Callable[[int], int]:
    """Where an offset of a de-identified text stands once people are back in it."""
    words = {each.placeholder: each.text for each in mapping.identities} | mapping.dates
    pattern = re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))) or r"(?!)")
    ends, gains = [0], [0]
    for match in pattern.finditer(hidden):
        ends.append(match.end())
        gains.append(gains[-1] + len(words[match.group()]) - len(match.group()))

    def place(offset: int) -> int:
        return offset + gains[bisect_right(ends, offset) - 1]

    return place


def _shifts(text: str, hidden: str, mapping: IdentityMapping) -> list[tuple[int, int]]:
    """(offset in the text, offset in the hidden text) of every place where what was hidden begins and ends."""
    words = {each.placeholder: each.text for each in mapping.identities} | mapping.dates
    pattern = re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))) or r"(?!)")
    found = [(0, 0)]
    old = new = 0
    for match in pattern.finditer(hidden):
        start = old + match.start() - new
        word = words[match.group()]
        if not text.startswith(word, start):
            continue
        found += [(start, match.start()), (start + len(word), match.end())]
        old, new = start + len(word), match.end()
    return found


def cut(text: str, blocks: Sequence[Block], main: str) -> list[Cut]:
    """The segments of a record in order: each block's lines, and the sentences of each line.

    Every character outside white space is in exactly one segment.
    """
    found: list[Cut] = []
    for index, block in enumerate(blocks):
        for line in _LINE.finditer(text[block.start : block.end]):
            for start, end in _sentences(line.group()):
                first, last = block.start + line.start() + start, block.start + line.start() + end
                spoken = language_of_segment(text[first:last], main)
                found.append(Cut(start=first, end=last, block=index, page=block.page, language=spoken))
    return found


def _sentences(line: str) -> list[tuple[int, int]]:
    """The sentences of a line; together they hold every character that is no white space."""
    starts = [start for start, _ in sentences(line)]
    bounds = [0, *starts[1:], len(line)]
    pieces = [
        piece
        for start, end in pairwise(bounds)
        for piece in _pieces(line, start, end)
        if line[piece[0] : piece[1]].strip()
    ]
    return [
        (start + len(body) - len(body.lstrip()), start + len(body.rstrip()))
        for start, end in pieces
        for body in [line[start:end]]
    ]


def _pieces(line: str, start: int, end: int) -> list[tuple[int, int]]:
    """A sentence in pieces of at most LONGEST characters."""
    found: list[tuple[int, int]] = []
    while end - start > LONGEST:
        near = max(line.rfind(mark, start + LONGEST // 2, start + LONGEST) for mark in "，,、;； ")
        middle = near + 1 if near > 0 else start + LONGEST
        found.append((start, middle))
        start = middle
    return [*found, (start, end)]


def language_of_segment(text: str, main: str) -> str:
    """The language of a short piece: by its script, by its commonest words, else the record's main language."""
    letters = sum(map(len, WORD.findall(text)))
    if not letters:
        return main
    for code, script in SCRIPTS.items():
        if len(script.findall(text)) * 4 >= letters and language(main) != code:
            return "ar" if code == "ar" and language(main) not in ("fa", "ur") else main if code == "ar" else code
    han = len(HAN.findall(text))
    if han:
        return main if language(main) in IDEOGRAPHIC or han * 6 < letters else "zh"
    words = [word.lower() for word in WORD.findall(text)]
    counts = {code: sum(word in common for word in words) for code, common in _LATIN.items()}
    best = max(counts, key=lambda code: counts[code])
    if language(main) in counts and counts[language(main)] * 2 >= counts[best]:
        return main
    if counts[best] >= 2 and counts[best] * 12 >= len(words) and best != language(main):
        return best
    return main
