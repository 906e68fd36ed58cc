"""What can be seen from outside of the service at work: logs, metrics, traces. None of it holds what a run is about."""
