"""The WordprocessingML that redlining needs: a typed border to lxml, element names, and the order the schema asks for.

Source of names and orders: ECMA-376 Part 1, 17.3 (paragraphs and runs) and 17.13.5 (revisions).
"""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Protocol, cast

from lxml import etree as _untyped  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType] no stubs

from tools.errors import ConsiliaError

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
SPACE = "{http://www.w3.org/XML/1998/namespace}space"
MAX_XML_BYTES = 256 * 1024 * 1024


class BrokenDocx(ConsiliaError):
    """The bytes are not a DOCX that can be redlined: no zip, no main part, XML that is broken or declares a DTD."""

    code = "broken_docx"
    status = 422


class Element(Protocol):
    """The part of lxml's element that is used here (lxml ships no types)."""

    tag: str
    text: str | None
    tail: str | None

    @property
    def attrib(self) -> MutableMapping[str, str]: ...
    @property
    def nsmap(self) -> Mapping[str | None, str]: ...
    def get(self, key: str) -> str | None: ...
    def set(self, key: str, value: str) -> None: ...
    def append(self, element: "Element") -> None: ...
    def insert(self, index: int, element: "Element") -> None: ...
    def remove(self, element: "Element") -> None: ...
    def index(self, child: "Element") -> int: ...
    def find(self, path: str) -> "Element | None": ...
    def iter(self, *tags: str) -> Iterator["Element"]: ...
    def itersiblings(self, *, preceding: bool = False) -> Iterator["Element"]: ...
    def iterancestors(self, *tags: str) -> Iterator["Element"]: ...
    def getparent(self) -> "Element | None": ...
    def getnext(self) -> "Element | None": ...
    def addnext(self, element: "Element") -> None: ...
    def addprevious(self, element: "Element") -> None: ...
    def __iter__(self) -> Iterator["Element"]: ...
    def __len__(self) -> int: ...


_Node = Element  # inside _Lxml the name Element is the factory


class _DocInfo(Protocol):
    doctype: str


class _Tree(Protocol):
    docinfo: _DocInfo


class _NewElement(Protocol):
    def __call__(self, tag: str, nsmap: Mapping[str | None, str]) -> Element: ...


class _Lxml(Protocol):
    def XMLParser(self, **options: bool) -> object: ...
    def fromstring(self, text: bytes, parser: object) -> _Node: ...
    def tostring(self, element: object, *, xml_declaration: bool, encoding: str, standalone: bool) -> bytes: ...
    def ElementTree(self, element: _Node) -> _Tree: ...
    @property
    def Element(self) -> "_NewElement": ...


_lxml = cast(_Lxml, _untyped)


def parse(xml: bytes, part: str) -> Element:
    """The root of an XML part. Entities are not resolved and a DTD is refused; raises BrokenDocx."""
    parser = _lxml.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = _lxml.fromstring(xml, parser)
    except SyntaxError as fault:  # lxml's XMLSyntaxError is one
        raise BrokenDocx(f"the DOCX part {part!r} is not well-formed XML: {fault}; save it anew in Word") from fault
    if _lxml.ElementTree(root).docinfo.doctype:
        raise BrokenDocx(f"the DOCX part {part!r} declares a DTD, which no Word file has; it is not opened")
    return root


def serialise(root: Element) -> bytes:
    """The XML part with its declaration, as Word writes it."""
    return _lxml.tostring(_lxml.ElementTree(root), xml_declaration=True, encoding="UTF-8", standalone=True)


def new(name: str, attributes: Mapping[str, str] | None = None, children: Iterable[Element] = ()) -> Element:
    """A new `w:` element with `w:` attributes."""
    element = _lxml.Element(W + name, nsmap={"w": W[1:-1]})
    for key, value in (attributes or {}).items():
        element.set(W + key, value)
    for child in children:
        element.append(child)
    return element


def foreign(tag: str, attributes: Mapping[str, str]) -> Element:
    """A new element of another namespace (`{uri}name`), which is the default one there."""
    element = _lxml.Element(tag, nsmap={None: tag[1 : tag.index("}")]})
    for key, value in attributes.items():
        element.set(key, value)
    return element


