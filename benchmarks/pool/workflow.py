"""Tokens a second: a workflow's questions through the pool, beside the same requests sent to the server itself."""

import asyncio
import time
from typing import Any

import aiohttp
import orjson
from pydantic import BaseModel, Field

from agents import prompting
from agents.ask import Counsel, ModelCall, Question
from agents.pool import Pool
from agents.pool_settings import PoolModel, PoolSettings
from agents.question import Answered
from agents.routing import Needs
from tools.record import Place

MATERIAL = "The Supplier shall deliver within thirty days of each order. " * 40
AT_ONCE = 4


class Opinion(BaseModel):
    """Long enough that generating it is what takes the time. The bounds only bind the server: it counts an escape such
    as \\n as two characters, so a text may come out a little shorter."""

    text: str = Field(json_schema_extra={"minLength": 600, "maxLength": 640})


QUESTION = Question(
    name="bench.opinion",
    answer=Opinion,
    instruction="Write an opinion on the term of delivery.",
    needs=Needs(extraction=True),
    embedded=lambda facts: Opinion(text="x" * 600),
    answer_tokens=1024,
)


class _Nowhere:
    async def model_called(self, call: ModelCall) -> None:
        """The ledger is not what is measured."""


async def compared(url: str, catalogue: str, questions: int, rounds: int) -> dict[str, Any]:
    """Tokens a second of both ways, in turns; the ratio is that of the totals."""
    settings = PoolSettings(models=[PoolModel(name="bench", catalogue=catalogue, endpoints=[f"{url}/v1"])])
    tokens, seconds = {"pool": 0, "direct": 0}, {"pool": 0.0, "direct": 0.0}
    async with Pool(settings) as pool, aiohttp.ClientSession() as session:
        served = (await (await session.get(f"{url}/v1/models")).json())["data"][0]["id"]
        route = pool.route(QUESTION.needs)
        body = {
            "model": served,
            "messages": prompting.messages(QUESTION, MATERIAL, {}),
            "response_format": prompting.response_format(Opinion),
            "max_tokens": QUESTION.answer_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            "chat_template_kwargs": {"enable_thinking": False},
            **(route.sampling or {}),
        }
        counsel = Counsel(pool, _Nowhere())
        for number in range(rounds):
            ways = {"pool": lambda: _asked(counsel), "direct": lambda: direct(session, url, body)}
            for way in sorted(ways, reverse=number % 2 == 1):
                started = time.perf_counter()
                tokens[way] += sum(await at_once(ways[way], questions))
                seconds[way] += time.perf_counter() - started
    rates = {way: tokens[way] / seconds[way] for way in tokens}
    return {**rates, "ratio": rates["pool"] / rates["direct"], "questions": questions * rounds}


async def at_once(ask: Any, count: int) -> list[int]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one() -> int:
        async with limit:
            return await ask()

    return await asyncio.gather(*(one() for _ in range(count)))


async def _asked(counsel: Counsel) -> int:
    answered: Answered[Opinion] = await counsel.ask(Place(node="bench", task_id="bench"), QUESTION, MATERIAL, {})
    return answered.usage.tokens_out


async def direct(session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> int:
    """As plain a client as can be: the last event's usage is read, the answer is not even parsed."""
    headers = {"content-type": "application/json"}
    last = b""
    async with session.post(f"{url}/v1/chat/completions", data=orjson.dumps(body), headers=headers) as answer:
        async for line in answer.content:
            if line.startswith(b"data: {"):
                last = line
    return orjson.loads(last[6:])["usage"]["completion_tokens"]
