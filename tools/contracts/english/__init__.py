"""The embedded engine's rules for English contracts, a module a group of categories."""
