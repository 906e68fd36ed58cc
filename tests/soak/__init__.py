"""A long load with faults."""
