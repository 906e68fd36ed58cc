"""What a server offers now, and whether each tool is what was accepted."""

import asyncio

import structlog
from mcp import Client
from mcp.client.subscriptions import SubscriptionLost
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from tools.host.listing import Listing, listing
from tools.host.pins import Definition, PinStore, definition
from tools.host.reasons import innermost, told
from tools.host.settings import ServerSettings, ToolsSettings

log = structlog.get_logger(__name__)


class Offer:
    """listing: what the server lists. definitions: what its tools say of themselves now. pins: the digests accepted."""

    def __init__(self, server: str, settings: ServerSettings, store: PinStore | None) -> None:
        self.listing = Listing({}, {})
        self.definitions: dict[str, Definition] = {}
        self.pins: dict[str, str] = {}
        self._server = server
        self._settings = settings
        self._store = store

    def pinned(self, tool: str) -> bool:
        """Whether the tool is what was accepted."""
        return self._store is None or self.pins.get(tool) == self.definitions[tool].digest

    async def refresh_pins(self) -> None:
        """Read anew what has been accepted."""
        if self._store is not None:
            self.pins = dict(await self._store.pinned(self._server))

    async def read(self, client: Client) -> None:
        """List the tools anew. Raises ServerUnavailable for a list that cannot be used."""
        self.listing = await listing(self._server, client, self._settings.most_tools)
        self.definitions = {name: definition(tool) for name, tool in self.listing.tools.items()}
        for name, why in self.listing.refused.items():
            log.warning("tool refused", server=self._server, tool=name, reason=why)
        if self._store is not None:
            pin_new = self._settings.pinning == "first"
            seen = await self._store.seen(self._server, list(self.definitions.values()), pin_new=pin_new)
            self.pins = dict(seen)
            for name in self.definitions:
                if not self.pinned(name):
                    log.warning("tool blocked: it is not as it was pinned", server=self._server, tool=name)

    async def follow(self, client: Client, changed: asyncio.Event, tools: ToolsSettings) -> None:
        """Tell `changed` of changes of the list; on protocol 2025-11-25 they come unasked, and this returns at once."""
        capability = client.server_capabilities.tools
        if client.protocol_version not in MODERN_PROTOCOL_VERSIONS or capability is None or not capability.list_changed:
            return
        pause = tools.backoff_seconds
        while True:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    changed.set()  # what changed before this is not told
                    async for _ in changes:
                        changed.set()
            except SubscriptionLost as lost:
                log.debug("tool list is followed anew", server=self._server, reason=str(lost))
            except Exception as error:  # a server that offers it and cannot do it
                log.info("tool list cannot be followed", server=self._server, reason=told(innermost(error)))
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, tools.longest_backoff_seconds)
