"""The embedded engine's rules for Chinese contracts."""
