"""What is known of one open model: its shape, its abilities, its licence. `agents.catalogue` reads them from TOML."""

from collections.abc import Mapping
from dataclasses import field
from datetime import date
from typing import Final, Literal

from pydantic import ConfigDict, PositiveInt
from pydantic.dataclasses import dataclass

_EXACT: Final = ConfigDict(extra="forbid")

Switch = Literal["never", "always", "switchable"]
"""Whether a model thinks before it answers: it can't, it must, or the request decides."""


@dataclass(frozen=True, config=_EXACT)
class Licence:
    """open_source: approved by the OSI, so no bound on use. asks: what a deployer must do, as sentences."""

    name: str
    url: str
    open_source: bool
    asks: tuple[str, ...]


@dataclass(frozen=True, config=_EXACT)
class Sampling:
    """The makers' advice on sampling, and where they give it."""

    temperature: float
    top_p: float
    source: str
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None

    def fields(self) -> dict[str, float]:
        """The fields of an OpenAI-style request; `top_k`, `min_p` and `repetition_penalty` are vLLM's additions."""
        names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
        given = {name: getattr(self, name) for name in names}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, config=_EXACT)
class Attention:
    """gqa: grouped-query attention (multi-head where kv_heads = heads). mla: DeepSeek's latent attention, which caches
    one vector of kv_rank + rope_size numbers a layer. head_size: of a query; with MLA nope_size + rope_size."""

    kind: Literal["gqa", "mla"]
    heads: PositiveInt
    kv_heads: PositiveInt
    head_size: PositiveInt
    q_rank: PositiveInt | None = None
    kv_rank: PositiveInt | None = None
    rope_size: PositiveInt | None = None
    nope_size: PositiveInt | None = None
    value_size: PositiveInt | None = None
    bias: bool = False
    qk_norm: bool = False
    output_gate: bool = False

    def __post_init__(self) -> None:
        ranks = (self.q_rank, self.kv_rank, self.rope_size, self.nope_size, self.value_size)
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads = {self.kv_heads} does not divide heads = {self.heads}")
        if self.kind == "mla" and None in ranks:
            raise ValueError("mla needs q_rank, kv_rank, rope_size, nope_size and value_size")
        if self.kind == "gqa" and any(rank is not None for rank in ranks):
            raise ValueError("gqa has no q_rank, kv_rank, rope_size, nope_size or value_size")


@dataclass(frozen=True, config=_EXACT)
class LinearAttention:
    """Gated DeltaNet (arXiv 2412.06464) in all layers but full_layers: a state of fixed size a sequence."""

    full_layers: PositiveInt
    key_heads: PositiveInt
    value_heads: PositiveInt
    head_size: PositiveInt
    convolution: PositiveInt


@dataclass(frozen=True, config=_EXACT)
class Experts:
    """count: routed experts a layer; active: of them for a token; shared: always used; size: an expert's inner size."""

    count: PositiveInt
    active: PositiveInt
    shared: int
    size: PositiveInt
    dense_layers: int = 0

    def __post_init__(self) -> None:
        if self.active > self.count:
            raise ValueError(f"active = {self.active} is more than count = {self.count}")


@dataclass(frozen=True, config=_EXACT)
class Model:
    """One model. released_source: who says when. context: tokens of its config; extended_context: tokens with the rope
    scaling of its card. dtype: of the published weights. tool_template: the chat template of vLLM's examples that its
    tool calls need."""

    name: str
    series: str
    family: str
    title: str
    released: date
    released_source: str
    hugging_face: str
    modelscope: str
    source: str
    parameters: PositiveInt
    layers: PositiveInt
    hidden_size: PositiveInt
    intermediate_size: PositiveInt
    vocabulary: PositiveInt
    tied_embeddings: bool
    attention: Attention
    context: PositiveInt
    dtype: Literal["bfloat16", "float16", "float8"]
    languages: tuple[str, ...]
    thinking: Switch
    licence: Licence
    active_parameters: PositiveInt | None = None
    linear_attention: LinearAttention | None = None
    experts: Experts | None = None
    extended_context: PositiveInt | None = None
    reasoning_parser: str | None = None
    tool_parser: str | None = None
    tool_template: str | None = None
    plain_sampling: Sampling | None = None
    thinking_sampling: Sampling | None = None
    quantised: Mapping[Literal["fp8", "int4"], str] = field(default_factory=dict[Literal["fp8", "int4"], str])
    aliases: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if (self.active_parameters or 0) > self.parameters:
            raise ValueError(f"active_parameters = {self.active_parameters} is more than {self.parameters}")
        if (self.active_parameters is None) != (self.experts is None):
            raise ValueError("active_parameters and experts belong together")
        if self.extended_context is not None and self.extended_context <= self.context:
            raise ValueError(f"extended_context = {self.extended_context} is not more than {self.context}")
        if self.thinking != "never" and (self.thinking_sampling is None or self.reasoning_parser is None):
            raise ValueError("a model that thinks needs thinking_sampling and reasoning_parser")
        if self.thinking != "always" and self.plain_sampling is None:
            raise ValueError("a model that can answer at once needs plain_sampling")
        if len(set(self.languages)) < len(self.languages):
            raise ValueError("languages names one twice")

    @property
    def active(self) -> int:
        """Parameters that one token uses: what speed depends on."""
        return self.active_parameters or self.parameters

    @property
    def cached_layers(self) -> int:
        """Layers whose keys and values are kept for every token."""
        return self.linear_attention.full_layers if self.linear_attention else self.layers

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it is found by: its own, the hubs', the quantised ones', the aliases."""
        return (self.name, self.hugging_face, self.modelscope, self.title, *self.quantised.values(), *self.aliases)
