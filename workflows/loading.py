"""Loading a user's own graphs: from `[workflows]` of consilia.toml, or from an existing langgraph.json.

A reference is `./path/file.py:name` or `package.module:name`. The name may be a compiled graph, a `StateGraph` to be
compiled, or a factory: a function, sync or async, or an async context manager, that takes nothing, the run's config, or
its runtime, and gives one of those.
"""

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import orjson
from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from tools.errors import ConsiliaError
from workflows.registry import Graph, Workflow


class GraphNotLoadable(ConsiliaError):
    """A graph reference that cannot be loaded; the message names the file and the line."""

    code = "graph_not_loadable"
    status = 500


@dataclass(frozen=True, slots=True)
class LanggraphFile:
    """What a langgraph.json says, as far as it concerns us. graphs: name → (reference, description).

    thread_ttl: what it says at checkpointer.ttl (default_ttl in minutes, strategy, sweep_interval_minutes).
    """

    graphs: Mapping[str, tuple[str, str]]
    environment: Mapping[str, str]
    folder: Path
    thread_ttl: Mapping[str, Any]


def read_langgraph_json(path: Path) -> LanggraphFile:
    """Read an existing langgraph.json. Raises GraphNotLoadable."""
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise GraphNotLoadable(f"cannot read {path}: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise GraphNotLoadable(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    whole = cast(dict[str, Any], content) if isinstance(content, dict) else {}
    declared: Any = whole.get("graphs")
    if not isinstance(declared, dict) or not declared:
        raise GraphNotLoadable(f'{path}: needs "graphs": {{"name": "./file.py:graph"}}')
    graphs: dict[str, tuple[str, str]] = {}
    for name, value in cast(dict[str, Any], declared).items():
        entry = cast(dict[str, Any], value) if isinstance(value, dict) else {"path": value}
        if not isinstance(entry.get("path"), str):
            raise GraphNotLoadable(f"{path}: graphs.{name} is {value!r}; expected './file.py:graph'")
        graphs[name] = (entry["path"], str(entry.get("description") or ""))
    folder = path.absolute().parent
    for dependency in cast(list[str], whole.get("dependencies") or []):
        if dependency.startswith("."):
            _importable_from((folder / dependency).resolve())
    return LanggraphFile(graphs, _environment(whole.get("env"), folder), folder, _thread_ttl(whole))


def _thread_ttl(whole: dict[str, Any]) -> dict[str, Any]:
    checkpointer: Any = whole.get("checkpointer")
    ttl: Any = cast(dict[str, Any], checkpointer).get("ttl") if isinstance(checkpointer, dict) else None
    return cast(dict[str, Any], ttl) if isinstance(ttl, dict) else {}


def _environment(declared: Any, folder: Path) -> dict[str, str]:
    if isinstance(declared, dict):
        return {str(key): str(value) for key, value in cast(dict[str, Any], declared).items()}
    if not isinstance(declared, str) or not (folder / declared).is_file():
        return {}
    lines = (folder / declared).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip().removeprefix("export "): value.strip().strip("'\"") for key, value in pairs}


def _importable_from(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def load(name: str, reference: str, folder: Path, description: str = "") -> Workflow:
    """The workflow behind a reference. Raises GraphNotLoadable with the file and line at fault."""
    target, _, attribute = reference.rpartition(":")
    if not target:
        raise GraphNotLoadable(f"workflow {name!r}: {reference!r} is not of the form './file.py:graph'")
    module = _module(name, target, folder)
    if not hasattr(module, attribute):
        names = ", ".join(sorted(each for each in vars(module) if not each.startswith("_"))) or "nothing"
        raise GraphNotLoadable(f"workflow {name!r}: {target} has no {attribute!r}; it has: {names}")
    found = getattr(module, attribute)
    told = description or (inspect.getdoc(module) or "").split("\n")[0] or f"Graph {name}"
    if isinstance(found, Pregel):
        return Workflow(name, told, cast(Graph, found))
    if isinstance(found, StateGraph):
        return Workflow(name, told, _compiled(name, cast("StateGraph[Any, Any, Any, Any]", found)))
    if callable(found):
        return Workflow(name, told, None, factory=GraphFactory(name, found))
    raise GraphNotLoadable(f"workflow {name!r}: {reference} is a {type(found).__name__}, not a graph or a factory")


def _module(name: str, target: str, folder: Path) -> ModuleType:
    try:
        if not target.endswith(".py"):
            _importable_from(folder)
            return importlib.import_module(target)
        path = (folder / target).resolve()
        if not path.is_file():
            raise GraphNotLoadable(f"workflow {name!r}: there is no file {path}")
        _importable_from(path.parent)
        unique = f"consilia_user_{abs(hash(str(path)))}"
        if unique in sys.modules:
            return sys.modules[unique]
        spec = importlib.util.spec_from_file_location(unique, path)
        assert spec is not None, "a .py file always has a loader"
        assert spec.loader is not None, "a .py file always has a loader"
        module = importlib.util.module_from_spec(spec)
        sys.modules[unique] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[unique]
            raise
        return module
    except GraphNotLoadable:
        raise
    except SyntaxError as error:
        raise GraphNotLoadable(f"workflow {name!r}: {error.filename}:{error.lineno}: {error.msg}") from error
    except Exception as error:
        raise GraphNotLoadable(f"workflow {name!r}: {_where(error)}: {type(error).__name__}: {error}") from error


def _where(error: BaseException) -> str:
    """File and line of the innermost frame outside the import machinery."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"


def _compiled(name: str, builder: "StateGraph[Any, Any, Any, Any]") -> Graph:
    try:
        return builder.compile(name=name)  # pyright: ignore[reportUnknownMemberType]
    except ValueError as error:
        raise GraphNotLoadable(f"workflow {name!r}: the graph does not compile: {error}") from error


class GraphFactory:
    """A function that makes the graph for each run, from the run's config."""

    def __init__(self, name: str, function: Any) -> None:
        self._name = name
        self._function = function
        self._takes = len(inspect.signature(function).parameters)

    @asynccontextmanager
    async def graph(self, config: RunnableConfig) -> AsyncGenerator[Graph]:
        """The graph for a run with this config; closed after the run where the factory is a context manager."""
        try:
            made = self._function(config) if self._takes else self._function()
            if inspect.isawaitable(made):
                made = await made
        except Exception as error:
            message = f"workflow {self._name!r}: its factory failed at {_where(error)}: {type(error).__name__}: {error}"
            raise GraphNotLoadable(message) from error
        if hasattr(made, "__aenter__"):
            async with made as opened:
                yield self._checked(opened)
        elif hasattr(made, "__enter__"):
            with made as opened:
                yield self._checked(opened)
        else:
            yield self._checked(made)

    def _checked(self, made: Any) -> Graph:
        if isinstance(made, StateGraph):
            return _compiled(self._name, cast("StateGraph[Any, Any, Any, Any]", made))
        if isinstance(made, Pregel):
            return cast(Graph, made)
        raise GraphNotLoadable(f"workflow {self._name!r}: its factory gave a {type(made).__name__}, not a graph")


def apply_environment(environment: Mapping[str, str]) -> None:
    """Set the variables that a langgraph.json asks for, where they are not set already."""
    for key, value in environment.items():
        os.environ.setdefault(key, value)
