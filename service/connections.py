"""One client's connection: uvicorn's, with an end to clients that send or read too slowly, and to endless headers.

uvicorn itself waits for ever for the rest of a request, however slowly its headers drip in (the attack called
Slowloris), and keeps an answer in memory for as long as nobody reads it. What a request is given beside: `limits`.
"""

import asyncio
from typing import Any, Literal

import orjson
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from service.settings import Limits


class Connection(HttpToolsProtocol):
    """Answers 408 and 431, and hangs up; a client that does not read is hung up on without a word."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], *, limits: Limits) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state)
        self._limits = limits
        self._phase: Literal["between", "headers", "body"] = "between"
        self._size = 0
        self._refused = False
        self._sending: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm(self._limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        began = self._phase
        super().data_received(data)
        if self._refused or self.transport.is_closing():
            self._disarm()
        elif self._phase == "headers":
            self._size = self._size + len(data) if began == "headers" else len(data)
            if self._size > self._limits.header_bytes:
                self._refuse_headers()
            elif began != "headers" and self._sending is None:
                self._arm(self._limits.header_seconds)
        elif self._phase == "body":
            self._arm(self._limits.body_seconds)
        else:
            self._disarm()

    def on_message_begin(self) -> None:
        self._phase = "headers"
        self._size = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._limits.header_bytes or len(self.headers) > self._limits.headers:
            self._refuse_headers()
            return
        self._phase = "body"
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._phase = "between"
        if not self._refused:
            super().on_message_complete()

    def pause_writing(self) -> None:
        """The client reads more slowly than it is sent to."""
        self._reading = self.loop.call_later(self._limits.read_seconds, self._hang_up)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._read()
        super().resume_writing()

    def _read(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _hang_up(self) -> None:
        self.transport.abort()

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._sending = self.loop.call_later(seconds, self._too_slow)

    def _disarm(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _too_slow(self) -> None:
        self._sending = None
        if self.transport.is_closing():
            return
        if self._phase == "body":
            if self.flow.read_paused:  # it is we who do not take more
                self._arm(self._limits.body_seconds)
            else:
                self._hang_up()
        elif self._phase == "headers":
            seconds = self._limits.header_seconds
            self._refuse(408, "request_too_slow", f"the request's headers took longer than {seconds:g} s")
        else:
            self.transport.close()

    def _refuse_headers(self) -> None:
        most, number = self._limits.header_bytes, self._limits.headers
        message = f"the request's headers are over the limit of {most} bytes or {number} fields (limits.header_bytes)"
        self._refuse(431, "headers_too_large", message)

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._refused = True
        self._disarm()
        body = orjson.dumps({"detail": message, "code": code, "details": {}})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()
