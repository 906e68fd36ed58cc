"""What a reader gets who accepts or rejects every tracked change of a DOCX, and the text that stands in it.

The rules are those of ECMA-376 Part 1, 17.13.5; a paragraph whose mark goes is joined with the one after it, whose
properties stay, as Word does.
"""

from tools.contracts.word_package import body_of, open_package
from tools.contracts.word_text import paragraph_text, paragraphs_of
from tools.contracts.wordml import Element, W, detach, name_of, parent_of, parse, rename_texts, serialise, unwrap

PROPERTY_CHANGES = tuple(
    W + name + "Change" for name in ("rPr", "pPr", "sectPr", "tblPr", "tblPrEx", "trPr", "tcPr", "tblGrid", "numbering")
)
MOVE_RANGES = tuple(
    W + name for name in ("moveFromRangeStart", "moveFromRangeEnd", "moveToRangeStart", "moveToRangeEnd")
)
CHANGES = frozenset({"ins", "del", "moveFrom", "moveTo"})
BETWEEN = frozenset({"bookmarkStart", "bookmarkEnd", "commentRangeStart", "commentRangeEnd", "proofErr"})


def accept_all(docx: bytes) -> bytes:
    """The DOCX with every insertion kept and every deletion gone. Comments stay."""
    return _resolve(docx, accept=True)


def reject_all(docx: bytes) -> bytes:
    """The DOCX as it was before every tracked change. Comments stay."""
    return _resolve(docx, accept=False)


def plain_text(docx: bytes) -> str:
    """The text as it is read: insertions in, deletions out, a line feed after every paragraph."""
    package = open_package(docx)
    body = body_of(parse(package.parts[package.main], package.main))
    return "".join(paragraph_text(paragraph) + "\n" for paragraph in paragraphs_of(body))


def _resolve(docx: bytes, *, accept: bool) -> bytes:
    package = open_package(docx)
    for name, content in package.parts.items():
        if name.startswith("word/") and name.endswith(".xml") and any(mark in content for mark in _MARKS):
            root = parse(content, name)
            _resolve_part(root, accept=accept)
            package.parts[name] = serialise(root)
    return package.save()


_MARKS = (b"<w:ins", b"<w:del", b"<w:move", b"Change ")


def _resolve_part(root: Element, *, accept: bool) -> None:
    kept, gone = ({"ins", "moveTo"}, {"del", "moveFrom"}) if accept else ({"del", "moveFrom"}, {"ins", "moveTo"})
    for change in list(root.iter(*PROPERTY_CHANGES)):
        _resolve_properties(change, accept=accept)
    for element in list(root.iter(*MOVE_RANGES)):
        detach(element)
    joined: list[Element] = []
    for change in [change for name in sorted(CHANGES) for change in root.iter(W + name)]:
        holder = parent_of(change)
        if name_of(holder) == "trPr":
            if name_of(change) in gone:
                detach(parent_of(holder))
            else:
                detach(change)
        elif name_of(holder) == "rPr":
            if name_of(change) in gone and name_of(parent_of(holder)) == "pPr":
                joined.append(parent_of(parent_of(holder)))
            detach(change)
            _drop_empty(holder)
        elif name_of(change) in gone:
            detach(change)
        elif name_of(change) in kept:
            for run in change.iter(W + "r") if name_of(change) == "del" else ():
                rename_texts(run, deleted=False)
            unwrap(change)
    for paragraph in joined:
        _join_with_next(paragraph)


def _drop_empty(properties: Element) -> None:
    """Drop a `w:rPr` that only held a mark, and the `w:pPr` that only held that."""
    holder = parent_of(properties)
    if len(properties) == 0:
        detach(properties)
        if name_of(holder) == "pPr" and len(holder) == 0:
            detach(holder)


def _resolve_properties(change: Element, *, accept: bool) -> None:
    """Drop the record of a formatting change; rejecting puts the former properties back."""
    current = parent_of(change)
    former = next(iter(change), None)
    detach(change)
    if accept or former is None or name_of(change) == "numberingChange":
        return
    for child in list(current):
        # A paragraph's mark and section are not part of the record (CT_PPrBase).
        if name_of(child) not in ("rPr", "sectPr", "headerReference", "footerReference", *CHANGES):
            current.remove(child)
    for number, child in enumerate(list(former)):
        current.insert(number, child)


def _join_with_next(paragraph: Element) -> None:
    if paragraph.getparent() is None:
        return
    following = next((s for s in paragraph.itersiblings() if name_of(s) not in BETWEEN), None)
    content = [child for child in paragraph if name_of(child) != "pPr"]
    if following is None or name_of(following) != "p":
        # The last paragraph of a cell or of the body cannot go, nor can one be joined with a table.
        if following is not None and all(name_of(child) in BETWEEN for child in content):
            for child in content:
                paragraph.addprevious(child)
            detach(paragraph)
        return
    properties = following.find(W + "pPr")
    start = 0 if properties is None else following.index(properties) + 1
    for number, child in enumerate(content):
        following.insert(start + number, child)
    detach(paragraph)
