"""`consilia worker`: executes runs from PostgreSQL, beside any number of others."""

import asyncio
import signal
from functools import partial
from typing import Annotated

import typer

from service.collecting import pausing
from service.commands.terminal import ConfigOption, configure_logs, err, out, run, settings
from service.runs.node_threads import leave_stuck_nodes
from service.settings import Settings


def worker(
    config: ConfigOption = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Runs executed at a time; default limits.concurrent_runs.")
    ] = None,
    probe_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of /live, /ready and /metrics; default: none.")
    ] = None,
) -> None:
    """Execute runs that any `consilia serve` of the same PostgreSQL has accepted.

    SIGTERM or Ctrl-C drains: nothing more is taken, running steps are ended and checkpointed within
    limits.drain_seconds, and the runs go on in another worker.
    """
    chosen = settings(config, probe_port=probe_port)
    if concurrency is not None:
        chosen = chosen.model_copy(update={"limits": chosen.limits.model_copy(update={"concurrent_runs": concurrency})})
    configure_logs(chosen.log_level, chosen.log_format)
    run(_work(chosen))
    leave_stuck_nodes()


async def _work(chosen: Settings) -> None:
    with pausing():  # heavy: --help does without
        from service.api.probe import answering
        from service.house import open_house
        from service.included import preloading
        from service.runs.launch import launch
        from service.telemetry.exporting import exporting

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    async with (
        exporting(chosen.telemetry, "worker"),
        open_house(chosen, "worker") as house,
        answering(house, chosen.host, chosen.probe_port),
    ):
        house.scheduler.start(partial(launch, house))
        limit = chosen.limits.concurrent_runs
        out.print(f"[bold]Consilia[/] worker is ready, for up to {limit} runs at a time. Stop with Ctrl-C.")
        async with preloading(chosen.preload, house.registry, house.host):
            await stop.wait()
        err.print("Stopping: running steps are ended and handed back.")
