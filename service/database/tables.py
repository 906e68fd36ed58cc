"""Every table. Each row belongs to a tenant, directly or through its run or thread.

Times are UTC. JSON columns of PostgreSQL are JSONB. Identifiers are UUIDs as strings, version 7 where we make them, so
that their order is the order of creation and keyset pagination needs no second index.
"""

from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator
from uuid_utils import uuid7

from service.database.sealed import SealedBytes, SealedJson, SealedText

DEFAULT_TENANT = str(uuid5(NAMESPACE_OID, "consilia:default"))
"""The tenant of a single-tenant installation."""

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A time with its zone; SQLite, which has none, keeps UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def new_id() -> str:
    """A fresh UUID, version 7: sortable by the time of its making."""
    return str(uuid7())


def now() -> datetime:
    return datetime.now(UTC)


class Table(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        dict[str, Any]: Json,
        list[Any]: Json,
        str: String(),
        bytes: LargeBinary(),
    }


class Tenant(Table):
    """Who rows belong to. suspended_at: since when its keys let nobody in. The limits are those of the settings where
    they are none. retention_days: days that ended runs are kept, by workflow, "*" for all others."""

    __tablename__ = "tenants"
    __table_args__ = (Index("uq_tenants_name", "name", unique=True),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]
    suspended_at: Mapped[datetime | None]
    requests_per_minute: Mapped[int | None]
    tokens_per_month: Mapped[int | None] = mapped_column(BigInteger)
    cost_per_month: Mapped[float | None]
    retention_days: Mapped[dict[str, Any] | None] = mapped_column(Json)


class ApiKey(Table):
    """A caller's key. secret_hash: hex of the keyed hash of the secret; the secret itself is shown once, never kept.

    created_by: the key or command that made it. replaced_by: the key that rotation put in its place.
    """

    __tablename__ = "api_keys"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"), index=True)
    name: Mapped[str]
    secret_hash: Mapped[str]
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    requests_per_minute: Mapped[int | None]
    created_by: Mapped[str | None]
    replaced_by: Mapped[str | None]


class RateBucket(Table):
    """How many requests a minute are left to a key, a tenant or an address, over all processes. PostgreSQL only.

    name: "key", "tenant" or "address". full_at: when the bucket is full again, seconds since 1970 by the database's
    clock. granted: to whom leased from it last.
    """

    __tablename__ = "rate_buckets"

    name: Mapped[str] = mapped_column(primary_key=True)
    who: Mapped[str] = mapped_column(primary_key=True)
    full_at: Mapped[float]
    granted: Mapped[int]


class AuditHead(Table):
    """The end of the audit log: one row. Who appends updates it first, so that appending goes one after the other."""

    __tablename__ = "audit_head"

    head_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str]


class AuditEvent(Table):
    """Who did what to what, when, from where. Rows are only ever added; triggers refuse anything else.

    seq: 1-based, without gaps. actor: a key's id, `token:` and a subject, `command`, or `nobody`. action: such as
    "runs.create". target: the path's ids. status: the HTTP status, 0 for a command. hash: HMAC of the row and the hash
    before it.
    """

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_tenant_id_seq", "tenant_id", "seq"),)

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    tenant_id: Mapped[str | None]
    actor: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    address: Mapped[str]
    status: Mapped[int]
    details: Mapped[dict[str, Any]]
    hash: Mapped[str]


