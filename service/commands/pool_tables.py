"""The tables of `consilia pool`."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from agents.model import Model, Sampling
from agents.routing import Route
from agents.serving.memory import PRECISIONS, Precision, cache_bytes_per_token, native_precision, weight_bytes
from agents.serving.planning import Placement, Plan
from agents.signals import Signals

_GIB = 1024**3
_THINKS = {"never": "no", "always": "always", "switchable": "on/off"}


def overview(models: Sequence[Model], *, narrow: bool = False) -> Iterator[RenderableType]:
    """One line a model: size, memory, context, languages, thinking, tools, licence. narrow: for 80 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0) if narrow else (0, 2, 0, 0), header_style="bold")
    table.add_column("model", no_wrap=True)
    for name in ("size", "GiB", *(() if narrow else ("KiB/token",)), "context"):
        table.add_column("ctx" if narrow and name == "context" else name, justify="right", no_wrap=True)
    for name in ("lang" if narrow else "languages", "thinks", "tools", "licence"):
        table.add_column(name, no_wrap=True)
    for number, model in enumerate(models):
        if number and model.family != models[number - 1].family:
            table.add_row()
        cache = () if narrow else (f"{cache_bytes_per_token(model) / 1024:,.0f}",)
        table.add_row(
            Text(model.name, style="cyan"),
            _size(model),
            f"{weight_bytes(model, native_precision(model)) / _GIB:,.1f}",
            *cache,
            f"{model.context // 1024}k" if narrow else _context(model),
            str(len(model.languages)) if narrow else _languages(model),
            _THINKS[model.thinking],
            "yes" if model.tool_parser else "-",
            _licence(model),
        )
    yield table
    yield Text(
        "\nsize: parameters; behind the stroke those that one token uses. GiB: weights as published. KiB/token: cache "
        "in 16 bits. context: thousands of tokens, behind the arrow with the rope scaling of its card. licence *: "
        "asks more than to pass on its text. All facts: consilia pool catalogue --compare qwen3-32b deepseek-r1",
        style="dim",
    )


def comparison(models: Sequence[Model]) -> Table:
    """All facts, a column a model."""
    table = _table()
    table.add_column("")
    for model in models:
        table.add_column(model.title, overflow="fold", ratio=1)
    rows: list[tuple[str, list[str]]] = [
        ("Hugging Face", [model.hugging_face for model in models]),
        ("ModelScope", [model.modelscope for model in models]),
        ("released", [model.released.isoformat() for model in models]),
        ("parameters", [f"{model.parameters:,}" for model in models]),
        ("used a token", [f"{model.active:,}" for model in models]),
        ("layers", [str(model.layers) for model in models]),
        ("hidden size", [f"{model.hidden_size:,}" for model in models]),
        ("attention", [_attention(model) for model in models]),
        ("experts", [_experts(model) for model in models]),
        ("vocabulary", [f"{model.vocabulary:,}" for model in models]),
        ("weights", [_weights(model) for model in models]),
        ("cache a token", [f"{cache_bytes_per_token(model):,} bytes" for model in models]),
        ("context", [f"{model.context:,}" for model in models]),
        ("extended", [f"{model.extended_context:,}" if model.extended_context else "-" for model in models]),
        ("languages", [_languages(model) for model in models]),
        ("thinks", [_THINKS[model.thinking] for model in models]),
        ("reasoning parser", [model.reasoning_parser or "-" for model in models]),
        ("tool parser", [model.tool_parser or "-" for model in models]),
        ("sampling, plain", [_sampling(model.plain_sampling) for model in models]),
        ("sampling, thinking", [_sampling(model.thinking_sampling) for model in models]),
        ("licence", [model.licence.name for model in models]),
        ("it asks", ["\n".join(f"• {ask}" for ask in model.licence.asks) for model in models]),
        ("note", [model.note or "-" for model in models]),
        ("source", [model.source for model in models]),
        ("release date from", [model.released_source for model in models]),
    ]
    for name, cells in rows:
        same = len(models) > 1 and len(set(cells)) == 1
        table.add_row(Text(name, style="bold"), *(Text(cell, style="dim" if same else "") for cell in cells))
    return table


def decision(route: Route, signals: Signals) -> Iterator[RenderableType]:
    """The model in one line, then the reasons; the models left out come at the end."""
    how = f"thinks first, at most {route.budget:,} tokens" if route.thinking else "answers at once"
    adapter = f", with the adapter {route.adapter}" if route.adapter else ""
    yield Text.assemble((route.model, "bold cyan"), f"  {how}{adapter}")
    left_out = [reason for reason in route.reasons if " is left out: " in reason]
    reasons = [reason for reason in route.reasons if reason not in left_out]
    if route.sampling:
        told = ", ".join(f"{name} {value:g}" for name, value in route.sampling.items())
        reasons.append(f"Its makers' sampling: {told}.")
    yield _bullets(reasons)
    found = ", ".join(signals.languages) or "could not be told"
    tokens = f"{'' if signals.exact else 'at most '}{signals.tokens:,} tokens"
    structure = signals.structure
    share = f"{structure.kind} {structure.share:.0%}" + (f", {structure.sections} sections" * (structure.sections > 0))
    yield Text(f"measured: language {found}; {tokens}; structure {share}", style="dim")
    if left_out:
        yield _bullets(left_out, style="dim")


