"""Alembic migrations of Consilia's database."""
