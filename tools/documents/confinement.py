"""What the parser's process does to itself before it looks at a document, and that process's own entry point.

    python -P -m tools.documents.confinement < request > answer

The request is a line of JSON (`{"parser", "name", "limits", "arguments"}`) and then the file's bytes; the answer is one
JSON object with `confinement` and either `parsed` (what the parser gave) or `error` (a `ConsiliaError` payload).
"""

import ctypes
import importlib
import json
import math
import os
import resource
import signal
import sys
from types import ModuleType
from typing import Final

from tools.documents.faults import ParserMemory
from tools.documents.forbidden_calls import forbid_calls
from tools.documents.limits import Limits
from tools.documents.readable_files import close_files
from tools.errors import ConsiliaError

PARSERS: Final = {
    "document": "tools.documents.parsing",
    "playbook": "tools.contracts.playbook_parsing",
    "record": "tools.medicine.record_parsing",
    "redline": "tools.contracts.redline_parsing",
    "table": "tools.documents.table",
    "toml": "tools.documents.toml",
}
"""Modules with a function `parse(content, name, limits, **arguments)`, by the name that a request gives."""

_NEW_USER_NAMESPACE: Final = 0x10000000
_NEW_NET_NAMESPACE: Final = 0x40000000
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_OPEN_FILES: Final = 32


def confine(limits: Limits) -> dict[str, bool]:
    """Give up memory, time, files, processes and the network; says of each whether the system took it.

    network: a namespace without one; calls: no sockets, programs, processes or signals either; files: none but Python's
    own. macOS takes no limit on address space and has none of these three; root is not held by the process limit.
    """
    applied = {"network": False, "privileges": False, "calls": False, "files": False}
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux":
        applied["network"] = libc.unshare(_NEW_USER_NAMESPACE | _NEW_NET_NAMESPACE) == 0
        applied["privileges"] = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        applied["files"] = close_files(libc)
    seconds = math.ceil(limits.max_seconds)
    applied["time"] = _limit(resource.RLIMIT_CPU, seconds)
    applied["written_files"] = _limit(resource.RLIMIT_FSIZE, 0)
    applied["core_dumps"] = _limit(resource.RLIMIT_CORE, 0)
    applied["open_files"] = _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    applied["processes"] = _limit(resource.RLIMIT_NPROC, 0)
    applied["memory"] = _limit(resource.RLIMIT_AS, limits.max_memory)
    if sys.platform == "linux":
        applied["calls"] = forbid_calls(libc)
    return applied


def _limit(kind: int, value: int) -> bool:
    try:
        _, hard = resource.getrlimit(kind)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (allowed, allowed))
    except (ValueError, OSError):
        return False
    return True


def _load_parser(parser: str, content: bytes) -> ModuleType:
    """Import our own code while files may still be opened; only first bytes are looked at."""
    module = importlib.import_module(PARSERS[parser])
    if parser == "document":
        importlib.import_module(f"tools.documents.{_form(content)}")
    if parser in ("document", "record"):
        importlib.import_module("lingua")
    return module


def _form(content: bytes) -> str:
    """The module that reads such a file."""
    if b"%PDF-" in content[:1024]:
        return "pdf"
    return "word" if content.startswith(b"PK") else "text"


def main() -> None:
    request = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    os.close(0)
    limits = Limits(**request["limits"])
    module = _load_parser(request["parser"], content)
    answer: dict[str, object] = {"confinement": confine(limits)}
    try:
        answer["parsed"] = module.parse(content, request["name"], limits, **request["arguments"])
        packed = json.dumps(answer)
    except ConsiliaError as error:
        answer["error"] = error.as_payload()
        packed = json.dumps(answer)
    except MemoryError:
        answer.pop("parsed", None)
        answer["error"] = memory_error(limits).as_payload()
        packed = json.dumps(answer)
    sys.stdout.write(packed)
    sys.stdout.flush()
    os._exit(0)  # nothing to clean up, and C libraries may not survive their own clean-up after a lack of memory


def memory_error(limits: Limits) -> ParserMemory:
    mebibytes = limits.max_memory // (1024 * 1024)
    message = f"reading the document needs more than {mebibytes} MiB of memory; split it or send the part needed"
    return ParserMemory(message, max_memory=limits.max_memory)


if __name__ == "__main__":
    main()
