"""Buckets of requests that processes share; store items and threads that come from untrusted content"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rate_buckets",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("full_at", sa.Double(), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", "who", name=op.f("pk_rate_buckets")),
        # What a crash loses of it is back within a minute, so it need not go through the write-ahead log.
        prefixes=["UNLOGGED"] if op.get_bind().dialect.name == "postgresql" else [],
    )
    for table in ("store_items", "threads"):
        op.add_column(table, sa.Column("untrusted", sa.Text(), nullable=True))


def downgrade() -> None:
    for table in ("store_items", "threads"):
        op.drop_column(table, "untrusted")
    op.drop_table("rate_buckets")
