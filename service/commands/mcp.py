"""`consilia mcp`: our workflows for a desktop client, over stdio."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from service.commands.terminal import ConfigOption, configure_logs, err, out, print_json, run, settings
from service.mcp import clients
from service.mcp.clients import Client
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Write Consilia into a desktop client's configuration: what changes is shown, the rest and a copy are kept."""
    _shown(lambda: _install(client, url, key, root or [], http, file, dry_run, yes, config))


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
    chosen = settings(config)
    wanted = clients.Wanted(
        url, key or "", http, folders, config.absolute() if config else None, chosen.data_dir.absolute()
    )
    told = clients.entry(client, wanted)
    path = file or clients.location(client)
    if path is None:
        out.print("Cherry Studio keeps its servers in a store of its own. Open this link, and it asks you to add it:\n")
        out.print(clients.cherry_link(told), markup=False, highlight=False, soft_wrap=True)
        out.print("\nor paste this under Settings, MCP, Import from JSON:\n")
        print_json({"mcpServers": {clients.NAME: told}})
        return
    before = clients.read(path)
    after = clients.changed(client, before, told)
    if after == before:
        out.print(f"{path} has this entry already.", markup=False, soft_wrap=True)
        return
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in clients.difference(path, before, after, key or ""):
        out.print(line, style=colours.get(line[:1]), markup=False, highlight=False, soft_wrap=True)
    if dry_run:
        return
    if not yes and not typer.confirm("Write this?"):
        raise typer.Exit(1)
    copy = clients.write(path, before, after)
    kept = f" What was there is kept in {copy}." if copy else ""
    out.print(f"\nWritten.{kept} Restart {client.value} to see Consilia there.", markup=False, soft_wrap=True)


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
