"""A DOCX as the package it is: a ZIP archive of XML parts, opened with suspicion (ECMA-376 Part 2)."""

import posixpath
import struct
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Final
from xml.etree.ElementTree import Element, ParseError, fromstring
from xml.parsers import expat

from tools.documents.faults import CorruptDocument, EncryptedDocument, ExternalEntities, ZipBomb
from tools.documents.limits import MIB, Limits

_RELATIONSHIP: Final = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_RATIO_FROM: Final = MIB
_CHUNK: Final = 65_536
_ENCRYPTED_FLAG: Final = 0x1


class _RootReached(Exception):
    """The prolog is over; a document type definition can no longer come."""


@dataclass(frozen=True, slots=True)
class Package:
    """An opened archive whose sizes, entry names and XML prologs have been checked."""

    archive: zipfile.ZipFile
    names: frozenset[str]

    @classmethod
    def open(cls, content: bytes, limits: Limits) -> "Package":
        """Raises CorruptDocument, EncryptedDocument, ZipBomb or ExternalEntities."""
        try:
            archive = zipfile.ZipFile(BytesIO(content))
        except (zipfile.BadZipFile, struct.error, ValueError, OverflowError, NotImplementedError, EOFError) as error:
            raise _corrupt(f"its ZIP directory cannot be read ({error})") from None
        entries = archive.infolist()
        _check_sizes(entries, limits)
        names = [entry.filename for entry in entries]
        if len(set(names)) != len(names):
            raise _corrupt("two of its parts have the same name")
        if any(entry.flag_bits & _ENCRYPTED_FLAG for entry in entries):
            raise EncryptedDocument("the archive's parts are encrypted; remove the password and send it again")
        package = cls(archive, frozenset(names))
        for entry in entries:
            if entry.filename.lower().endswith((".xml", ".rels")):
                package._check_prolog(entry.filename)
        return package

    def part(self, name: str) -> bytes:
        """A part's bytes, empty where there is no such part."""
        if name not in self.names:
            return b""
        try:
            return self.archive.read(name)
        except _ZIP_FAULTS as error:
            raise _corrupt(f"its part {name!r} cannot be unpacked ({error})") from None

    def xml(self, name: str) -> Element | None:
        """A part's root element; None where there is no such part."""
        if name not in self.names:
            return None
        try:
            return fromstring(self.part(name))  # noqa: S314, the prolog was checked when the package was opened
        except (ParseError, ValueError, LookupError) as error:
            raise _corrupt(f"its part {name!r} is no well-formed XML ({error})") from None

    def related(self, source: str, kind: str) -> str | None:
        """The part that `source` ("" for the package) names by a relationship whose type ends in `/kind`.

        Relationships to the outside (`TargetMode="External"`) are passed over; nothing is ever fetched.
        """
        folder, base = posixpath.split(source)
        relationships = self.xml(posixpath.join(folder, "_rels", f"{base}.rels"))
        if relationships is None:
            return None
        for each in relationships.iter(_RELATIONSHIP):
            if each.get("TargetMode") != "External" and each.get("Type", "").endswith(f"/{kind}"):
                target = each.get("Target", "")
                return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        return None

    def _check_prolog(self, name: str) -> None:
        """Raise ExternalEntities where the part has a document type definition; its body is not read here."""

        def doctype(*_: object) -> None:
            message = f"the document's part {name!r} has a document type definition, which may hide entities; Word "
            raise ExternalEntities(message + "writes none: open it in Word, save it anew and send that", part=name)

        def root(*_: object) -> None:
            raise _RootReached

        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = doctype
        parser.StartElementHandler = root
        try:
            with self.archive.open(name) as stream:
                while chunk := stream.read(_CHUNK):
                    parser.Parse(chunk, False)
        except _RootReached:
            return
        except (expat.ExpatError, ValueError, LookupError, *_ZIP_FAULTS) as error:
            raise _corrupt(f"its part {name!r} is no well-formed XML ({error})") from None


_ZIP_FAULTS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
)
"""What `zipfile` raises for a damaged entry, by its source."""


def _check_sizes(entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    """By the declared sizes: `zipfile` never unpacks more of an entry than it declares."""
    if len(entries) > limits.max_entries:
        message = f"the document has {len(entries)} parts; at most {limits.max_entries} are allowed"
        raise ZipBomb(message, entries=len(entries), max_entries=limits.max_entries)
    total = sum(entry.file_size for entry in entries)
    if total > limits.max_decompressed:
        message = f"the document would unpack to {total} bytes; at most {limits.max_decompressed} are allowed"
        raise ZipBomb(message, decompressed=total, max_decompressed=limits.max_decompressed)
    for entry in entries:
        ratio = entry.file_size / max(entry.compress_size, 1)
        is_xml = entry.filename.lower().endswith((".xml", ".rels"))
        if is_xml and entry.file_size > _RATIO_FROM and ratio > limits.max_ratio:
            message = f"the document's part {entry.filename!r} unpacks to {ratio:.0f} times its size"
            raise ZipBomb(f"{message}; at most {limits.max_ratio:g} is allowed", ratio=round(ratio))


def _corrupt(reason: str) -> CorruptDocument:
    return CorruptDocument(f"the Word document is damaged: {reason}; open it in Word, save it anew and send that")
