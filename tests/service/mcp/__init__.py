"""Our MCP server, by real clients against real processes."""
