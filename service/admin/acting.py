"""What is done with a run: go on, fork, write to its state, run it again."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from sqlalchemy import func, select

from service.admin.finding import acting_for
from service.admin.roles import Visitor
from service.api import states as thread_states
from service.api.runs import accept
from service.api.shapes import CheckpointRef, RunConfig, RunCreate, StateUpdate
from service.database import runs
from service.database.tables import CheckpointRow
from service.house import House
from service.runs.starting import check_checkpoint
from tools.errors import ConsiliaError

MODEL_KEY = "consilia_model"
"""The field of config.configurable that names the one model of the pool that may answer."""


class RunNotEnded(ConsiliaError):
    code = "run_in_flight"
    status = 409


class NotTheNewest(ConsiliaError):
    """The thread has gone on since; a fork from the run's checkpoint is what is meant."""

    code = "run_not_newest"
    status = 409


class NoInput(ConsiliaError):
    """The run had no input of its own: it went on from its thread's state."""

    code = "run_without_input"
    status = 409


def _ended(row: dict[str, Any]) -> None:
    if row["status"] in runs.UNFINISHED:
        raise RunNotEnded(f"run {row['run_id']} has not ended; cancel it first", run_id=row["run_id"])


def _order(row: dict[str, Any], why: str, **more: Any) -> RunCreate:
    kwargs: dict[str, Any] = row["kwargs"]
    return RunCreate(
        assistant_id=row["assistant_id"],
        config=RunConfig.model_validate(more.pop("config", kwargs.get("config") or {})),
        context=kwargs.get("context") or {},
        metadata={why: row["run_id"]},
        webhook=kwargs.get("webhook"),
        **more,
    )


async def retry(house: House, visitor: Visitor, row: dict[str, Any]) -> str:
    """Go on where the run stopped: its last step is taken again, steps that had ended are not; the new run's id.

    A run that stopped before its first checkpoint is begun anew. Raises NotPermitted, RunNotEnded, NotTheNewest.
    """
    visitor.caller.require("invoke", row["graph_id"])
    _ended(row)
    newest = await runs.newest_on_thread(house.database, row["thread_id"], None)
    if newest != row["run_id"]:
        raise NotTheNewest(f"run {newest} has gone on with this thread since; fork from a state of this run instead")
    query = select(func.max(CheckpointRow.checkpoint_id)).where(
        CheckpointRow.run_id == row["run_id"], CheckpointRow.checkpoint_ns == ""
    )
    async with house.database.reading() as connection:
        last = await connection.scalar(query)
    if last is None:
        order = _order(row, "retry_of", input=row["input"])
    else:
        order = _order(row, "retry_of", checkpoint=CheckpointRef(checkpoint_id=last))
    accepted = await accept(house, acting_for(visitor, row["tenant_id"]), order, row["thread_id"])
    return accepted.row["run_id"]


async def fork(house: House, visitor: Visitor, row: dict[str, Any], checkpoint_id: str) -> str:
    """Run on from a checkpoint; what was done after it stays in the record, on another branch. The new run's id."""
    visitor.caller.require("invoke", row["graph_id"])
    await check_checkpoint(house, row["thread_id"], {"checkpoint_id": checkpoint_id})
    order = _order(row, "fork_of", checkpoint=CheckpointRef(checkpoint_id=checkpoint_id))
    accepted = await accept(house, acting_for(visitor, row["tenant_id"]), order, row["thread_id"])
    return accepted.row["run_id"]


async def edit(
    house: House,
    visitor: Visitor,
    row: dict[str, Any],
    checkpoint_id: str,
    values: dict[str, Any],
    as_node: str | None,
) -> str:
    """Write to the state at a checkpoint, as if a node had; the id of the checkpoint that this makes."""
    visitor.caller.require("approve", row["graph_id"])
    _ended(row)
    caller = acting_for(visitor, row["tenant_id"])
    update = StateUpdate(values=values, as_node=as_node, checkpoint_id=checkpoint_id)
    made = await thread_states.update_state(row["thread_id"], update, house, caller)
    return str(made["checkpoint_id"])


async def again(house: House, visitor: Visitor, row: dict[str, Any], model: str | None) -> str:
    """The same input on a thread of its own; the new run's id. model: the one of the pool that may answer, None: as
    routing decides. Raises NotPermitted, NoInput, UnknownPoolModel."""
    visitor.caller.require("invoke", row["graph_id"])
    if row["input"] is None:
        raise NoInput("this run went on from its thread's state and has no input to begin anew with; fork it instead")
    config: dict[str, Any] = dict(row["kwargs"].get("config") or {})
    chosen = {name: value for name, value in config.get("configurable", {}).items() if name != MODEL_KEY}
    if model:
        house.pool.dialect(model)
        chosen[MODEL_KEY] = model
    order = _order(row, "again_of", config={**config, "configurable": chosen}, input=row["input"])
    accepted = await accept(house, acting_for(visitor, row["tenant_id"]), order, None)
    return accepted.row["run_id"]


async def nodes_of(house: House, row: dict[str, Any]) -> list[str]:
    """The graph's nodes, for choosing as whom to write."""
    if row["graph_id"] not in house.registry.names():
        return []
    config: RunnableConfig = {"configurable": {"thread_id": row["thread_id"]}}
    async with house.registry.get(row["graph_id"]).graph(config) as made:
        return [name for name in made.nodes if not name.startswith("__")]
