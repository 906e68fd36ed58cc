"""The expert workflows as LangGraph graphs, and the registry that finds graphs."""
