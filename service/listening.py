"""The listening socket, and a server that takes connections from it a few at a time.

An event loop's own server takes every waiting connection in one turn: two thousand clients that connect at once would
keep everybody else, a health check too, waiting for as long as it takes to greet them all.
"""

import asyncio
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

ABREAST: Final = 4
"""Connections that are taken in one turn of the event loop."""

_STARTUP_FAILURE: Final = 3
_PAUSE: Final = 0.5
"""Seconds without taking connections after the system refused one, for want of file descriptors as a rule."""


def listen(host: str, port: int) -> socket.socket:
    """A bound and listening socket. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    listener.listen(2048)
    listener.setblocking(False)
    return listener


class _Acceptor:
    """Takes connections from a socket in turns, until it is closed."""

    def __init__(self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._listener = listener
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._greeting: set[asyncio.Task[Any]] = set()
        self._open = True
        self._resume()

    def _resume(self) -> None:
        if self._open:
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(ABREAST):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(self._listener.fileno())
                self._loop.call_later(_PAUSE, self._resume)
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or a response waits 40 ms
            task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
            self._greeting.add(task)
            task.add_done_callback(self._greeting.discard)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._listener.fileno())

    async def wait_closed(self) -> None:
        """Returns when nobody is being greeted any more."""
        await asyncio.gather(*self._greeting, return_exceptions=True)


class Server(uvicorn.Server):
    """uvicorn's server over sockets that `listen` made. closing: called before a stop waits for open responses."""

    def __init__(self, config: uvicorn.Config, closing: Callable[[], None] | None = None) -> None:
        super().__init__(config)
        self._closing = closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._closing is not None:
            self._closing()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """SIGTERM and SIGINT end the serving and nothing else: uvicorn would raise them again when it has ended, which
        kills the process before the house is closed and its runs are drained."""
        loop = asyncio.get_running_loop()
        for each in HANDLED_SIGNALS:
            loop.add_signal_handler(each, self.handle_exit, each, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(_STARTUP_FAILURE)

        def protocol() -> asyncio.Protocol:
            make: Any = self.config.http_protocol_class
            return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

        self.servers: Any = [_Acceptor(each, protocol) for each in sockets or []]
        self.started = True
