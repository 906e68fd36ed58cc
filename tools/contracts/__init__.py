"""Contracts: structure, clause categories, playbooks, and redlines."""
