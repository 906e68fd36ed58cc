"""Model servers: which models fit which GPUs, and how servers are installed, started, watched and stopped."""