def name_of(element: Element) -> str:
    """The local name of a `w:` element, "" for anything else (comments and processing instructions included)."""
    tag = cast(object, element.tag)  # lxml gives a function for comments and processing instructions
    return tag[len(W) :] if isinstance(tag, str) and tag.startswith(W) else ""


def parent_of(element: Element) -> Element:
    parent = element.getparent()
    if parent is None:
        raise BrokenDocx(f"the element {element.tag!r} stands outside the document's body")
    return parent


def detach(element: Element) -> None:
    """Take an element out of its tree; its tail (white space between elements) goes with it."""
    parent_of(element).remove(element)


def unwrap(element: Element) -> None:
    """Put the children in the element's place."""
    for child in list(element):
        element.addprevious(child)
    detach(element)


def shell_of(element: Element) -> Element:
    """A new element of the same name and attributes, without content."""
    shell = _lxml.Element(element.tag, nsmap=element.nsmap)
    for key, value in element.attrib.items():
        shell.set(key, value)
    return shell


def text_element(text: str, name: str = "t") -> Element:
    element = new(name)
    element.text = text
    if text != text.strip() or "  " in text:
        element.set(SPACE, "preserve")
    return element


def run_of(text: str, properties: Element | None) -> Element:
    """A `w:r` with the text, tabs as `w:tab`, and its own copy of the run properties."""
    run = new("r")
    if properties is not None:
        run.append(deepcopy(properties))
    for number, part in enumerate(text.split("\t")):
        if number:
            run.append(new("tab"))
        if part:
            run.append(text_element(part))
    return run


REVISION_MARKS = ("ins", "del", "moveFrom", "moveTo", "rPrChange")


def plain_properties(properties: Element | None) -> Element | None:
    """A copy of a `w:rPr` without revision marks; None where nothing is left."""
    if properties is None:
        return None
    copy = deepcopy(properties)
    copy.tail = None
    for child in [child for child in copy if name_of(child) in REVISION_MARKS]:
        copy.remove(child)
    return copy if len(copy) else None


def plain_paragraph_properties(properties: Element | None) -> Element | None:
    """A copy of a `w:pPr` for a new paragraph: no section, no revision marks."""
    if properties is None:
        return None
    copy = deepcopy(properties)
    copy.tail = None
    for child in list(copy):
        if name_of(child) in ("sectPr", "pPrChange", "rPr"):
            copy.remove(child)
    mark = plain_properties(properties.find(W + "rPr"))
    if mark is not None:
        copy.append(mark)
    return copy


DELETED_NAMES = {"t": "delText", "instrText": "delInstrText"}


def rename_texts(run: Element, *, deleted: bool) -> None:
    """Rename a run's texts to their names inside `w:del`, or back."""
    names = DELETED_NAMES if deleted else {name: live for live, name in DELETED_NAMES.items()}
    for child in run:
        if name_of(child) in names:
            child.tag = W + names[name_of(child)]
            child.set(SPACE, "preserve")


def paragraph_properties(paragraph: Element) -> Element:
    """The paragraph's `w:pPr`, made where it has none; it is the first child."""
    properties = paragraph.find(W + "pPr")
    if properties is None:
        properties = new("pPr")
        paragraph.insert(0, properties)
    return properties


def mark_properties(paragraph: Element) -> Element:
    """The `w:rPr` of the paragraph's mark, made where it has none: in `w:pPr` only sectPr and pPrChange follow it."""
    properties = paragraph_properties(paragraph)
    mark = properties.find(W + "rPr")
    if mark is None:
        mark = new("rPr")
        later = [child for child in properties if name_of(child) in ("sectPr", "pPrChange")]
        properties.insert(properties.index(later[0]) if later else len(properties), mark)
    return mark


def set_mark(paragraph: Element, revision: Element) -> None:
    """Track the paragraph's mark as inserted or deleted; `w:ins` comes first in `w:rPr`, then `w:del`."""
    mark = mark_properties(paragraph)
    if mark.find(revision.tag) is not None:
        return
    mark.insert(1 if name_of(revision) == "del" and mark.find(W + "ins") is not None else 0, revision)


def timestamp(date: datetime) -> str:
    """`w:date`: UTC, to the second (xsd:dateTime). A naive date is taken as UTC."""
    aware = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    return aware.strftime("%Y-%m-%dT%H:%M:%SZ")
