"""The workflows as an MCP server, over Streamable HTTP and stdio."""
