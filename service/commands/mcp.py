"""`consilia mcp`: our workflows for a desktop client, over stdio."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from service.commands.terminal import ConfigOption, configure_logs, err, out, run, settings
from service.mcp import clients, links
from service.mcp.clients import Client
from service.settings import found_here
from tools.errors import ConsiliaError, InvalidInput

app = typer.Typer(
    help="Serve the workflows to a desktop client (MCP over stdio), and set clients up.",
    invoke_without_command=True,
    no_args_is_help=False,
)

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url", envvar="CONSILIA_MCP_URL", help="A running service, such as http://127.0.0.1:8321; default: none, the "
        "workflows run in this process."
    ),
]  # fmt: skip
KeyOption = Annotated[
    str | None,
    typer.Option("--key", envvar="CONSILIA_KEY", help="API key (csl_…) for --url. Better by the environment."),
]
RootOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--root", "-r", help="Folder that files may be read from, where the client shares none itself. Many times."
    ),
]


@app.callback()
def mcp(
    context: typer.Context,
    url: UrlOption = None,
    key: KeyOption = None,
    root: RootOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve the workflows to a desktop client: MCP on standard input and output.

    A client starts this itself; `consilia mcp install CLIENT` writes it into the client's configuration. With --url it
    speaks to a running service; without, it is self-contained: its own database under ./var or as --config says.
    """
    if context.invoked_subcommand is not None:
        return
    folders = [each.expanduser().absolute() for each in root or []]
    if url is not None:
        from service.mcp.relay import relay

        raise typer.Exit(relay(url, key or "", folders))
    from service.mcp.stdio import serve  # heavy: --help does without

    chosen = settings(config)
    configure_logs("warning")
    run(serve(chosen, folders))


@app.command()
def install(
    client: Annotated[Client, typer.Argument(help="The desktop client.")],
    url: UrlOption = None,
    key: KeyOption = None,
    root: RootOption = None,
    http: Annotated[
        bool,
        typer.Option(
            "--http", help="Let the client speak to --url itself (Cursor, VS Code, LM Studio, Cherry Studio)."
        ),
    ] = False,
    file: Annotated[
        Path | None, typer.Option(help="Another file than the user's own: .vscode/mcp.json, .cursor/mcp.json.")
    ] = None,
    link: Annotated[
        bool,
        typer.Option("--link", help="Print the client's own link instead, which adds the entry; it holds the key."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Write Consilia into a desktop client's configuration: what changes is shown, the rest and a copy are kept.

    Cherry Studio keeps its servers in a store of its own; there its link is opened, and it asks you.
    """
    _shown(lambda: _install(client, url, key, root or [], http, file, link, dry_run, yes, config))


def _shown(work: Callable[[], None]) -> None:
    """Do a command's work; a ConsiliaError is shown in one sentence and ends the process with status 2."""
    try:
        work()
    except ConsiliaError as error:
        err.print(f"[bold red]error[/] [dim]({error.code})[/] ", end="")
        err.print(error.message, markup=False, highlight=False)
        raise typer.Exit(2) from None


def _install(
    client: Client,
    url: str | None,
    key: str | None,
    roots: list[Path],
    http: bool,
    file: Path | None,
    only_link: bool,
    dry_run: bool,
    yes: bool,
    config: Path | None,
) -> None:
    if url is not None and not key:
        raise InvalidInput("--url needs a key: --key csl_… or CONSILIA_KEY (the first one is in var/first-key)")
    folders = [each.expanduser().absolute() for each in roots]
    for each in folders:
        if not each.is_dir():
            raise InvalidInput(f"--root {each}: there is no such folder")
    chosen, read = settings(config), config or found_here()  # clients start us in a folder where there is none
    wanted = clients.Wanted(
        url, key or "", http, folders, read.absolute() if read else None, chosen.data_dir.absolute(), chosen.database
    )
    told = clients.entry(client, wanted)
    path = file or clients.location(client)
    leads = links.link(client, told)
    if only_link:
        if leads is None:
            raise InvalidInput(f"{client.value} has no links; leave --link out, or see consilia mcp bundle")
        out.print(leads, markup=False, highlight=False, soft_wrap=True)
    elif path is not None:
        _write(client, path, told, key or "", dry_run, yes)
    elif leads is not None:
        _open(client, leads, told, key or "", dry_run, yes)


def _write(client: Client, path: Path, told: dict[str, Any], key: str, dry_run: bool, yes: bool) -> None:
    before = clients.read(path)
    after = clients.changed(client, before, told)
    if after == before:
        out.print(f"{path} has this entry already.", markup=False, soft_wrap=True)
        return
    _print(clients.difference(path, before, after, key))
    if dry_run:
        return
    if not yes and not typer.confirm("Write this?"):
        raise typer.Exit(1)
    copy = clients.write(path, before, after)
    kept = f" What was there is kept in {copy}." if copy else ""
    out.print(f"\nWritten.{kept} Restart {client.value} to see Consilia there.", markup=False, soft_wrap=True)


def _open(client: Client, leads: str, told: dict[str, Any], key: str, dry_run: bool, yes: bool) -> None:
    """Have a client that keeps its servers in a store of its own add the entry: it asks its user once more."""
    whole = json.dumps({"mcpServers": {clients.NAME: told}}, indent=2)
    _print(clients.difference(Path(client.value), "", whole, key))
    if dry_run:
        return
    if not yes and not typer.confirm(f"Open {client.value} to add this?"):
        raise typer.Exit(1)
    if typer.launch(leads, wait=True) == 0:
        out.print(f"\nOpened: confirm it in {client.value}, then switch the server on.", soft_wrap=True)
        return
    out.print(
        f"\n{client.value} could not be opened from here. Open this link on its machine (it holds the key), or copy "
        "the JSON above, with your key in it, into Settings, MCP, Import from JSON:\n",
        soft_wrap=True,
    )
    out.print(leads, markup=False, highlight=False, soft_wrap=True)


def _print(difference: Sequence[str]) -> None:
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in difference:
        out.print(line, style=colours.get(line[:1]), markup=False, highlight=False, soft_wrap=True)


@app.command()
def bundle(
    out_dir: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path(),
    name: Annotated[
        str | None,
        typer.Option(help="Name in a registry, in reverse DNS: org.example/consilia. Also writes server.json."),
    ] = None,
    bundle_url: Annotated[str | None, typer.Option(help="Where the bundle will lie; for server.json.")] = None,
    service: Annotated[str | None, typer.Option(help="Public address of your service; for server.json.")] = None,
) -> None:
    """Write consilia.mcpb, which carries Claude Desktop to a running service; --name also writes server.json."""
    _shown(lambda: _bundle(out_dir, name, bundle_url, service))


def _bundle(out_dir: Path, name: str | None, bundle_url: str | None, service: str | None) -> None:
    from service.mcp import bundle as bundles  # heavy: --help does without

    if (name is None) != (bundle_url is None):
        raise InvalidInput("server.json needs both --name and --bundle-url")
    if name is not None and not re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", name):
        raise InvalidInput(f"--name {name!r} is not of the form org.example/consilia")
    content = bundles.bundle()
    out_dir.mkdir(parents=True, exist_ok=True)
    (out_dir / "consilia.mcpb").write_bytes(content)
    out.print(f"{out_dir / 'consilia.mcpb'}  {len(content):,} bytes", highlight=False, soft_wrap=True)
    if name is not None and bundle_url is not None:
        described = bundles.server_json(name, bundle_url, content, service)
        text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
        (out_dir / "server.json").write_text(text, "utf-8")
        out.print(f"{out_dir / 'server.json'}", highlight=False, soft_wrap=True)
