"""Bytes to rows of cells: encoding and delimiter are told from the content."""

import csv
import io
from typing import Final

from tools.finance.importing.cells import clean
from tools.finance.importing.findings import UnreadableTable

_DELIMITERS: Final = (",", ";", "\t", "|", "，")
_SAMPLE: Final = 200


def decode(content: bytes) -> tuple[str, str]:
    """(text, encoding): by byte order mark, else UTF-8, UTF-16 without a mark, or GB18030 (which holds GBK and GB2312).

    Raises UnreadableTable for what is none of these, or is no text.
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return _decoded(content, encoding), encoding.removesuffix("-sig")
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise UnreadableTable("this is a spreadsheet's own format; save it as CSV first")
    sample = content[:4096]
    if sample.count(0) > len(sample) // 4:
        little = sample[1::2].count(0) >= sample[0::2].count(0)
        encoding = "utf-16-le" if little else "utf-16-be"
        return _decoded(content, encoding), encoding
    for encoding in ("utf-8", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text, encoding
    raise UnreadableTable("this is no text in UTF-8, UTF-16 or GB18030 (GBK)")


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableTable(f"this begins as {encoding} text, but byte {error.start} is not") from None


def split(text: str) -> tuple[list[tuple[int, list[str]]], str]:
    """((line, cells) of each row that is not empty, delimiter). The delimiter is the one that gives most rows the same
    number of cells, two or more.

    Raises UnreadableTable when there is none.
    """
    lines = text.splitlines()
    sample = [line for line in lines[:_SAMPLE] if line.strip()]
    best, delimiter = 0.0, ""
    for candidate in _DELIMITERS:
        widths = [len(row) for row in _rows("\n".join(sample), candidate)]
        wide = [width for width in widths if width >= 2]
        if not wide:
            continue
        common = max(set(wide), key=wide.count)
        score = wide.count(common) / len(widths) + min(common, 20) / 1000
        if score > best:
            best, delimiter = score, candidate
    if best < 0.5:
        raise UnreadableTable("no delimiter (comma, semicolon, tab, bar) splits the lines into the same columns")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            cleaned = [clean(cell) for cell in cells]
            if any(cleaned):
                rows.append((reader.line_num, cleaned))
    except csv.Error as error:
        raise UnreadableTable(f"line {reader.line_num}: {error}") from None
    return rows, delimiter


def _rows(text: str, delimiter: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error:
        return []