def layout(plan: Plan, lines: Sequence[tuple[str, str]]) -> Iterator[RenderableType]:
    """Where each copy runs and what fits, then advice, then what to type on which host."""
    table = _table()
    table.add_column("model", overflow="fold")
    table.add_column("where", overflow="fold")
    for name in ("as", "GPUs", "weights", "cache", "tokens", "context", "requests"):
        table.add_column(name, justify="right", no_wrap=True)
    for placement, copies in _alike(plan.placements):
        fit = placement.fit
        split = f"{fit.tensor} × {fit.pipeline}" if fit.pipeline > 1 else str(fit.tensor)
        table.add_row(
            Text.assemble((placement.model.name, "cyan"), f" × {len(copies)}" if len(copies) > 1 else ""),
            _where(copies),
            fit.precision,
            split,
            f"{fit.weights / _GIB:.1f}",
            f"{fit.cache / _GIB:.1f}",
            f"{fit.tokens:,}",
            f"{fit.context:,}",
            f"{fit.concurrency:.1f}",
        )
    yield table
    yield Text(
        "\nGPUs: tensor × pipeline parallelism. weights, cache: GiB on each GPU. tokens: the cache of one copy. "
        "requests: of full context at a time. The room to compute is an estimate; vLLM logs its own figure at start.",
        style="dim",
    )
    left = [f"{count} GPUs of {host} are left." for host, count in plan.free.items() if count]
    yield _bullets([*left, *plan.advice])
    last = ""
    for host, command in lines:
        if host != last:
            yield Text(f"\non {host}", style="bold")
        last = host
        yield command


def plan_json(plan: Plan, lines: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The plan for programs; bytes and tokens as whole numbers."""
    placements = [
        {
            "model": each.model.name,
            "hosts": [host.name for host in each.hosts],
            "gpu": each.hosts[0].gpu.kind,
            "gpus": list(each.gpus),
            "precision": each.fit.precision,
            "tensor_parallel": each.fit.tensor,
            "pipeline_parallel": each.fit.pipeline,
            "expert_parallel": each.fit.expert_parallel,
            "weight_bytes_per_gpu": each.fit.weights,
            "working_bytes_per_gpu": each.fit.working,
            "cache_bytes_per_gpu": each.fit.cache,
            "cache_bytes_per_token": each.fit.bytes_per_token,
            "cache_tokens": each.fit.tokens,
            "context": each.fit.context,
            "concurrency": round(each.fit.concurrency, 2),
        }
        for each in plan.placements
    ]
    commands = [{"host": host, "command": command} for host, command in lines]
    return {"placements": placements, "free": dict(plan.free), "advice": list(plan.advice), "commands": commands}


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="bold")


def _alike(placements: Sequence[Placement]) -> list[tuple[Placement, list[Placement]]]:
    groups: dict[tuple[str, object, object], list[Placement]] = {}
    for each in placements:
        groups.setdefault((each.model.name, each.fit, each.hosts[0].gpu), []).append(each)
    return [(copies[0], copies) for copies in groups.values()]


def _where(copies: Sequence[Placement]) -> str:
    """`host1 GPU 0-3, 4-7`; several hosts of one copy are joined by a plus."""
    ranges: dict[str, list[str]] = {}
    for copy in copies:
        hosts = " + ".join(host.name for host in copy.hosts)
        first, last = min(copy.gpus), max(copy.gpus)
        ranges.setdefault(hosts, []).append(str(first) if first == last else f"{first}-{last}")
    return "; ".join(f"{hosts} GPU {', '.join(each)}" for hosts, each in ranges.items())


def _bullets(sentences: Sequence[str], style: str = "") -> Table:
    grid = Table.grid(padding=(0, 1))
    for sentence in sentences:
        grid.add_row(" •", Text(sentence), style=style)
    return grid


def _size(model: Model) -> str:
    whole = f"{model.parameters / 1e9:.3g}B"
    return f"{whole}/{model.active / 1e9:.3g}B" if model.experts else whole


def _context(model: Model) -> str:
    own = f"{model.context // 1024}k"
    return f"{own} → {model.extended_context // 1000}k" if model.extended_context else own


def _languages(model: Model) -> str:
    return ", ".join(model.languages) if len(model.languages) <= 3 else f"{len(model.languages)}"


def _licence(model: Model) -> str:
    short = model.licence.name.removesuffix(" Community License").removesuffix(" License").split(" License ")[0]
    return f"{short}*" if len(model.licence.asks) > 1 else short


def _attention(model: Model) -> str:
    attention = model.attention
    if attention.kind == "mla":
        ranks = f"ranks Q {attention.q_rank} KV {attention.kv_rank}, rope {attention.rope_size}"
        return f"MLA, {attention.heads} heads of {attention.head_size}, {ranks}"
    told = f"{attention.heads} heads of {attention.head_size}, {attention.kv_heads} KV"
    return f"{told}, in {model.cached_layers} layers; the rest linear" if model.linear_attention else told


def _experts(model: Model) -> str:
    experts = model.experts
    if experts is None:
        return "-"
    return f"{experts.active} of {experts.count}" + (f" and {experts.shared} shared" if experts.shared else "")


def _weights(model: Model) -> str:
    native = native_precision(model)
    kinds: tuple[Precision, ...] = PRECISIONS[PRECISIONS.index(native) :]
    return ", ".join(f"{kind} {weight_bytes(model, kind) / _GIB:,.1f} GiB" for kind in kinds)


def _sampling(sampling: Sampling | None) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in sampling.fields().items()) if sampling else "-"
