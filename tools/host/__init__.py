"""The one door through which a workflow calls a tool.

`ToolHost` keeps an open MCP session to each server: the in-house ones in memory, the user's own over stdio or
Streamable HTTP. A run gets a `Toolbox`: the host bound to that run's ledger and to what its workflow may call.

What is named here is imported when it is first asked for: the settings, which every command reads, are in this package
too, and need no MCP.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tools.host.faults import (
        ServerUnavailable,
        ToolChanged,
        ToolFailed,
        ToolForbidden,
        ToolNeedsApproval,
        ToolRejected,
        ToolResultInvalid,
        ToolResultTooLarge,
        ToolTimeout,
        ToolUnusable,
        UnknownTool,
    )
    from tools.host.host import Foreign, ToolHost
    from tools.host.limits import ToolLimits
    from tools.host.listing import name_fault, shown_schema, visible, without_hidden
    from tools.host.naming import shown
    from tools.host.permission import Policy, policy
    from tools.host.results import marked, unmarked
    from tools.host.shortening import abbreviated
    from tools.host.toolbox import Toolbox

__all__ = [
    "Foreign",
    "Policy",
    "ServerUnavailable",
    "ToolChanged",
    "ToolFailed",
    "ToolForbidden",
    "ToolHost",
    "ToolLimits",
    "ToolNeedsApproval",
    "ToolRejected",
    "ToolResultInvalid",
    "ToolResultTooLarge",
    "ToolTimeout",
    "ToolUnusable",
    "Toolbox",
    "UnknownTool",
    "abbreviated",
    "marked",
    "name_fault",
    "policy",
    "shown",
    "shown_schema",
    "unmarked",
    "visible",
    "without_hidden",
]

_WHERE: Final = {
    "ServerUnavailable": "faults",
    "ToolChanged": "faults",
    "ToolFailed": "faults",
    "ToolForbidden": "faults",
    "ToolNeedsApproval": "faults",
    "ToolRejected": "faults",
    "ToolResultInvalid": "faults",
    "ToolResultTooLarge": "faults",
    "ToolTimeout": "faults",
    "ToolUnusable": "faults",
    "UnknownTool": "faults",
    "Foreign": "host",
    "ToolHost": "host",
    "ToolLimits": "limits",
    "name_fault": "listing",
    "shown_schema": "listing",
    "visible": "listing",
    "without_hidden": "listing",
    "shown": "naming",
    "Policy": "permission",
    "policy": "permission",
    "marked": "results",
    "unmarked": "results",
    "abbreviated": "shortening",
    "Toolbox": "toolbox",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _WHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
