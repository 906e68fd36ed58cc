"""`consilia pool install | up | status | down | restart | adapter`: the model servers that are started here."""

import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agents.serving import adapters, control
from agents.serving.install import Kind, own_python
from agents.serving.install import install as make_environment
from agents.serving.manifest_files import as_yaml, kustomization, pool_table
from agents.serving.manifests import Cluster, endpoints, kubernetes
from agents.serving.ray_service import ray_serve
from agents.serving.standing import Home, Standing
from service.commands.terminal import ConfigOption, JsonOption, err, out, print_json, run, settings
from tools.errors import ConsiliaError, InvalidInput

Value = TypeVar("Value")
_COLOURS = {"healthy": "green", "starting": "yellow", "waiting": "dim", "unhealthy": "red", "backing off": "red"}


def install(
    cpu: Annotated[bool, typer.Option("--cpu", help="vLLM for the CPU instead of CUDA.")] = False,
    router: Annotated[bool, typer.Option("--router", help="vllm-router instead of vLLM.")] = False,
    python: Annotated[str, typer.Option(help="The Python to make it with; default: the one that runs this.")] = "",
    config: ConfigOption = None,
) -> None:
    """Make the servers' own environment, from a lock with hashes. This service never imports vLLM."""
    chosen = settings(config)
    where = chosen.pool.serving.router if router else chosen.pool.serving.environment
    kind: Kind = "router" if router else "cpu" if cpu else "gpu"
    tell: Callable[[str], None] = lambda line: out.print(line, markup=False, highlight=False)  # noqa: E731
    _shown(lambda: make_environment(where, kind, python or own_python(), tell))


