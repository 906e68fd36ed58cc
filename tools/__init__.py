"""What can be done: pure domain functions, the MCP servers over them, and the host that calls MCP tools."""
