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
    victim = standing(servers)["qwen3-0"]
    settings = only(servers.settings, "qwen3").model_copy(update={"retry_share": 1.0})
    async with Pool(settings) as pool:
        asked = counsel(pool, records)
        answers = [
            asyncio.create_task(asked.ask(HERE, OPINION, f"Contract {number}.", {})) for number in range(QUESTIONS)
        ]
        deadline = time.monotonic() + 60
        while await running(endpoints[0]) < 2 or await running(endpoints[1]) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)  # some of the answer is written
        os.kill(int(str(victim["pid"])), signal.SIGKILL)
        answered = await asyncio.gather(*answers)
    assert len(answered) == QUESTIONS
    assert all(isinstance(each.value, Opinion) and len(each.value.text) >= 1500 for each in answered)
    assert len(records.calls) == QUESTIONS
    assert all(call.error is None for call in records.calls)
    lost = [loss for call in records.calls for attempt in call.attempts for loss in attempt["lost"]]
    assert lost, "the killed server was answering"
    assert {each["endpoint"] for each in lost} == {endpoints[0]}
    told = standing(servers)
    assert told["qwen3-0"]["restarts"] == int(str(victim["restarts"])) + 1
    assert told["qwen3-0"]["state"] in ("backing off", "waiting", "starting", "healthy")
    assert told["qwen3-1"]["state"] == "healthy"
