"""A run in the words of the streaming protocol (langchain-protocol, the Agent Server's "protocol v2").

It is told from what the run has left in SQL, also of runs that were started otherwise, so that every process tells the
same of it under the same numbers.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

import orjson

from service.runs.stream import Event

_KINDS: Final = frozenset({"metadata", "values", "updates", "messages", "tools", "custom", "tasks", "node"})
"""The kinds of a run's events that tell something."""

_STATUS: Final = {"success": "completed", "error": "failed", "timeout": "failed", "interrupted": "interrupted"}

_LEFT_OUT_EMPTY: Final = frozenset(
    {"additional_kwargs", "response_metadata", "name", "tool_calls", "invalid_tool_calls", "usage_metadata", "example"}
)
"""What a message says only where there is something to say."""

Namespace = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One protocol event. event_id: the same wherever and whenever it is told. at: when it happened."""

    event_id: str
    method: str
    namespace: Namespace
    at: datetime
    data: Any
    node: str | None = None

    @property
    def channel(self) -> str:
        return "input" if self.method == "input.requested" else self.method

    def shape(self, seq: int) -> dict[str, Any]:
        """As it is sent."""
        about: dict[str, Any] = {
            "namespace": list(self.namespace),
            "timestamp": int(self.at.timestamp() * 1000),
            "data": self.data,
        }
        if self.node is not None:
            about["node"] = self.node
        return {"type": "event", "event_id": self.event_id, "seq": seq, "method": self.method, "params": about}


@dataclass(slots=True)
class Agent:
    """A graph or subgraph in the run: how it stands."""

    graph_name: str
    status: str


@dataclass(slots=True)
class Telling:
    """Tells one run, its events in their order. agents: the graph, under (), and the subgraphs met so far."""

    run_id: str
    graph_name: str
    agents: dict[Namespace, Agent] = field(default_factory=dict[Namespace, Agent])
    _asked: set[str] = field(default_factory=set[str])

    def of(self, event: Event) -> list[Told]:
        """What an event tells; several things, one, or nothing."""
        base, *path = event.kind.split("|")
        if base not in _KINDS:
            return []
        data = orjson.loads(event.data)
        if base == "node":
            path = str(data["namespace"]).split("|") if data.get("namespace") else []
        namespace = tuple(path)
        found = self._begun(namespace)
        match base:
            case "node":
                found += self._node(namespace, data)
            case "values":
                found += self._values(namespace, data)
            case "updates":
                found += self._updates(namespace, data)
            case "messages":
                found += _message(namespace, data)
            case "custom":
                found.append(("custom", namespace, {"payload": data}, None))
            case "tools" | "tasks":
                found.append((base, namespace, lean(data), None))
            case _:
                pass  # the run's beginning: that its graph runs is told already
        return self._numbered(str(event.seq), event.at, found)

    def end(self, status: str, error: str | None, at: datetime) -> list[Told]:
        """How the run ended. status: the run's; error: what it says of its failure."""
        over, found = _STATUS[status], self._begun(())
        for namespace in sorted(self.agents, key=len, reverse=True):
            if self.agents[namespace].status in ("started", "running"):
                found.append(self._lifecycle(namespace, over, error if over == "failed" else None))
        return self._numbered("end", at, found)

    def tree(self, at: Namespace = ()) -> dict[str, Any]:
        """The graph with its subgraphs, as far as they have been met."""
        agent = self.agents.get(at) or Agent(self.graph_name, "started")
        found: dict[str, Any] = {"namespace": list(at), "status": agent.status, "graph_name": agent.graph_name}
        below = [each for each in self.agents if len(each) == len(at) + 1 and each[: len(at)] == at]
        return {**found, "children": [self.tree(each) for each in below]} if below else found

    def _numbered(self, of: str, at: datetime, found: list["_Found"]) -> list[Told]:
        names = [
            f"{self.run_id}:{of}" if number == 0 else f"{self.run_id}:{of}.{number}" for number in range(len(found))
        ]
        return [Told(name, each[0], each[1], at, each[2], each[3]) for name, each in zip(names, found, strict=True)]

    def _begun(self, namespace: Namespace) -> list["_Found"]:
        """The beginnings of the graphs on the way to this namespace that are met for the first time."""
        found: list[_Found] = []
        if () not in self.agents:
            self.agents[()] = Agent(self.graph_name, "running")
            found.append(("lifecycle", (), {"event": "running", "graph_name": self.graph_name}, None))
        for depth in range(1, len(namespace) + 1):
            part = namespace[:depth]
            if part in self.agents:
                continue
            name, _, task_id = part[-1].partition(":")
            self.agents[part] = Agent(name, "started")
            about = {"event": "started", "namespace": list(part), "graph_name": name, "trigger_call_id": task_id}
            found.append(("lifecycle", part, about, None))
        return found

    def _lifecycle(self, namespace: Namespace, status: str, error: str | None) -> "_Found":
        agent = self.agents[namespace]
        agent.status = status
        about = {"event": status, "graph_name": agent.graph_name, **({"error": error} if error is not None else {})}
        return "lifecycle", namespace, about, None

    def _node(self, namespace: Namespace, noted: dict[str, Any]) -> list["_Found"]:
        """A node has ended: so has the subgraph that it was."""
        part = (*namespace, f"{noted['node']}:{noted['task_id']}")
        if noted["phase"] != "finished" or part not in self.agents or self.agents[part].status != "started":
            return []
        error: str | None = noted.get("error")
        status = "interrupted" if noted.get("interrupted") else "failed" if error else "completed"
        return [self._lifecycle(part, status, error if status == "failed" else None)]

    def _values(self, namespace: Namespace, data: Any) -> list["_Found"]:
        asked, rest = self._split(namespace, data)
        return asked if asked and not rest else [*asked, ("values", namespace, lean(rest), None)]

    def _updates(self, namespace: Namespace, data: Any) -> list["_Found"]:
        asked, rest = self._split(namespace, data)
        by_node = cast(dict[str, Any], rest) if isinstance(rest, dict) else {}
        return [*asked, *(("updates", namespace, lean(wrote), node) for node, wrote in by_node.items())]

    def _split(self, namespace: Namespace, data: Any) -> tuple[list["_Found"], Any]:
        """What is asked of people for the first time, and the rest of the values."""
        rest = cast(dict[str, Any], data)
        if not isinstance(data, dict) or "__interrupt__" not in rest:
            return [], rest
        found: list[_Found] = []
        for each in rest.pop("__interrupt__"):
            if each["id"] not in self._asked:
                self._asked.add(each["id"])
                about = {"interrupt_id": each["id"], "payload": each["value"]}
                if each.get("response_schema") is not None:
                    about["response_schema"] = each["response_schema"]
                found.append(("input.requested", namespace, about, None))
        return found, rest


_Found = tuple[str, Namespace, Any, str | None]
"""(method, namespace, data, node)."""


def _message(namespace: Namespace, data: list[Any]) -> list[_Found]:
    """A piece of a message, where the run streams content blocks; whole messages are among the values."""
    piece, metadata = data
    if not isinstance(piece, dict) or "event" not in piece:
        return []
    return [("messages", namespace, piece, cast(dict[str, Any], metadata).get("langgraph_node"))]


def lean(value: Any) -> Any:
    """The value, its messages without their empty fields."""
    if isinstance(value, list):
        return [lean(each) for each in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    known = cast(dict[str, Any], value)
    if "type" in known and "content" in known and "additional_kwargs" in known:
        return {name: each for name, each in known.items() if each or name not in _LEFT_OUT_EMPTY}
    return {name: lean(each) for name, each in known.items()}
