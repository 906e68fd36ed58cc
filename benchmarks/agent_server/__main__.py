"""Consilia beside `langgraph dev` and aegra on the same graph, one after the other.

python -m benchmarks.agent_server                       # all that is installed
python -m benchmarks.agent_server --only sqlite postgresql --runs 400
python -m benchmarks.agent_server --only flight stored  # 2,000 runs in flight; 100,000 runs stored
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.agent_server import stored
from benchmarks.agent_server.load import Figure, Load
from benchmarks.agent_server.servers import ROOT, Running, aegra, consilia, langgraph_dev

_SERVERS = ("sqlite", "postgresql", "dev", "aegra")


async def figures(server: Running, runs: int) -> list[Figure]:
    """What the issue's table has, for one server."""
    load = Load(server.url, server.headers, server.assistants)
    few = max(60, runs // 4)
    try:
        for _ in range(10):
            await load.wait()
        found = [
            await load.measure("runs/wait, 1 client", 1, few, load.wait),
            await load.measure("runs/wait, 16 clients", 16, runs, load.wait),
            await load.measure("runs/wait, 64 clients", 64, runs, load.wait),
            await load.measure("thread + wait, 16 clients", 16, few * 2, load.thread_and_wait),
            await load.measure("first stream event, 1 client", 1, few, load.first_event),
            await load.background(300),
        ]
        if server.name.startswith("consilia"):
            at_exit = lambda: load.wait(durability="exit")  # noqa: E731
            found.append(await load.measure("runs/wait at exit, 16 clients", 16, runs, at_exit))
            found.append(await load.pick_up(few))
        return found
    finally:
        await load.close()


async def flight(server: Running, count: int, seconds: float) -> dict[str, Any]:
    load = Load(server.url, server.headers, server.assistants)
    try:
        figure, answers = await load.in_flight(count, seconds)
    finally:
        await load.close()
    return {
        "server": server.name,
        "runs": count,
        "errors": figure.errors,
        "all_done_s": round(count / figure.per_second, 1),
        "resident_mib": round(server.resident_mib()),
        "ok_p50_ms": round(answers[len(answers) // 2], 1),
        "ok_p99_ms": round(answers[int(len(answers) * 0.99)], 1),
        "ok_max_ms": round(answers[-1], 1),
    }


def _opened(name: str, asked: argparse.Namespace) -> AbstractContextManager[Running]:
    openers: dict[str, Callable[[], AbstractContextManager[Running]]] = {
        "sqlite": consilia,
        "postgresql": lambda: consilia("postgresql"),
        "dev": lambda: langgraph_dev(asked.dev_python),
        "aegra": lambda: aegra(asked.aegra_python),
    }
    return openers[name]()


def _installed(name: str, asked: argparse.Namespace) -> bool:
    needed = {"dev": asked.dev_python, "aegra": asked.aegra_python}.get(name)
    if needed is None or needed.exists():
        return True
    print(f"{name}: {needed} is not there; see benchmarks/README.md", file=sys.stderr)
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[*_SERVERS, "flight", "stored"], default=list(_SERVERS))
    parser.add_argument("--runs", type=int, default=400, help="runs a measurement (default 400)")
    parser.add_argument("--flight", type=int, default=2000, help="runs in flight (default 2000)")
    parser.add_argument("--stored", type=int, default=100_000, help="runs in the database (default 100000)")
    parser.add_argument("--dev-python", type=Path, default=ROOT / ".venv-reference/bin/python")
    parser.add_argument("--aegra-python", type=Path, default=ROOT / ".venv-aegra/bin/python")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    results: dict[str, Any] = {}
    table = Table(box=None, header_style="bold")
    table.add_column("")
    columns: list[list[Figure]] = []
    for name in asked.only:
        if name == "flight":
            with consilia() as server:
                results["flight"] = asyncio.run(flight(server, asked.flight, 10))
        elif name == "stored":
            results["stored"] = stored.compare(asked.stored, asked.runs)
        elif _installed(name, asked):
            print(f"{name} …", file=sys.stderr)
            with _opened(name, asked) as server:
                found = asyncio.run(figures(server, asked.runs))
                results[server.name] = {
                    "resident_mib": round(server.resident_mib()),
                    "figures": [asdict(each) for each in found],
                }
                table.add_column(server.name, justify="right")
                columns.append(found)
    if asked.json:
        print(json.dumps(results, indent=2))
        return
    if columns:
        longest = max(columns, key=len)
        for index, figure in enumerate(longest):
            cells = [_cell(column[index]) if index < len(column) else "" for column in columns]
            table.add_row(figure.name, *cells)
        Console(width=140).print(table)
    for name in ("flight", "stored"):
        if name in results:
            print(name, json.dumps(results[name], indent=2))


def _cell(figure: Figure) -> str:
    failed = f" {figure.errors} errors" if figure.errors else ""
    return f"{figure.per_second:.1f}/s p50 {figure.p50:.1f} ms p99 {figure.p99:.1f}{failed}"


main()
