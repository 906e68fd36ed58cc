"""The tables, and the queries over them: SQLite embedded, PostgreSQL at scale, the same code."""
