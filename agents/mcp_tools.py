"""MCP tools for an agent of the user's own graph, as LangChain tools.

In a node, or a graph factory, of a graph that Consilia runs:

    tools = await mcp_tools(config, "mail/*", "finance/fund_facts")
    model = chat_model(config).bind_tools(tools)

Each call goes through the tool host: it is allowed by the settings or not, asks a person where it must, is bounded,
checked and kept in the run's record.
"""

from typing import Any, Final, cast

import orjson
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, StructuredTool
from mcp_types import Tool

from agents.chat_model import NotInConsilia
from tools.errors import ConsiliaError
from tools.host import Toolbox, marked, shown, shown_schema, without_hidden
from tools.record import Place

TOOLS_KEY: Final = "__consilia_tools"
"""Where `config["configurable"]` of a run holds its toolbox; never stored, as LangGraph keeps no key of this form."""


async def mcp_tools(config: RunnableConfig, *names: str) -> list[BaseTool]:
    """The tools of these names, server/tool or server/*, for `bind_tools`, `ToolNode` or `create_agent`.

    A tool's message is its result as JSON, marked as data; its artifact is the result itself, as a dict. What goes
    wrong with a call becomes an error message for the model, which may do better. In-house servers: documents,
    contracts, records, medicine, finance, suitability. The workflow needs permission ([tools], docs/tools.md).

    Raises NotInConsilia outside a run, UnknownTool, ToolNameClash.
    """
    tools = _toolbox(config)
    return [_as_langchain(tools, entry, tool) for entry, tool in await tools.offered(names)]


def mark_untrusted(config: RunnableConfig, what: str) -> None:
    """Say that this run has read content that nobody vouches for, such as a web page that a node fetched by itself.

    From then on tools that write or reach out need a person, or a policy that says otherwise. what: in words, such as
    "a web page". Raises NotInConsilia outside a run.
    """
    cast(Any, _toolbox(config).ledger).mark_untrusted(what)


def _toolbox(config: RunnableConfig) -> Toolbox:
    found = config.get("configurable", {}).get(TOOLS_KEY)
    if found is None:
        raise NotInConsilia("this graph does not run in Consilia; tools are called through a run's tool host")
    return cast(Toolbox, found)


def _as_langchain(tools: Toolbox, entry: str, tool: Tool) -> BaseTool:
    server, _, name = entry.partition("/")

    async def call(**arguments: Any) -> tuple[str, dict[str, Any]]:
        metadata = ensure_config().get("metadata") or {}
        task_id = str(metadata.get("langgraph_checkpoint_ns", "")).rsplit(":", 1)[-1]
        place = Place(node=str(metadata.get("langgraph_node", "")), task_id=task_id)
        try:
            result = await tools.call_raw(place, server, name, arguments)
        except ConsiliaError as error:
            return marked(server, name, f"{error.code}: {error.message}"), error.as_payload()
        return marked(server, name, orjson.dumps(result).decode()), result

    return StructuredTool(
        name=shown(entry),
        description=without_hidden(tool.description or tool.title or entry),
        args_schema=shown_schema(tool.input_schema),
        coroutine=call,
        response_format="content_and_artifact",
    )
