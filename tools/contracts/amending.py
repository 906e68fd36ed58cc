"""Where an amendment goes: a sentence without its number and title, or a new clause before the signatures."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tools.contracts.contract import Amendment, Clause, Finding, Structure

_LEAD = re.compile(
    r"^\s*(?:[-*•]\s+)?(?:(?:Section|Clause|Article|§)\s*)?(?:\d{1,2}(?:\.\d{1,3}){0,3}\.?|[IVXL]{1,6}\.|\([a-z0-9ivx]{1,4}\)"
    r"|第[一二三四五六七八九十百零〇\d]{1,5}[条章节]|[一二三四五六七八九十]{1,3}、|[（(][一二三四五六七八九十\d]{1,3}[)）])[\s:、]*"
)
_TITLE = re.compile(
    r"^(?:[A-Z][\w'’&,/()-]*(?:\s+(?:[A-Z(][\w'’&,/()-]*|of|and|or|the|for|to|in|on|by|with|without|a)){0,9})\.\s+(?=[A-Z])"
)
_SIGNATURES = re.compile(
    r"^[ \t]*(?:IN WITNESS WHEREOF|IN WITNESS|EXECUTED (?:by|as)|(?i:signed (?:by|for))|SIGNATURES?\b|Signature page"
    r"|[（(]?以下无正文|[（(]?本页无正文|[（(]?签署页|甲方[^\n]{0,20}[（(]?(?:盖章|签章|签字)|双方签[字署])",
    re.MULTILINE,
)
_ANNEX = re.compile(r"\s*(?:annex|schedule|appendix|exhibit|attachment|附件|附录|附表)", re.IGNORECASE)
_HAN = "零一二三四五六七八九十"
_ROMAN = ((50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def body(text: str, start: int, end: int) -> tuple[int, int]:
    """The span of a sentence without its number and run-in title, so that a replacement keeps both."""
    lead = _LEAD.match(text[start:end])
    start += lead.end() if lead else 0
    title = _TITLE.match(text[start:end])
    start += title.end() if title and title.end() < end - start - 10 else 0
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def top_clauses(structure: Structure) -> list[Clause]:
    """The outermost numbered clauses of the contract itself, not of its annexes."""
    numbered = [clause for clause in structure.clauses if clause.number and not _ANNEX.match(clause.number)]
    level = min((clause.level for clause in numbered), default=0)
    return [clause for clause in numbered if clause.level == level]


@dataclass(frozen=True, slots=True)
class ClauseEnd:
    """Where new clauses go, and how the contract numbers and parts its outermost clauses."""

    offset: int
    gap: str
    number: str | None
    title_alone: bool

    def clause(self, ordinal: int, title: str, wording: str, language: str) -> str:
        """The text to insert for the `ordinal`-th new clause (0-based): gap, next number, title, wording."""
        label = _following(self.number, ordinal + 1) if self.number else ""
        if language == "zh":
            stop = "" if not label or label[-1] in "、." else " "
            return f"{self.gap}{label}{stop}{title}{self.gap if self.title_alone else '：'}{wording}"
        label = f"{label}." if label[:1].isdigit() and "." not in label else label
        return f"{self.gap}{label} {title}{self.gap if self.title_alone else '. '}{wording}".replace("\n ", "\n")


def clause_end(text: str, structure: Structure) -> ClauseEnd:
    """The end of the last outermost clause before the signatures, else of the text before them."""
    signature = next(
        (match.start() for match in _SIGNATURES.finditer(text) if match.start() > len(text) * 0.5), len(text)
    )
    outermost = [clause for clause in top_clauses(structure) if clause.start < signature]
    numbered = [clause for clause in outermost if text.startswith(clause.number or "", clause.start)]
    last = max(outermost, key=lambda clause: clause.start, default=None)
    offset = min(last.end, signature) if last else signature
    while offset > 0 and text[offset - 1].isspace():
        offset -= 1
    gap = "\n\n" if "\n\n" in text[max(0, (last.start if last else offset) - 3) : offset] else "\n"
    number = _printed(text, numbered[-1]) if numbered and last is numbered[-1] else None
    return ClauseEnd(offset, gap, number, bool(last and _titled_alone(text, last)))


def _printed(text: str, clause: Clause) -> str:
    """The number as it stands in the text, with the word or mark that goes with it ("ARTICLE IV", "三、")."""
    match = re.match(r"(?:(?:ARTICLE|Article|SECTION|Section|Clause)\s+)?[\w]+[、.]?", text[clause.start : clause.end])
    return match.group() if match else clause.number or ""


def _titled_alone(text: str, clause: Clause) -> bool:
    line = text[clause.start : clause.end].split("\n", 1)
    return len(line) == 2 and len(line[0]) < 80 and not line[0].rstrip().endswith((".", "。", "；", ";"))


def _following(number: str, step: int) -> str:
    digits = re.search(r"\d+", number)
    if digits:
        return number[: digits.start()] + str(int(digits.group()) + step) + number[digits.end() :]
    han = re.search(rf"[{_HAN}]+", number)
    if han:
        return number[: han.start()] + _to_han(_from_han(han.group()) + step) + number[han.end() :]
    roman = re.search(r"[IVXL]+(?=\W*$)", number)
    if roman:
        return number[: roman.start()] + _to_roman(_from_roman(roman.group()) + step) + number[roman.end() :]
    return ""


def _from_han(text: str) -> int:
    tens, ten, units = text.rpartition("十")
    return (_HAN.index(tens) if tens else 1) * 10 * bool(ten) + (_HAN.index(units) if units else 0)


def _to_han(value: int) -> str:
    tens, units = divmod(value, 10)
    return ("" if tens < 2 else _HAN[tens]) + ("十" if tens else "") + ("" if tens and not units else _HAN[units])


def _from_roman(text: str) -> int:
    values = {"I": 1, "V": 5, "X": 10, "L": 50}
    numbers = [values[letter] for letter in text]
    return sum(-one if one < after else one for one, after in zip(numbers, [*numbers[1:], 0], strict=True))


def _to_roman(value: int) -> str:
    text = ""
    for number, letters in _ROMAN:
        while value >= number:
            text, value = text + letters, value - number
    return text


def without_overlaps(findings: Sequence[Finding]) -> list[Finding]:
    """Findings, most important first, whose changes nowhere overlap: a later one that would becomes a comment.

    Where a second sentence would be replaced by wording that already stands in, it is struck out instead, and the same
    wording is not added twice.
    """
    taken: list[tuple[int, int]] = []
    wordings: set[str] = set()
    settled: list[Finding] = []
    for finding in findings:
        amendment = finding.amendment
        if amendment is None or amendment.old == amendment.new:
            settled.append(finding)
            continue
        wording = amendment.new.strip()
        repeated = len(wording) > 40 and wording in wordings
        if _collides((amendment.start, amendment.end), taken) or (repeated and not amendment.old):
            settled.append(finding.model_copy(update={"amendment": _as_comment(finding, amendment, repeated)}))
            continue
        if repeated:
            amendment = amendment.model_copy(update={"new": ""})
        taken.append((amendment.start, amendment.end))
        wordings.add(wording)
        settled.append(finding.model_copy(update={"amendment": amendment}))
    return settled


def _collides(span: tuple[int, int], taken: Sequence[tuple[int, int]]) -> bool:
    """Whether a change overlaps another. Insertions collide only inside a changed stretch, never at its edges."""
    start, end = span
    return any(start < right and left < end for left, right in taken)


def _as_comment(finding: Finding, amendment: Amendment, repeated: bool) -> Amendment:
    """The amendment as a note in the margin, on the words that it would have changed."""
    old = amendment.old or finding.quote
    at = amendment.start if amendment.old or finding.start is None else finding.start
    note = amendment.comment if repeated or not amendment.new else f"{amendment.comment}\n→ {amendment.new.strip()}"
    return Amendment(start=at, end=at + len(old), old=old, new=old, comment=note)