def up(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Start the servers that the configuration asks for, and wait until they are healthy.

    A supervisor keeps them running after this command has ended: what dies is started anew. Run it again after a
    change of the configuration; servers that did not change are left alone.
    """
    chosen = settings(config)

    def raised() -> Sequence[Standing]:
        found = control.wanted(chosen.pool.models, chosen.pool.serving, chosen.config_dir)
        with _progress(quiet=json) as watch:
            return control.up(found, Home(chosen.data_dir), watch, chosen.pool.serving.starts).servers

    servers = _shown(raised)
    if json:
        print_json([each.model_dump(mode="json") for each in servers])
    else:
        out.print(_table(servers))


def status(config: ConfigOption = None, json: JsonOption = False) -> None:
    """How the servers stand that were started here."""
    home = Home(settings(config).data_dir)
    servers = home.standings().servers
    running = home.supervisor is not None
    if json:
        print_json({"supervisor": running, "servers": [each.model_dump(mode="json") for each in servers]})
        return
    if not servers:
        out.print("No servers were started here; run: consilia pool up")
        return
    out.print(_table(servers))
    if not running and any(each.state != "stopped" for each in servers):
        out.print("The supervisor is not running, so nothing is restarted; run: consilia pool up", style="yellow")


def down(config: ConfigOption = None) -> None:
    """Stop the servers that were started here, and what keeps them running."""
    home = Home(settings(config).data_dir)
    stopped = _shown(lambda: control.down(home))
    out.print(f"stopped: {', '.join(stopped)}" if stopped else "no servers ran here", highlight=False)


def restart(
    name: Annotated[str, typer.Argument(help="A server or a model, as in consilia pool status.")],
    config: ConfigOption = None,
) -> None:
    """Restart a server, or one after another all servers of a model, and wait until they are healthy."""
    home = Home(settings(config).data_dir)

    def done() -> None:
        for each in control.servers_of(name, home):
            with _progress(quiet=False) as watch:
                control.restart(each, home, watch)

    _shown(done)
    out.print(_table([each for each in home.standings().servers if name in (each.name, each.model)]))


def adapter(
    model: Annotated[str, typer.Argument(help="A model or server, as in consilia pool status.")],
    name: Annotated[str, typer.Argument(help="What the adapter is asked for as.")],
    folder: Annotated[Path | None, typer.Argument(help="Its folder, with adapter_config.json.")] = None,
    unload: Annotated[bool, typer.Option("--unload", help="Take it out instead.")] = False,
    config: ConfigOption = None,
) -> None:
    """Load a LoRA adapter into running servers, or take it out. It is gone after a restart: name it in the file too."""
    home = Home(settings(config).data_dir)

    def done() -> list[str]:
        launches = [each for each in home.launches().servers if each.name in control.servers_of(model, home)]
        return adapters.unload(launches, name) if unload else adapters.load(launches, name, folder)

    told = _shown(done)
    out.print(f"{name} {'left' if unload else 'is in'} {', '.join(told)}", highlight=False)


def drain(
    endpoint: Annotated[str, typer.Argument(help="URL of the model server, as the configuration has it.")],
    undo: Annotated[bool, typer.Option("--undo", help="Send it requests again.")] = False,
    config: ConfigOption = None,
) -> None:
    """Send a model server no new requests, from any process of this installation, until --undo.

    Requests that run end in peace. Service and workers follow within pool.health_seconds.
    """
    chosen = settings(config)
    known = {url: model.name for model in chosen.pool.models for url in model.endpoints}
    url = endpoint.rstrip("/")

    async def done() -> None:
        from service.database import drained, migrate  # heavy: --help does without
        from service.database.engine import open_database

        if url not in known:
            there = ", ".join(known) or "none"
            raise InvalidInput(f"the configuration has no endpoint {endpoint[:200]!r}; there are: {there}")
        async with open_database(chosen.database_url) as database:
            await migrate.ensure(database)
            await (drained.take_back(database, url) if undo else drained.drain(database, url, None))

    run(done())
    told = "gets requests again" if undo else "gets no new requests"
    out.print(f"{url} ({known[url]}) {told}, within {chosen.pool.health_seconds:g} s", highlight=False, soft_wrap=True)


def manifests(
    folder: Annotated[Path, typer.Option("--out", help="Where to write.")] = Path("deploy/kubernetes/models"),
    ray: Annotated[bool, typer.Option("--ray-serve", help="One RayService for all models, for KubeRay.")] = False,
    namespace: Annotated[str, typer.Option(help="Of the objects.")] = "consilia",
    image: Annotated[str, typer.Option(help="Of the servers, with vLLM; with --ray-serve Ray's image.")] = "",
    gpu: Annotated[str, typer.Option(help="The resource that a GPU is: amd.com/gpu for AMD's.")] = "nvidia.com/gpu",
    storage: Annotated[str | None, typer.Option(help="Storage class of the volumes for weights.")] = None,
    config: ConfigOption = None,
) -> None:
    """Write the models that have serve = {…} as objects of Kubernetes, and the endpoints for Consilia's configuration.

    Servers of one host become StatefulSets, those of several LeaderWorkerSets (vLLM on Ray).
    """
    chosen = settings(config)
    own = {"ray_image" if ray else "image": image} if image else {}
    cluster = Cluster(namespace=namespace, gpu=gpu, storage=storage, **own)

    def made() -> dict[str, str]:
        models, here = chosen.pool.models, chosen.config_dir
        objects = {"models": ray_serve(models, cluster, here)} if ray else kubernetes(models, cluster, here)
        files = {f"{name}.yaml": as_yaml(each) for name, each in objects.items()}
        files["kustomization.yaml"] = as_yaml([kustomization(namespace, sorted(files))])
        files["pool.toml"] = pool_table(models, endpoints(models, cluster, ray), ray)
        return files

    files = _shown(made)
    for name, text in files.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            err.print(f"{folder / name} cannot be written: {error.strerror}", markup=False, highlight=False)
            raise typer.Exit(2) from None
        out.print(str(folder / name), highlight=False, soft_wrap=True)
    out.print(f"Apply them by kubectl apply -k {folder}; put pool.toml into Consilia's consilia.toml.", soft_wrap=True)


@contextmanager
def _progress(*, quiet: bool) -> Generator[control.Watch]:
    """A table that is redrawn on a terminal; elsewhere a line for each change and every 15 seconds."""
    if quiet:
        yield lambda seen: None
    elif sys.stdout.isatty():
        with Live(console=out, refresh_per_second=4, transient=True) as live:
            yield lambda seen: live.update(_table(seen))
    else:
        yield _lines()


def _lines() -> control.Watch:
    told: dict[str, tuple[str, float]] = {}

    def watch(seen: Sequence[Standing]) -> None:
        for each in seen:
            state, when = told.get(each.name, ("", 0.0))
            if state != each.state or (each.state == "starting" and time.monotonic() - when > 15):
                told[each.name] = (each.state, time.monotonic())
                out.print(_line(each), highlight=False, soft_wrap=True)

    return watch


def _line(each: Standing) -> Text:
    waited = f"{(datetime.now(UTC) - each.since).total_seconds():.0f} s"
    detail = each.fault or (control.progress(each) if each.state == "starting" else "")
    return Text.assemble(
        (f"{each.name}: ", "bold"), (each.state, _COLOURS.get(each.state, "")), f" {waited} ", (detail, "dim")
    )


def _table(servers: Sequence[Standing]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("server", "state", "for", "url", "pid", "restarts"):
        table.add_column(name, no_wrap=True)
    table.add_column("", overflow="fold")
    for each in servers:
        seconds = int((datetime.now(UTC) - each.since).total_seconds())
        lasted = f"{seconds} s" if seconds < 600 else f"{seconds // 60} min"
        table.add_row(
            Text(each.name, style="cyan"),
            Text(each.state, style=_COLOURS.get(each.state, "")),
            lasted,
            each.url,
            str(each.pid or "-"),
            str(each.restarts),
            Text(each.fault or (control.progress(each) if each.state == "starting" else ""), style="dim"),
        )
    return table


def _shown(work: Callable[[], Value]) -> Value:
    try:
        return work()
    except ConsiliaError as error:
        err.print(f"[bold red]error[/] [dim]({error.code})[/] ", end="")
        err.print(error.message, markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        out.print("the servers go on starting; consilia pool status shows how far they are")
        raise typer.Exit(130) from None
