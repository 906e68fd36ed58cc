"""What the admin pages look for: a run's cost, duration and words, and who decided"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_SQLITE = (
    """
    CREATE VIRTUAL TABLE run_text_index
    USING fts5(text, content='run_texts', content_rowid='text_id', tokenize='trigram')
    """,
    """
    CREATE TRIGGER run_texts_indexed AFTER INSERT ON run_texts BEGIN
      INSERT INTO run_text_index (rowid, text) VALUES (NEW.text_id, NEW.text);
    END
    """,
    """
    CREATE TRIGGER run_texts_unindexed AFTER DELETE ON run_texts BEGIN
      INSERT INTO run_text_index (run_text_index, rowid, text) VALUES ('delete', OLD.text_id, OLD.text);
    END
    """,
    """
    CREATE TRIGGER run_texts_indexed_anew AFTER UPDATE OF text ON run_texts BEGIN
      INSERT INTO run_text_index (run_text_index, rowid, text) VALUES ('delete', OLD.text_id, OLD.text);
      INSERT INTO run_text_index (rowid, text) VALUES (NEW.text_id, NEW.text);
    END
    """,
    """
    CREATE TRIGGER run_texts_of_new AFTER INSERT ON runs BEGIN
      INSERT INTO run_texts (run_id, text) VALUES (
        NEW.run_id,
        lower(substr(coalesce(NEW.input, ''), 1, 2000)) || char(10)
          || lower(substr(coalesce(json_extract(NEW.error, '$.message'), ''), 1, 1000)));
    END
    """,
    """
    CREATE TRIGGER run_texts_of_changed AFTER UPDATE OF input, error ON runs
    WHEN NEW.input IS NOT OLD.input OR NEW.error IS NOT OLD.error BEGIN
      UPDATE run_texts SET text = lower(substr(coalesce(NEW.input, ''), 1, 2000)) || char(10)
          || lower(substr(coalesce(json_extract(NEW.error, '$.message'), ''), 1, 1000))
      WHERE run_id = NEW.run_id;
    END
    """,
    """
    INSERT INTO run_texts (run_id, text)
    SELECT run_id, lower(substr(coalesce(input, ''), 1, 2000)) || char(10)
      || lower(substr(coalesce(json_extract(error, '$.message'), ''), 1, 1000)) FROM runs
    """,
    """
    UPDATE runs SET duration_ms = (julianday(finished_at) - julianday(started_at)) * 86400000.0
    WHERE finished_at IS NOT NULL
    """,
)
_POSTGRESQL = (
    """
    CREATE FUNCTION consilia_run_text() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO run_texts (run_id, text) VALUES (
        NEW.run_id,
        lower(left(coalesce(NEW.input::text, ''), 2000)) || chr(10)
          || lower(left(coalesce(NEW.error ->> 'message', ''), 1000)))
      ON CONFLICT (run_id) DO UPDATE SET text = EXCLUDED.text;
      RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER run_texts_of_new AFTER INSERT ON runs
    FOR EACH ROW EXECUTE FUNCTION consilia_run_text()
    """,
    """
    CREATE TRIGGER run_texts_of_changed AFTER UPDATE OF input, error ON runs
    FOR EACH ROW WHEN (NEW.input IS DISTINCT FROM OLD.input OR NEW.error IS DISTINCT FROM OLD.error)
    EXECUTE FUNCTION consilia_run_text()
    """,
    """
    INSERT INTO run_texts (run_id, text)
    SELECT run_id, lower(left(coalesce(input::text, ''), 2000)) || chr(10)
      || lower(left(coalesce(error ->> 'message', ''), 1000)) FROM runs
    """,
    """
    UPDATE runs SET duration_ms = EXTRACT(EPOCH FROM (finished_at - started_at)) * 1000.0
    WHERE finished_at IS NOT NULL
    """,
)
_SUMS = """
UPDATE runs SET
  cost = (SELECT coalesce(sum(m.cost), 0) FROM model_calls AS m WHERE m.run_id = runs.run_id),
  tokens = (SELECT coalesce(sum(m.tokens_in + m.tokens_out), 0) FROM model_calls AS m WHERE m.run_id = runs.run_id)
WHERE EXISTS (SELECT 1 FROM model_calls AS m WHERE m.run_id = runs.run_id)
"""


def upgrade() -> None:
    op.add_column("runs", sa.Column("cost", sa.Double(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("tokens", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("duration_ms", sa.Double(), nullable=True))
    op.create_table(
        "run_texts",
        sa.Column("text_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_run_texts_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("text_id", name=op.f("pk_run_texts")),
    )
    op.create_index("uq_run_texts_run_id", "run_texts", ["run_id"], unique=True)
    op.create_table(
        "decisions",
        sa.Column("thread_id", sa.String(), nullable=False),
        sa.Column("interrupt_id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("resumed_by", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("answer", JSON, nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["threads.thread_id"], name=op.f("fk_decisions_thread_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_decisions_tenant_id")),
        sa.PrimaryKeyConstraint("thread_id", "interrupt_id", name=op.f("pk_decisions")),
    )
    op.create_index("ix_decisions_run_id", "decisions", ["run_id"])
    op.create_index("ix_decisions_tenant_id_decided_at", "decisions", ["tenant_id", "decided_at"])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
    op.execute(_SUMS)
    columns = ["run_id", "tenant_id", "graph_id", "status", "cost", "duration_ms", "degraded"]
    op.create_index("ix_runs_filters", "runs", columns)
    op.create_index("ix_model_calls_model_run_id", "model_calls", ["model", "run_id"])
    op.create_index("ix_tool_calls_tool_server", "tool_calls", ["tool", "server", "run_id"])
    op.create_index("ix_threads_status_updated_at", "threads", ["status", "updated_at"])


def downgrade() -> None:
    op.drop_index("ix_threads_status_updated_at", "threads")
    op.drop_index("ix_tool_calls_tool_server", "tool_calls")
    op.drop_index("ix_model_calls_model_run_id", "model_calls")
    op.drop_index("ix_runs_filters", "runs")
    for trigger in ("run_texts_of_changed", "run_texts_of_new"):
        table = " ON runs" if op.get_bind().dialect.name == "postgresql" else ""
        op.execute(f"DROP TRIGGER {trigger}{table}")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION consilia_run_text()")
    op.drop_table("decisions")
    op.drop_table("run_texts")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE run_text_index")
    for column in ("duration_ms", "tokens", "cost"):
        op.drop_column("runs", column)
