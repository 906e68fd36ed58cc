"""The process that keeps the servers running: `python -m agents.serving.supervisor DATA_DIR`.

It starts what `launches.json` names, looks at each server's health, starts anew what dies (with a pause that doubles),
and writes down how they stand. SIGHUP: read `launches.json` again. SIGTERM: stop everything. When it is killed itself
the servers stay, and the next supervisor finds them by their pid files.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Final

from agents.serving import processes
from agents.serving.keeper import Board, Keeper
from agents.serving.processes import Mark
from agents.serving.standing import Home

_TICK: Final = 0.25


async def supervise(home: Home) -> None:
    """Keep the launches running until SIGTERM or SIGINT."""
    loop, stop, again = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    board, turn = Board(home), asyncio.Semaphore(home.launches().starts)
    tasks: dict[str, asyncio.Task[None]] = {}
    again.set()
    while not stop.is_set():
        if again.is_set():
            again.clear()
            await _adjust(home, board, turn, tasks)
        await asyncio.sleep(_TICK)
        for task in tasks.values():
            if task.done():
                await task  # a keeper only ends by a fault of its own: let it be seen
    await _cancelled(list(tasks.values()))


async def _adjust(home: Home, board: Board, turn: asyncio.Semaphore, tasks: dict[str, "asyncio.Task[None]"]) -> None:
    """Stop what is no longer wanted or was changed, start what is new; leave the rest alone."""
    launches = home.launches()
    wanted = {launch.name: launch for launch in launches.servers}
    gone = [name for name in tasks if name not in wanted or board.keepers[name].launch != wanted[name]]
    await _cancelled([tasks.pop(name) for name in gone])
    for name in gone:
        del board.keepers[name]
    for name, launch in wanted.items():
        if name in tasks:
            board.keepers[name].standing.failures = 0
        else:
            board.keepers[name] = keeper = Keeper(launch, home, board, turn)
            tasks[name] = asyncio.create_task(keeper.keep(), name=name)
    board.order = launches.order
    board.publish()


async def _cancelled(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    """The supervisor's own process."""
    home = Home(Path(sys.argv[1]))
    home.make()
    mark = Mark(pid=os.getpid(), began=processes.began(os.getpid()), command="supervisor")
    home.keep_mark("supervisor", mark)
    try:
        asyncio.run(supervise(home))
    finally:
        home.pid_file("supervisor").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
