"""`[pool]` of `consilia.toml`: the model servers of this installation, how they are asked, and every bound on it."""

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from agents.catalogue import catalogue
from agents.dialects import DIALECTS, DialectName
from agents.model import Model
from agents.policy import Policy, read_policy
from agents.serving.settings import Serve, Serving
from tools.errors import ConsiliaError

OnOutage = Literal["fail", "embedded"]
"""What becomes of a question that no model server answers: the run fails, or the embedded engine answers and the run is
marked degraded."""

_RESERVED: Final = {"auto", "embedded", "pool"}
_ADAPTER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value) or value in _RESERVED:
        kept = ", ".join(sorted(_RESERVED))
        raise ValueError(f"small letters, digits, '.', '_' and '-', at most 64, and not one of: {kept}")
    return value


def _url(value: str) -> str:
    wrong = ValueError("an endpoint is a URL such as http://10.0.0.5:8000/v1")
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
        raise wrong
    try:
        parts = urlsplit(value)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise wrong from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("an endpoint's URL holds no user and password; give its key by api_key")
    if not host or port == 0:
        raise wrong
    return value.rstrip("/")


def _adapter(value: str) -> str:
    if not _ADAPTER.fullmatch(value):
        raise ValueError(
            "an adapter's name is of letters, digits, '.', '_' and '-', at most 64, and begins with none of -._"
        )
    return value


def _policy(value: Any) -> Any:
    """Read over the defaults: an order for one purpose leaves the others as they are."""
    if not isinstance(value, dict):
        return value
    try:
        return read_policy(value, "pool.routing")  # pyright: ignore[reportUnknownArgumentType]
    except ConsiliaError as error:
        raise ValueError(error.message) from None


class ApiKeySource(BaseModel):
    """Where the key of a model's servers is read; never the key itself."""

    model_config = ConfigDict(extra="forbid")

    env: str | None = Field(default=None, min_length=1, description="Name of an environment variable.")
    file: Path | None = Field(default=None, description="A file that holds the key and nothing else.")

    @model_validator(mode="after")
    def _one(self) -> "ApiKeySource":
        if (self.env is None) == (self.file is None):
            raise ValueError('api_key is { env = "NAME" } or { file = "path" }')
        return self

    def read(self) -> SecretStr:
        """The key. Raises ValueError where there is none."""
        if self.env is not None:
            value = os.environ.get(self.env, "")
            if not value:
                raise ValueError(f"the environment variable {self.env} is empty or not set")
            return _one_line(value, f"the environment variable {self.env}")
        assert self.file is not None
        try:
            value = self.file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"the key file {self.file} cannot be read: {error.strerror}") from None
        if not value:
            raise ValueError(f"the key file {self.file} is empty")
        return _one_line(value, f"the key file {self.file}")


def _one_line(key: str, where: str) -> SecretStr:
    if not key.isprintable() or not key.isascii():
        raise ValueError(f"{where} holds more than a key: it is one line of ASCII")
    return SecretStr(key)


class PoolModel(BaseModel):
    """A model of the pool and its servers."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: Annotated[str, AfterValidator(_name)] = Field(description="What routing and people call it.")
    catalogue: str = Field(description="The catalogue's name or a hub's: qwen3-8b, Qwen/Qwen3-8B.")
    endpoints: list[Annotated[str, AfterValidator(_url)]] = Field(
        default_factory=list[str], description="URLs of its servers, each with its /v1."
    )
    served: str | None = Field(default=None, description="The servers' own name for it; found by itself when empty.")
    api_key: ApiKeySource | None = Field(default=None, description="Where the servers' key is read.")
    context: int | None = Field(default=None, ge=512, description="Tokens its servers take; asked of them when empty.")
    adapters: dict[Annotated[str, AfterValidator(_adapter)], str] = Field(
        default_factory=dict[str, str], description="LoRA adapters: the name asked for = a path, or the served name."
    )
    dialect: DialectName = Field(default="vllm", description="Which server it is; see docs/asking-models.md.")
    serve: Serve | None = Field(default=None, description="Start its servers here with `consilia pool up`.")
    concurrency: int = Field(default=64, ge=1, description="Requests at a time that one endpoint gets from a process.")
    priority_scheduling: bool = Field(
        default=False, description="The servers were started with --scheduling-policy priority (vLLM)."
    )
    price_in: float = Field(default=0.0, ge=0, description="Price of a million prompt tokens.")
    price_out: float = Field(default=0.0, ge=0, description="Price of a million generated tokens.")
    gpu_hour: float = Field(default=0.0, ge=0, description="Price of an hour of one endpoint, instead of token prices.")

    @model_validator(mode="after")
    def _whole(self) -> "PoolModel":
        if self.serve is not None and not self.endpoints:
            self.endpoints = self.serve.endpoints()
        if self.serve is not None and self.dialect not in ("vllm", "llamacpp"):
            raise ValueError(
                f"model {self.name!r}: vLLM and llama.cpp can be started here, {DIALECTS[self.dialect].title} cannot; "
                "start it yourself, and name its endpoints in place of serve"
            )
        if not self.endpoints:
            raise ValueError(f"model {self.name!r} has no endpoints; name one, or have it started with serve = {{…}}")
        if self.name in self.adapters:
            raise ValueError(f"model {self.name!r} has an adapter of its own name; name it otherwise")
        if len(set(self.endpoints)) < len(self.endpoints):
            raise ValueError(f"model {self.name!r} names an endpoint twice")
        if self.gpu_hour and (self.price_in or self.price_out):
            raise ValueError(f"model {self.name!r} has gpu_hour and prices per token; keep one of them")
        try:
            known = self.facts
        except ConsiliaError as error:
            raise ValueError(f"model {self.name!r}: {error.message}") from None
        if self.context is None and not DIALECTS[self.dialect].tells_context:
            title = DIALECTS[self.dialect].title
            raise ValueError(f"model {self.name!r}: {title} does not tell its context; set context to its tokens")
        longest = known.extended_context or known.context
        if self.context is not None and self.context > longest:
            raise ValueError(f"model {self.name!r}: context = {self.context} is more than the model's {longest}")
        return self

    @cached_property
    def facts(self) -> Model:
        """The catalogue's entry. Raises UnknownModel."""
        return catalogue().find(self.catalogue)


