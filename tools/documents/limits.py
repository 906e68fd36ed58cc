"""How much of the machine one document may use."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for reading one document; crossing one is a `ConsiliaError`, never a slow or a dead service.

    max_bytes: size of the file, 50 MiB. max_pages: 600. max_chars: length of the text read, 5,000,000 (300 dense pages
    have about 1,500,000). max_seconds: wall clock and processor time of the parser, 60. max_memory: its address space
    in bytes, 1 GiB. max_decompressed: declared size of all entries of a DOCX together, 256 MiB. max_ratio: of an XML
    part's size to its compressed size, 200, looked at from 1 MiB on (Word's own files stay under 60). max_entries: of
    a DOCX, 2,000.
    """

    max_bytes: int = 50 * MIB
    max_pages: int = 600
    max_chars: int = 5_000_000
    max_seconds: float = 60.0
    max_memory: int = 1024 * MIB
    max_decompressed: int = 256 * MIB
    max_ratio: float = 200.0
    max_entries: int = 2_000
