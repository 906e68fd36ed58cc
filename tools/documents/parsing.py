"""One door to the parsers; it loads only the one that a file needs, and no pydantic."""

from tools.documents.draft import Draft
from tools.documents.faults import CorruptDocument, DocumentTooLarge, EmptyDocument
from tools.documents.file_types import file_type, is_markdown
from tools.documents.languages import language_of
from tools.documents.limits import Limits


def parse(content: bytes, name: str, limits: Limits) -> dict[str, object]:
    """The fields of a `Document` but `name` and `sha256`. Raises the errors of `tools.documents.faults`."""
    if not content:
        raise EmptyDocument(f"{name!r} is empty: it has no bytes", name=name)
    if len(content) > limits.max_bytes:
        message = f"{name!r} has {len(content)} bytes; at most {limits.max_bytes} are read"
        raise DocumentTooLarge(message, name=name, bytes=len(content), max_bytes=limits.max_bytes)
    try:
        draft = _draft(content, name, limits)
    except RecursionError:
        raise CorruptDocument(f"{name!r} is damaged: its elements are nested too deep", name=name) from None
    if not draft.text.strip():
        raise EmptyDocument(f"{name!r} has no text that could be read", name=name)
    return draft.fields(language_of(draft.text))


def _draft(content: bytes, name: str, limits: Limits) -> Draft:
    match file_type(content, name):
        case "pdf":
            from tools.documents.pdf import read_pdf

            return read_pdf(content, limits)
        case "zip":
            from tools.documents.word import read_word

            return read_word(content, name, limits)
        case "text":
            from tools.documents.text import read_text

            return read_text(content, is_markdown(name), limits)
