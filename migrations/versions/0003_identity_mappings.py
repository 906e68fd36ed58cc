"""Sealed identity mappings of de-identified records"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identity_mappings",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.run_id"], name=op.f("fk_identity_mappings_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "run_id", name=op.f("pk_identity_mappings")),
    )
    with op.batch_alter_table("identity_mappings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identity_mappings_run_id"), ["run_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("identity_mappings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identity_mappings_run_id"))

    op.drop_table("identity_mappings")
