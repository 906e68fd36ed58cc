"""A review as one HTML file: no script, no external resource, prints well, light and dark.

The contract's text is hostile: every word of it passes through Jinja2's autoescape and nothing in it becomes a link.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from tools.contracts.categories import BY_KEY
from tools.contracts.contract import SEVERITIES, Amendment, Clause, Finding, Severity
from tools.documents.document import Document
from workflows.contract_review.report_labels import LABELS
from workflows.contract_review.review import ReviewReport

Language = Literal["en", "zh"]
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b\x0c\x0e-\x1f]")
_RULE_NAME = re.compile(
    r"\s*(?:\((?:playbook rule|check) [^()]*(?:\([^()]*\)[^()]*)*\)|（(?:审阅规则|检查项)[^（）]*）)\s*$"
)
_TOKEN = re.compile(r"\s+|[A-Za-z0-9_’'-]+|.", re.DOTALL)
_BAR, _ROW, _NAMES = 520, 30, 190


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a diff or of the contract. kind: same/del/ins, or "text"/"mark" in the contract."""

    kind: str
    text: str
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph of the contract. anchors: ids of the clauses that start in it."""

    anchors: tuple[str, ...]
    heading: bool
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of a row of the chart, in SVG units."""

    severity: Severity
    x: float
    width: float
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    y: int
    total: int
    bars: tuple[Bar, ...]


