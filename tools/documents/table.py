"""A small table in CSV as rows of cells: what `tools.documents.confinement` runs in a process of its own."""

import csv
import io

from tools.documents.faults import CorruptDocument, UndecodableText
from tools.documents.limits import Limits

_MOST_CELLS = 64
"""Of a row; more columns than that have no meaning to whoever asks for such a table."""


def parse(content: bytes, name: str, limits: Limits, most: int) -> dict[str, object]:
    """As `rows_of`, of a file in UTF-8 or GB 18030 (which holds GBK and GB2312).

    Raises UndecodableText, CorruptDocument.
    """
    return rows_of(decoded(content, name), name, most)


def decoded(content: bytes, name: str) -> str:
    """The file's text. Raises UndecodableText."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UndecodableText(f"{name} is neither UTF-8 nor GB 18030 text", name=name)


def rows_of(text: str, name: str, most: int) -> dict[str, object]:
    """first: number of the line that the rows begin with, the header; count: how many rows there are; rows: the first
    `most` + 1 of them. Lines before the header that are empty or begin with # are passed over; the delimiter is
    the header's commonest of comma, semicolon and tab. Raises CorruptDocument.
    """
    lines = text.lstrip("\ufeff").splitlines()
    first = next((number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), 0)
    delimiter = max(",;\t", key=lines[first].count) if lines else ","
    rows: list[list[str]] = []
    count = 0
    try:
        for row in csv.reader(io.StringIO("\n".join(lines[first:])), delimiter=delimiter):
            count += 1
            if count <= most + 1:
                rows.append(row[:_MOST_CELLS])
    except csv.Error as error:
        raise CorruptDocument(f"{name}: row {count + 1} cannot be read: {error}", name=name) from None
    return {"first": first + 1, "count": count, "rows": rows}
