"""Whether a run has something to start from: the checkpoint it names, the interrupt it answers."""

from typing import Any

from langchain_core.runnables import RunnableConfig

from service.house import House
from service.runs.fitting import fitting
from tools.errors import ConsiliaError


class UnknownCheckpoint(ConsiliaError):
    code = "checkpoint_not_found"
    status = 404


class NothingToResume(ConsiliaError):
    """The thread waits for nobody."""

    code = "nothing_to_resume"
    status = 409


async def check_start(
    house: House, graph_id: str, thread_id: str | None, checkpoint: dict[str, Any], resumes: bool
) -> None:
    """Raises UnknownCheckpoint, NothingToResume. checkpoint: as in a config. resumes: the run answers an interrupt.

    While a run is on the thread, one that resumes is accepted: that run may come to an interrupt first.
    """
    await check_checkpoint(house, thread_id, checkpoint)
    if not resumes or (thread_id is not None and await house.queue.on_thread(thread_id)):
        return
    config: RunnableConfig = {"configurable": {"checkpoint_ns": "", **checkpoint, "thread_id": thread_id}}
    waits = False
    saver = house.saver_of(graph_id)
    if thread_id is not None and await saver.aget_tuple(config) is not None:
        async with house.registry.get(graph_id).graph(config) as made:
            with fitting():
                snapshot = await made.copy(update={"checkpointer": saver}).aget_state(config)
        waits = bool(snapshot.next)
    if not waits:
        raise NothingToResume(
            f"thread {thread_id} waits for nothing, so there is nothing to resume; give `input` to begin anew"
            if thread_id
            else "a run on a thread of its own has nothing to resume; give the thread that waits",
            thread_id=thread_id,
        )


async def check_checkpoint(house: House, thread_id: str | None, checkpoint: dict[str, Any]) -> None:
    """Raises UnknownCheckpoint for the id of a checkpoint that the thread does not have."""
    checkpoint_id = checkpoint.get("checkpoint_id")
    if checkpoint_id is None:
        return
    config: RunnableConfig = {"configurable": {"checkpoint_ns": "", **checkpoint, "thread_id": thread_id}}
    if thread_id is None or await house.saver.aget_tuple(config) is None:
        raise UnknownCheckpoint(
            f"Checkpoint {checkpoint_id} not found in thread {thread_id}",
            thread_id=thread_id,
            checkpoint_id=checkpoint_id,
        )
