"""The only files that a parser may still open: Python's own (Linux, Landlock). See landlock(7)."""

import ctypes
import os
import sysconfig
from typing import Final

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""Numbers of the calls, the same on all machines."""
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_READ: Final = 1 << 2 | 1 << 3
"""Files and lists of folders."""
_FILE_RIGHTS: Final = (0, 13, 14, 15, 15, 16)
"""How many kinds of access to files each version knows, the newest known here last."""
_TCP, _TCP_SINCE = 3, 4
_OTHER_PROCESSES, _OTHER_PROCESSES_SINCE = 3, 6


class _Handled(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def close_files(libc: ctypes.CDLL) -> bool:
    """Give up every file but the standard library and installed packages, which are there to be read (a codec is
    imported when a text first needs it); False where the kernel doesn't know how. `PR_SET_NO_NEW_PRIVS` must have been
    set. What is open stays open."""
    version = libc.syscall(_CREATE, None, 0, _ASK_VERSION)
    if version < 1:
        return False
    handled = _Handled((1 << _FILE_RIGHTS[min(version, len(_FILE_RIGHTS) - 1)]) - 1)
    size = 8
    if version >= _TCP_SINCE:
        handled.network, size = _TCP, 16
    if version >= _OTHER_PROCESSES_SINCE:
        handled.scoped, size = _OTHER_PROCESSES, 24
    rules = libc.syscall(_CREATE, ctypes.byref(handled), size, 0)
    if rules < 0:
        return False
    try:
        for folder in {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}:
            _allow(libc, rules, folder)
        return libc.syscall(_RESTRICT, rules, 0) == 0
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, folder: str) -> None:
    try:
        parent = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not there: nothing to allow
        return
    beneath = _Beneath(_READ, parent)
    libc.syscall(_ADD, rules, _PATH_BENEATH, ctypes.byref(beneath), 0)
    os.close(parent)
