"""Which graphs there are: the three workflows, and a user's own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from tools.errors import ConsiliaError

Graph = CompiledStateGraph[Any, Any, Any, Any]


class UnknownWorkflow(ConsiliaError):
    code = "unknown_assistant"
    status = 404


@dataclass(frozen=True, slots=True)
class Workflow:
    """A graph and what it may do. tools: the server/tool names, or server/*, it may call.

    desk: whether its nodes take a `workflows.desk.Desk` as their context (ours do; a user's graph takes its own).
    state_types: pydantic models and dataclasses kept in its checkpoints, which may be loaded from there again.
    """

    name: str
    description: str
    graph: Graph
    tools: frozenset[str] = frozenset()
    desk: bool = False
    state_types: tuple[type, ...] = ()


class Registry:
    """Workflows by name."""

    def __init__(self, workflows: Iterable[Workflow]) -> None:
        self._workflows: Mapping[str, Workflow] = {workflow.name: workflow for workflow in workflows}

    def get(self, name: str) -> Workflow:
        """The workflow; raises UnknownWorkflow with the names there are."""
        if name not in self._workflows:
            names = ", ".join(sorted(self._workflows))
            raise UnknownWorkflow(f"there is no workflow {name!r}; there are: {names}", name=name)
        return self._workflows[name]

    def names(self) -> list[str]:
        return sorted(self._workflows)

    def descriptions(self) -> dict[str, str]:
        return {name: workflow.description for name, workflow in self._workflows.items()}

    def state_types(self) -> list[type]:
        return [each for workflow in self._workflows.values() for each in workflow.state_types]
