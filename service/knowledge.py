"""A user's own documents in the knowledge base: read in the sandbox, cut into passages, kept in the tenant's index."""

from collections.abc import AsyncIterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tools.documents.document import Document
from tools.documents.limits import Limits
from tools.documents.sandbox import read_in_sandbox
from tools.errors import ConsiliaError, InvalidInput
from tools.medicine.knowledge.index import Index
from tools.medicine.knowledge.library import document_passages

_SUFFIXES = frozenset({".txt", ".md", ".pdf", ".docx"})


class ImportedFile(BaseModel):
    """A file of the folder. passages: how many are kept; error: why none is."""

    model_config = ConfigDict(frozen=True)

    name: str
    passages: int = 0
    error: str = ""


async def import_folder(index: Index, folder: Path, limits: Limits) -> AsyncIterator[ImportedFile]:
    """Import every TXT, MD, PDF and DOCX of a folder; a document that was there is replaced. Links are passed over.

    A file that cannot be read is told and leaves what was kept of it; the others go on. Raises InvalidInput.
    """
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            if path.stat().st_size > limits.max_bytes:
                raise InvalidInput(f"more than {limits.max_bytes} bytes, the most that is read")
            document = await read_in_sandbox(path.read_bytes(), path.name, limits)
        except OSError as error:
            yield ImportedFile(name=name, error=error.strerror or "cannot be read")
            continue
        except ConsiliaError as error:
            yield ImportedFile(name=name, error=error.message)
            continue
        index.remove(f"document/{name}#")
        kept = index.add(document_passages(name, _paragraphs(document), _title(document)))
        yield ImportedFile(name=name, passages=kept)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder", field="folder")
    return sorted(each for each in folder.rglob("*") if each.suffix.lower() in _SUFFIXES and not each.is_symlink())


def _paragraphs(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks] or [document.text]


def _title(document: Document) -> str:
    heading = next((block for block in document.blocks if block.kind == "heading"), None)
    return document.text[heading.start : heading.end].strip()[:200] if heading else ""
