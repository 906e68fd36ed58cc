"""`consilia mcp`: our workflows for a desktop client, over stdio."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands.terminal import ConfigOption, configure_logs, run, settings

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
