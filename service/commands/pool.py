"""`consilia pool`: choose models, see why a question goes to one, and lay them over GPUs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, TypeVar

import typer
from pydantic import TypeAdapter

from agents.catalogue import catalogue as published
from agents.demand import Candidate
from agents.model import Model
from agents.pool_settings import PoolSettings
from agents.routing import Needs, Route
from agents.routing import route as decide
from agents.serving.command_lines import command_lines
from agents.serving.gpus import read_gpus
from agents.serving.planning import Plan, Wish
from agents.serving.planning import plan as lay
from agents.serving.proposing import propose
from agents.signals import Failure, Kind, Signals, measure
from service.commands import pool_servers, pool_tables
from service.commands.terminal import ConfigOption, JsonOption, err, out, print_json, settings
from tools.errors import ConsiliaError, InvalidInput

app = typer.Typer(help="The models: which there are, which answers what, which fit your GPUs.", no_args_is_help=True)

for command in (
    pool_servers.install,
    pool_servers.up,
    pool_servers.status,
    pool_servers.down,
    pool_servers.restart,
    pool_servers.adapter,
    pool_servers.drain,
    pool_servers.manifests,
):
    app.command(rich_help_panel="Servers")(command)

Value = TypeVar("Value")
_NEEDS = ("reasoning", "multilingual", "tools", "extraction", "low_latency", "english")
_COLUMNS = 8
_KINDS: tuple[Kind, ...] = ("invalid", "doubtful", "unavailable", "full")


@app.command()
def catalogue(
    names: Annotated[list[str] | None, typer.Argument(help="Only these models, or families such as qwen3.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Put the named models side by side.")] = False,
    json: JsonOption = False,
) -> None:
    """The models that Consilia knows, with what helps to choose."""
    chosen = _shown(lambda: _models(names or []))
    if compare and not json and len(chosen) > _COLUMNS:
        _shown(lambda: _too_many(len(chosen)))
    if json:
        print_json([TypeAdapter(Model).dump_python(model, mode="json") for model in chosen])
    elif compare:
        out.print(pool_tables.comparison(chosen))
    else:
        for part in pool_tables.overview(chosen, narrow=out.width < 100):
            out.print(part)


@app.command()
def route(
    question: Annotated[str, typer.Argument(help="The question, as a person would put it.")],
    needs: Annotated[str, typer.Option(help=f"What it needs, by comma: {', '.join(_NEEDS)}.")] = "",
    lang: Annotated[list[str] | None, typer.Option(help="BCP 47 codes to read or write.")] = None,
    models: Annotated[
        str, typer.Option("--models", "-m", help="The pool, by comma. Empty: the configured one, else the catalogue.")
    ] = "",
    tokens: Annotated[int, typer.Option(min=0, help="Tokens of the material that comes with it.")] = 0,
    adapter: Annotated[str | None, typer.Option(help="A LoRA adapter that the workflow names.")] = None,
    failed: Annotated[
        list[str] | None, typer.Option(help=f"An earlier attempt: MODEL:KIND, one of {', '.join(_KINDS)}.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Explain which model would answer a question, and why. No model is called."""
    pool = settings(config).pool

    def decided_() -> tuple[Signals, Route]:
        candidates = _candidates(models, pool)
        signals, wanted = _asked(question, needs, lang or [], tokens, adapter, failed or [], candidates)
        return signals, decide(wanted, candidates, signals, pool.routing)

    signals, decided = _shown(decided_)
    if json:
        print_json(
            {"route": TypeAdapter(Route).dump_python(decided), "signals": TypeAdapter(Signals).dump_python(signals)}
        )
    else:
        for part in pool_tables.decision(decided, signals):
            out.print(part)


