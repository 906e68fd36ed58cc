"""A process of ours on stdio, spoken to line by line, and then by the SDK's client over the same pipes."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from tests.conftest import ENVIRONMENT

MALFORMED: list[tuple[bytes, int, str | int | None]] = [
    (b"{", -32700, None),
    (b"nonsense", -32700, None),
    (b"[" * 100_000, -32700, None),
    (b'{"jsonrpc":"2.0","id":"\xff\xfe","method":"ping"}', -32700, None),
    (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600, None),
    (b"5", -32600, None),
    (b'{"jsonrpc":"1.0","id":7,"method":"ping"}', -32600, 7),
    (b'{"jsonrpc":"2.0","id":"a","method":5}', -32600, "a"),
    (b'{"jsonrpc":"2.0","id":9}', -32600, 9),
    (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', -32600, None),
    (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None),
    (b'{"jsonrpc":"2.0","id":10,"method":"ping","params":"x"}', -32600, 10),
    (b'{"jsonrpc":"2.0","id":11,"method":"tools/call","params":{"name":"' + b"x" * (64 << 20) + b'"}}', -32600, None),
]
"""Lines that are no message, with the error and the id that each is answered with."""


class Raw:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
        await self._process.stdin.drain()

    async def heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            told: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return told

    async def check_malformed(self) -> None:
        """Each is answered with the protocol's error, and none of its words."""
        for line, code, request_id in MALFORMED:
            await self.send(line)
            told = await self.heard()
            assert (told["error"]["code"], told["id"]) == (code, request_id), line[:80]
            assert "xxx" not in str(told)

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[tuple[Any, Any]]:
        """The same pipes as a transport of the SDK."""
        into, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, out = anyio.create_memory_object_stream[SessionMessage](0)
        stdout = self._process.stdout

        async def receive() -> None:
            assert stdout is not None
            async with into:
                while line := await stdout.readline():
                    await into.send(SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False)))

        async def give() -> None:
            async for each in out:
                await self.send(each.message.model_dump_json(by_alias=True, exclude_unset=True).encode())

        async with anyio.create_task_group() as group:
            group.start_soon(receive)
            group.start_soon(give)
            yield read, write
            group.cancel_scope.cancel()


@asynccontextmanager
async def raw(command: list[str], folder: Path, log: Path, *, interrupt: bool = False) -> AsyncIterator[Raw]:
    """log: where its standard error goes. At the end its input is closed, or Ctrl-C is pressed, and it must end."""
    environment = {**ENVIRONMENT, "CONSILIA_DATA_DIR": str(folder / "var")}
    pipe = asyncio.subprocess.PIPE
    with log.open("w") as told:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=told, cwd=folder, env=environment, limit=1 << 26
        )
    try:
        yield Raw(process)
        assert process.stdin is not None
        process.send_signal(signal.SIGINT) if interrupt else process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 30) == (130 if interrupt else 0)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
