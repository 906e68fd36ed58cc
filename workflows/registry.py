"""Which graphs there are: the three workflows, and a user's own."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from tools.errors import ConsiliaError

Graph = CompiledStateGraph[Any, Any, Any, Any]


class Factory(Protocol):
    """Makes a graph for a run."""

    def graph(self, config: RunnableConfig) -> AbstractAsyncContextManager[Graph]: ...


class UnknownWorkflow(ConsiliaError):
    code = "unknown_assistant"
    status = 404


@dataclass(frozen=True, eq=False)
class Workflow:
    """A graph and what it may do. tools: the server/tool names, or server/*, it may call.

    desk: whether its nodes take a `workflows.desk.Desk` as their context (ours do; a user's graph takes its own).
    state_types: pydantic models and dataclasses kept in its checkpoints, which may be loaded from there again.
    """

    name: str
    description: str
    compiled: Graph | None
    factory: "Factory | None" = None
    tools: frozenset[str] = frozenset()
    desk: bool = False
    state_types: tuple[type, ...] = ()

    @asynccontextmanager
    async def graph(self, config: RunnableConfig | None = None) -> AsyncGenerator[Graph]:
        """The graph: the same for every run, or made for this one where the workflow is a factory."""
        if self.factory is not None:
            async with self.factory.graph(config or {"configurable": {}}) as made:
                yield made
            return
        assert self.compiled is not None, "a workflow has a compiled graph or a factory"
        yield self.compiled


@dataclass(frozen=True, slots=True)
class Deferred:
    """A workflow that is made, and whose modules are imported, when it is first asked for."""

    name: str
    description: str
    make: Callable[[], Workflow]


class Registry:
    """Workflows by name."""

    def __init__(self, workflows: Iterable[Workflow | Deferred]) -> None:
        self._workflows: Mapping[str, Workflow | Deferred] = {workflow.name: workflow for workflow in workflows}
        self._made: dict[str, Workflow] = {}

    def get(self, name: str) -> Workflow:
        """The workflow; raises UnknownWorkflow with the names there are. From any thread."""
        if name not in self._workflows:
            names = ", ".join(sorted(self._workflows))
            raise UnknownWorkflow(f"there is no workflow {name!r}; there are: {names}", name=name)
        found = self._workflows[name]
        if isinstance(found, Workflow):
            return found
        return self._made.get(name) or self._made.setdefault(name, found.make())

    def names(self) -> list[str]:
        return sorted(self._workflows)

    def descriptions(self) -> dict[str, str]:
        return {name: workflow.description for name, workflow in self._workflows.items()}
