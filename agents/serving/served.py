"""A model of the configuration that is to be started here, and a process that serves it."""

from collections.abc import Mapping
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from agents.serving.settings import Serve
from tools.errors import ConsiliaError


class CannotServe(ConsiliaError):
    """A model of the configuration cannot be started as it stands; the message names the entry and the remedy."""

    code = "cannot_serve"
    status = 422


class Served(Protocol):
    """A `[[pool.models]]` entry, as far as starting its servers goes."""

    @property
    def name(self) -> str: ...
    @property
    def catalogue(self) -> str: ...
    @property
    def dialect(self) -> str: ...
    @property
    def served(self) -> str | None: ...
    @property
    def adapters(self) -> Mapping[str, str]: ...
    @property
    def serve(self) -> Serve | None: ...


class Launch(BaseModel):
    """One process to keep running. url: its root, where /health is. key: where its API key is read ("env:NAME" or
    "file:PATH"), never the key itself; key_variable: the environment variable by which the program gets it. alone:
    such ones take turns to start (servers on the CPU)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    model: str
    command: tuple[str, ...]
    environment: dict[str, str]
    url: str
    ready_seconds: float
    key: str = ""
    key_variable: str = "VLLM_API_KEY"
    alone: bool = False


def key_place(model: Served) -> str:
    """Where the entry's key is read; "" where it has none."""
    source = getattr(model, "api_key", None)
    if source is None:
        return ""
    return f"env:{source.env}" if source.env else f"file:{source.file}"
