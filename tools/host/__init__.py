"""The one door through which a workflow calls a tool.

`ToolHost` keeps an open MCP session to each server: the in-house ones in memory, the user's own over stdio or
Streamable HTTP. A run gets a `Toolbox`: the host bound to that run's ledger and to what its workflow may call.
"""

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
