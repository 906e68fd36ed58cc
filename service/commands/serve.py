"""`consilia serve`: the service in one process."""

import socket
from functools import partial
from importlib.metadata import version
from typing import Annotated

import typer

from service.collecting import pausing
from service.commands.terminal import ConfigOption, configure_logs, err, out, run, settings
from service.runs.node_threads import leave_stuck_nodes
from service.settings import Settings


def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Address to bind; default 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to bind; default 8321, 0 takes a free one.")] = None,
    execute: Annotated[
        bool | None, typer.Option(help="On PostgreSQL: execute runs here too, or leave them to consilia worker.")
    ] = None,
) -> None:
    """Start the service: REST on one port, runs executed in the same process.

    With SQLite (the default) the database is made and upgraded by itself, under ./var. With PostgreSQL there may be
    several of these, and any number of `consilia worker`. The first start prints a key.
    """
    from service.auth.exposure import is_loopback
    from service.listening import listen

    chosen = settings(config, host=host, port=port, execute=execute)
    configure_logs(chosen.log_level, chosen.log_format)
    if not is_loopback(chosen.host):
        run(_check_exposure(chosen))
    try:
        listener = listen(chosen.host, chosen.port)
    except OSError as error:
        err.print(
            f"[bold red]error[/] cannot bind {chosen.host}:{chosen.port}: {error.strerror}; choose another --port"
        )
        raise typer.Exit(2) from None
    url = f"http://{chosen.host}:{listener.getsockname()[1]}"

    run(_serve(chosen, listener, url))
    leave_stuck_nodes()


async def _check_exposure(chosen: Settings) -> None:
    """Raises UnsafeBinding before anything is opened to a network."""
    from service.auth.exposure import check_exposure
    from service.database import keys, migrate
    from service.database.engine import open_database

    async with open_database(chosen.database_url) as database:
        await migrate.ensure(database)
        check_exposure(chosen, await keys.living(database))


async def _serve(chosen: Settings, listener: socket.socket, url: str) -> None:
    with pausing():  # heavy: --help does without
        import uvicorn

        from service.api.app import create_app
        from service.connections import Connection
        from service.house import open_house
        from service.included import preloading
        from service.listening import Server
        from service.runs.launch import launch
        from service.telemetry.exporting import exporting

    async with exporting(chosen.telemetry, "service"), open_house(chosen, "service") as house:
        house.scheduler.start(partial(launch, house))
        key = await house.keys.first_key()
        options = {
            "log_config": None,  # its lines go the way of all, where no error's message is told
            "access_log": False,
            "log_level": "warning",
            "server_header": False,
            "timeout_graceful_shutdown": 10,
            "timeout_keep_alive": 75,
            "http": partial(Connection, limits=chosen.limits),
            "limit_concurrency": chosen.limits.connections,
            "proxy_headers": bool(chosen.web.trusted_proxies),
            "forwarded_allow_ips": chosen.web.trusted_proxies,
        }
        app = create_app(house)
        server = Server(uvicorn.Config(app, **options), app.state.mcp.close)  # pyright: ignore[reportArgumentType]
        _greet(url, key, str(chosen.data_dir / "first-key"))
        async with preloading(chosen.preload, house.registry, house.host):
            await server.serve(sockets=[listener])


def _greet(url: str, key: str | None, key_file: str) -> None:
    shown = key or f"$(cat {key_file})"
    ready = f"\n[bold]Consilia[/] {version('consilia')} is ready at [bold blue]{url}[/]"
    out.print(f"{ready}  (every run: {url}/admin, API page: {url}/docs)\n", soft_wrap=True)
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
