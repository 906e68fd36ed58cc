"""Where in somebody's code something happened: the file and line that a developer looks for."""

import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

_LIBRARIES: Final = tuple(
    str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_NODE: Final = re.compile(r"During task with name '([^']+)'")
"""The note that LangGraph adds to what a node raises."""


@dataclass(frozen=True, slots=True)
class Place:
    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} ({self.function})"


def innermost(frame: FrameType) -> Place:
    """The innermost frame of a stack outside libraries; the innermost of all where there is none."""
    found: FrameType | None = frame
    while found is not None and _of_library(found.f_code.co_filename):
        found = found.f_back
    found = found or frame
    return Place(found.f_code.co_filename, found.f_lineno, found.f_code.co_name)


def raised_at(error: BaseException) -> Place | None:
    """Where an error was raised: the innermost frame outside libraries, else the innermost of all."""
    trace, place, inner = error.__traceback__, None, None
    while trace is not None:
        code = trace.tb_frame.f_code
        inner = Place(code.co_filename, trace.tb_lineno, code.co_name)
        if not _of_library(code.co_filename) and not _ours(code.co_filename):
            place = inner
        trace = trace.tb_next
    return place or inner


def described(error: BaseException) -> dict[str, Any]:
    """Where an error of a graph was raised, as details for a developer: file, line, function, and the node."""
    place = raised_at(error)
    node = next((found.group(1) for note in getattr(error, "__notes__", ()) if (found := _NODE.search(note))), None)
    details: dict[str, Any] = {"node": node} if node else {}
    if place is not None:
        details |= {"file": place.file, "line": place.line, "function": place.function}
    return details


def _of_library(file: str) -> bool:
    return file.startswith((*_LIBRARIES, "<")) or "site-packages" in file


_HERE: Final = str(Path(__file__).resolve().parent)


def _ours(file: str) -> bool:
    """Whether the file only drives graphs."""
    return file.startswith(_HERE)
