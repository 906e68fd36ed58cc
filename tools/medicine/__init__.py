"""Medicine: pure functions that read, check and compute with clinical text."""
