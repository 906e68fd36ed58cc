"""`make bench-pool`: what the gateways add in front of a model server, all in one run, in turns.

With --vllm URL (a real vLLM) also tokens a second of questions asked through the pool, and of a whole workflow run in
the service, beside the same requests sent to the server itself. --only-vllm leaves the gateways out.
"""

import argparse
import json
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.pool import gateways, whole_run, workflow
from benchmarks.pool.load import Target, latencies, p50, rate

out = Console()


async def in_turns(targets: list[Target], rounds: int, singles: int, many: int, clients: int) -> list[dict[str, Any]]:
    """Each target in each round, so that what else the machine does falls on all of them."""
    waited: dict[str, list[float]] = {target.name: [] for target in targets}
    rates: dict[str, list[float]] = {target.name: [] for target in targets}
    costs: dict[str, list[float]] = {target.name: [] for target in targets}
    for target in targets:
        await latencies(target, 20)  # warm
    for number in range(rounds):
        for target in targets:
            fewer = 4 if "LiteLLM" in target.name else 1
            waited[target.name] += await latencies(target, singles // fewer)
            before = target.cpu_seconds()
            rates[target.name].append(await rate(target, clients, many // fewer))
            costs[target.name].append((target.cpu_seconds() - before) * 1000 / (many // fewer))
        out.print(f"round {number + 1} of {rounds}, load {os.getloadavg()[0]:.1f}", style="dim")
    alone = p50(waited[targets[0].name])
    return [
        {
            "target": target.name,
            "version": gateways.version(target.name),
            "p50_ms": round(p50(waited[target.name]), 2),
            "added_ms": round(p50(waited[target.name]) - alone, 2),
            "p95_ms": round(sorted(waited[target.name])[int(len(waited[target.name]) * 0.95)], 2),
            "requests_per_second": round(p50(rates[target.name])),
            "best": round(max(rates[target.name])),
            "cpu_ms_per_request": round(p50(costs[target.name]), 2),
        }
        for target in targets
    ]


def shown(rows: list[dict[str, Any]], clients: int) -> Table:
    table = Table(box=None, header_style="bold")
    for name in ("", "p50, 1 client", "added", "p95", f"requests/s, {clients} clients", "best round", "CPU a request"):
        table.add_column(name, justify="left" if not name else "right")
    for row in rows:
        name = f"{row['target']} {row['version']}".strip()
        cells = (f"{row['p50_ms']} ms", f"{row['added_ms']} ms", f"{row['p95_ms']} ms")
        table.add_row(
            name, *cells, str(row["requests_per_second"]), str(row["best"]), f"{row['cpu_ms_per_request']} ms"
        )
    return table


async def beside_gateways(told: argparse.Namespace, result: dict[str, Any]) -> None:
    """Each gateway in front of a stub that answers at once."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        alone = stack.enter_context(gateways.stub(folder))
        targets = [alone, stack.enter_context(gateways.consilia(folder, alone))]
        for start in (gateways.vllm_router, gateways.litellm):
            try:
                targets.append(stack.enter_context(start(folder, alone)))
            except (RuntimeError, FileNotFoundError) as error:
                out.print(f"{start.__name__} is left out: {str(error)[-800:]}", markup=False)
        result["gateways"] = await in_turns(targets, told.rounds, told.singles, told.many, told.clients)
        out.print(shown(result["gateways"], told.clients))


async def main(told: argparse.Namespace) -> None:
    result: dict[str, Any] = {"cores": os.cpu_count(), "load_before": os.getloadavg()}
    if not told.only_vllm:
        await beside_gateways(told, result)
    if told.vllm:
        result["workflow"] = await workflow.compared(told.vllm, told.catalogue, told.questions, told.rounds)
        ratio, here, there = (result["workflow"][key] for key in ("ratio", "pool", "direct"))
        out.print(f"\ntokens/s on {told.vllm}: through the pool {here:.0f}, directly {there:.0f}, ratio {ratio:.3f}")
        with tempfile.TemporaryDirectory() as name:
            found = await whole_run.compared(Path(name), told.vllm, told.catalogue, told.questions, told.rounds)
        result["whole_run"] = found
        ratio, here, there = (found[key] for key in ("ratio", "run", "direct"))
        out.print(f"tokens/s of a whole run in the service {here:.0f}, directly {there:.0f}, ratio {ratio:.3f}")
    result["load_after"] = os.getloadavg()
    out.print(f"load {result['load_before'][0]:.1f} before, {result['load_after'][0]:.1f} after")
    if told.json:
        told.json.parent.mkdir(parents=True, exist_ok=True)
        told.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--singles", type=int, default=200, help="requests one after another, a round")
    asked.add_argument("--many", type=int, default=1000, help="requests of all clients, a round")
    asked.add_argument("--clients", type=int, default=32)
    asked.add_argument("--vllm", default="", help="a real model server, such as http://127.0.0.1:8000")
    asked.add_argument("--only-vllm", action="store_true", help="leave the gateways out")
    asked.add_argument("--catalogue", default="qwen3-0.6b", help="what it serves")
    asked.add_argument("--questions", type=int, default=16)
    asked.add_argument("--json", type=Path)
    uvloop.run(main(asked.parse_args()))
