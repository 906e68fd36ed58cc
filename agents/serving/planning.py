"""Which models fit which GPUs, and how: parallelism, quantisation, context and concurrency."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agents.model import Model
from agents.serving.gpus import Host
from agents.serving.memory import (
    PRECISIONS,
    Precision,
    cache_bytes_per_token,
    cache_tokens,
    embedding_parameters,
    native_precision,
    state_bytes_per_sequence,
    weight_bytes,
    working_bytes,
)
from tools.errors import ConsiliaError

COMFORTABLE: Final = 32_768
"""Tokens of context that a plan wants at least, where the model has them and nobody asks for another number."""
_SEQUENCES: Final = 32
_GROUP: Final = 128


class DoesNotFit(ConsiliaError):
    """The GPUs cannot hold the models; the message has the numbers."""

    code = "does_not_fit"
    status = 422


@dataclass(frozen=True, slots=True)
class Wish:
    """context: tokens that one request must be able to hold, None: the model's own or 32,768, whichever is less.
    concurrency: such requests at a time. utilisation: the share of a GPU's memory that vLLM may take. cache_bytes: 2,
    or 1 for an FP8 cache."""

    context: int | None = None
    concurrency: int = 1
    utilisation: float = 0.9
    cache_bytes: int = 2


@dataclass(frozen=True, slots=True)
class Fit:
    """A model on some GPUs. Bytes are for each GPU; tokens are those of the whole cache."""

    precision: Precision
    tensor: int
    pipeline: int
    weights: int
    working: int
    cache: int
    bytes_per_token: int
    tokens: int
    context: int
    expert_parallel: bool = False

    @property
    def concurrency(self) -> float:
        """Requests of full context at a time, as vLLM prints it at start."""
        return self.tokens / self.context


@dataclass(frozen=True, slots=True)
class Placement:
    """One copy of a model: where it runs, and how it fits."""

    model: Model
    fit: Fit
    hosts: tuple[Host, ...]
    gpus: tuple[int, ...]
    """Indices on the host; with several hosts all GPUs of each."""


@dataclass(frozen=True, slots=True)
class Plan:
    """placements: in the order of the models, copies behind one another. free: GPUs that are left, by host."""

    placements: tuple[Placement, ...]
    free: Mapping[str, int]
    advice: tuple[str, ...]


def fit(model: Model, precision: Precision, host: Host, tensor: int, pipeline: int, wish: Wish) -> Fit | None:
    """How the model sits on `tensor` × `pipeline` GPUs of this kind, or None when it does not."""
    attention, experts = model.attention, model.experts
    if attention.heads % tensor or (attention.kv_heads % tensor and tensor % attention.kv_heads):
        return None
    inner = experts.size if experts else model.intermediate_size
    whole_groups = precision == "bf16" or inner % (tensor * _GROUP) == 0
    if not whole_groups and (experts is None or experts.count % tensor):
        return None
    embeddings = embedding_parameters(model) * 2
    layers = weight_bytes(model, precision) - embeddings
    weights = (layers // pipeline + (embeddings if pipeline == 1 else embeddings // 2)) // tensor
    working = working_bytes(model, tensor=tensor)
    left = int(host.gpu.memory * wish.utilisation) - weights - working
    state = state_bytes_per_sequence(model, tensor=tensor, pipeline=pipeline)
    left -= state * max(_SEQUENCES, wish.concurrency)
    each = cache_bytes_per_token(model, tensor=tensor, pipeline=pipeline, bytes_each=wish.cache_bytes)
    tokens = cache_tokens(left, each)
    wanted = wish.context or min(model.context, COMFORTABLE)
    if tokens < wanted * wish.concurrency:
        return None
    context = wish.context or min(model.context, tokens)
    return Fit(precision, tensor, pipeline, weights, working, max(0, left), each, tokens, context, not whole_groups)


def plan(hosts: Sequence[Host], models: Sequence[Model], wish: Wish | None = None) -> Plan:
    """Lay the models over the GPUs. Each takes the fewest GPUs of one host at its published precision; one that no host
    holds is spread over several; only then is the heaviest quantised, to FP8 and to 4 bits. GPUs that are left serve
    further copies, in the order of the models. Raises DoesNotFit.
    """
    wish = wish or Wish()
    for model in models:
        _check_context(model, wish)
    precision: dict[str, Precision] = {model.name: native_precision(model) for model in models}
    while (placed := _place_all(hosts, models, precision, wish)) is None:
        heavy = sorted(models, key=lambda model: -weight_bytes(model, precision[model.name]))
        reducible = [model for model in heavy if precision[model.name] != "int4"]
        if not reducible:
            raise DoesNotFit(_shortfall(hosts, models, wish))
        lighter = PRECISIONS[PRECISIONS.index(precision[reducible[0].name]) + 1]
        precision[reducible[0].name] = lighter
    placements, free = placed
    copies = list(placements)
    grown = True
    while grown:
        grown = False
        for model in models:
            more = _place(hosts, free, model, precision[model.name], wish, single=True)
            if more is not None:
                copies, grown = [*copies, more], True
                _take(free, more)
    order = {model.name: number for number, model in enumerate(models)}
    copies.sort(key=lambda placement: order[placement.model.name])
    left = {host.name: len(free[host.name]) for host in hosts}
    return Plan(tuple(copies), left, tuple(_advice(copies, wish)))


def fits(hosts: Sequence[Host], models: Sequence[Model], wish: Wish) -> bool:
    """Whether all of the models have room at once, each at its published precision."""
    if any(wish.context is not None and wish.context > (each.extended_context or each.context) for each in models):
        return False
    precision: dict[str, Precision] = {model.name: native_precision(model) for model in models}
    return _place_all(hosts, models, precision, wish) is not None


def _place_all(
    hosts: Sequence[Host], models: Sequence[Model], precision: Mapping[str, Precision], wish: Wish
) -> tuple[list[Placement], dict[str, list[int]]] | None:
    free = {host.name: list(range(host.count)) for host in hosts}
    placements: list[Placement] = []
    for model in sorted(models, key=lambda each: -weight_bytes(each, precision[each.name])):
        placed = _place(hosts, free, model, precision[model.name], wish)
        if placed is None:
            return None
        placements.append(placed)
        _take(free, placed)
    return placements, free


def _place(
    hosts: Sequence[Host],
    free: Mapping[str, list[int]],
    model: Model,
    precision: Precision,
    wish: Wish,
    *,
    single: bool = False,
) -> Placement | None:
    """The place with the fewest GPUs, and of those on the smallest kind."""
    for tensor in _powers(max(host.count for host in hosts)):
        for host in sorted(hosts, key=lambda each: (each.gpu.memory, each.name)):
            if len(free[host.name]) >= tensor and (found := fit(model, precision, host, tensor, 1, wish)):
                return Placement(model, found, (host,), tuple(free[host.name][:tensor]))
    if single:
        return None
    for host in hosts:
        whole = [each for each in hosts if len(free[each.name]) == each.count]
        alike = [each for each in whole if replace(each, name="") == replace(host, name="")]
        for pipeline in range(2, len(alike) + 1):
            if found := fit(model, precision, host, host.count, pipeline, wish):
                return Placement(model, found, tuple(alike[:pipeline]), tuple(range(host.count)))
    return None


def _take(free: Mapping[str, list[int]], placement: Placement) -> None:
    for host in placement.hosts:
        free[host.name][:] = [gpu for gpu in free[host.name] if gpu not in placement.gpus]


def _powers(most: int) -> Iterator[int]:
    number = 1
    while number <= most:
        yield number
        number *= 2


def _check_context(model: Model, wish: Wish) -> None:
    longest = model.extended_context or model.context
    if wish.context is not None and wish.context > longest:
        raise DoesNotFit(f"{model.title} takes at most {longest:,} tokens, fewer than the {wish.context:,} asked for")


def _shortfall(hosts: Sequence[Host], models: Sequence[Model], wish: Wish) -> str:
    have = sum(int(host.gpu.memory * wish.utilisation) * host.count for host in hosts) / 1024**3
    least = ", ".join(f"{model.name} {weight_bytes(model, 'int4') / 1024**3:.1f} GiB" for model in models)
    context = "32,768 or their own" if wish.context is None else f"{wish.context:,}"
    return (
        f"{len(models)} model(s) do not fit even at 4 bits: the GPUs give {have:.1f} GiB at {wish.utilisation:.0%}, "
        f"the weights alone take {least}, and beside them each GPU needs room to compute and "
        f"{wish.concurrency} × {context} tokens of cache; "
        "ask for less context (--context), a smaller model, or more GPUs of one kind a host"
    )


def _advice(placements: Sequence[Placement], wish: Wish) -> Iterator[str]:
    told: set[str] = set()
    for each in placements:
        model, found, gpu = each.model, each.fit, each.hosts[0].gpu
        if model.name in told:
            continue
        told.add(model.name)
        if found.precision != native_precision(model):
            kept = weight_bytes(model, native_precision(model)) / 1024**3
            ready = model.quantised.get(found.precision) if found.precision != "bf16" else None
            where = f"{ready} is ready" if ready else "no ready file is known: make one with llm-compressor"
            yield f"{model.name} is quantised to {found.precision}, as its {kept:.1f} GiB do not fit here; {where}."
        if found.precision == "fp8" and not gpu.computes_fp8:
            yield f"{gpu.kind} keeps {model.name}'s FP8 weights but computes in 16 bits: memory is saved, not time."
        if model.attention.kind == "mla" and found.tensor > 1:
            yield f"{model.name}: each of the {found.tensor} GPUs keeps the whole MLA cache, so more GPUs add little."
        if model.attention.kind == "gqa" and found.tensor > model.attention.kv_heads:
            heads = model.attention.kv_heads
            yield f"{model.name} has {heads} KV heads, so {found.tensor} GPUs keep them {found.tensor // heads} times."
        if found.context > model.context:
            yield f"{model.name}: {found.context:,} tokens need the rope scaling of its card ({model.hugging_face})."
        elif found.context < model.context and wish.context is None:
            yield f"{model.name} could take {model.context:,} tokens; the cache here holds {found.tokens:,}."
        if model.tool_template:
            yield (
                f"{model.name}: for tool calls vLLM advises examples/{model.tool_template} of its repository (not "
                "in the package); add it by --chat-template, or keep the model's own template."
            )
        if model.linear_attention:
            yield f"{model.name}: vLLM pads the blocks of its two kinds of layers, so its tokens are an estimate."