class Licences(BaseModel):
    """What licences this deployment accepts."""

    model_config = ConfigDict(extra="forbid")

    open_source_only: bool = Field(default=False, description="Refuse models whose licence the OSI has not approved.")
    forbidden: list[str] = Field(
        default_factory=list[str], description="Names of licences, as the catalogue writes them."
    )

    def objection(self, model: Model) -> str | None:
        """Why the model may not be used here, or None."""
        licence = model.licence
        if licence.name.casefold() in {each.casefold() for each in self.forbidden}:
            return f"its licence, {licence.name}, is forbidden by pool.licences.forbidden"
        if self.open_source_only and not licence.open_source:
            return f"its licence, {licence.name}, is not open source (pool.licences.open_source_only)"
        return None


class PoolSettings(BaseModel):
    """Every bound on asking models, with its default. Times are seconds."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    models: list[PoolModel] = Field(default_factory=list[PoolModel], description="None: the embedded engine answers.")
    routing: Annotated[Policy, BeforeValidator(_policy)] = Field(
        default_factory=Policy, description="Which family answers what, and how far an answer is pursued."
    )
    licences: Licences = Field(default_factory=Licences, description="What licences are accepted.")
    serving: Serving = Field(default_factory=Serving, description="Where the model servers' programs are.")
    on_outage: OnOutage = Field(default="fail", description="fail, or embedded: the run is then marked degraded.")
    on_start: Literal["refuse", "warn"] = Field(
        default="refuse", description="A model without any endpoint that answers: refuse to start, or only warn."
    )
    hold_back: bool = Field(
        default=True,
        description="In streams of /v1 and of a graph's chat model, pass on whole what a lost server would leave half: "
        "tool calls, answers held to a schema, and text that can't be gone on from where another could be asked. "
        "false: as it comes, and a loss may end the stream with an error.",
    )
    keep_thinking: bool = Field(default=False, description="Store the text of a model's thinking with its answer.")
    connect_seconds: float = Field(default=5.0, gt=0, description="Longest wait for a connection.")
    silence_seconds: float = Field(default=120.0, gt=0, description="Longest pause before and within an answer.")
    answer_seconds: float = Field(default=900.0, gt=0, description="Longest that one answer may take.")
    queue_seconds: float = Field(default=300.0, ge=0, description="Longest wait while every endpoint is full.")
    queue_length: int = Field(default=1024, ge=1, description="Questions that may wait for one model in a process.")
    outage_seconds: float = Field(default=30.0, ge=0, description="Longest wait for a lost model to come back.")
    most_parts: int = Field(default=32, ge=1, description="Most parts that a document too long is split into.")
    retries: int = Field(default=3, ge=0, description="Most further endpoints for one answer when one is lost.")
    retry_share: float = Field(default=0.2, ge=0, le=1, description="Most retries, as a share of the requests.")
    health_seconds: float = Field(default=5.0, gt=0, description="Pause between two looks at /health and /metrics.")
    breaker_failures: int = Field(default=3, ge=1, description="Failures in a row that take an endpoint out.")
    breaker_seconds: float = Field(default=5.0, gt=0, description="First time out; it doubles up to two minutes.")

    @model_validator(mode="after")
    def _consistent(self) -> "PoolSettings":
        seen: set[str] = set()
        for model in self.models:
            if model.name in seen:
                raise ValueError(f"two models are named {model.name!r}; give each [[pool.models]] a name of its own")
            seen.add(model.name)
            if objection := self.licences.objection(model.facts):
                raise ValueError(f"model {model.name!r} ({model.facts.title}) cannot be used: {objection}; remove it")
        return self
