"""REST, in the form of LangGraph's Agent Server; one router a resource."""
