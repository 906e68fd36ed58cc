"""Plain text and Markdown: bytes to text, form feeds to pages, lines to blocks."""

import codecs
import re
from collections.abc import Iterator
from typing import Final

from tools.documents.draft import Draft, DraftBlock, check_length, check_pages
from tools.documents.faults import UndecodableText
from tools.documents.headings import guessed_level
from tools.documents.limits import Limits

_LINE: Final = re.compile(r"[^\n\f]+")
_ATX: Final = re.compile(r" {0,3}(#{1,6})(?:[ \t]+|$)")
_SETEXT: Final = re.compile(r" {0,3}(=+|-+)[ \t]*")
_ITEM: Final = re.compile(r"([ \t]*)(?:[-*+]|\d{1,9}[.)])[ \t]+\S")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_GB2312_HAN: Final = range(0xB0, 0xF8)
_WINDOWS_SHARE: Final = 0.05


def read_text(content: bytes, markdown: bool, limits: Limits) -> Draft:
    """Raises UndecodableText, DocumentTooLarge or TooManyPages."""
    text = decoded(content).replace("\r\n", "\n").replace("\r", "\n")
    check_length(len(text), limits)
    page_starts = (0, *(match.end() for match in re.finditer("\f", text) if match.end() < len(text)))
    check_pages(len(page_starts), limits)
    blocks = _markdown_blocks(text) if markdown else _plain_blocks(text)
    return Draft("text/markdown" if markdown else "text/plain", text, page_starts, tuple(blocks))


def decoded(content: bytes) -> str:
    """UTF-8, UTF-16 with a byte order mark, GB 18030, lines of it among lines of UTF-8, or Windows-1252.

    Windows-1252 only where few bytes are beyond ASCII.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _strictly(content, "utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        beyond_utf8 = error.start
    if (mixed := _by_line(content)) is not None:
        return mixed
    for encoding, plausible in (("gb18030", _looks_chinese), ("cp1252", _looks_western)):
        if plausible(content):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
    message = (
        f"the text is in no encoding read here (UTF-8, UTF-16 with a byte order mark, GB 18030); byte {beyond_utf8} is "
        f"0x{content[beyond_utf8]:02x}: save it as UTF-8 and send that"
    )
    raise UndecodableText(message, offset=beyond_utf8)


def _by_line(content: bytes) -> str | None:
    """Text whose lines are some in UTF-8 and some in GB 18030, as files pasted together are; None where it is not so.

    A line counts as UTF-8 where it has characters of three bytes, which bytes of GB 18030 hardly ever form.
    """
    lines: list[str] = []
    seen: set[str] = set()
    for line in content.removeprefix(codecs.BOM_UTF8).split(b"\n"):
        if line.isascii():
            lines.append(line.decode())
            continue
        try:
            text = line.decode("utf-8")
            if any(character >= "\u0800" for character in text):
                lines.append(text)
                seen.add("utf-8")
                continue
        except UnicodeDecodeError:
            pass
        try:
            lines.append(line.decode("gb18030"))
        except UnicodeDecodeError:
            return None
        if not _looks_chinese(line):
            return None
        seen.add("gb18030")
    return "\n".join(lines) if len(seen) == 2 else None


def _strictly(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        message = (
            f"the text says it is {encoding.upper()}, but byte {error.start} is not; save it as UTF-8 and send that"
        )
        raise UndecodableText(message, offset=error.start) from None


def _looks_chinese(content: bytes) -> bool:
    """Whether most two-byte characters are Han characters of GB 2312, as in any Chinese text.

    GB 18030 accepts nearly any byte string, so that it decodes says little.
    """
    pairs = re.findall(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]", content)
    han = sum(pair[0] in _GB2312_HAN and pair[1] >= 0xA1 for pair in pairs)
    return len(pairs) > 0 and han >= 0.6 * len(pairs)


def _looks_western(content: bytes) -> bool:
    beyond_ascii = sum(byte >= 0x80 for byte in content)
    return beyond_ascii <= _WINDOWS_SHARE * len(content)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Spans of the lines, empty ones included, without their line feed or form feed."""
    start = 0
    for match in re.finditer("[\n\f]", text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _plain_blocks(text: str) -> Iterator[DraftBlock]:
    """Paragraphs: lines between blank lines; each line its own where the text is not set with blank lines."""
    lines = list(_lines(text))
    filled = [(start, end) for start, end in lines if text[start:end].strip()]
    by_line = len(lines) - len(filled) < 0.15 * len(filled) and not _hard_wrapped(filled)
    group: list[tuple[int, int]] = []
    for start, end in [*lines, (len(text), len(text))]:
        blank = not text[start:end].strip()
        if group and (blank or by_line or (start and text[start - 1] == "\f")):
            yield plain_block(text, group[0][0], group[-1][1])
            group = []
        if not blank:
            group.append((start, end))


def _hard_wrapped(lines: list[tuple[int, int]]) -> bool:
    """Whether most lines end near one width, as an editor's or a typewriter's do."""
    widths = sorted(end - start for start, end in lines)
    if len(widths) < 8:
        return False
    wide = widths[int(0.9 * (len(widths) - 1))]
    return 40 <= wide <= 120 and sum(width >= 0.8 * wide for width in widths) > 0.5 * len(widths)


def plain_block(text: str, start: int, end: int) -> DraftBlock:
    """A block without the white space around it, a heading where it looks like one."""
    body = text[start:end]
    start += len(body) - len(body.lstrip())
    end = start + len(body.strip())
    level = guessed_level(text[start:end])
    return DraftBlock(start, end, "paragraph" if level is None else "heading", level)


def _markdown_blocks(text: str) -> Iterator[DraftBlock]:
    """CommonMark's leaf blocks as far as contracts need them: headings, list items, paragraphs, fenced code."""
    group: list[tuple[int, int]] = []
    item: int | None = None
    fence: str | None = None

    def closed() -> Iterator[DraftBlock]:
        nonlocal item
        if group:
            kind = "paragraph" if item is None else "list_item"
            yield DraftBlock(group[0][0], group[-1][1], kind, item)
        group.clear()
        item = None

    for start, end in _lines(text):
        line = text[start:end]
        mark = _FENCE.match(line)
        if fence is not None:
            group.append((start, end))
            if mark and mark.group(1).startswith(fence):
                fence = None
        elif not line.strip():
            yield from closed()
        elif mark:
            yield from closed()
            fence = mark.group(1)
            group.append((start, end))
        elif atx := _ATX.match(line):
            yield from closed()
            yield DraftBlock(start, start + len(line.rstrip()), "heading", len(atx.group(1)) - 1)
        elif len(group) == 1 and item is None and (setext := _SETEXT.fullmatch(line)):
            heading = DraftBlock(group[0][0], end, "heading", 0 if setext.group(1).startswith("=") else 1)
            group.clear()
            yield heading
        elif bullet := _ITEM.match(line):
            yield from closed()
            item = len(bullet.group(1).expandtabs(4)) // 2
            group.append((start, end))
        else:
            group.append((start, end))
    yield from closed()