class Assistant(Table):
    """A graph with a configuration. graph_id: the workflow's name in the registry."""

    __tablename__ = "assistants"

    assistant_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"), index=True)
    graph_id: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    description: Mapped[str | None]
    config: Mapped[dict[str, Any]]
    context: Mapped[dict[str, Any]]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", Json)
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Thread(Table):
    """A conversation: runs that share state. status: idle, busy, interrupted, error. values: the latest state.

    temporary: made for one stateless run; not listed. ttl: minutes that it lives from when this was set, and
    ttl_strategy what happens then: "delete", or "keep_latest", which leaves only its newest checkpoint and begins anew.
    expires_at: when that is. untrusted: what untrusted content its state came from, in words, where its runs' record
    does not tell: it is a copy, or that run was deleted.
    """

    __tablename__ = "threads"
    __table_args__ = (
        Index("ix_threads_tenant_id_created_at", "tenant_id", "created_at"),
        Index("ix_threads_tenant_id_updated_at", "tenant_id", "updated_at"),
        Index("ix_threads_tenant_id_status", "tenant_id", "status", "thread_id"),
        Index("ix_threads_expires_at", "expires_at"),
        Index("ix_threads_status_updated_at", "status", "updated_at"),
    )

    thread_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"))
    status: Mapped[str]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", Json)
    config: Mapped[dict[str, Any]]
    values: Mapped[dict[str, Any] | None] = mapped_column(SealedJson("threads.values"))
    interrupts: Mapped[dict[str, Any]] = mapped_column(SealedJson("threads.interrupts"))
    error: Mapped[dict[str, Any] | None] = mapped_column(SealedJson("threads.error"))
    untrusted: Mapped[str | None] = mapped_column(SealedText("threads.untrusted"))
    temporary: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    state_updated_at: Mapped[datetime]
    ttl: Mapped[float | None]
    ttl_strategy: Mapped[str | None]
    expires_at: Mapped[datetime | None]


class Run(Table):
    """One execution of a graph. status: pending, running, success, error, timeout, interrupted.

    kwargs: all that the executor needs besides the input (config, context, command, stream modes, durability, …).
    output: the final state. error: {"code", "message", "status", "details", "trace"}. attempt: 1 for the first try;
    each take-up after a crash adds one. engine: "embedded", "models", or both, as the run's questions were answered.
    degraded: an outage made the embedded engine answer in place of a model. executor: the process that executes it, by
    name. cancelling: how somebody has asked for its end, "interrupt" or "rollback". cost, tokens, duration_ms: set at
    its end; the sums of its model calls, and the time of its last attempt.

    The last index holds all that a list of runs is filtered by, so that a filter reads it and not the rows.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_tenant_id_run_id", "tenant_id", "run_id"),
        Index("ix_runs_thread_id_run_id", "thread_id", "run_id"),
        Index("ix_runs_status_run_id", "status", "run_id"),
        Index("ix_runs_tenant_id_graph_id", "tenant_id", "graph_id", "run_id"),
        Index("ix_runs_filters", "run_id", "tenant_id", "graph_id", "status", "cost", "duration_ms", "degraded"),
    )

    run_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"))
    thread_id: Mapped[str] = mapped_column(ForeignKey("threads.thread_id", ondelete="CASCADE"))
    assistant_id: Mapped[str]
    graph_id: Mapped[str]
    status: Mapped[str]
    input: Mapped[dict[str, Any] | None] = mapped_column(SealedJson("runs.input"))
    output: Mapped[dict[str, Any] | None] = mapped_column(SealedJson("runs.output"))
    kwargs: Mapped[dict[str, Any]] = mapped_column(SealedJson("runs.kwargs"))
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", Json)
    multitask_strategy: Mapped[str]
    error: Mapped[dict[str, Any] | None] = mapped_column(SealedJson("runs.error"))
    attempt: Mapped[int]
    engine: Mapped[str | None]
    degraded: Mapped[bool]
    executor: Mapped[str | None]
    cancelling: Mapped[str | None]
    cost: Mapped[float]
    tokens: Mapped[int] = mapped_column(BigInteger)
    duration_ms: Mapped[float | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class RunText(Table):
    """What a run is found by: its input and its error, in lower case, 3,000 characters at most.

    Triggers keep it (migration 0011), so that whatever writes a run feeds it, and an input that is erased is erased
    here too. On SQLite they also keep `run_text_index`, an FTS5 index of its trigrams, by text_id.
    """

    __tablename__ = "run_texts"
    __table_args__ = (Index("uq_run_texts_run_id", "run_id", unique=True),)

    text_id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(Text)


class Decision(Table):
    """How a person answered an interrupt, once. run_id: the run that asked. resumed_by: the run that goes on with it.

    answer: what the graph was given. key_id: whose key; decided_by: its name at that time.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        Index("ix_decisions_run_id", "run_id"),
        Index("ix_decisions_tenant_id_decided_at", "tenant_id", "decided_at"),
    )

    thread_id: Mapped[str] = mapped_column(ForeignKey("threads.thread_id", ondelete="CASCADE"), primary_key=True)
    interrupt_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"))
    run_id: Mapped[str | None]
    resumed_by: Mapped[str]
    key_id: Mapped[str]
    decided_by: Mapped[str]
    answer: Mapped[Any] = mapped_column(SealedJson("decisions.answer"), nullable=True)
    decided_at: Mapped[datetime]


