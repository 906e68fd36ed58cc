"""Durable runs: accepted, executed under checkpoints, recorded, streamed."""
