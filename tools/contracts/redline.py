"""A contract with its amendments as tracked changes and margin comments, as a lawyer sends it to the other side.

Written on lxml: docx-revisions 0.1.5 drops the formatting of the runs it touches and stays in one paragraph,
python-redlines 2.0 compares two finished documents with a .NET program, docx-editor 0.8 finds its places by quoted text
rather than by offset. python-docx's `add_comment` is not used, since python-docx writes every XML part anew when it
saves, and here what is not touched stays byte for byte.
"""

from collections.abc import Sequence
from datetime import datetime

from tools.contracts.contract import Amendment
from tools.contracts.redline_edits import (
    UNWRITABLE,
    AmendmentMismatch,
    AmendmentsOverlap,
    RedlineError,
    check,
)
from tools.contracts.redline_place import find_paragraphs
from tools.contracts.redline_resolve import accept_all, plain_text, reject_all
from tools.contracts.redline_write import Redliner
from tools.contracts.word_package import WordPackage, body_of, comments_part, open_package
from tools.contracts.wordml import BrokenDocx, Element, W, new, parse, run_of, serialise, timestamp
from tools.documents.document import Document

__all__ = [
    "AmendmentMismatch",
    "AmendmentsOverlap",
    "BrokenDocx",
    "RedlineError",
    "accept_all",
    "plain_text",
    "redline",
    "reject_all",
]


def redline(docx: bytes, document: Document, amendments: Sequence[Amendment], author: str, date: datetime) -> bytes:
    """The same DOCX with the amendments as tracked changes and their comments in the margin.

    document: as read from these very bytes. An amendment with `old == new` only comments, and may lie anywhere; those
    that change must not overlap. In new text a line feed starts a new paragraph. date: UTC where naive.
    Raises AmendmentMismatch, AmendmentsOverlap, RedlineError (a table cell's border would go, a character that Word
    cannot hold) and BrokenDocx.
    """
    ordered = check(document, amendments)
    package = open_package(docx)
    root = parse(package.parts[package.main], package.main)
    body = body_of(root)
    paragraphs = find_paragraphs(document, body)
    ids = _add_comments(package, ordered, author, date)
    revision = max((_number(element) for element in root.iter()), default=0)
    Redliner(paragraphs, author, timestamp(date), revision).write(ordered, ids)
    if ordered:
        package.parts[package.main] = serialise(root)
    return package.save()


def _number(element: Element) -> int:
    """The element's `w:id`, which comments, bookmarks and revisions each count by themselves; 0 where it has none."""
    value = element.get(W + "id") or ""
    return int(value) if value.isdecimal() else 0


def _add_comments(
    package: WordPackage, amendments: Sequence[Amendment], author: str, date: datetime
) -> list[int | None]:
    """Write the comments' texts to their part; the id of each amendment's comment, None where it has none."""
    if not any(amendment.comment for amendment in amendments):
        return [None] * len(amendments)
    name, comments = comments_part(package)
    last = max((_number(comment) for comment in comments), default=-1)
    initials = "".join(word[0] for word in author.split())[:3].upper()
    ids: list[int | None] = []
    for amendment in amendments:
        if not amendment.comment:
            ids.append(None)
            continue
        last += 1
        ids.append(last)
        attributes = {"id": str(last), "author": author, "date": timestamp(date), "initials": initials}
        comments.append(new("comment", attributes, _comment_paragraphs(amendment.comment)))
    package.parts[name] = serialise(comments)
    return ids


def _comment_paragraphs(text: str) -> list[Element]:
    lines = UNWRITABLE.sub(" ", text.replace("\r\n", "\n")).split("\n")
    paragraphs = [new("p", children=[run_of(line, None)]) for line in lines]
    reference = new("r", children=[new("rPr", children=[new("rStyle", {"val": "CommentReference"})])])
    reference.append(new("annotationRef"))
    paragraphs[0].insert(0, reference)
    return paragraphs
