"""Request and response bodies, in the shapes of LangGraph's Agent Server."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping

from service.api.forms import ExtractPath, Id, Whole
from service.database.threads import TimeToLive

StreamMode = Literal[
    "values", "updates", "messages", "messages-tuple", "events", "tasks", "checkpoints", "debug", "custom"
]


ThreadField = Literal[
    "thread_id",
    "created_at",
    "updated_at",
    "state_updated_at",
    "metadata",
    "config",
    "status",
    "values",
    "interrupts",
]

RunField = Literal[
    "run_id",
    "thread_id",
    "assistant_id",
    "created_at",
    "updated_at",
    "status",
    "metadata",
    "kwargs",
    "multitask_strategy",
]

Filter = Annotated[dict[str, Any], Field(max_length=50)]
"""Keys and the values they must have; 50 at most."""


class Assistant(BaseModel):
    """A graph with a configuration."""

    assistant_id: str
    graph_id: str
    config: dict[str, Any]
    context: dict[str, Any]
    metadata: dict[str, Any]
    name: str
    description: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class Schemas(BaseModel):
    """A graph's JSON schemas."""

    graph_id: str
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None
    state_schema: dict[str, Any] | None
    config_schema: dict[str, Any] | None
    context_schema: dict[str, Any] | None


class Ttl(BaseModel):
    """How long a thread lives from now, in minutes, and what happens then."""

    model_config = ConfigDict(strict=True)

    ttl: float = Field(gt=0, le=100 * 366 * 24 * 60)
    strategy: Literal["delete", "keep_latest"] = "delete"

    def time_to_live(self) -> TimeToLive:
        return TimeToLive(self.ttl, self.strategy)


class SuperstepUpdate(BaseModel):
    """What a node wrote in a superstep."""

    model_config = ConfigDict(strict=True)

    values: dict[str, Any] | list[dict[str, Any]] | None = None
    command: "RunCommand | None" = None
    as_node: str


class Superstep(BaseModel):
    model_config = ConfigDict(strict=True)

    updates: list[SuperstepUpdate] = Field(max_length=1000)


class ThreadCreate(BaseModel):
    """A new thread. supersteps: a history that it is to have already, made elsewhere."""

    model_config = ConfigDict(strict=True)

    thread_id: Id | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    if_exists: Literal["raise", "do_nothing"] = "raise"
    ttl: Ttl | None = None
    supersteps: list[Superstep] = Field(default_factory=list[Superstep], max_length=1000)


class ThreadSearch(BaseModel):
    model_config = ConfigDict(strict=True)

    ids: list[str] | None = None
    metadata: Filter | None = None
    values: Filter | None = None
    status: Literal["idle", "busy", "interrupted", "error"] | None = None
    limit: Whole = Field(default=10, ge=1, le=1000)
    offset: Whole = Field(default=0, ge=0, le=2**31)
    sort_by: Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"] = "updated_at"
    sort_order: Literal["asc", "desc"] = "desc"
    select: list[ThreadField] | None = None
    extract: dict[str, ExtractPath] | None = Field(default=None, max_length=10)


class Thread(BaseModel):
    """A conversation and its latest state."""

    thread_id: str
    created_at: datetime
    updated_at: datetime
    state_updated_at: datetime
    metadata: dict[str, Any]
    status: str
    config: dict[str, Any]
    values: dict[str, Any] | None
    interrupts: dict[str, Any] = Field(default_factory=dict)
    error: dict[str, Any] | None = None


class Goto(BaseModel):
    """A node to go to, with its own input."""

    model_config = ConfigDict(strict=True)

    node: str
    input: Any = None


class CheckpointRef(BaseModel):
    """Which checkpoint of a thread."""

    model_config = ConfigDict(strict=True)

    thread_id: str | None = None
    checkpoint_ns: str = ""
    checkpoint_id: str | None = None
    checkpoint_map: dict[str, str] | None = None

    def configurable(self) -> dict[str, Any]:
        """As the part of a LangGraph config that names it."""
        return self.model_dump(exclude_none=True, exclude={"thread_id"})


class RunCommand(BaseModel):
    """What to do instead of giving input: answer an interrupt, write to the state, go to a node."""

    model_config = ConfigDict(extra="forbid", strict=True)

    resume: Any = None
    update: dict[str, Any] | list[Any] | None = None
    goto: str | Goto | list[str | Goto] | None = None


class RunConfig(BaseModel):
    """The run's config; further keys are kept."""

    model_config = ConfigDict(extra="allow", strict=True)

    configurable: dict[str, Any] = Field(default_factory=dict)
    tags: list[str] = Field(default_factory=list)
    recursion_limit: Whole | None = Field(default=None, ge=1, le=100_000)