def html(report: ReviewReport, document: Document, languages: Sequence[str] = ()) -> str:
    """The report as a page. document: what was reviewed. languages: of the reasons, the first also of the labels

    ("en", "zh"); by default the contract's.
    """
    wanted: list[Language] = ["zh" if each.startswith("zh") else "en" for each in languages or [report.language]]
    spoken = wanted[0]
    environment = Environment(
        loader=PackageLoader("workflows.contract_review"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    reasons = {finding.id: _reasons(finding, wanted) for finding in report.findings}
    substance = [finding for finding in report.findings if finding.kind != "structure"]
    problems = [finding for finding in report.findings if finding.kind == "structure"]
    clauses = {each.id: each for each in report.structure.clauses}
    environment.filters["clean"] = _clean

    def category(key: str) -> str:
        return _category(key, spoken, LABELS[spoken]["structure"])

    def clause(finding: Finding) -> str:
        return _clause_label(clauses.get(finding.clause or ""))

    return environment.get_template("report.html.j2").render(
        report=report,
        reasons=reasons,
        language=spoken,
        t=LABELS[spoken],
        severities=SEVERITIES,
        substance=substance,
        problems=problems,
        rows=_chart(report.findings, spoken, LABELS[spoken]["structure"]),
        row_height=_ROW,
        names_width=_NAMES,
        category=category,
        clause=clause,
        diff=_diff,
        margin=_margin,
        contract=_contract(report, document.text),
        number=_anchor,
    )


def _reasons(finding: Finding, languages: Sequence[Language]) -> list[str]:
    """The reason in each language wanted, without the rule's name, which the card gives apart."""
    given = [finding.reason[each] for each in dict.fromkeys(languages) if each in finding.reason]
    return [_RULE_NAME.sub("", reason).strip() for reason in given or list(finding.reason.values())[:1]]


def _clean(text: str) -> str:
    """Text without control and direction-override characters, which could make it read as what it is not."""
    return _BIDI.sub("�", text)


def _category(key: str, language: Language, structure: str) -> str:
    category = BY_KEY.get(key)
    if category is None:
        return structure if key == "structure" else key
    return category.zh if language == "zh" else category.en


def _clause_label(clause: Clause | None) -> str:
    if clause is None:
        return ""
    title = clause.title or ""
    return f"{clause.path or clause.number or ''} {title[:60]}".strip()


def _margin(amendment: Amendment) -> str:
    """What the margin comment suggests beyond the reason, if the amendment leaves the text as it is."""
    _, arrow, wording = amendment.comment.partition("\n→ ")
    return wording if arrow else ""


def _anchor(identifier: str) -> str:
    """An id that is safe in an attribute and a fragment."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", identifier)


def _diff(old: str, new: str) -> list[Piece]:
    """Old → new by words: the words both share in order stay, by their longest common subsequence.

    Where less than a third stays the whole is shown as deleted and inserted, which reads better than confetti.
    """
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    if not old or not new or len(before) * len(after) > 400_000:
        return [Piece(kind, text) for kind, text in (("del", old), ("ins", new)) if text]
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < 0.45:
        return [Piece("del", old), Piece("ins", new)]
    pieces: list[Piece] = []
    for operation, left, right, first, last in matcher.get_opcodes():
        if operation == "equal":
            pieces.append(Piece("same", "".join(before[left:right])))
        else:
            removed, added = "".join(before[left:right]), "".join(after[first:last])
            pieces += [Piece(kind, text) for kind, text in (("del", removed), ("ins", added)) if text]
    return pieces


def _chart(findings: Iterable[Finding], language: Language, structure: str) -> list[Row]:
    """Rows of stacked bars, the category with the gravest findings first."""
    tally: dict[str, dict[Severity, int]] = {}
    for finding in findings:
        counts = tally.setdefault(finding.category, dict.fromkeys(SEVERITIES, 0))
        counts[finding.severity] += 1
    ordered = sorted(tally.items(), key=lambda row: [-row[1][severity] for severity in SEVERITIES])
    most = max((sum(counts.values()) for counts in tally.values()), default=1)
    unit = min(56.0, _BAR / most)
    rows: list[Row] = []
    for index, (key, counts) in enumerate(ordered):
        x = float(_NAMES)
        bars: list[Bar] = []
        for severity in SEVERITIES:
            if counts[severity]:
                width = unit * counts[severity]
                bars.append(Bar(severity, round(x, 1), round(width - 2, 1), counts[severity]))
                x += width
        rows.append(Row(_category(key, language, structure), index * _ROW, sum(counts.values()), tuple(bars)))
    return rows


def _contract(report: ReviewReport, text: str) -> list[Line]:
    """The contract by paragraphs, each with the anchors of its clauses and its marked passages."""
    marked = _spans([finding for finding in report.findings if finding.start is not None])
    lines: list[Line] = []
    starts = sorted(report.structure.clauses, key=lambda clause: clause.start)
    for match in re.finditer(r"[^\n]+", text):
        start, end = match.span()
        if not match.group().strip():
            continue
        here = [clause for clause in starts if start <= clause.start < end]
        heading = any(clause.level == 0 and end - start < 90 for clause in here)
        pieces: list[Piece] = []
        position = start
        for left, right, finding in marked:
            if right <= start or left >= end:
                continue
            left, right = max(left, start), min(right, end)
            if left > position:
                pieces.append(Piece("text", text[position:left]))
            pieces.append(Piece("mark", text[left:right], finding))
            position = right
        if position < end:
            pieces.append(Piece("text", text[position:end]))
        lines.append(Line(tuple(_anchor(clause.id) for clause in here), heading, tuple(pieces)))
    return lines


def _spans(findings: list[Finding]) -> list[tuple[int, int, Finding]]:
    """Spans that don't overlap, in the order of the text; where findings overlap, the gravest keeps its whole span."""
    taken: list[tuple[int, int, Finding]] = []
    for finding in sorted(findings, key=lambda one: SEVERITIES.index(one.severity)):
        pieces = [(finding.start or 0, finding.end or 0)]
        for left, right, _ in taken:
            pieces = [
                piece
                for start, end in pieces
                for piece in ((start, min(end, left)), (max(start, right), end))
                if piece[0] < piece[1]
            ]
        taken += [(start, end, finding) for start, end in pieces]
    return sorted(taken, key=lambda span: span[0])