@app.command("plan")
def plan_(
    gpus: Annotated[str, typer.Option(help="8xH100-80G; 2x8xH100-80G is two such hosts; a comma separates others.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="A model of the catalogue; may be repeated. Without it a Qwen 3, a DeepSeek-R1 and a LLaMA 3 are "
            "proposed, as large as fit.",
        ),
    ] = None,
    context: Annotated[int | None, typer.Option(min=16, help="Tokens that one request must be able to hold.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Such requests at a time.")] = 1,
    utilisation: Annotated[float, typer.Option(min=0.1, max=1.0, help="Share of a GPU's memory for vLLM.")] = 0.9,
    fp8_cache: Annotated[bool, typer.Option("--fp8-cache", help="Keep the cache in 8 bits: twice the tokens.")] = False,
    json: JsonOption = False,
) -> None:
    """Lay models over GPUs: memory, parallelism, context, what to quantise, and the vLLM command lines."""
    wish = Wish(context, concurrency, utilisation, 1 if fp8_cache else 2)

    def laid() -> Plan:
        hosts = read_gpus(gpus)
        if not model:
            chosen = propose(hosts, published().models, wish)
            named = ", ".join(each.name for each in chosen)
            found = lay(hosts, chosen, wish)
            return replace(found, advice=(f"Proposed, as no --model is given: {named}.", *found.advice))
        names = list(dict.fromkeys(published().find(name).name for name in model))
        return lay(hosts, [published().find(name) for name in names], wish)

    result = _shown(laid)
    lines = command_lines(result, wish)
    if json:
        print_json(pool_tables.plan_json(result, lines))
    else:
        for part in pool_tables.layout(result, lines):
            out.print(part, soft_wrap=isinstance(part, str), markup=False, highlight=False)


def _too_many(count: int) -> None:
    raise InvalidInput(f"--compare of {count} models: at most {_COLUMNS} stand side by side; name them, or add --json")


def _models(names: list[str]) -> list[Model]:
    known = published()
    if not names:
        return list(known.models)
    chosen: list[Model] = []
    for name in names:
        exact = any(name.casefold() == model.name for model in known.models)
        family = [] if exact else [model for model in known.models if model.family == name.casefold()]
        chosen += family or [known.find(name)]
    return list({model.name: model for model in chosen}.values())


def _candidates(models: str, pool: PoolSettings) -> list[Candidate]:
    """Those named, else those of the configuration, else the whole catalogue."""
    named = [name.strip() for name in models.split(",") if name.strip()]
    configured = {
        each.name: Candidate(each.name, each.facts, each.context, tuple(each.adapters)) for each in pool.models
    }
    if not named:
        return list(configured.values()) or [Candidate(each.name, each) for each in published().models]
    return [configured.get(name) or _published(name) for name in named]


def _published(name: str) -> Candidate:
    model = published().find(name)
    return Candidate(model.name, model)


def _asked(
    question: str,
    needs: str,
    lang: list[str],
    tokens: int,
    adapter: str | None,
    failed: list[str],
    candidates: list[Candidate],
) -> tuple[Signals, Needs]:
    asked = {need.strip().replace("-", "_") for need in needs.split(",") if need.strip()}
    if strange := asked - set(_NEEDS):
        raise InvalidInput(f"--needs {', '.join(sorted(strange))}: there is no such need; write {', '.join(_NEEDS)}")
    measured = measure(question, tuple(_failure(each, {known.name for known in candidates}) for each in failed))
    signals = replace(measured, tokens=measured.tokens + tokens)
    languages = tuple(code for part in lang for code in part.split(",") if code)
    if "multilingual" in asked and not [code for code in (*languages, *signals.languages) if code != "en"]:
        raise InvalidInput("--needs multilingual: say which languages by --lang zh (the question is in English)")
    wanted = Needs(
        reasoning="reasoning" in asked,
        languages=languages or (("en",) if "english" in asked else ()),
        tools="tools" in asked,
        extraction="extraction" in asked,
        low_latency="low_latency" in asked,
        adapter=adapter,
    )
    return signals, wanted


def _failure(text: str, candidates: set[str]) -> Failure:
    name, _, kind = text.rpartition(":")
    if not name or kind not in _KINDS:
        raise InvalidInput(f"--failed {text!r}: write MODEL:KIND with one of {', '.join(_KINDS)}")
    return Failure(name if name in candidates else published().find(name).name, kind)


def _shown(work: Callable[[], Value]) -> Value:
    try:
        return work()
    except ConsiliaError as error:
        err.print(f"[bold red]error[/] [dim]({error.code})[/] ", end="")
        err.print(error.message, markup=False, highlight=False)
        raise typer.Exit(2) from None
