"""`consilia serve`: the service in one process."""

import socket
from importlib.metadata import version
from typing import Annotated

import typer
import uvicorn

from service.api.app import create_app
from service.commands.terminal import ConfigOption, configure_logs, err, out, settings
from service.house import House


def show_version(wanted: bool) -> None:
    if wanted:
        out.print(f"consilia {version('consilia')}", highlight=False)
        raise typer.Exit


def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Address to bind; default 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to bind; default 8321, 0 takes a free one.")] = None,
) -> None:
    """Start the service: REST on one port, runs executed in the same process.

    With SQLite (the default) the database is made and upgraded by itself, under ./var. The first start prints a key.
    """
    chosen = settings(config, host=host, port=port)
    configure_logs(chosen.log_level)
    try:
        listener = socket.create_server((chosen.host, chosen.port), backlog=2048)
    except OSError as error:
        err.print(
            f"[bold red]error[/] cannot bind {chosen.host}:{chosen.port}: {error.strerror}; choose another --port"
        )
        raise typer.Exit(2) from None
    url = f"http://{chosen.host}:{listener.getsockname()[1]}"

    async def ready(house: House) -> None:
        key = await house.keys.first_key()
        _greet(url, key, str(chosen.data_dir / "first-key"))

    app = create_app(chosen, ready)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=10, server_header=False, lifespan="on")
    )
    server.run(sockets=[listener])
    if not server.started:
        raise typer.Exit(3)


def _greet(url: str, key: str | None, key_file: str) -> None:
    shown = key or f"$(cat {key_file})"
    out.print(f"\n[bold]Consilia[/] {version('consilia')} is ready at [bold blue]{url}[/]  (API page: {url}/docs)\n")
    if key:
        out.print(f"Your first key, shown this once (kept in {key_file}):\n")
        out.print(f"  [bold green]{key}[/]\n", soft_wrap=True)
    out.print("Review a contract:\n", highlight=False)
    upload = f'FILE=$(curl -s {url}/files -H "x-api-key: {shown}" -F file=@samples/master-services-agreement.docx | '
    upload += "python3 -c 'import json,sys; print(json.load(sys.stdin)[\"file_id\"])')"
    call = f'curl -s {url}/runs/wait -H "x-api-key: {shown}" -H "content-type: application/json" '
    call += '-d "{\\"assistant_id\\": \\"contract_review\\", \\"input\\": {\\"file_id\\": \\"$FILE\\"}}"'
    for line in (upload, call):
        out.print("  " + line, markup=False, highlight=False, soft_wrap=True)
    out.print("\nStop with Ctrl-C.")
