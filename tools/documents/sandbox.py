"""Documents from outside are read in a process of their own, with limits; whatever it does, only that process dies."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

import tools
from tools.documents.document import Document
from tools.documents.faults import DocumentTooLarge, EmptyDocument, ParserCrash, ParserMemory, ParserTimeout
from tools.documents.limits import Limits
from tools.documents.reading import as_document
from tools.errors import ConsiliaError

_LARGEST_ANSWER: Final = 256 * 1024 * 1024
_START_SECONDS: Final = 10.0
"""Wall clock allowed on top of `max_seconds` for the interpreter to start on a busy machine."""
_MEMORY_SIGNS: Final = (b"MemoryError", b"memory allocation", b"std::bad_alloc", b"Cannot allocate memory")


@dataclass(frozen=True, slots=True)
class Reading:
    """A document, and what its parser was confined by: `network`, `memory`, `time`, … each applied or not."""

    document: Document
    confinement: dict[str, bool]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser made of a file, in JSON types, and what it was confined by."""

    fields: dict[str, Any]
    confinement: dict[str, bool]


ParserName = Literal["document", "playbook", "record", "redline", "table", "toml"]


async def read_in_sandbox(content: bytes, name: str, limits: Limits | None = None) -> Document:
    """As `reading.read`, in a process with limits on memory, time, files and, where the kernel lets us, no network.

    Raises the errors of `tools.documents.faults`, ParserTimeout, ParserMemory and ParserCrash among them.
    """
    return (await confined_reading(content, name, limits)).document


async def confined_reading(content: bytes, name: str, limits: Limits | None = None) -> Reading:
    """As `read_in_sandbox`, and says how the process was confined."""
    parsed = await parse_in_sandbox("document", content, name, limits)
    try:
        return Reading(as_document(parsed.fields, content, name), parsed.confinement)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise _unusable(name) from error


async def parse_in_sandbox(
    parser: ParserName, content: bytes, name: str, limits: Limits | None = None, **arguments: Any
) -> Parsed:
    """What a parser (`tools.documents.confinement.PARSERS`) makes of a file, in a process of its own.

    arguments: of that parser, in JSON types. Raises as `read_in_sandbox`, and what the parser raises.
    """
    limits = limits or Limits()
    if not content:
        raise EmptyDocument(f"{name!r} is empty: it has no bytes", name=name)
    if len(content) > limits.max_bytes:
        message = f"{name!r} has {len(content)} bytes; at most {limits.max_bytes} are read"
        raise DocumentTooLarge(message, name=name, bytes=len(content), max_bytes=limits.max_bytes)
    asked = {"parser": parser, "name": name, "limits": asdict(limits), "arguments": arguments}
    request = json.dumps(asked).encode() + b"\n" + content
    answer, complaint, status = await _answer(request, name, limits)
    if status != 0:
        raise _death(status, complaint, name, limits)
    try:
        said: dict[str, Any] = json.loads(answer)
        if "error" in said:
            raise ConsiliaError.from_payload(said["error"])
        return Parsed(said["parsed"], said["confinement"])
    except (ValueError, KeyError, TypeError) as error:
        raise _unusable(name) from error


def _unusable(name: str) -> ParserCrash:
    return ParserCrash(f"the parser of {name!r} gave no usable answer; the file may be damaged", name=name)


async def _answer(request: bytes, name: str, limits: Limits) -> tuple[bytes, bytes, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "tools.documents.confinement",
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd="/",
        env=_environment(),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limits.max_seconds + _START_SECONDS):
            answer, complaint, _ = await asyncio.gather(
                _read(process, name), _complaint(process), _send(process, request)
            )
            return answer, complaint, await process.wait()
    except TimeoutError:
        raise _timeout(name, limits) from None
    finally:
        await _end(process)


def _environment() -> dict[str, str]:
    """Nothing of ours but the way to our code: no keys, no proxies, no home."""
    package = Path(tools.__file__ or "").resolve().parent.parent
    return {"PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "1", "LC_ALL": "C.UTF-8"}


async def _send(process: Process, request: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):  # it died; its exit status says of what
        process.stdin.write(request)
        await process.stdin.drain()
    process.stdin.close()


async def _read(process: Process, name: str) -> bytes:
    assert process.stdout is not None
    parts: list[bytes] = []
    size = 0
    while part := await process.stdout.read(1 << 20):
        size += len(part)
        if size > _LARGEST_ANSWER:
            raise DocumentTooLarge(f"what {name!r} holds takes over {_LARGEST_ANSWER} bytes; split it", name=name)
        parts.append(part)
    return b"".join(parts)


async def _complaint(process: Process) -> bytes:
    """The end of the standard error stream, all of it read so that the process never waits on us."""
    assert process.stderr is not None
    end = b""
    while part := await process.stderr.read(1 << 16):
        end = (end + part)[-4_096:]
    return end


async def _end(process: Process) -> None:
    """Kill the whole process group, also when it is done: it may have left a child."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _timeout(name: str, limits: Limits) -> ParserTimeout:
    message = f"reading {name!r} took longer than {limits.max_seconds:g} s; split it or send the part needed"
    return ParserTimeout(message, name=name, max_seconds=limits.max_seconds)


def _death(status: int, complaint: bytes, name: str, limits: Limits) -> ConsiliaError:
    """The error for a process that ended without an answer; a negative status is the signal that killed it."""
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return _timeout(name, limits)
    if any(sign in complaint for sign in _MEMORY_SIGNS):
        mebibytes = limits.max_memory // (1024 * 1024)
        message = f"reading {name!r} needs more than {mebibytes} MiB of memory; split it or send the part needed"
        return ParserMemory(message, name=name, max_memory=limits.max_memory)
    cause = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    message = (
        f"the parser died on {name!r} ({cause}): the file is damaged or made to harm, or needs over "
        f"{limits.max_memory // (1024 * 1024)} MiB; open it in its own program, save it anew and send that"
    )
    return ParserCrash(message, name=name, cause=cause)
