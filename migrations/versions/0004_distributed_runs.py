"""Who executes a run, how its end was asked for; procrastinate's jobs on PostgreSQL"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_DROP = """
DO $$
DECLARE thing record;
BEGIN
  FOR thing IN SELECT tablename AS name FROM pg_tables
      WHERE schemaname = current_schema() AND tablename LIKE 'procrastinate\\_%' LOOP
    EXECUTE format('DROP TABLE IF EXISTS %I CASCADE', thing.name);
  END LOOP;
  FOR thing IN SELECT oid::regprocedure AS name FROM pg_proc
      WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'procrastinate\\_%' LOOP
    EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', thing.name);
  END LOOP;
  FOR thing IN SELECT typname AS name FROM pg_type
      WHERE typnamespace = current_schema()::regnamespace AND typname LIKE 'procrastinate\\_%' LOOP
    EXECUTE format('DROP TYPE IF EXISTS %I CASCADE', thing.name);
  END LOOP;
END $$
"""


def upgrade() -> None:
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("executor", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("cancelling", sa.String(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        from procrastinate.schema import SchemaManager  # heavy; SQLite does without

        op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
        # fetching a job looks for others with its lock; procrastinate's own index begins with the id
        op.execute("CREATE INDEX ix_procrastinate_jobs_lock ON procrastinate_jobs (lock) WHERE lock IS NOT NULL")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.get_bind().exec_driver_sql(_DROP.replace("%", "%%"))
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_column("cancelling")
        batch_op.drop_column("executor")
