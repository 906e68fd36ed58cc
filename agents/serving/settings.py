"""What `serve = {…}` of a model in `consilia.toml` asks `consilia pool up` to start."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Serve(BaseModel):
    """Servers of one model on this machine; the pool finds them by their ports."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    port: int = Field(ge=1, le=65_000, description="Port of the first server; further replicas take the next ones.")
    replicas: int = Field(default=1, ge=1, le=64, description="Servers of the same model.")
    host: str = Field(
        default="127.0.0.1",
        pattern=r"^[A-Za-z0-9:][A-Za-z0-9.:-]{0,252}$",
        description="Address that the servers bind.",
    )
    gpus: int = Field(default=0, ge=0, le=1024, description="GPUs of each server; 0: it runs on the CPU.")
    hosts: int = Field(default=1, ge=1, le=128, description="Hosts that one server spans, by Ray; gpus is the sum.")
    devices: list[Annotated[int, Field(ge=0)]] = Field(
        default_factory=list[int], description="Which GPUs of this host; empty: the next free ones, in file order."
    )
    source: str = Field(
        default="",
        description="A folder, hf:ORG/NAME or modelscope:ORG/NAME; empty: the hub of the catalogue. For llama.cpp a "
        "GGUF file or hf:ORG/NAME:QUANTISATION.",
    )
    precision: Literal["", "bf16", "fp8", "int4"] = Field(
        default="", description="Which published weights; empty: as the model was published."
    )
    context: int | None = Field(default=None, ge=16, description="Tokens of one request; empty: the catalogue's.")
    utilisation: float = Field(default=0.9, ge=0.1, le=1, description="Share of a GPU's memory that vLLM takes.")
    cache_gib: int = Field(default=4, ge=1, le=4096, description="GiB of key-value cache of a server on the CPU.")
    threads: int | None = Field(default=None, ge=1, le=1024, description="Threads of a server on the CPU.")
    load_format: Literal["auto", "dummy"] = Field(
        default="auto", description="dummy: random weights of the true size, to measure speed without a download."
    )
    lora_rank: int = Field(default=64, ge=1, le=512, description="Largest rank of an adapter.")
    runtime_adapters: bool = Field(
        default=False, description="Let adapters be loaded while the server runs, also where none is configured."
    )
    router: bool = Field(default=False, description="Put vllm-router in front of the replicas; it takes `port`.")
    ready_seconds: float = Field(default=1800.0, gt=0, description="Longest that a server may take to start, seconds.")
    options: list[str] = Field(default_factory=list[str], description="Further options of the server, as they are.")

    @model_validator(mode="after")
    def _consistent(self) -> "Serve":
        if max(self.taken) > 65_535:
            raise ValueError(
                f"port = {self.port} and the {self.replicas} replicas reach port {max(self.taken)}; move it"
            )
        if self.gpus % self.hosts:
            raise ValueError(f"gpus = {self.gpus} is the sum over hosts = {self.hosts}, so it must be a multiple of it")
        if self.hosts > 1 and self.replicas > 1:
            raise ValueError("a server that spans hosts has one replica; write another [[pool.models]] for another")
        if self.devices and len(self.devices) != self.gpus // self.hosts * self.replicas:
            wanted = self.gpus // self.hosts * self.replicas
            raise ValueError(f"devices names {len(self.devices)} GPUs, but the replicas take {wanted} of this host")
        if len(set(self.devices)) < len(self.devices):
            raise ValueError("devices names a GPU twice")
        return self

    @property
    def taken(self) -> list[int]:
        """Every port: the servers', the router's, and that of the router's metrics behind them."""
        return [self.port, *self.ports(), self.metrics_port] if self.router else self.ports()

    @property
    def metrics_port(self) -> int:
        """Where the router tells of itself."""
        return self.port + self.replicas + 1

    def ports(self) -> list[int]:
        """The servers' own ports. A router takes `port` itself, so they begin one later."""
        first = self.port + 1 if self.router else self.port
        return [first + number for number in range(self.replicas)]

    def endpoints(self) -> list[str]:
        """Where the pool asks: the servers, or the router in front of them."""
        return [f"{self.root(port)}/v1" for port in ([self.port] if self.router else self.ports())]

    def root(self, port: int) -> str:
        """Where a server of this machine is reached."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Serving(BaseModel):
    """Where the servers' own programs are, put there by `consilia pool install`; relative to the working folder."""

    model_config = ConfigDict(extra="forbid")

    environment: Path = Field(default=Path(".venv-vllm"), description="The Python environment that holds vLLM.")
    starts: int = Field(default=2, ge=1, le=64, description="Servers on the CPU that may be starting at a time.")
    router: Path = Field(default=Path(".venv-vllm-router"), description="The one that holds vllm-router.")
    llamacpp: Path = Field(
        default=Path("llama-server"), description="llama.cpp's server, by name or path; for models of that dialect."
    )
