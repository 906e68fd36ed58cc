"""The knowledge base together with each tenant's own documents, which stay in a file a tenant under one folder."""

import hashlib
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.medicine.knowledge.entries import Source
from tools.medicine.knowledge.index import Hit, Index, Kind, Passage, own

_LONGEST = 1500
"""Characters of a passage that a document is cut into."""


class Library:
    """What can be searched. folder: where tenants' files are; None where nobody has documents of their own."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._own: Index | None = None
        self._lock = threading.Lock()

    def search(self, tenant_id: str, query: str, limit: int = 10, kinds: Sequence[Kind] = ()) -> list[Hit]:
        """The best passages of the knowledge base and of the tenant's documents."""
        with self._lock:
            self._own = self._own or own()
            hits = self._own.search(query, limit, kinds)
        path = self._path(tenant_id)
        if path is not None and path.is_file() and (not kinds or "document" in kinds):
            with Index(path) as index:
                hits += index.search(query, limit, kinds)
        return sorted(hits, key=lambda hit: (hit.kind == "interaction", -hit.score))[:limit]

    @contextmanager
    def documents(self, tenant_id: str) -> Generator[Index]:
        """The tenant's own index, to write to. Needs a folder."""
        path = self._path(tenant_id)
        if path is None:
            raise ValueError("this library has no folder for documents")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with Index(path) as index:
            path.chmod(0o600)
            yield index

    def _path(self, tenant_id: str) -> Path | None:
        """The tenant's file. Its name is a hash: a tenant's id is not for the file system."""
        name = hashlib.sha256(tenant_id.encode()).hexdigest()[:24]
        return self._folder / f"{name}.sqlite" if self._folder else None


def document_passages(name: str, blocks: Iterable[str], title: str = "") -> Iterator[Passage]:
    """A document's paragraphs joined to passages of at most about 1,500 characters. The source is the file's name."""
    source = (Source(title=name),)
    part, length, held = 0, 0, list[str]()

    def passage() -> Passage:
        text = "\n".join(held)
        return Passage(entry=f"document/{name}#{part}", kind="document", title=title or name, text=text, sources=source)

    for block in (piece for each in blocks for piece in _cut(each)):
        if held and length + len(block) > _LONGEST:
            yield passage()
            part, length, held = part + 1, 0, []
        held.append(block)
        length += len(block)
    if held:
        yield passage()


def _cut(text: str) -> Iterator[str]:
    text = text.strip()
    for start in range(0, len(text), _LONGEST):
        yield text[start : start + _LONGEST]
