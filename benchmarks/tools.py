"""What a call through the tool host costs beyond the tool's own time, beside a session opened for each call.

    python -m benchmarks.tools [--calls N] [--json FILE]

The tool takes no time, so all that is measured is overhead. Servers: in memory, a program on stdio, and one over
loopback HTTP in a process of its own. The host's calls are measured one after the other over the open session, with its
checks (permission is the toolbox's, pins, size, schema); "session a call" opens an SDK client for each.
"""

import argparse
import asyncio
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import uvloop
from mcp import Client, StdioServerParameters
from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel

from tools.host import Foreign, ToolHost
from tools.host.settings import ServerSettings, ToolsSettings
from tools.serving import READ_ONLY


class Sum(BaseModel):
    total: int


def served() -> MCPServer[Any]:
    server: MCPServer[Any] = MCPServer("bench", log_level="WARNING")

    @server.tool(annotations=READ_ONLY)
    def add(a: int, b: int) -> Sum:
        return Sum(total=a + b)

    return server


async def timed(call: Callable[[], Awaitable[object]], calls: int) -> dict[str, float]:
    """Milliseconds a call, after some to warm up: p50, p99, mean, and processor time of this process."""
    for _ in range(min(20, calls)):
        await call()
    taken: list[float] = []
    processor = time.process_time()
    for _ in range(calls):
        begun = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - begun) * 1000)
    processor = (time.process_time() - processor) * 1000 / calls
    taken.sort()
    return {
        "p50_ms": round(statistics.median(taken), 3),
        "p99_ms": round(taken[int(len(taken) * 0.99)], 3),
        "mean_ms": round(statistics.fmean(taken), 3),
        "cpu_ms": round(processor, 3),
        "calls": calls,
    }


async def measure(calls: int) -> dict[str, dict[str, float]]:
    arguments = {"a": 1, "b": 2}
    found: dict[str, dict[str, float]] = {}
    command = [sys.executable, "-m", "benchmarks.tools", "--serve", "stdio"]
    with tempfile.TemporaryFile() as output:
        started = [sys.executable, "-m", "benchmarks.tools", "--serve", "http"]
        process = subprocess.Popen(started, stdout=subprocess.PIPE, stderr=output, text=True)  # noqa: ASYNC220
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            told = ToolsSettings(
                servers={
                    "web": ServerSettings(url=url, allow_networks=["127.0.0.0/8"]),
                    "program": ServerSettings(command=command, folder=Path.cwd()),
                }
            )
            own = served()
            async with ToolHost({"own": own}, foreign=Foreign(told)) as host:
                for name, server in (("in memory", "own"), ("stdio", "program"), ("HTTP", "web")):
                    found[f"{name}, open session"] = await timed(lambda s=server: host.call(s, "add", arguments), calls)
            found["HTTP, a bare POST that is refused"] = await floor(url, calls)
            few = max(10, calls // 20)
            targets: dict[str, Any] = {
                "in memory": own,
                "stdio": StdioServerParameters(command=command[0], args=command[1:]),
                "HTTP": url,
            }
            for name, target in targets.items():

                async def once(target: Any = target) -> None:
                    async with Client(target) as client:
                        await client.call_tool("add", arguments)

                count = few if name != "stdio" else 3
                found[f"{name}, session a call"] = await timed(once, count)
        finally:
            process.terminate()
            process.wait(10)
    return found


async def floor(url: str, calls: int) -> dict[str, float]:
    """What a round trip to the same process costs without MCP: the part of the figure that is the machine's."""
    async with httpx2.AsyncClient(trust_env=False) as client:

        async def post() -> None:
            await client.post(url.removesuffix("/mcp") + "/nothing", content=b"{}")

        return await timed(post, calls)


def serve(kind: str) -> None:
    if kind == "stdio":
        served().run()
        return
    import socket

    import uvicorn

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", flush=True)
    config = uvicorn.Config(served().streamable_http_app(), log_level="error")
    uvicorn.Server(config).run(sockets=[listening])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--calls", type=int, default=1000)
    options.add_argument("--json", type=Path)
    options.add_argument("--serve", choices=["stdio", "http"], help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.serve:
        serve(chosen.serve)
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(measure(chosen.calls))
    print(f"{'a call of a tool that takes no time':<38}{'p50':>10}{'p99':>10}{'mean':>10}{'CPU':>10}   calls")
    for name, each in found.items():
        figures = "".join(f"{each[key]:.2f} ms".rjust(10) for key in ("p50_ms", "p99_ms", "mean_ms", "cpu_ms"))
        print(f"{name:<38}{figures}   {each['calls']:.0f}")
    bounds = {"in memory, open session": 1.0, "HTTP, open session": 5.0}
    for name, bound in bounds.items():
        held = "holds" if found[name]["p50_ms"] <= bound else "does not hold"
        print(f"bound {bound:g} ms p50, {name}: {held}")
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        whole = {"machine": platform.platform(), "python": platform.python_version(), "figures": found}
        chosen.json.write_text(json.dumps(whole, indent=2) + "\n")


if __name__ == "__main__":
    main()
