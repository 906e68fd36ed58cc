"""Reading a file that a client names, inside the folders that it shares and nowhere else.

Standard library only: `relay` runs from it on desktops that have Python and nothing of ours.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Unreadable(Exception):
    """A path that is not read; the message says which, why, and what to do."""


def folders(uris: Iterable[str]) -> list[Path]:
    """The folders that a client's roots name; roots that are no file: URI of this machine are left out."""
    found: list[Path] = []
    for uri in uris:
        parts = urlsplit(uri)
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            found.append(_local(parts.path))
    return found


def read_within(path: str, roots: Sequence[Path], limit: int) -> tuple[str, bytes]:
    """(name, content) of the file at a path: absolute, a file: URI, or relative to one of the roots.

    limit: most bytes. Raises Unreadable: outside the roots (also by `..` or a symbolic link), no plain file, too large.
    """
    if not roots:
        raise Unreadable(
            f"{path!r} is not read: this client shares no folder. Start `consilia mcp` with --root FOLDER, or give "
            "content or content_base64 instead of path"
        )
    given = _given(path)
    for root in roots:
        base = Path(os.path.realpath(root))
        real = Path(os.path.realpath(given if given.is_absolute() else base / given))
        if real == base or not real.is_relative_to(base):
            continue
        try:
            return real.name, _read_beneath(base, real.relative_to(base), limit)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Unreadable(f"{path!r} cannot be read: {error.strerror}") from None
    shared = ", ".join(str(root) for root in roots)
    raise Unreadable(f"there is no file {path!r} within the folders that this client shares: {shared}")


def _given(path: str) -> Path:
    if "\0" in path or len(path) > 4096:
        raise Unreadable("the path holds U+0000 or is longer than 4096 characters")
    if path.startswith("file:"):
        parts = urlsplit(path)
        if parts.netloc not in ("", "localhost"):
            raise Unreadable(f"{path!r} names another machine; give a path of this one")
        given = _local(parts.path)
    else:
        given = Path(path)
    if ".." in given.parts:
        raise Unreadable(f"{path!r} holds '..'; name the file by its path within a shared folder")
    return given


def _local(path: str) -> Path:
    """The path of a file: URI; `/C:/x` is `C:/x` on Windows."""
    decoded = unquote(path)
    return Path(decoded[1:] if os.name == "nt" and decoded[2:3] == ":" else decoded)


def _read_beneath(base: Path, relative: Path, limit: int) -> bytes:
    """Read step by step from the folder down without following links, so that none put there meanwhile leads out."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe must not hold us up
    if os.open not in os.supports_dir_fd:
        return _read(os.open(base / relative, flags), relative, limit)
    folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in relative.parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return _read(os.open(relative.name, flags | os.O_NOFOLLOW, dir_fd=folder), relative, limit)
    finally:
        os.close(folder)


def _read(descriptor: int, relative: Path, limit: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Unreadable(f"{relative.name!r} is not a plain file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Unreadable(f"{relative.name!r} is larger than {limit} bytes (limits.upload_bytes)")
    if not content:
        raise Unreadable(f"{relative.name!r} is empty")
    return content
