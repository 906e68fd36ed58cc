"""LangGraph's checkpoints in our database: what goes in comes out, large values once."""

import operator
import threading
from itertools import pairwise
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel
from sqlalchemy import func, select

from service.database import migrate
from service.database.engine import open_database
from service.database.tables import CheckpointRow, CheckpointValue
from service.runs.checkpoints import DatabaseSaver


class State(TypedDict, total=False):
    text: str
    steps: Annotated[list[str], operator.add]
    answer: str


def _graph():
    async def first(state: State) -> State:
        return {"text": "x" * 200_000, "steps": ["first"]}

    async def second(state: State) -> State:
        return {"steps": ["second"], "answer": interrupt({"ask": "go on?"})}

    async def third(state: State) -> State:
        return {"steps": ["third"]}

    graph = StateGraph(State)
    for name, node in (("first", first), ("second", second), ("third", third)):
        graph.add_node(name, node)
    graph.add_edge(START, "first")
    graph.add_edge("first", "second")
    graph.add_edge("second", "third")
    graph.add_edge("third", END)
    return graph


async def test_a_graph_interrupts_and_resumes_from_the_database(empty_database: str):
    config = {"configurable": {"thread_id": "t1"}}
    async with open_database(empty_database) as database:
        await migrate.upgrade(database.engine)
        graph = _graph().compile(checkpointer=DatabaseSaver(database))
        waiting = await graph.ainvoke({"steps": []}, config)
        assert waiting["__interrupt__"][0].value == {"ask": "go on?"}
    async with open_database(empty_database) as database:
        graph = _graph().compile(checkpointer=DatabaseSaver(database))
        done = await graph.ainvoke(Command(resume="yes"), config)
        assert (done["answer"], done["steps"], len(done["text"])) == ("yes", ["first", "second", "third"], 200_000)
        history = [snapshot async for snapshot in graph.aget_state_history(config)]
        assert [snapshot.next for snapshot in history] == [(), ("third",), ("second",), ("first",), ("__start__",)]
        assert history[2].values["text"] == "x" * 200_000


async def test_a_large_value_is_stored_once_a_version_not_once_a_step(empty_database: str):
    async with open_database(empty_database) as database:
        await migrate.upgrade(database.engine)
        graph = _graph().compile(checkpointer=DatabaseSaver(database))
        config = {"configurable": {"thread_id": "t1"}}
        await graph.ainvoke({"steps": []}, config)
        await graph.ainvoke(Command(resume="yes"), config)
        async with database.reading() as connection:
            assert await connection.scalar(select(func.count()).select_from(CheckpointValue)) == 1
            largest = await connection.scalar(select(func.max(func.length(CheckpointRow.checkpoint))))
    assert largest is not None
    assert largest < 10_000


async def test_threads_are_copied_and_deleted_whole(empty_database: str):
    async with open_database(empty_database) as database:
        await migrate.upgrade(database.engine)
        saver = DatabaseSaver(database)
        graph = _graph().compile(checkpointer=saver)
        await graph.ainvoke({"steps": []}, {"configurable": {"thread_id": "t1"}})
        await saver.acopy_thread("t1", "t2")
        await saver.adelete_thread("t1")
        assert (await graph.aget_state({"configurable": {"thread_id": "t1"}})).values == {}
        done = await graph.ainvoke(Command(resume="yes"), {"configurable": {"thread_id": "t2"}})
        assert done["steps"] == ["first", "second", "third"]


class Finding(BaseModel):
    number: int


class Findings(TypedDict, total=False):
    findings: list[Finding]
    steps: Annotated[list[str], operator.add]


class Watched(JsonPlusSerializer):
    """The serializer, noting in which thread it writes lists of findings."""

    def __init__(self) -> None:
        super().__init__(allowed_msgpack_modules=[Finding])
        self.threads: list[int] = []

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        if isinstance(obj, list) and obj and isinstance(obj[0], Finding):
            self.threads.append(threading.get_ident())
        return super().dumps_typed(obj)


async def test_a_large_state_is_written_once_away_from_the_event_loop_and_comes_back_whole(empty_database: str):
    async def find(state: Findings) -> Findings:
        return {"findings": [Finding(number=each) for each in range(6_000)]}

    async def step(state: Findings) -> Findings:
        return {"steps": ["done"]}

    graph = StateGraph(Findings)
    graph.add_node("find", find)
    names = [f"step{number}" for number in range(4)]
    for name in names:
        graph.add_node(name, step)
    for one, other in pairwise([START, "find", *names, END]):
        graph.add_edge(one, other)
    serde = Watched()
    async with open_database(empty_database) as database:
        await migrate.upgrade(database.engine)
        config = {"configurable": {"thread_id": "t1"}}
        made = graph.compile(checkpointer=DatabaseSaver(database, serde=serde))
        await made.ainvoke({"steps": []}, config, durability="sync")
        assert len(serde.threads) == 2, "as the node's write, and as the channel's value: once each"
        assert threading.get_ident() not in serde.threads
        read = DatabaseSaver(database, serde=Watched())
        kept = await graph.compile(checkpointer=read).aget_state(config)
    assert kept.values["findings"] == [Finding(number=each) for each in range(6_000)]
    assert kept.values["steps"] == ["done"] * 4
