"""Tokens a second of a whole run: a workflow in the service over REST, beside the same requests sent to the server.

The run is what a user has: accepted over REST, checkpointed, every call routed, checked and recorded in SQL. What it
costs beyond the questions themselves is in it. As many are asked at a time as of the server itself.
"""

import time
from pathlib import Path
from typing import Any

import aiohttp
import httpx

from agents import prompting
from agents.catalogue import catalogue as facts
from benchmarks.pool import gateways
from benchmarks.pool.load import Target
from benchmarks.pool.workflow import MATERIAL, QUESTION, Opinion, at_once, direct

GRAPH = Path(__file__).parent / "bench_graph.py"


async def compared(folder: Path, url: str, model: str, questions: int, rounds: int) -> dict[str, Any]:
    """Tokens a second of both ways, in turns; the ratio is that of the totals."""
    tokens, seconds = {"run": 0, "direct": 0}, {"run": 0.0, "direct": 0.0}
    messages = prompting.messages(QUESTION, MATERIAL, {})
    format_ = prompting.response_format(Opinion)
    workflow = f'[workflows]\nbench = "{GRAPH}:graph"\n'
    with gateways.consilia(folder, Target("vLLM", url), model, workflow) as service:
        headers = {"x-api-key": service.key}
        async with (
            aiohttp.ClientSession() as session,
            httpx.AsyncClient(base_url=service.url, headers=headers, timeout=1800, trust_env=False) as client,
        ):
            served = (await (await session.get(f"{url}/v1/models")).json())["data"][0]["id"]
            sampling = facts().find(model).plain_sampling
            body = {
                **(sampling.fields() if sampling else {}),
                "model": served,
                "messages": messages,
                "response_format": format_,
                "max_tokens": 1024,
                "stream": True,
                "stream_options": {"include_usage": True},
                "chat_template_kwargs": {"enable_thinking": False},
            }

            async def run() -> int:
                asked = {
                    "assistant_id": "bench",
                    "input": {"count": questions},
                }
                return (await client.post("/runs/wait", json=asked)).raise_for_status().json()["tokens"]

            async def alone() -> int:
                return sum(await at_once(lambda: direct(session, url, body), questions))

            ways = {"run": run, "direct": alone}
            for number in range(rounds):
                for way in sorted(ways, reverse=number % 2 == 1):
                    started = time.perf_counter()
                    tokens[way] += await ways[way]()
                    seconds[way] += time.perf_counter() - started
    rates = {way: tokens[way] / seconds[way] for way in tokens}
    return {**rates, "ratio": rates["run"] / rates["direct"], "questions": questions * rounds, "tokens": tokens}
