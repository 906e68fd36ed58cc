"""What every handler of our MCP server needs: the house, who calls, and what the transport allows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from mcp_types import (
    ClientCapabilities,
    InputRequest,
    InputRequiredResult,
    InputResponses,
    ListRootsRequest,
    ListRootsResult,
    Tool,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from service.auth import Caller
from service.database.audit import Act
from service.house import House
from service.mcp import roots, tools
from service.mcp.calls import Calls, Context
from tools.errors import InvalidInput


class InputNeeded(Exception):
    """The call ends here with a question to the client, which repeats it with the answer (2026-07-28)."""

    def __init__(self, name: str, request: InputRequest, state: str | None = None) -> None:
        super().__init__(name)
        self.result = InputRequiredResult(input_requests={name: request}, request_state=state)


@dataclass(frozen=True, slots=True)
class Reception:
    """One server of ours.

    caller: who sends a message. folders: what the user's command line shares of this machine; None over HTTP, where no
    file of any machine is read.
    """

    house: House
    calls: Calls
    caller: Callable[[Context], Caller]
    folders: Sequence[Path] | None = None
    _described: dict[str, Tool] = field(default_factory=dict[str, Tool])

    async def own_tool(self, name: str, workflow: str) -> Tool:
        """A user's workflow as a tool; found out once, since it takes a hundredth of a second."""
        if name not in self._described:
            self._described[name] = await tools.own_tool(self.house, name, workflow)
        return self._described[name]

    @property
    def local(self) -> bool:
        """Whether files of this machine may be read, within the client's roots."""
        return self.folders is not None

    async def note(self, context: Context, action: str, target: str, status: int = 200) -> None:
        """Write into the audit log what a caller did through a tool; the request that brought it says too little.

        Returns when it is there, but for the start of a run.
        """
        caller, client = self.caller(context), context.request.client if context.request is not None else None
        address = client.host if client is not None else ""
        act = Act(caller.key_id, f"mcp.{action}", target, caller.tenant_id, address, status)
        if action == "start_run" or status >= 400:
            self.house.audit.record(act)
        else:
            await self.house.audit.write(act)

    def inbox(self, context: Context, thread_id: str) -> str | None:
        """Where a person can answer a waiting run in the browser; None where there is no such page."""
        if context.request is None or not self.house.settings.admin.enabled:
            return None
        return f"{str(context.request.base_url).rstrip('/')}/admin/approvals/{thread_id}"


def modern(context: Context) -> bool:
    """Whether the client speaks 2026-07-28, where the server asks by results and never by requests."""
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS


def _capabilities(context: Context) -> ClientCapabilities:
    return context.session.client_capabilities or ClientCapabilities()


def shows_forms(context: Context) -> bool:
    """Whether a person can be asked through the client. A bare `elicitation: {}` means forms."""
    told = _capabilities(context).elicitation
    return told is not None and (told.form is not None or told.url is None)


async def read_local(
    reception: Reception, context: Context, path: str, answers: InputResponses | None
) -> tuple[str, bytes]:
    """(name, content) of a file of the client's machine. Raises InvalidInput, InputNeeded."""
    if reception.folders is None:
        raise InvalidInput(
            "path is read by the local `consilia mcp` only; this server is reached over HTTP: give content, "
            "content_base64 or file_id"
        )
    shared = await _client_roots(context, answers) or list(reception.folders)
    try:
        return roots.read_within(path, shared, reception.house.settings.limits.upload_bytes)
    except roots.Unreadable as error:
        raise InvalidInput(str(error)) from None


async def _client_roots(context: Context, answers: InputResponses | None) -> list[Path] | None:
    """The folders that the client shares; None where it knows no roots."""
    if _capabilities(context).roots is None:
        return None
    if not modern(context):
        listed = await context.session.list_roots()  # pyright: ignore[reportDeprecated]  # still 2025-11-25's way
    else:
        given = cast(Any, (answers or {}).get("roots"))
        if given is None:
            raise InputNeeded("roots", ListRootsRequest())
        listed = ListRootsResult.model_validate(given if isinstance(given, dict) else given.model_dump(by_alias=True))
    return roots.folders(str(each.uri) for each in listed.roots)
