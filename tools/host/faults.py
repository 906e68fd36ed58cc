"""What can go wrong between a run and a tool, beside the tool's own errors."""

from tools.errors import ConsiliaError


class UnknownTool(ConsiliaError):
    code = "unknown_tool"
    status = 404


class ToolForbidden(ConsiliaError):
    """The workflow's permission does not include the tool."""

    code = "tool_forbidden"
    status = 403


class ToolNeedsApproval(ConsiliaError):
    """The tool writes or reaches out, nobody has allowed that, and here nobody can be asked."""

    code = "tool_needs_approval"
    status = 403


class ToolRejected(ConsiliaError):
    """A person was asked and said no."""

    code = "tool_rejected"
    status = 403


class ToolChanged(ConsiliaError):
    """The tool is not described as it was when it was pinned; an admin must accept the difference first."""

    code = "tool_changed"
    status = 409


class ToolUnusable(ConsiliaError):
    """The server lists the tool in a form that is refused: its name, its size, listed twice."""

    code = "tool_unusable"
    status = 502


class ToolNameClash(ConsiliaError):
    """Two tools that a model would see under one name."""

    code = "tool_name_clash"
    status = 500


class ServerUnavailable(ConsiliaError):
    """There is no open session to the tool's server; the message says why, and when it is tried again."""

    code = "tool_server_unavailable"
    status = 503


class ArgumentsTooLarge(ConsiliaError):
    code = "tool_arguments_too_large"
    status = 413


class ToolTimeout(ConsiliaError):
    code = "tool_timeout"
    status = 504


class ToolResultTooLarge(ConsiliaError):
    code = "tool_result_too_large"
    status = 502


class ToolResultInvalid(ConsiliaError):
    """The result is not what the tool's own output schema promises."""

    code = "tool_result_invalid"
    status = 502


class ToolFailed(ConsiliaError):
    """A tool answered with an error that is not one of ours, or broke the protocol."""

    code = "tool_failed"
    status = 502
