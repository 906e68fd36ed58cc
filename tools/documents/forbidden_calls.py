"""The calls to the kernel that a parser has no business with, refused by the kernel itself (Linux, seccomp).

Unlike a namespace this needs no rights, so it also holds in a container that lets nobody make namespaces. Numbers:
Linux, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h; the filter's form: seccomp(2).
"""

import ctypes
import errno
import platform
import struct
from dataclasses import dataclass
from typing import Final

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_A_THREAD: Final = 0x10000
_X32: Final = 0x40000000


@dataclass(frozen=True, slots=True)
class _Machine:
    """A machine's own number and its calls: those refused, and those that depend on what is asked."""

    architecture: int
    seccomp: int
    clone: int
    prlimit64: int
    refused: tuple[int, ...]


_NEW: Final = (424, 425, 428, 430, 434, 438)
"""pidfd_send_signal, io_uring_setup, open_tree, fsopen, pidfd_open, pidfd_getfd: the same on all machines."""
_CLONE3: Final = 435

_MACHINES: Final = {
    "x86_64": _Machine(
        0xC000003E,
        seccomp=317,
        clone=56,
        prlimit64=302,
        refused=(
            *(41, 42, 49),  # socket, connect, bind
            *(57, 58, 59, 322),  # fork, vfork, execve, execveat
            *(62, 200, 234, 129, 297),  # kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo
            *(101, 310, 311),  # ptrace, process_vm_readv, process_vm_writev
            *(272, 308, 155, 161, 165, 166),  # unshare, setns, pivot_root, chroot, mount, umount2
            *(175, 313, 246, 321, 298, 323),  # init_module, finit_module, kexec_load, bpf, perf_event_open, userfaultfd
            *(248, 249, 250),  # add_key, request_key, keyctl
            *_NEW,
        ),
    ),
    "aarch64": _Machine(
        0xC00000B7,
        seccomp=277,
        clone=220,
        prlimit64=261,
        refused=(
            *(198, 203, 200),
            *(221, 281),
            *(129, 130, 131, 138, 240),
            *(117, 270, 271),
            *(97, 268, 41, 51, 40, 39),
            *(105, 273, 104, 280, 241, 282),
            *(217, 218, 219),
            *_NEW,
        ),
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def forbid_calls(libc: ctypes.CDLL) -> bool:
    """Give up the network, other programs and processes, signals, keys and mounts, for good; False where the system
    doesn't know how. `PR_SET_NO_NEW_PRIVS` must have been set."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False
    code = _filter(machine)
    program = _Program(len(code) // 8, code)
    return libc.syscall(machine.seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program)) == 0


def _filter(machine: _Machine) -> bytes:
    """The filter's program: eight bytes an instruction, jumps relative."""
    refuse = _REFUSE | errno.EPERM
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, machine.architecture),
        (_RETURN, 0, 0, refuse),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, refuse),
    ]
    for number in machine.refused:
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, refuse)]
    # Its flags lie in memory, which a filter cannot read; told that there is none, the C library takes the older clone.
    lines += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _REFUSE | errno.ENOSYS)]
    threads = [(_LOAD, 0, 0, _FIRST_ARGUMENT), (_ANY_BIT, 0, 1, _A_THREAD), (_RETURN, 0, 0, _ALLOW)]
    itself = [(_LOAD, 0, 0, _FIRST_ARGUMENT), (_EQUAL, 0, 1, 0), (_RETURN, 0, 0, _ALLOW)]
    for number, allowed in ((machine.clone, threads), (machine.prlimit64, itself)):
        lines += [(_EQUAL, 0, 4, number), *allowed, (_RETURN, 0, 0, refuse)]
    lines.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