class RunEvent(Table):
    """One thing that happened in a run, in order. kind: a stream event's name ("values", "updates", …) or ours.

    data: JSON text, sent to clients as it stands.
    """

    __tablename__ = "run_events"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    data: Mapped[str] = mapped_column(SealedText("run_events.data"))
    created_at: Mapped[datetime]


class ModelCallRow(Table):
    """One question of a run: who answered, why, with what."""

    __tablename__ = "model_calls"
    __table_args__ = (
        Index("ix_model_calls_run_id_started_at", "run_id", "started_at"),
        Index("ix_model_calls_tenant_id_started_at", "tenant_id", "started_at"),
        Index("ix_model_calls_model_run_id", "model", "run_id"),
    )

    call_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id", ondelete="CASCADE"))
    tenant_id: Mapped[str]
    node: Mapped[str]
    task_id: Mapped[str]
    question: Mapped[str]
    prompt_sha256: Mapped[str]
    engine: Mapped[str]
    model: Mapped[str]
    endpoint: Mapped[str | None]
    reasons: Mapped[list[Any]]
    thinking: Mapped[bool]
    schema_name: Mapped[str]
    prompt: Mapped[list[Any]] = mapped_column(SealedJson("model_calls.prompt"))
    answer: Mapped[dict[str, Any] | None] = mapped_column(SealedJson("model_calls.answer"))
    reasoning: Mapped[str | None] = mapped_column(SealedText("model_calls.reasoning"))
    attempts: Mapped[list[Any]] = mapped_column(SealedJson("model_calls.attempts"))
    tokens_in: Mapped[int]
    tokens_out: Mapped[int]
    tokens_thinking: Mapped[int]
    tokens_cached: Mapped[int]
    cost: Mapped[float]
    error: Mapped[dict[str, Any] | None] = mapped_column(SealedJson("model_calls.error"))
    started_at: Mapped[datetime]
    duration_ms: Mapped[float]
    ttft_ms: Mapped[float | None]


class ChatCall(Table):
    """One chat completion through /v1: who asked for what, who answered, why, and what it took; never what was said.

    asked: the model's name in the request. error: {"code", "message"} of one that failed or was broken off.
    """

    __tablename__ = "chat_calls"
    __table_args__ = (Index("ix_chat_calls_tenant_id_started_at", "tenant_id", "started_at"),)

    call_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"))
    key_id: Mapped[str]
    asked: Mapped[str]
    model: Mapped[str]
    adapter: Mapped[str | None]
    endpoint: Mapped[str | None]
    reasons: Mapped[list[Any]]
    thinking: Mapped[bool]
    streamed: Mapped[bool]
    finish: Mapped[str | None]
    tokens_in: Mapped[int]
    tokens_out: Mapped[int]
    tokens_thinking: Mapped[int]
    tokens_cached: Mapped[int]
    cost: Mapped[float]
    error: Mapped[dict[str, Any] | None]
    started_at: Mapped[datetime]
    duration_ms: Mapped[float]
    ttft_ms: Mapped[float | None]


class DrainedEndpoint(Table):
    """A model server that gets no new requests from any process, until it is taken back. key_id: of who drained it."""

    __tablename__ = "drained_endpoints"

    url: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str | None]
    drained_at: Mapped[datetime]


class ToolCallRow(Table):
    """One tool call of a run. key: equal for the same call of the same task, so that a resumed run repeats none."""

    __tablename__ = "tool_calls"
    __table_args__ = (
        Index("ix_tool_calls_run_id_started_at", "run_id", "started_at"),
        Index("ix_tool_calls_tool_server", "tool", "server", "run_id"),
    )

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    node: Mapped[str]
    server: Mapped[str]
    tool: Mapped[str]
    arguments: Mapped[dict[str, Any]] = mapped_column(SealedJson("tool_calls.arguments"))
    result: Mapped[dict[str, Any] | None] = mapped_column(SealedJson("tool_calls.result"))
    error: Mapped[dict[str, Any] | None] = mapped_column(SealedJson("tool_calls.error"))
    permission: Mapped[str]
    started_at: Mapped[datetime]
    duration_ms: Mapped[float]


