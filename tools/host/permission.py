"""What a workflow may call, and what must be asked first.

Three lists, each of server/tool or server/*. `allowed`: may be called at all. `without_approval`: may write without a
person's approval. `after_untrusted`: may write or reach out without asking, even when the run has read content that
nobody vouches for: a document, a foreign tool's result, a model's words (such content may carry instructions, and
what it says must not become what the run does).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mcp_types import Tool

from tools.host.settings import IN_HOUSE, ByWorkflow, ToolsSettings

TRUSTED_IN_HOUSE: Final = frozenset({"finance", "suitability"})
"""In-house servers that compute on the installation's own figures; the others hand on what stands in documents."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What one workflow may do with tools."""

    allowed: frozenset[str] = frozenset()
    without_approval: frozenset[str] = frozenset()
    after_untrusted: frozenset[str] = frozenset()

    def entry(self, server: str, tool: str) -> str | None:
        """The entry of `allowed` that lets the workflow call the tool."""
        return _entry(self.allowed, server, tool)

    def excuse(self, server: str, tool: str, *, tainted: bool) -> str | None:
        """The list by which a tool that writes or reaches out may be called without asking."""
        if _entry(self.after_untrusted, server, tool):
            return "after_untrusted"
        return "without_approval" if not tainted and _entry(self.without_approval, server, tool) else None


@dataclass(frozen=True, slots=True)
class Effects:
    """What calling a tool may do beyond answering. writes: changes something. reaches_out: acts on, or sends to, the
    world outside its server."""

    writes: bool
    reaches_out: bool

    def __str__(self) -> str:
        told = [name for name, does in (("writes", self.writes), ("reaches out", self.reaches_out)) if does]
        return " and ".join(told) or "only reads"


def effects(tool: Tool, *, in_house: bool, believe: bool = True) -> Effects:
    """By the tool's annotations. Of a foreign tool the worst is assumed where they say nothing, or are not believed; an
    in-house tool is code of this program, and does only what it says."""
    hints = tool.annotations
    if in_house:
        if hints is None:
            return Effects(writes=False, reaches_out=False)
        return Effects(hints.read_only_hint is False or bool(hints.destructive_hint), bool(hints.open_world_hint))
    if hints is None or not believe:
        return Effects(writes=True, reaches_out=True)
    return Effects(not hints.read_only_hint, hints.open_world_hint is not False)


def policy(settings: ToolsSettings, workflow: str, tools: Iterable[str] = ()) -> Policy:
    """The policy of a workflow: the tools that it names itself, and what the settings give it."""
    lists: dict[str, set[str]] = {"allow": set(tools), "without_approval": set(), "after_untrusted": set()}
    lists["allow"].update(_of(settings.allow, workflow))
    for name, server in settings.servers.items():
        for kind, given in (
            ("allow", server.allow),
            ("without_approval", server.without_approval),
            ("after_untrusted", server.after_untrusted),
        ):
            lists[kind].update(f"{name}/{tool}" for tool in _of(given, workflow))
    return Policy(*(frozenset(lists[kind]) for kind in ("allow", "without_approval", "after_untrusted")))


def _of(given: ByWorkflow, workflow: str) -> list[str]:
    return [*given.get(workflow, ()), *given.get("*", ())]


def _entry(entries: frozenset[str], server: str, tool: str) -> str | None:
    return next((each for each in (f"{server}/{tool}", f"{server}/*") if each in entries), None)


def trusted(servers: Mapping[str, bool], server: str) -> bool:
    """Whether a server's results are trusted. servers: the foreign ones, with their setting `trusted_results`."""
    return servers.get(server, server in TRUSTED_IN_HOUSE if server in IN_HOUSE else False)
