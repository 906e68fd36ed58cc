"""Where a key of a TOML playbook stands in its source, so that an error can name the line."""

import re

_HEADER = re.compile(r"^\s*(?P<array>\[\[)|^\s*\[")
_KEY = re.compile(r"""^\s*(?P<key>(?:[A-Za-z0-9_-]+|"[^"]*")(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"))*)\s*=""")

Path = tuple[str | int, ...]


def line_of(source: str, path: Path) -> int:
    """The 1-based line of the key at `path` (as pydantic gives it), or of the nearest table around it."""
    lines = _lines(source)
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


def _lines(source: str) -> dict[Path, int]:
    found: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    quoted = ""
    for number, line in enumerate(source.splitlines(), start=1):
        if quoted:
            quoted = "" if quoted in line else quoted
            continue
        header = _HEADER.match(line)
        if header and not _KEY.match(line):
            path = _resolve(_parts(line.strip().split("#")[0].strip().strip("[] ")), counts)
            if header["array"]:
                index = counts.get(path, -1) + 1
                counts[path] = index
                found.setdefault(path, number)
                path = (*path, index)
            table = path
            found.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key:
            path = table
            for part in _parts(key["key"]):
                path = (*path, part)
                found.setdefault(path, number)
            _inline(line[key.end() :], path, number, found)
            for mark in ('"""', "'''"):
                if line.count(mark) % 2:
                    quoted = mark
    return found


def _resolve(parts: list[str], counts: dict[Path, int]) -> Path:
    """A header's path with the index of each array of tables that it passes through."""
    path: Path = ()
    for index, part in enumerate(parts):
        path = (*path, part)
        if path in counts and index < len(parts) - 1:
            path = (*path, counts[path])
    return path


def _inline(value: str, path: Path, number: int, found: dict[Path, int]) -> None:
    """The keys of an inline table stand on its line."""
    for key in re.finditer(r"[{,]\s*([A-Za-z0-9_-]+)\s*=", value):
        found.setdefault((*path, key.group(1)), number)


def _parts(key: str) -> list[str]:
    return [part.strip().strip('"') for part in re.findall(r'"[^"]*"|[^.\s]+', key)]
