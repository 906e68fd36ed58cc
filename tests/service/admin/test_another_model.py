"""Running a run again with another model of the pool, and what the pool's page shows of it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.agents.conftest import ModelServer, start_model_server
from tests.conftest import Server, start_server

GRAPH = """
from agents.chat_model import chat_model
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph


async def speak(state: MessagesState, config: RunnableConfig):
    return {"messages": [await chat_model(config).ainvoke(state["messages"])]}


graph = StateGraph(MessagesState)
graph.add_node("speak", speak)
graph.add_edge(START, "speak")
graph.add_edge("speak", END)
talking = graph.compile()
"""


@pytest.fixture
def models() -> Iterator[tuple[ModelServer, ModelServer]]:
    one, two = start_model_server(), start_model_server()
    yield one, two
    one.stop()
    two.stop()


@pytest.fixture
def service(tmp_path: Path, models: tuple[ModelServer, ModelServer]) -> Iterator[Server]:
    (tmp_path / "talk.py").write_text(GRAPH)
    entries = "".join(
        f'[[pool.models]]\nname = "{name}"\ncatalogue = "{catalogue}"\nendpoints = ["{server.url}"]\n'
        for name, catalogue, server in (("first", "qwen3-8b", models[0]), ("second", "llama-3.1-8b", models[1]))
    )
    (tmp_path / "consilia.toml").write_text(f'[workflows]\ntalking = "./talk.py:talking"\n{entries}')
    server = start_server(tmp_path / "var")
    yield server
    server.process.terminate()
    server.process.wait(20)


def test_a_run_is_run_again_with_the_model_that_was_chosen(service: Server):
    with httpx.Client(base_url=service.url, headers={"x-api-key": service.key}, timeout=60) as api:
        given = {"messages": [{"role": "user", "content": "Is this clause fair to both of us?"}]}
        answer = api.post("/runs/wait", json={"assistant_id": "talking", "input": given})
        assert "__error__" not in answer.text, answer.text
        run = answer.headers["content-location"].rsplit("/", 1)[1]
        [asked] = api.get(f"/admin/api/runs/{run}/model-calls").json()
        other = {"first": "second", "second": "first"}[asked["model"]]
        again = api.post(f"/admin/api/runs/{run}/again", json={"model": other}).json()["run_id"]
        thread = api.get(f"/admin/api/runs/{again}").json()["thread_id"]
        api.get(f"/threads/{thread}/runs/{again}/join")
        [asked_again] = api.get(f"/admin/api/runs/{again}/model-calls").json()
        assert asked_again["model"] == other, asked_again["reasons"]
        told = api.get(f"/admin/api/runs/{run}/compared", params={"other": again}).json()
        assert (told["left"]["models"], told["right"]["models"]) == ([asked["model"]], [other])
        assert told["input"]["changes"] == []
        pool = api.get("/admin/api/pool").json()
        assert {each["name"]: each["calls"] for each in pool["models"]} == {"first": 1, "second": 1}
        url = pool["status"]["models"][0]["endpoints"][0]["url"]
        for draining, state in ((True, "drained"), (False, "up")):
            drained = api.post("/admin/api/pool/drain", json={"endpoint": url, "draining": draining}).json()
            assert drained["models"][0]["endpoints"][0]["state"] == state
            assert state in api.get("/admin/pool").text
        tried = api.post("/admin/api/pool/route", json={"text": "Is it fair?", "reasoning": True}).json()
        assert tried["model"] in ("first", "second")
        assert tried["reasons"]