class RunCreate(BaseModel):
    """What to run, and how. Fields that only LangSmith knows are accepted and ignored."""

    model_config = ConfigDict(extra="allow", strict=True)

    assistant_id: str
    input: dict[str, Any] | None = None
    command: RunCommand | None = None
    checkpoint: CheckpointRef | None = None
    checkpoint_id: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    config: RunConfig = Field(default_factory=RunConfig)
    context: dict[str, Any] = Field(default_factory=dict)
    stream_mode: StreamMode | list[StreamMode] = "values"
    stream_subgraphs: bool = False
    stream_resumable: bool = False
    interrupt_before: list[str] | Literal["*"] | None = None
    interrupt_after: list[str] | Literal["*"] | None = None
    multitask_strategy: Literal["reject", "interrupt", "rollback", "enqueue"] = "enqueue"
    durability: Literal["sync", "async", "exit"] = "async"
    if_not_exists: Literal["create", "reject"] = "reject"
    on_disconnect: Literal["cancel", "continue"] = "continue"
    on_completion: Literal["delete", "keep"] = "keep"
    after_seconds: float | None = Field(default=None, ge=0, le=366 * 86_400)
    webhook: str | None = Field(default=None, min_length=1)
    priority: Whole = Field(default=0, ge=-100, le=100, description="Consilia's own: higher ones are executed first.")
    checkpoint_during: bool | None = Field(default=None, description="Older form of durability: false is exit.")

    def kept(self) -> str:
        """The durability, also in its older form."""
        if self.checkpoint_during is None or "durability" in self.model_fields_set:
            return self.durability
        return "async" if self.checkpoint_during else "exit"

    def modes(self) -> list[str]:
        """The stream modes as a list."""
        return [self.stream_mode] if isinstance(self.stream_mode, str) else list(self.stream_mode)


class RunsCancel(BaseModel):
    """Which runs to end: these of a thread, or all with a status."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={
            "oneOf": [
                {
                    "required": ["thread_id", "run_ids"],
                    "properties": {
                        "thread_id": {"type": "string"},
                        "run_ids": {"type": "array"},
                        "status": {"type": "null"},
                    },
                },
                {
                    "required": ["status"],
                    "properties": {
                        "status": {"type": "string"},
                        "thread_id": {"type": "null"},
                        "run_ids": {"type": "null"},
                    },
                },
            ]
        },
    )

    thread_id: Id | None = None
    run_ids: list[Id] | None = None
    status: Literal["pending", "running", "all"] | None = None


class ThreadPatch(BaseModel):
    model_config = ConfigDict(strict=True)

    metadata: dict[str, Any] = Field(default_factory=dict)
    ttl: Ttl | None = None


class ThreadCount(BaseModel):
    model_config = ConfigDict(strict=True)

    metadata: Filter | None = None
    values: Filter | None = None
    status: Literal["idle", "busy", "interrupted", "error"] | None = None


class ThreadPrune(BaseModel):
    model_config = ConfigDict(strict=True)

    thread_ids: list[Id] = Field(max_length=1000)
    strategy: Literal["delete", "keep_latest"] = "delete"


class StateUpdate(BaseModel):
    """New values for a thread's state, as if a node had written them."""

    model_config = ConfigDict(strict=True)

    values: dict[str, Any] | list[dict[str, Any]] | None = None
    as_node: str | None = None
    checkpoint: CheckpointRef | None = None
    checkpoint_id: str | None = None


class StateRequest(BaseModel):
    model_config = ConfigDict(strict=True)

    checkpoint: CheckpointRef
    subgraphs: bool = False


class Before(BaseModel):
    """The config of a checkpoint, as LangGraph gives it."""

    model_config = ConfigDict(strict=True)

    configurable: CheckpointRef


class HistoryRequest(BaseModel):
    model_config = ConfigDict(strict=True)

    limit: Whole = Field(1, ge=1, le=1000)
    before: str | Before | CheckpointRef | None = None
    metadata: dict[str, Any] | None = None
    checkpoint: CheckpointRef | None = None


class Run(BaseModel):
    """One execution of a graph. error, started_at, finished_at, attempt, engine are Consilia's additions."""

    run_id: str
    thread_id: str
    assistant_id: str
    metadata: dict[str, Any]
    status: str
    kwargs: dict[str, Any]
    multitask_strategy: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempt: int = 0
    engine: str | None = None
    degraded: bool = False
    error: dict[str, Any] | None = None


class FileInfo(BaseModel):
    """An uploaded or produced file. size: bytes."""

    file_id: str
    name: str
    media_type: str
    size: int
    sha256: str
    run_id: str | None
    created_at: datetime


def run_shape(row: RowMapping | dict[str, Any]) -> Run:
    """A run row as the API shows it; the error's trace stays inside."""
    fields: dict[str, Any] = dict(row)
    error: dict[str, Any] | None = fields["error"]
    fields["kwargs"] = {"input": fields["input"], **fields["kwargs"]}
    fields["error"] = {key: value for key, value in error.items() if key != "trace"} if error else None
    return Run.model_validate(fields)


def thread_shape(row: RowMapping | dict[str, Any]) -> Thread:
    """A thread row as the API shows it."""
    fields: dict[str, Any] = dict(row)
    waits_for: dict[str, list[dict[str, Any]]] = fields["interrupts"] or {}
    fields["interrupts"] = {
        task: [{"id": each["id"], "value": each["value"]} for each in asked] for task, asked in waits_for.items()
    }
    return Thread.model_validate(fields)
