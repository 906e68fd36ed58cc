"""Versions of assistants, the store, and crons"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "store_items",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("namespace", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.Column("ttl", sa.Double(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_store_items_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "namespace", "key", name=op.f("pk_store_items")),
    )
    with op.batch_alter_table("store_items", schema=None) as batch_op:
        batch_op.create_index("ix_store_items_expires_at", ["expires_at"], unique=False)
        batch_op.create_index("ix_store_items_tenant_id_updated_at", ["tenant_id", "updated_at"], unique=False)

    op.create_table(
        "assistant_versions",
        sa.Column("assistant_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("graph_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("config", JSON, nullable=False),
        sa.Column("context", JSON, nullable=False),
        sa.Column("metadata", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assistant_id"],
            ["assistants.assistant_id"],
            name=op.f("fk_assistant_versions_assistant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("assistant_id", "version", name=op.f("pk_assistant_versions")),
    )
    op.execute(
        "INSERT INTO assistant_versions"
        " (assistant_id, version, graph_id, name, description, config, context, metadata, created_at)"
        " SELECT assistant_id, version, graph_id, name, description, config, context, metadata, updated_at"
        " FROM assistants"
    )
    op.create_table(
        "crons",
        sa.Column("cron_id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("assistant_id", sa.String(), nullable=False),
        sa.Column("thread_id", sa.String(), nullable=True),
        sa.Column("schedule", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("next_run_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("firing", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("on_run_completed", sa.String(), nullable=True),
        sa.Column("metadata", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["assistants.assistant_id"], name=op.f("fk_crons_assistant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_crons_tenant_id")),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["threads.thread_id"], name=op.f("fk_crons_thread_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cron_id", name=op.f("pk_crons")),
    )
    with op.batch_alter_table("crons", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_crons_assistant_id"), ["assistant_id"], unique=False)
        batch_op.create_index("ix_crons_enabled_next_run_date", ["enabled", "next_run_date"], unique=False)
        batch_op.create_index("ix_crons_tenant_id_created_at", ["tenant_id", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_crons_thread_id"), ["thread_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("crons", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crons_thread_id"))
        batch_op.drop_index("ix_crons_tenant_id_created_at")
        batch_op.drop_index("ix_crons_enabled_next_run_date")
        batch_op.drop_index(batch_op.f("ix_crons_assistant_id"))

    op.drop_table("crons")
    op.drop_table("assistant_versions")
    with op.batch_alter_table("store_items", schema=None) as batch_op:
        batch_op.drop_index("ix_store_items_tenant_id_updated_at")
        batch_op.drop_index("ix_store_items_expires_at")

    op.drop_table("store_items")