class File(Table):
    """An uploaded file (no run) or one that a run made. size: bytes."""

    __tablename__ = "files"
    __table_args__ = (Index("uq_files_run_id_name", "run_id", "name", unique=True),)

    file_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"), index=True)
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.run_id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(SealedText("files.name"))
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(SealedText("files.sha256"))
    created_at: Mapped[datetime]


class FileContent(Table):
    """A file's bytes, apart from its row so that lists stay light."""

    __tablename__ = "file_contents"

    file_id: Mapped[str] = mapped_column(ForeignKey("files.file_id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[bytes] = mapped_column(SealedBytes("file_contents.content"))


class CheckpointRow(Table):
    """A LangGraph checkpoint. checkpoint: serialised, small channel values inside, large ones in checkpoint_values."""

    __tablename__ = "checkpoints"
    __table_args__ = (Index("ix_checkpoints_run_id", "run_id"),)

    thread_id: Mapped[str] = mapped_column(primary_key=True)
    checkpoint_ns: Mapped[str] = mapped_column(primary_key=True)
    checkpoint_id: Mapped[str] = mapped_column(primary_key=True)
    parent_id: Mapped[str | None]
    run_id: Mapped[str | None]
    type: Mapped[str]
    checkpoint: Mapped[bytes]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", SealedJson("checkpoints.metadata"))


class CheckpointValue(Table):
    """A large channel value, stored once for each version however many checkpoints hold it."""

    __tablename__ = "checkpoint_values"

    thread_id: Mapped[str] = mapped_column(primary_key=True)
    checkpoint_ns: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    value: Mapped[bytes]


class CheckpointWrite(Table):
    """What a task wrote before its checkpoint was complete, so that a finished task is not run again."""

    __tablename__ = "checkpoint_writes"

    thread_id: Mapped[str] = mapped_column(primary_key=True)
    checkpoint_ns: Mapped[str] = mapped_column(primary_key=True)
    checkpoint_id: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str] = mapped_column(primary_key=True)
    idx: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    task_path: Mapped[str]
    channel: Mapped[str]
    type: Mapped[str]
    value: Mapped[bytes]


class AssistantVersion(Table):
    """An assistant as it was at one version; the assistant's own row repeats the one that is in force."""

    __tablename__ = "assistant_versions"

    assistant_id: Mapped[str] = mapped_column(
        ForeignKey("assistants.assistant_id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    graph_id: Mapped[str]
    name: Mapped[str]
    description: Mapped[str | None]
    config: Mapped[dict[str, Any]]
    context: Mapped[dict[str, Any]]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", Json)
    created_at: Mapped[datetime]


class StoreItem(Table):
    """An item of the store. namespace: its labels, each followed by a period, so that a prefix is a range of text.

    ttl: minutes that it lives after its last write or refresh. expires_at: when that is over. untrusted: what untrusted
    content its writer had read, in words; a run that reads the item has read that too.
    """

    __tablename__ = "store_items"
    __table_args__ = (
        Index("ix_store_items_tenant_id_updated_at", "tenant_id", "updated_at"),
        Index("ix_store_items_expires_at", "expires_at"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"), primary_key=True)
    namespace: Mapped[str] = mapped_column(String().with_variant(String(collation="C"), "postgresql"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(SealedJson("store_items.value"))
    untrusted: Mapped[str | None] = mapped_column(SealedText("store_items.untrusted"))
    ttl: Mapped[float | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class Cron(Table):
    """A schedule that starts runs. thread_id: the thread they run on; without one each has its own.

    payload: the run as it was asked for. next_run_date: none when the schedule has no date before end_time.
    firing: the date whose run a process is starting, claimed_at: since when; both none otherwise.
    """

    __tablename__ = "crons"
    __table_args__ = (
        Index("ix_crons_enabled_next_run_date", "enabled", "next_run_date"),
        Index("ix_crons_tenant_id_created_at", "tenant_id", "created_at"),
    )

    cron_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"))
    assistant_id: Mapped[str] = mapped_column(ForeignKey("assistants.assistant_id", ondelete="CASCADE"), index=True)
    thread_id: Mapped[str | None] = mapped_column(ForeignKey("threads.thread_id", ondelete="CASCADE"), index=True)
    schedule: Mapped[str]
    timezone: Mapped[str | None]
    end_time: Mapped[datetime | None]
    enabled: Mapped[bool]
    next_run_date: Mapped[datetime | None]
    firing: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    payload: Mapped[dict[str, Any]] = mapped_column(SealedJson("crons.payload"))
    on_run_completed: Mapped[str | None]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", Json)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class IdentityMapping(Table):
    """What de-identification took out of a run's record. sealed: ciphertext, see `sealing`; no column can be read."""

    __tablename__ = "identity_mappings"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True, index=True)
    sealed: Mapped[bytes]
    created_at: Mapped[datetime]


class WebhookDelivery(Table):
    """A call that a caller asked for at the end of a run. status: pending, delivered, failed.

    body: the JSON text to send, emptied once it is delivered. next_attempt_at: when it is due; a process that takes it
    sets this ahead, so that no other takes it meanwhile and it becomes due again when that process dies. run_id is no
    foreign key: the run may be deleted at its end.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_status_next_attempt_at", "status", "next_attempt_at"),
        Index("ix_webhook_deliveries_run_id", "run_id"),
    )

    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"))
    run_id: Mapped[str]
    url: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(SealedText("webhook_deliveries.body"))
    status: Mapped[str]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class IdempotencyKey(Table):
    """A request that has made runs, so that the same request makes them once.

    request_sha256: of its method, path and body.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_expires_at", "expires_at"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_sha256: Mapped[str]
    run_ids: Mapped[list[Any]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class FundRow(Table):
    """A fund's facts; the columns are the fields of `tools.finance.market.Fund`."""

    __tablename__ = "funds"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"), primary_key=True)
    fund_id: Mapped[str] = mapped_column(primary_key=True)
    name_en: Mapped[str]
    name_zh: Mapped[str]
    currency: Mapped[str]
    category: Mapped[str]
    risk_class: Mapped[str]
    ongoing_fee: Mapped[float]
    entry_fee: Mapped[float]
    exit_fee: Mapped[float]
    benchmark_id: Mapped[str | None]
    lot_size: Mapped[float]
    dealing: Mapped[str]
    settlement_days: Mapped[int]
    inception: Mapped[date | None]
    description: Mapped[str]
    source: Mapped[str]
    synthetic: Mapped[bool]
    updated_at: Mapped[datetime]


class MarketSeries(Table):
    """A series of daily values: a fund's NAV, a benchmark, or an exchange rate. currency: of the values.

    first_day, last_day, observations: of its values. revision: changes with every change of its values.
    """

    __tablename__ = "market_series"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"), primary_key=True)
    series_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    currency: Mapped[str]
    source: Mapped[str]
    synthetic: Mapped[bool]
    first_day: Mapped[date]
    last_day: Mapped[date]
    observations: Mapped[int]
    revision: Mapped[str]
    updated_at: Mapped[datetime]


class MarketData(Table):
    """The values of a series in one calendar year, packed: a row a year reads a hundred times faster than a row a day.

    days: day of the year from 0, little-endian uint16. values_: little-endian float64, as many.
    """

    __tablename__ = "market_data"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id"), primary_key=True)
    series_id: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    days: Mapped[bytes]
    values_: Mapped[bytes] = mapped_column("values")


class ToolPin(Table):
    """A tool of a user's MCP server: what it said of itself when it was accepted, and what it says now.

    Servers belong to the installation, so no tenant owns a pin. digest, definition: what was accepted, by whom and
    when; none yet where new tools wait for an admin. seen_*: what the server listed last.
    """

    __tablename__ = "tool_pins"

    server: Mapped[str] = mapped_column(primary_key=True)
    tool: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str | None]
    definition: Mapped[dict[str, Any] | None]
    pinned_by: Mapped[str | None]
    pinned_at: Mapped[datetime | None]
    seen_digest: Mapped[str]
    seen_definition: Mapped[dict[str, Any]]
    seen_at: Mapped[datetime]
