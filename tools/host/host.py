"""The open sessions, and one call over them."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import orjson
from mcp import MCPError
from mcp.server.mcpserver import MCPServer
from mcp_types import CONNECTION_CLOSED, CallToolResult, RequestParamsMeta, Tool
from pydantic import ValidationError

from tools.host.faults import (
    ArgumentsTooLarge,
    ServerUnavailable,
    ToolChanged,
    ToolFailed,
    ToolTimeout,
    ToolUnusable,
    UnknownTool,
)
from tools.host.http import FORGOTTEN, UNREACHED
from tools.host.in_house import InHouse, MakeServer
from tools.host.limits import ToolLimits
from tools.host.listing import visible
from tools.host.permission import Effects, effects, trusted
from tools.host.pins import PinStore
from tools.host.reaper import Reaper
from tools.host.results import foreign_result, own_result
from tools.host.session import Session
from tools.host.settings import ToolsSettings
from tools.serving import calling_for


@dataclass(frozen=True, slots=True)
class Foreign:
    """The user's own servers. pins: where their tools are pinned; None: nowhere. folder: what relative folders of the
    settings start from. eager: open the sessions at once, not at the first call."""

    settings: ToolsSettings = field(default_factory=ToolsSettings)
    pins: PinStore | None = None
    folder: Path = Path()
    eager: bool = False


class ToolHost:
    """Open MCP sessions, one a server. Use as an async context manager; calls may come from any task.

    servers: the in-house ones, in memory. foreign: the user's own.
    """

    def __init__(
        self,
        servers: Mapping[str, MCPServer[Any] | MakeServer],
        limits: ToolLimits | None = None,
        foreign: Foreign | None = None,
    ) -> None:
        self._own = InHouse(servers)
        self._limits = limits or ToolLimits()
        self._foreign = foreign or Foreign()
        self._reaper = Reaper()
        told = self._foreign
        self.sessions: Mapping[str, Session] = {
            name: Session(name, server, told.settings, told.pins, told.folder, self._reaper)
            for name, server in told.settings.servers.items()
            if server.enabled and name not in self._own
        }

    async def __aenter__(self) -> Self:
        for noisy in ("httpx2", "mcp.client"):  # they tell URLs, session ids, and what cannot be parsed
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        await self._own.__aenter__()
        if self._foreign.eager:
            for session in self.sessions.values():
                session.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(session.aclose() for session in self.sessions.values()))
        await asyncio.to_thread(self._reaper.close)
        await self._own.__aexit__(kind, error, trace)

    @property
    def settings(self) -> ToolsSettings:
        """Those of the foreign servers."""
        return self._foreign.settings

    def tools(self) -> dict[str, dict[str, Tool]]:
        """Every tool by server and name; of a server that is not open yet none, or those it listed before."""
        return self._own.tools() | {name: dict(session.offer.listing.tools) for name, session in self.sessions.items()}

    async def opened(self, servers: Collection[str]) -> dict[str, ServerUnavailable]:
        """Wait until the sessions to these servers are open; those that cannot be opened, with the reason."""
        for name in sorted({name for name in servers if name in self._own}):
            await self._own.opened(name)
        names = sorted({name for name in servers if name in self.sessions})
        found = await asyncio.gather(*(self.sessions[name].client() for name in names), return_exceptions=True)
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, ServerUnavailable):
                raise each
        return {name: each for name, each in zip(names, found, strict=True) if isinstance(each, ServerUnavailable)}

    def in_house(self, server: str) -> bool:
        return server in self._own

    async def has_effects(self, server: str, tool: str) -> bool:
        """Whether an in-house tool writes or reaches out; an unknown one has none."""
        found = (await self._own.opened(server)).tools.get(tool)
        return found is not None and any(_both(effects(found, in_house=True)))

    def trusted(self, server: str) -> bool:
        """Whether what the server answers is vouched for, so that reading it taints no run."""
        return trusted({name: each.settings.trusted_results for name, each in self.sessions.items()}, server)

    async def effects(self, server: str, tool: str) -> Effects:
        """What calling the tool may do. Raises UnknownTool, ToolUnusable, ToolChanged, ServerUnavailable."""
        if server in self._own:
            own = await self._own.opened(server)
            if tool not in own.tools:
                raise self._unknown(server, tool)
            return effects(own.tools[tool], in_house=True)
        session = self._session(server, tool)
        found = await self._found(session, tool)
        return effects(found, in_house=False, believe=not session.settings.ignore_annotations)

    async def call(
        self, server: str, tool: str, arguments: dict[str, Any], tenant_id: str | None = None
    ) -> dict[str, Any]:
        """The tool's structured result; a text result comes as `{"text": …}`.

        tenant_id: for whom the call is made. It travels in the request's `_meta`, where a model, which writes only
        arguments, cannot put it, and only to in-house servers, which run in this process.

        Raises UnknownTool, ToolTimeout, ToolResultTooLarge, ToolFailed, an in-house tool's own ConsiliaError; for a
        foreign server also ServerUnavailable, ToolChanged, ToolUnusable, ArgumentsTooLarge, ToolResultInvalid.
        """
        if server not in self._own:
            return await self._call_foreign(self._session(server, tool), tool, arguments)
        own = await self._own.opened(server)
        if tool not in own.tools:
            raise self._unknown(server, tool)
        meta: RequestParamsMeta | None = None if tenant_id is None else calling_for(tenant_id)
        try:
            async with asyncio.timeout(self._limits.seconds):
                result = await own.client.call_tool(tool, arguments, meta=meta)
        except TimeoutError:
            raise _timeout(server, tool, self._limits.seconds) from None
        except MCPError as error:
            raise ToolFailed(f"tool {server}/{tool} failed: {error}", server=server, tool=tool) from error
        return own_result(server, tool, result, self._limits.result_bytes)

    async def _call_foreign(self, session: Session, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        told = session.settings
        size = len(orjson.dumps(arguments))
        if size > told.argument_bytes:
            raise ArgumentsTooLarge(
                f"the arguments of {session.name}/{tool} have {size:,} bytes, the limit is {told.argument_bytes:,} "
                f"(tools.servers.{session.name}.argument_bytes)",
                server=session.name,
                tool=tool,
            )
        seconds = told.seconds or self._limits.seconds
        try:
            async with asyncio.timeout(seconds):
                found = await self._found(session, tool)
                result = await self._answered(session, found, arguments)
                session.answered()
                most = min(told.result_bytes, self._limits.result_bytes)
                return await foreign_result(session.name, found, result, most)
        except TimeoutError:
            session.timed_out()
            raise _timeout(session.name, tool, seconds, session.spoke_nonsense()) from None

    async def _answered(self, session: Session, tool: Tool, arguments: dict[str, Any]) -> CallToolResult:
        """Call once; a second time where the first cannot have been heard, or where twice is as good as once."""
        for again in (True, False):
            client = await session.client()
            try:
                return await client.call_tool(tool.name, arguments)
            except MCPError as error:
                lost, forgotten = error.code == CONNECTION_CLOSED, _says(error, FORGOTTEN)
                if forgotten:
                    session.lose(client, "the server has forgotten the session")
                hints = tool.annotations
                harmless = hints is not None and bool(hints.read_only_hint or hints.idempotent_hint)
                if again and (forgotten or (lost and harmless and session.ended(client))):
                    continue
                raise _failed(session, tool.name, error) from None
            except (ValidationError, RuntimeError, ValueError, TypeError, KeyError) as error:
                told = visible(f"{type(error).__name__}: {error}", 300)
                raise ToolFailed(
                    f"tool {session.name}/{tool.name} answered outside the protocol: {told}",
                    server=session.name,
                    tool=tool.name,
                ) from None
        raise AssertionError("the second try returns or raises")

    async def _found(self, session: Session, tool: str) -> Tool:
        """The tool as it is listed now, if it may be used."""
        await session.client()
        found = session.offer.listing.tools.get(tool)
        if found is None:
            why = session.offer.listing.refused.get(visible(tool))
            if why is not None:
                raise ToolUnusable(
                    f"tool {session.name}/{visible(tool)} cannot be used: {why}", server=session.name, tool=tool
                )
            raise self._unknown(session.name, tool)
        if not session.offer.pinned(tool):
            await session.offer.refresh_pins()  # it may have been accepted meanwhile, by another process
        if not session.offer.pinned(tool):
            waits = tool not in session.offer.pins
            why = "is new and waits for an admin" if waits else "is not described as it was when it was pinned"
            raise ToolChanged(
                f"tool {session.name}/{tool} {why}; see the difference: consilia tools diff {session.name}/{tool}, "
                f"and accept it: consilia tools pin {session.name}/{tool}",
                server=session.name,
                tool=tool,
            )
        return found

    def _session(self, server: str, tool: str) -> Session:
        session = self.sessions.get(server)
        if session is None:
            raise self._unknown(server, tool)
        return session

    def _unknown(self, server: str, tool: str) -> UnknownTool:
        known = [f"{name}/{each}" for name, tools in sorted(self.tools().items()) for each in sorted(tools)]
        told = ", ".join(known[:60]) + (f" and {len(known) - 60} more" if len(known) > 60 else "")
        return UnknownTool(f"there is no tool {server}/{visible(tool)}; known are: {told}", server=server, tool=tool)


def _both(does: Effects) -> tuple[bool, bool]:
    return does.writes, does.reaches_out


def _failed(session: Session, tool: str, error: MCPError) -> ToolFailed | ServerUnavailable:
    if _says(error, UNREACHED):
        return ServerUnavailable(f"tool server {session.name!r} is not available: {error.message}", server=session.name)
    told = visible(error.message, 500)
    if error.code == CONNECTION_CLOSED and session.why_lost:
        told = f"the session ended during the call: {session.why_lost}"
    return ToolFailed(f"tool {session.name}/{tool} failed: {told}", server=session.name, tool=tool)


def _says(error: MCPError, kind: str) -> bool:
    data: Any = error.data
    return isinstance(data, dict) and bool(cast(dict[str, Any], data).get(kind))


def _timeout(server: str, tool: str, seconds: float, why: str | None = None) -> ToolTimeout:
    message = f"tool {server}/{tool} gave no answer within {seconds:g} s" + (f"; {why}" if why else "")
    return ToolTimeout(message, server=server, tool=tool, seconds=seconds)
