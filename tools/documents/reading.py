"""A file's bytes to a `Document`, in this process; for bytes from outside use `sandbox.read_in_sandbox`."""

import hashlib

from tools.documents.document import Document
from tools.documents.limits import Limits
from tools.documents.parsing import parse


def read(content: bytes, name: str, limits: Limits | None = None) -> Document:
    """Read a PDF, DOCX, TXT or Markdown file. Limits on time and memory hold only in the sandbox.

    Raises the errors of `tools.documents.faults`.
    """
    return as_document(parse(content, name, limits or Limits()), content, name)


def as_document(fields: dict[str, object], content: bytes, name: str) -> Document:
    return Document.model_validate({**fields, "name": name, "sha256": hashlib.sha256(content).hexdigest()})
