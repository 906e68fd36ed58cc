"""One of two servers is killed with -9 while it writes answers: none is lost, none is wrong, and it comes back."""

import asyncio
import os
import signal
import time

import pytest

from agents.pool import Pool
from tests.vllm.conftest import Servers, standing
from tests.vllm.questions import HERE, OPINION, Opinion, Records, counsel
from tests.vllm.test_asking import only, running

pytestmark = pytest.mark.vllm

QUESTIONS = 12


async def test_a_server_killed_in_mid_stream_loses_no_answer(servers: Servers) -> None:
    records = Records()
    endpoints = servers.model("qwen3").endpoints
    before = standing(servers)
    settings = only(servers.settings, "qwen3").model_copy(update={"retry_share": 1.0})
    async with Pool(settings) as pool:
        asked = counsel(pool, records)
        answers = [
            asyncio.create_task(asked.ask(HERE, OPINION, f"Contract {number} of this load.", {}))
            for number in range(QUESTIONS)
        ]
        deadline = time.monotonic() + 60
        while max(loads := [await running(endpoint) for endpoint in endpoints]) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        number = loads.index(max(loads))
        victim, other = f"qwen3-{number}", f"qwen3-{1 - number}"
        await asyncio.sleep(1.0)  # some of the answer is written
        os.kill(int(str(before[victim]["pid"])), signal.SIGKILL)
        answered = await asyncio.gather(*answers)
    assert len(answered) == QUESTIONS
    assert all(isinstance(each.value, Opinion) and len(each.value.text) >= 1000 for each in answered)
    assert len(records.calls) == QUESTIONS
    assert all(call.error is None for call in records.calls)
    lost = [loss for call in records.calls for attempt in call.attempts for loss in attempt["lost"]]
    assert lost, "the killed server was answering"
    assert {each["endpoint"] for each in lost} == {endpoints[number]}
    told = standing(servers)
    assert told[victim]["restarts"] == int(str(before[victim]["restarts"])) + 1
    assert told[victim]["state"] in ("backing off", "waiting", "starting", "healthy")
    assert (told[other]["state"], told[other]["pid"]) == ("healthy", before[other]["pid"])
