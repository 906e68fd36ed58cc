"""What changed between two JSON values: paths that were added, removed or changed."""

import difflib
import re
from typing import Any, Final, Literal, cast

from pydantic import BaseModel

MOST: Final = 300
"""Changes that are told of; a state of ten thousand changed entries is no reading matter."""

_WORDS_UP_TO: Final = 2_000


class Piece(BaseModel):
    """A piece of a changed text."""

    kind: Literal["same", "added", "removed"]
    text: str


class Change(BaseModel):
    """path: keys and indices from the top, such as findings[3].reason. pieces: of a changed text that is short."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None
    pieces: list[Piece] = []


class Diff(BaseModel):
    """more: changes beyond those told of, where there are any."""

    changes: list[Change]
    more: bool = False


def diff(before: Any, after: Any) -> Diff:
    """The changes from one JSON value to another, in their order."""
    found: list[Change] = []
    _walk("", before, after, found)
    return Diff(changes=found[:MOST], more=len(found) > MOST)


def _walk(path: str, before: Any, after: Any, found: list[Change]) -> None:
    if len(found) > MOST:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        _walk_objects(path, cast(dict[str, Any], before), cast(dict[str, Any], after), found)
    elif isinstance(before, list) and isinstance(after, list):
        _walk_lists(path, cast(list[Any], before), cast(list[Any], after), found)
    elif isinstance(before, bool) is not isinstance(after, bool) or before != after:
        pieces = words(before, after) if isinstance(before, str) and isinstance(after, str) else []
        found.append(Change(path=path, kind="changed", before=before, after=after, pieces=pieces))


def _walk_objects(path: str, before: dict[str, Any], after: dict[str, Any], found: list[Change]) -> None:
    for name in [*before, *(each for each in after if each not in before)]:
        if len(found) > MOST:
            return
        here = f"{path}.{name}" if path else name
        if name not in after:
            found.append(Change(path=here, kind="removed", before=before[name]))
        elif name not in before:
            found.append(Change(path=here, kind="added", after=after[name]))
        else:
            _walk(here, before[name], after[name], found)


def _walk_lists(path: str, before: list[Any], after: list[Any], found: list[Change]) -> None:
    shared = min(len(before), len(after))
    for index in range(shared):
        if len(found) > MOST:
            return
        if before[index] is not after[index]:
            _walk(f"{path}[{index}]", before[index], after[index], found)
    for index in range(shared, len(after)):
        if len(found) > MOST:
            return
        found.append(Change(path=f"{path}[{index}]", kind="added", after=after[index]))
    for index in range(shared, len(before)):
        if len(found) > MOST:
            return
        found.append(Change(path=f"{path}[{index}]", kind="removed", before=before[index]))


def words(before: str, after: str) -> list[Piece]:
    """A changed text word by word; nothing for texts that are long."""
    if len(before) > _WORDS_UP_TO or len(after) > _WORDS_UP_TO:
        return []
    old, new = re.findall(r"\s+|\w+|[^\w\s]", before), re.findall(r"\s+|\w+|[^\w\s]", after)
    pieces: list[Piece] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece(kind="same", text="".join(old[i1:i2])))
            continue
        if i2 > i1:
            pieces.append(Piece(kind="removed", text="".join(old[i1:i2])))
        if j2 > j1:
            pieces.append(Piece(kind="added", text="".join(new[j1:j2])))
    return pieces
